"""What the drone case's benchmark counts by itself: the score of a constant guess, few labels, weighted peaks."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from compiler.data.coco import load_coco
from compiler.training.batches import Batch
from tests.benchmarks.tta_data import box_lengths, guess, head_lengths, mouse
from tests.benchmarks.tta_loss import peaks
from tests.benchmarks.tta_page import section, write_page
from tests.benchmarks.tta_results import STEPS, Row, Setting, Step, Table, read_table

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"


def coco(*images: list[float]) -> dict[str, Any]:
    """State the keypoints of some images of 40 x 20 pixels."""
    listed = [{"id": number, "file_name": f"{number}.png", "width": 40, "height": 20} for number in range(len(images))]
    rows = [
        {"id": number, "image_id": number, "category_id": 1, "bbox": [0, 0, 40, 20], "keypoints": points}
        for number, points in enumerate(images)
    ]
    return {"images": listed, "annotations": rows, "categories": [{"id": 1, "name": "mouse"}]}


def test_a_constant_guess_leaves_unlabelled_points_out() -> None:
    train = coco([0, 0, 2, 30, 0, 2], [10, 0, 2, 0, 0, 0])
    # The means are (5, 0) and (30, 0). Distances: 3 and not labelled; 5 and 20.
    val = coco([8, 0, 2, 0, 0, 0], [5, 5, 2, 30, 20, 1])
    lengths = 0.1 * box_lengths(val)
    assert lengths.tolist() == [4, 4]
    assert guess(train, val, lengths) == pytest.approx(1 / 3)
    assert head_lengths(coco([0, 0, 2, 3, 4, 2]), (0, 1)).tolist() == [5]


def test_mouse_frames_are_linked_with_labels_that_the_compiler_reads(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    Image.new("RGB", (40, 20)).save(given / "0.png")
    for part in ("train", "val"):
        (given / f"{part}.json").write_text(json.dumps(coco([1, 2, 2, 0, 0, 0])))
    mouse(tmp_path / "work", given)
    mouse(tmp_path / "work", given)
    assert (tmp_path / "work/train/0.png").exists()
    assert load_coco(tmp_path / "work/val.json").annotations[0].keypoints == (1, 2, 2, 0, 0, 0)


def test_the_loss_weighs_peaks_and_forgets_unlabelled_joints() -> None:
    points = torch.tensor([[[4.0, 8.0, 2.0], [0.0, 0.0, 0.0]]])
    batch = Batch((torch.zeros(1, 3, 16, 16),), torch.zeros(0, 6), torch.tensor([-1]), points)
    cells = torch.arange(4.0)
    # A joint at x 4, y 8 of 16 pixels is at cell (1, 2) of 4.
    wanted = torch.exp(-((cells[None] - 1) ** 2 + (cells[:, None] - 2) ** 2) / 8)
    maps = torch.stack([wanted, torch.full((4, 4), 9.0)])[None]
    assert float(peaks({"heatmaps": maps}, batch)) == pytest.approx(0, abs=1e-12)
    empty = float(peaks({"heatmaps": torch.zeros(1, 2, 4, 4)}, batch))
    assert empty == pytest.approx(float(((1 + 30 * wanted) * wanted**2).mean()), rel=1e-5)
    assert np.isclose(float(peaks({"heatmaps": maps}, Batch(batch.inputs, batch.boxes, batch.labels, points * 0))), 0)


def test_the_page_says_what_is_kept(tmp_path: Path) -> None:
    write_page(read_table(RESULTS / "tta_rk3399.json"), tmp_path)
    assert (tmp_path / "tta_rk3399.md").read_text("utf-8") == (RESULTS / "tta_rk3399.md").read_text("utf-8")


def test_a_cell_with_several_seeds_shows_their_mean_and_its_range() -> None:
    def row(seed: int, accuracy: float, way: str) -> Row:
        steps = [Step(name=name, accuracy=accuracy, parameters=1, macs=2, executed_macs=3) for name in STEPS]
        return Row(data="mouse", seed=seed, retraining=way, steps=steps)

    setting = Setting(metric="PCK", rule="a cell", images="2 images", network="-", training="-", guess=0.25)
    rows = [row(1, 0.5, "teacher"), row(2, 0.75, "teacher"), row(1, 0.125, "few")]
    lines = list(section("mouse", Table(settings={"mouse": setting}, rows=rows)))
    assert lines[3].endswith("scores 25.0")
    assert lines[-1].endswith("| 62.5 (50.0 to 75.0) | 12.5 |")
    assert "teacher alone, no label (2 seeds: mean, lowest to highest)" in lines[5]
