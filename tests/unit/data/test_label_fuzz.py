"""Whatever stands in label files, reading them succeeds or says why: nothing else is ever raised."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler.data.datasets import read_samples
from compiler.data.preprocess import Preprocess
from compiler.data.source import DataSource
from compiler.diagnostic import CompressError
from tests.support.pictures import pictures

SMALL = Preprocess(size=(8, 8))
WORDS = st.sampled_from(
    ["0", "1", "-1", "0.5", ".5", "1e9", "nan", "inf", "1e-400", "x", "0x1", "\x00", "", "\r", "\ufeff"]
)
LINES = st.lists(st.lists(WORDS, max_size=8).map(" ".join), max_size=4).map("\n".join)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-3, 2**70), st.floats(), st.sampled_from(["a.png", "", "..", "\0"])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(["id", "bbox"]), inner)),
    max_leaves=5,
)
COCO: dict[str, list[dict[str, Any]]] = {
    "images": [{"id": 1, "file_name": "a.png", "width": 20, "height": 10}],
    "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 5, 5], "area": 25, "keypoints": [1, 1, 2]}],
    "categories": [{"id": 1, "name": "x", "keypoints": ["nose"]}],
}
QUIET = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _read(source: DataSource) -> None:
    try:
        list(read_samples(source, SMALL))
    except CompressError as fault:
        assert all(found.code.id.startswith("R1") and found.message for found in fault.diagnostics)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    (tmp_path / "labels").mkdir()
    return pictures(tmp_path / "images", "a.png")


@QUIET
@given(st.one_of(LINES.map(str.encode), st.binary(max_size=40)))
def test_any_yolo_label_is_read_or_explained(images: Path, content: bytes) -> None:
    (images.parent / "labels" / "a.txt").write_bytes(content)
    _read(DataSource(images=images, yolo=images.parent / "labels"))


@QUIET
@given(st.one_of(VALUES.map(lambda value: json.dumps({"names": value, "kpt_shape": value})), st.text(max_size=30)))
def test_any_data_yaml_is_read_or_explained(images: Path, content: str) -> None:
    (images.parent / "labels" / "a.txt").write_text("0 .5 .5 .5 .5")
    (images.parent / "data.yaml").write_bytes(content.encode("utf-8", "surrogatepass"))
    _read(DataSource(images=images, yolo=images.parent / "data.yaml"))


@QUIET
@given(st.data())
def test_any_coco_file_is_read_or_explained(images: Path, data: st.DataObject) -> None:
    content: dict[str, Any] = dict(COCO)
    for _ in range(data.draw(st.integers(1, 2))):
        section = data.draw(st.sampled_from(sorted(content)))
        keys = sorted(COCO[section][0])
        if isinstance(content[section], list) and data.draw(st.booleans()):
            content[section] = [{**COCO[section][0], data.draw(st.sampled_from(keys)): data.draw(VALUES)}]
        else:
            content[section] = data.draw(VALUES)
    (images.parent / "labels.json").write_text(json.dumps(content))
    _read(DataSource(images=images, coco=images.parent / "labels.json"))
