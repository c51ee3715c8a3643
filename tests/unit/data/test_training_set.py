"""Training examples: prepared as everywhere, varied by seed, with labels that follow a marked pixel exactly."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError

from compiler.data.augment import Augment
from compiler.data.datasets import list_source
from compiler.data.preprocess import Preprocess, prepare
from compiler.data.source import DataSource
from compiler.data.training_set import TrainingSample, TrainingSet, epoch_order, example_rng
from compiler.diagnostic import CompressError
from tests.support.pictures import noise

DARK = Preprocess(size=(48, 64), scale=1, pad_value=0)
EVERYTHING = Augment(
    flip=True, scale=0.5, translate=0.2, rotate=30, hue=0.1, saturation=0.5, brightness=0.4, contrast=0.3, mosaic=0.5
)


def _marked(folder: Path, count: int = 1) -> DataSource:
    """Write black images of 128 x 96 with a white square, its box, and a keypoint in its middle."""
    folder.mkdir(exist_ok=True)
    images: list[object] = []
    annotations: list[object] = []
    for number in range(1, count + 1):
        x, y, side = 30 + 5 * number, 40, 16
        image = Image.new("RGB", (128, 96))
        image.paste((255, 255, 255), (x, y, x + side, y + side))
        image.save(folder / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png"})
        points = [x + side / 2, y + side / 2, 2, 5.0, 5.0, 0]
        annotations.append({"image_id": number, "category_id": 4, "bbox": [x, y, side, side], "keypoints": points})
        annotations.append({"image_id": number, "category_id": 9, "bbox": [0, 0, 128, 96], "iscrowd": 1})
    categories = [{"id": 4, "name": "square"}, {"id": 9, "name": "crowd"}]
    labels = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "labels.json").write_text(json.dumps(labels))
    return DataSource(images=folder, coco=folder / "labels.json")


def _lit(sample: TrainingSample) -> NDArray[np.float64]:
    """Return the box around all that is bright."""
    rows, columns = np.nonzero(sample.array[0] > 127)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float64)


def _load(source: DataSource, augment: Augment, seed: int = 0, index: int = 0) -> TrainingSample:
    return TrainingSet(list_source(source), DARK, augment).load(index, example_rng(seed, 0, index))


@pytest.mark.parametrize("resize", ["letterbox", "stretch", "none"])
def test_without_augmentation_an_example_is_what_prepare_gives(tmp_path: Path, resize: str) -> None:
    image = noise(64, 48) if resize == "none" else noise(101, 57)
    image.save(tmp_path / "a.png")
    settings = Preprocess.model_validate({"resize": resize, "size": [48, 64], "mean": [0.1] * 3, "layout": "bgr"})
    sample = TrainingSet(list_source(DataSource(images=tmp_path)), settings, Augment()).load(0, example_rng(0, 0, 0))
    np.testing.assert_array_equal(sample.array, prepare(image, settings)[0][0])


def test_labels_are_in_pixels_of_the_input_and_crowds_are_left_out(tmp_path: Path) -> None:
    sample = _load(_marked(tmp_path), Augment())
    assert sample.boxes.tolist() == [[17.5, 20, 25.5, 28]]
    assert sample.classes.tolist() == [0]
    assert sample.keypoints.tolist() == [[[21.5, 24, 2], [0, 0, 0]]]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    "augment",
    [Augment(flip=True), Augment(scale=0.5), Augment(translate=0.2), Augment(flip=True, scale=0.5, translate=0.2)],
)
def test_a_box_stays_around_its_pixels(tmp_path: Path, seed: int, augment: Augment) -> None:
    sample = _load(_marked(tmp_path), augment, seed)
    # Bilinear resizing blurs an edge by half a pixel of the input at most, and whole pixels are counted.
    np.testing.assert_allclose(sample.boxes[0], _lit(sample), atol=1.01)
    middle = (sample.boxes[0, :2] + sample.boxes[0, 2:]) / 2
    np.testing.assert_allclose(sample.keypoints[0, 0, :2], middle, atol=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_a_turned_keypoint_stays_in_the_middle_of_its_pixels(tmp_path: Path, seed: int) -> None:
    sample = _load(_marked(tmp_path), Augment(rotate=180, flip=True), seed)
    x1, y1, x2, y2 = _lit(sample)
    np.testing.assert_allclose(sample.keypoints[0, 0, :2], [(x1 + x2) / 2, (y1 + y2) / 2], atol=1.01)
    assert (sample.boxes[0, :2] <= [x1 + 1, y1 + 1]).all() and (sample.boxes[0, 2:] >= [x2 - 1, y2 - 1]).all()


def test_a_flip_of_whole_pixels_is_exact(tmp_path: Path) -> None:
    source, settings = _marked(tmp_path), Preprocess(resize="none", scale=1)
    data = TrainingSet(list_source(source), settings, Augment(flip=True))
    boxes = {tuple(data.load(0, example_rng(seed, 0, 0)).boxes[0].tolist()) for seed in range(20)}
    assert boxes == {(35, 40, 51, 56), (128 - 51, 40, 128 - 35, 56)}
    for seed in range(20):
        sample = data.load(0, example_rng(seed, 0, 0))
        np.testing.assert_array_equal(sample.boxes[0], _lit(sample))


def test_a_mirror_swaps_the_pairs_of_keypoints(tmp_path: Path) -> None:
    source = _marked(tmp_path)
    pairs = Augment(flip=True, flip_pairs=((0, 1),))
    samples = [_load(source, pairs, seed) for seed in range(20)]
    plain = _load(source, Augment()).boxes[0, 0]
    for sample in samples:
        is_flipped = sample.boxes[0, 0] != plain
        assert sample.keypoints[0, :, 2].tolist() == ([0, 2] if is_flipped else [2, 0])
    assert len({sample.boxes[0, 0] for sample in samples}) == 2


@pytest.mark.parametrize("seed", range(30))
def test_every_box_of_a_mosaic_holds_its_square(tmp_path: Path, seed: int) -> None:
    data = TrainingSet(list_source(_marked(tmp_path, 5)), DARK, Augment(mosaic=1, scale=0.5))
    sample = data.load(seed % 5, example_rng(seed, 0, 0))
    inside = np.zeros(sample.array.shape[1:], np.bool_)
    for x1, y1, x2, y2 in sample.boxes:
        region = (slice(round(y1), round(y2)), slice(round(x1), round(x2)))
        assert sample.array[0][region].mean() > 150
        inside[max(round(y1) - 2, 0) : round(y2) + 2, max(round(x1) - 2, 0) : round(x2) + 2] = True
    # What shines outside of the boxes is a cut remainder that was too small to be one.
    assert (sample.array[0][~inside] > 127).sum() <= 4 * 40
    for points in sample.keypoints[sample.keypoints[:, 0, 2] > 0]:
        x, y = points[0, :2].astype(int)
        assert sample.array[0, min(y, 47), min(x, 63)] > 127


def test_the_same_seed_epoch_and_index_give_the_same_example(tmp_path: Path) -> None:
    data = TrainingSet(list_source(_marked(tmp_path, 6)), DARK, EVERYTHING)
    assert len(data) == 6
    first = [data.load(index, example_rng(7, 3, index)) for index in range(6)]
    for index in reversed(range(6)):
        again = data.load(index, example_rng(7, 3, index))
        np.testing.assert_array_equal(again.array, first[index].array)
        np.testing.assert_array_equal(again.boxes, first[index].boxes)
    other = [data.load(index, example_rng(7, 4, index)) for index in range(6)]
    assert any((one.array != two.array).any() for one, two in zip(first, other, strict=True))


def test_an_epoch_visits_every_example_once_in_its_own_order() -> None:
    orders = [epoch_order(7, epoch, 50).tolist() for epoch in (0, 1)]
    assert [sorted(order) for order in orders] == [list(range(50))] * 2
    assert orders[0] != orders[1]
    assert orders[0] == epoch_order(7, 0, 50).tolist()


def test_colours_change_and_geometry_does_not(tmp_path: Path) -> None:
    noise(64, 48).save(tmp_path / "a.png")
    listing = list_source(DataSource(images=tmp_path))
    plain = TrainingSet(listing, DARK, Augment()).load(0, example_rng(0, 0, 0)).array
    for options in ({"hue": 0.5}, {"saturation": 1}, {"brightness": 1}, {"contrast": 1}):
        data = TrainingSet(listing, DARK, Augment.model_validate(options))
        assert any((data.load(0, example_rng(seed, 0, 0)).array != plain).any() for seed in range(3)), options
    grey = Preprocess(size=(48, 64), layout="grey")
    assert TrainingSet(listing, grey, EVERYTHING).load(0, example_rng(0, 0, 0)).array.shape == (1, 48, 64)


def test_prepared_arrays_pass_through_and_cannot_be_varied(tmp_path: Path) -> None:
    inputs = np.random.default_rng(0).normal(size=(3, 3, 4, 4)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x=inputs, labels=np.array([2, 0, 1]))
    listing = list_source(DataSource(npz=tmp_path / "data.npz"))
    sample = TrainingSet(listing, DARK, Augment()).load(1, example_rng(0, 0, 1))
    np.testing.assert_array_equal(sample.array, inputs[1])
    assert sample.label == 0
    with pytest.raises(CompressError, match="R128"):
        TrainingSet(listing, DARK, Augment(flip=True)).load(1, example_rng(0, 0, 1))


def test_only_flip_pairs_is_no_augmentation() -> None:
    assert not Augment(flip_pairs=((0, 1),)).is_active
    assert Augment(flip=True).is_active


@pytest.mark.parametrize("options", [{"hue": 0.6}, {"scale": 1}, {"mosaic": 2}, {"flip": 0.5}, {"flip_pairs": [[0]]}])
def test_settings_out_of_their_limits_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Augment.model_validate_json(json.dumps(options), strict=True)
