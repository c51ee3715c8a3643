"""Folders and COCO files are read image by image; every fault in them is a diagnostic."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from compiler.data.datasets import list_source, read_samples
from compiler.data.preprocess import Preprocess
from compiler.data.source import DataSource
from compiler.diagnostic import CompressError

SMALL = Preprocess(size=(16, 16))


def _pictures(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", (20, 10), (9, 9, 9)).save(folder / name)
    return folder


def _coco(**changes: object) -> dict[str, Any]:
    return {
        "images": [{"id": 7, "file_name": "b.png"}, {"id": 4, "file_name": "a.png"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 2, "bbox": [1, 2, 3, 4], "segmentation": []},
            {"id": 2, "image_id": 7, "category_id": 1, "bbox": [5, 5, 2, 2], "area": 4.0, "iscrowd": 0},
        ],
        "categories": [{"id": 2, "name": "cat"}, {"id": 1, "name": "dog"}],
    } | changes


def _labelled(folder: Path, content: object, limit: int | None = None) -> DataSource:
    images = _pictures(folder / "images", "a.png", "b.png")
    file = folder / "labels.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return DataSource(images=images, coco=file, limit=limit)


def test_a_folder_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    _pictures(tmp_path, "b.png", "a.JPG", "c.bmp")
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "folder.png").mkdir()
    samples = list(read_samples(DataSource(images=tmp_path), SMALL))
    assert [(sample.image_id, sample.path.name) for sample in samples] == [(1, "a.JPG"), (2, "b.png"), (3, "c.bmp")]
    assert all(sample.array.shape == (1, 3, 16, 16) and len(sample.boxes) == 0 for sample in samples)


def test_a_limit_takes_the_first_by_name(tmp_path: Path) -> None:
    _pictures(tmp_path, "b.png", "a.png", "c.png")
    names = [name for name, _ in list_source(DataSource(images=tmp_path, limit=2)).files]
    assert names == ["a.png", "b.png"]


def test_images_are_opened_only_when_reached(tmp_path: Path) -> None:
    _pictures(tmp_path, "a.png")
    (tmp_path / "b.png").write_bytes(b"no image")
    samples = read_samples(DataSource(images=tmp_path), SMALL)
    assert next(samples).path.name == "a.png"
    with pytest.raises(CompressError, match=r"R103.*b\.png"):
        next(samples)


def test_a_coco_file_gives_boxes_in_pixels_of_the_photograph(tmp_path: Path) -> None:
    source = _labelled(tmp_path, _coco())
    first, second = read_samples(source, SMALL)
    assert (first.image_id, first.path.name, len(first.boxes)) == (4, "a.png", 0)
    assert second.image_id == 7
    np.testing.assert_array_equal(second.boxes, [[1, 2, 3, 4], [5, 5, 2, 2]])
    assert second.categories.tolist() == [2, 1]
    assert list_source(source).categories == (1, 2)


def test_a_limit_leaves_out_the_boxes_of_other_images(tmp_path: Path) -> None:
    listing = list_source(_labelled(tmp_path, _coco(), limit=1))
    assert listing.count == 1
    assert (listing.fetch(0).image_id, len(listing.fetch(0).objects.boxes)) == (4, 0)


def test_relative_paths_count_from_the_given_folder(tmp_path: Path) -> None:
    source = DataSource.model_validate({"images": "pics", "coco": "labels.json", "limit": 3}).under(tmp_path)
    assert (source.images, source.coco, source.limit) == (tmp_path / "pics", tmp_path / "labels.json", 3)
    assert DataSource(images=Path("/elsewhere")).under(tmp_path).images == Path("/elsewhere")


def test_two_readings_are_equal(tmp_path: Path) -> None:
    source = _labelled(tmp_path, _coco())
    for one, other in zip(read_samples(source, SMALL), read_samples(source, SMALL), strict=True):
        assert one.path == other.path
        np.testing.assert_array_equal(one.array, other.array)


def test_a_missing_folder_is_a_diagnostic(tmp_path: Path) -> None:
    with pytest.raises(CompressError, match="R101"):
        read_samples(DataSource(images=tmp_path / "nowhere"), SMALL)


def test_a_folder_without_images_is_a_diagnostic(tmp_path: Path) -> None:
    with pytest.raises(CompressError, match="R102"):
        list_source(DataSource(images=tmp_path))


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"BM"])
def test_an_unreadable_image_is_a_diagnostic(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(CompressError, match="R103"):
        list(read_samples(DataSource(images=tmp_path), SMALL))


def test_an_image_cut_short_is_a_diagnostic(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CompressError, match="R103"):
        list(read_samples(DataSource(images=tmp_path), SMALL))


def test_a_wrong_size_names_the_file(tmp_path: Path) -> None:
    _pictures(tmp_path, "a.png")
    with pytest.raises(CompressError, match=r"R108.*a\.png"):
        list(read_samples(DataSource(images=tmp_path), Preprocess(resize="none", size=(16, 16))))


@pytest.mark.parametrize("content", ["", "{", "[1, 2", "\ufeff{}", '{"images": nope}'])
def test_broken_json_is_a_diagnostic(tmp_path: Path, content: str) -> None:
    with pytest.raises(CompressError, match="R104"):
        list_source(_labelled(tmp_path, content))


def test_a_missing_coco_file_is_a_diagnostic(tmp_path: Path) -> None:
    with pytest.raises(CompressError, match="R104"):
        list_source(DataSource(images=_pictures(tmp_path, "a.png"), coco=tmp_path / "none.json"))


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        _coco(categories=[]),
        _coco(images=[{"id": 1}]),
        _coco(images=[{"id": 1, "file_name": ""}]),
        _coco(images=[{"id": 4, "file_name": "a.png"}, {"id": 4, "file_name": "b.png"}]),
        _coco(images=[{"id": 4, "file_name": "a.png"}, {"id": 7, "file_name": "a.png"}]),
        _coco(annotations=[{"image_id": 4, "category_id": 1, "bbox": [0, 0, 1, 1], "keypoints": [1, 1]}]),
        _coco(annotations=[{"image_id": 4, "category_id": 1, "bbox": [0, 0, 1, 1], "keypoints": [1, 1, 3]}]),
        _coco(categories=[{"id": 1, "name": "dog"}, {"id": 1, "name": "cat"}]),
        _coco(annotations=[{"image_id": 99, "category_id": 1, "bbox": [0, 0, 1, 1]}]),
        _coco(annotations=[{"image_id": 4, "category_id": 99, "bbox": [0, 0, 1, 1]}]),
        _coco(annotations=[{"image_id": 4, "category_id": 1, "bbox": [0, 0, 1]}]),
        _coco(annotations=[{"image_id": 4, "category_id": 1, "bbox": [0, 0, -1, 1]}]),
        _coco(annotations=[{"image_id": 4, "category_id": 1, "bbox": [0, 0, float("nan"), 1]}]),
    ],
)
def test_a_coco_file_of_another_layout_is_a_diagnostic(tmp_path: Path, content: object) -> None:
    with pytest.raises(CompressError, match="R105"):
        list_source(_labelled(tmp_path, content))


def test_a_coco_file_without_images_is_a_diagnostic(tmp_path: Path) -> None:
    with pytest.raises(CompressError, match="R102"):
        list_source(_labelled(tmp_path, _coco(images=[], annotations=[])))


def test_a_coco_image_that_is_not_there_is_a_diagnostic_with_its_name(tmp_path: Path) -> None:
    content = _coco(images=[{"id": 7, "file_name": "gone.png"}, {"id": 4, "file_name": "a.png"}])
    with pytest.raises(CompressError, match=r"R106.*1 of 2.*gone\.png"):
        list_source(_labelled(tmp_path, content))


def test_a_size_in_the_coco_file_is_held_against_the_image(tmp_path: Path) -> None:
    images = [{"id": 7, "file_name": "b.png", "width": 10, "height": 20}]
    with pytest.raises(CompressError, match=r"R119.*20x10.*10x20"):
        list(read_samples(_labelled(tmp_path, _coco(images=images, annotations=[])), SMALL))


@pytest.mark.parametrize("box", [[20, 0, 5, 5], [0, 10, 5, 5], [-9, 0, 5, 5], [300, 200, 5, 5]])
def test_a_box_outside_of_its_image_is_a_diagnostic(tmp_path: Path, box: list[float]) -> None:
    content = _coco(annotations=[{"image_id": 7, "category_id": 1, "bbox": box}])
    with pytest.raises(CompressError, match=r"R116.*b\.png.*20x10"):
        list(read_samples(_labelled(tmp_path, content), SMALL))


def test_keypoints_come_with_their_boxes(tmp_path: Path) -> None:
    boxes = [
        {"image_id": 7, "category_id": 1, "bbox": [0, 0, 9, 9], "keypoints": [1, 2, 2, 0, 0, 0]},
        {"image_id": 7, "category_id": 1, "bbox": [0, 0, 5, 5]},
    ]
    _, second = read_samples(_labelled(tmp_path, _coco(annotations=boxes)), SMALL)
    np.testing.assert_array_equal(second.objects.keypoints, [[[1, 2, 2], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]])


@pytest.mark.parametrize("name", ["../a.png", "x/../../a.png", "/etc/a.png", "C:\\a.png", "..\\a.png"])
def test_a_coco_name_that_leaves_the_folder_is_a_diagnostic(tmp_path: Path, name: str) -> None:
    content = _coco(images=[{"id": 4, "file_name": name}], annotations=[])
    with pytest.raises(CompressError, match="R107"):
        list_source(_labelled(tmp_path, content))


@pytest.mark.parametrize(
    "options", [{}, {"images": None}, {"images": "x", "limit": 0}, {"images": "x", "shuffle": True}]
)
def test_a_source_with_a_wrong_key_or_limit_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DataSource.model_validate(options)


def test_identifiers_beyond_any_array_are_refused(tmp_path: Path) -> None:
    large = 2**70
    box = {"image_id": 4, "category_id": large, "bbox": [0, 0, 1, 1]}
    with pytest.raises(CompressError, match="R105"):
        list_source(_labelled(tmp_path, _coco(annotations=[box], categories=[{"id": large, "name": "x"}])))
