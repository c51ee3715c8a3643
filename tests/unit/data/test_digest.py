"""The digest of data follows every byte that matters, and nothing else."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from compiler.data.digest import listings_digest
from compiler.data.source import DataSource
from compiler.frontends.data_factory import open_source
from tests.support.pictures import pictures, texts

COCO = '{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [%s], "categories": [{"id": 1, "name": "x"}]}'


def _digest(source: DataSource) -> str:
    return listings_digest([("validation", open_source(source))])


def _sources(root: Path) -> dict[str, tuple[DataSource, Path]]:
    """Make one source of each kind, with a file of it."""
    images = pictures(root / "images", "a.png")
    texts(
        root, {"a.json": COCO % "", "data.py": "from pathlib import Path\n\n\ndef make():\n    return ['images/a.png']"}
    )
    labels = texts(root / "labels", {"a.txt": "0 .5 .5 .1 .1"})
    np.savez(root / "a.npz", x=np.zeros((2, 3)))
    python = DataSource(python=f"{root / 'data.py'}:make")
    return {
        "images": (DataSource(images=images), images / "a.png"),
        "coco images": (DataSource(images=images, coco=root / "a.json"), images / "a.png"),
        "coco labels": (DataSource(images=images, coco=root / "a.json"), root / "a.json"),
        "yolo images": (DataSource(images=images, yolo=labels), images / "a.png"),
        "yolo labels": (DataSource(images=images, yolo=labels), labels / "a.txt"),
        "classes": (DataSource(classes=pictures(root / "c" / "ant", "a.png").parent), root / "c" / "ant" / "a.png"),
        "npz": (DataSource(npz=root / "a.npz"), root / "a.npz"),
        "python code": (python, root / "data.py"),
        "python images": (python, images / "a.png"),
    }


KINDS = ("images", "coco images", "coco labels", "yolo images", "yolo labels", "classes", "npz", "python code")


@pytest.mark.parametrize("kind", [*KINDS, "python images"])
def test_a_changed_file_changes_the_digest(tmp_path: Path, kind: str) -> None:
    source, file = _sources(tmp_path)[kind]
    before = _digest(source)
    os.utime(file, (1, 1))
    assert _digest(source) == before
    changes: dict[str, Callable[[], object]] = {
        ".png": lambda: pictures(file.parent, file.name, size=(20, 11)),
        ".json": lambda: file.write_text(COCO % '{"image_id": 1, "category_id": 1, "bbox": [0, 0, 5, 5]}'),
        ".txt": lambda: file.write_text("0 .5 .5 .1 .2"),
        ".npz": lambda: np.savez(file, x=np.ones((2, 3))),
        ".py": lambda: file.write_text(file.read_text() + "  # seen"),
    }
    changes[file.suffix]()
    assert _digest(source) != before


def test_a_moved_data_set_keeps_its_digest_and_a_limit_changes_it(tmp_path: Path) -> None:
    digests = {_digest(DataSource(images=pictures(tmp_path / name, "a.png", "b.png"))) for name in ("one", "two")}
    assert len(digests) == 1
    assert _digest(DataSource(images=tmp_path / "one", limit=1)) not in digests


def test_another_class_of_the_same_image_changes_the_digest(tmp_path: Path) -> None:
    digests: set[str] = set()
    for name in ("ant", "dog"):
        pictures(tmp_path / name / "ant")
        pictures(tmp_path / name / "dog")
        pictures(tmp_path / name / name, "a.png")
        digests.add(_digest(DataSource(classes=tmp_path / name)))
    assert len(digests) == 2
