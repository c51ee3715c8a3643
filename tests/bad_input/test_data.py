"""Data that cannot be used: the file at fault is named, and nothing is written."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.bad_input.refusals import UNREADABLE, refused
from tests.support.commands import compress
from tests.support.quickstart import plain_recipe

QUICKSTART = Path(__file__).parents[2] / "recipes" / "quickstart"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the quickstart with three images, so that every build is short."""
    for name in ("calib", "val"):
        (tmp_path / name).mkdir()
        for index in (1, 2, 3):
            shutil.copy(QUICKSTART / name / f"{index:03}.jpg", tmp_path / name)
    shutil.copy(QUICKSTART / "detector.onnx", tmp_path)
    (tmp_path / "recipe.yaml").write_text(plain_recipe((QUICKSTART / "recipe.yaml").read_text()))
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


SOURCES = {
    "no kind": ("{limit: 3}", "R010", "recipe.yaml:5:"),
    "two kinds": ("{coco: val.json, yolo: labels, images: val}", "R010", "both `coco` and `yolo`"),
    "a stray key": ("{npz: data.npz, images: val}", "R010", "`images` does not go with `npz`"),
    "a misspelt key": ("{yollo: labels, images: val}", "R003", "did you mean yolo"),
    "no labels folder": ("{yolo: nowhere, images: val}", "R101", "recipe.yaml:5:"),
    "no images folder": ("{yolo: labels, images: nowhere}", "R101", "recipe.yaml:5:"),
    "a faulty label": ("{yolo: labels, images: val}", "R116", "labels/002.txt:1:1"),
    "no class folders": ("{classes: val}", "R123", "recipe.yaml:5:"),
    "no archive": ("{npz: nowhere.npz}", "R120", "recipe.yaml:5:"),
    "another shape": ("{npz: data.npz}", "R122", "float64 [1, 3, 8, 8], the network takes float32"),
    "no such function": ("{python: 'data.py:mak'}", "M103", "did you mean make"),
    "no file": ("{python: 'datum.py:make'}", "M102", "did you mean data.py"),
    "a failing function": ("{python: 'data.py:fail'}", "M104", "data.py:6"),
}


@pytest.mark.parametrize(("source", "code", "said"), SOURCES.values(), ids=SOURCES)
def test_a_faulty_source_is_refused_at_its_place(folder: Path, source: str, code: str, said: str) -> None:
    lines = ["version: 1", "product: quickstart", "model: {onnx: detector.onnx}", "data:", f"  calibration: {source}"]
    (folder / "recipe.yaml").write_text("\n".join([*lines, "target: tx2", "passes: [fp16]", ""]))
    (folder / "labels").mkdir()
    for name, text in (("001", "0 .5 .5 .1 .1"), ("002", "0 50 50 10 10"), ("003", "")):
        (folder / "labels" / f"{name}.txt").write_text(text)
    np.savez(folder / "data.npz", x=np.zeros((4, 3, 8, 8)))
    (folder / "data.py").write_text("def make():\n    return []\n\n\ndef fail():\n    return 1 / 0\n")
    refusal = refused(folder, "build", "recipe.yaml", code=code, status=UNREADABLE)
    assert said in refusal.err


def test_a_size_that_is_not_the_networks_is_refused_at_the_preprocessing(folder: Path) -> None:
    option = "data.preprocess.size=[32, 32]"
    said = refused(folder, "build", "recipe.yaml", "--set", option, code="R127", status=UNREADABLE)
    assert "32x32 (height x width), the network takes" in said.err
    assert "recipe.yaml:" in said.err


def test_fidelity_needs_no_labels(folder: Path) -> None:
    text = (folder / "recipe.yaml").read_text().replace("    coco: val.json\n", "")
    (folder / "recipe.yaml").write_text(text.replace("metric: ap50", "metric: fidelity"))
    assert compress("build", "recipe.yaml", cwd=folder).status == 0
    (report,) = (json.loads(path.read_text()) for path in folder.glob("build/quickstart/tx2/report.json"))
    assert report["source"]["accuracy"] == {"fidelity": 1.0, "agreement": 1.0}
    assert 0.5 < report["result"]["accuracy"]["fidelity"] < 1
    pruned = next(step for step in report["passes"] if step["name"] == "level-prune")
    assert 0.5 < pruned["fidelity"]["cosine"] < 1
    assert 0 <= pruned["fidelity"]["agreement"] <= 1


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
