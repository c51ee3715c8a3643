"""Data that cannot be used: the file at fault is named, and nothing is written."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.bad_input.refusals import UNREADABLE, refused
from tests.support.commands import compress

QUICKSTART = Path(__file__).parents[2] / "recipes" / "quickstart"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the quickstart with three images, so that every build is short."""
    for name in ("calib", "val"):
        (tmp_path / name).mkdir()
        for index in (1, 2, 3):
            shutil.copy(QUICKSTART / name / f"{index:03}.jpg", tmp_path / name)
    for name in ("recipe.yaml", "detector.onnx"):
        shutil.copy(QUICKSTART / name, tmp_path)
    _write_coco(tmp_path, _coco())
    return tmp_path


def test_the_copy_builds(folder: Path) -> None:
    assert compress("build", "recipe.yaml", cwd=folder).status == 0


@pytest.mark.parametrize(
    ("source", "missing", "code"),
    [("calib", "all", "R101"), ("val", "all", "R101"), ("calib", "images", "R102"), ("val", "images", "R106")],
)
def test_missing_images_are_refused(folder: Path, source: str, missing: str, code: str) -> None:
    shutil.rmtree(folder / source)
    if missing == "images":
        (folder / source).mkdir()
    refused(folder, "build", "recipe.yaml", code=code, status=UNREADABLE)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0 cut short", b"GIF89a", b"<svg/>", bytes(1000)], ids=str)
@pytest.mark.parametrize("source", ["calib", "val"])
def test_a_broken_image_is_refused(folder: Path, source: str, content: bytes) -> None:
    (folder / source / "002.jpg").write_bytes(content)
    said = refused(folder, "build", "recipe.yaml", code="R103", status=UNREADABLE)
    assert f"{source}/002.jpg" in said.err


COCO = {
    "nothing": (b"", "R104"),
    "text": (b"boxes", "R104"),
    "cut short": (b'{"images": [', "R104"),
    "a list": (b"[]", "R105"),
    "no categories": (b'{"images": [], "annotations": []}', "R105"),
    "no images": (b'{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}]}', "R102"),
    "not UTF-8": (b'{"images": "\xff"}', "R104"),
}


@pytest.mark.parametrize(("content", "code"), COCO.values(), ids=COCO)
def test_a_broken_label_file_is_refused(folder: Path, content: bytes, code: str) -> None:
    (folder / "val.json").write_bytes(content)
    refused(folder, "build", "recipe.yaml", code=code, status=UNREADABLE)


def test_labels_that_contradict_themselves_are_refused(folder: Path) -> None:
    def check(code: str, **changes: Any) -> None:
        _write_coco(folder, _coco() | changes)
        refused(folder, "build", "recipe.yaml", code=code, status=UNREADABLE)

    good = _coco()
    box = good["annotations"][0]
    check("R105", annotations=[box | {"image_id": 9999}])
    check("R105", annotations=[box | {"category_id": 9999}])
    check("R105", annotations=[box | {"bbox": [0, 0, -5, 5]}])
    check("R105", annotations=[box | {"bbox": [0, 0, 5]}])
    check("R105", images=[*good["images"], good["images"][0]])
    check("R106", images=[*good["images"], {"id": 777, "file_name": "absent.jpg"}])
    check("R107", images=[*good["images"], {"id": 777, "file_name": "../recipe.yaml"}])
    check("R107", images=[*good["images"], {"id": 777, "file_name": "/etc/hostname"}])
    check("R111", annotations=[])
    check("R110", categories=[*good["categories"], {"id": 4242, "name": "another"}])


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ("evaluate.anchors=[[11, 15]]", "R109"),
        ("evaluate.anchors=[[11, 15, 15, 20, 20, 26]]", "R109"),
        ("evaluate.anchors=[[11, 15, 15], [25, 33, 33]]", "R010"),
        ("evaluate.metric=miou", "R010"),
        ("evaluate.decode=ssd", "R010"),
        ("data.validation.coco=nowhere.json", "R104"),
        ("data.preprocess.layout=cmyk", "R010"),
        ("data.preprocess.resize=none", "R108"),
        ("data.calibration.limit=0", "R010"),
    ],
)
def test_a_faulty_setting_of_the_data_is_refused(folder: Path, option: str, code: str) -> None:
    refused(folder, "build", "recipe.yaml", "--set", option, code=code, status=UNREADABLE)


def test_accuracy_without_labels_is_refused(folder: Path) -> None:
    text = (folder / "recipe.yaml").read_text()
    (folder / "recipe.yaml").write_text(text.replace("    coco: val.json\n", ""))
    refused(folder, "build", "recipe.yaml", code="R111", status=UNREADABLE)


def _coco() -> Any:
    """Keep of the quickstart's labels those of the first three images."""
    found = json.loads((QUICKSTART / "val.json").read_text())
    found["images"] = found["images"][:3]
    ids = {image["id"] for image in found["images"]}
    found["annotations"] = [item for item in found["annotations"] if item["image_id"] in ids]
    return found


def _write_coco(folder: Path, content: Any) -> None:
    (folder / "val.json").write_text(json.dumps(content))
