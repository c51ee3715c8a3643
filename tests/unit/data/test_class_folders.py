"""Class folders: the folder is the class, the order is stated or plain, a limit is fair to all."""

from pathlib import Path

import pytest

from compiler.data.datasets import list_source
from compiler.data.source import DataSource
from compiler.diagnostic import CompressError
from tests.support.pictures import pictures


def _folders(root: Path, **classes: int) -> Path:
    for name, count in classes.items():
        pictures(root / name, *(f"{index}.png" for index in range(count)))
    return root


def _labels(source: DataSource) -> list[tuple[str, int | None]]:
    listing = list_source(source)
    records = [listing.fetch(index) for index in range(listing.count)]
    return [(f"{record.place.parent.name}/{record.place.name}", record.label) for record in records]


def test_folders_are_classes_in_the_order_of_their_names(tmp_path: Path) -> None:
    _folders(tmp_path, dog=1, ant=2, cat=0)
    assert _labels(DataSource(classes=tmp_path)) == [("ant/0.png", 0), ("ant/1.png", 0), ("dog/0.png", 2)]
    assert list_source(DataSource(classes=tmp_path)).names == ("ant", "cat", "dog")


def test_names_state_another_order(tmp_path: Path) -> None:
    _folders(tmp_path, dog=1, ant=1)
    assert _labels(DataSource(classes=tmp_path, names=("dog", "ant"))) == [("dog/0.png", 0), ("ant/0.png", 1)]


def test_a_limit_takes_from_each_class_in_turn(tmp_path: Path) -> None:
    _folders(tmp_path, a=5, b=1, c=5)
    assert [label for _, label in _labels(DataSource(classes=tmp_path, limit=5))] == [0, 0, 1, 2, 2]


def test_numbers_whose_text_order_differs_need_names(tmp_path: Path) -> None:
    _folders(tmp_path, **{str(number): 1 for number in range(11)})
    with pytest.raises(CompressError, match=r"R123.*10 comes before 2"):
        list_source(DataSource(classes=tmp_path))
    names = tuple(str(number) for number in range(11))
    assert [label for _, label in _labels(DataSource(classes=tmp_path, names=names))] == list(range(11))


@pytest.mark.parametrize("names", [("ant", "dgo"), ("ant",)])
def test_names_and_folders_must_agree(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(CompressError, match="R123"):
        list_source(DataSource(classes=_folders(tmp_path, ant=1, dog=1), names=names))


def test_images_beside_the_folders_and_folders_missing_are_diagnostics(tmp_path: Path) -> None:
    with pytest.raises(CompressError, match="R123"):
        list_source(DataSource(classes=pictures(tmp_path / "flat", "a.png")))
    _folders(tmp_path / "mixed", ant=1)
    pictures(tmp_path / "mixed", "stray.png")
    with pytest.raises(CompressError, match=r"R123.*stray\.png"):
        list_source(DataSource(classes=tmp_path / "mixed"))
    with pytest.raises(CompressError, match="R101"):
        list_source(DataSource(classes=tmp_path / "nowhere"))
    (tmp_path / "void" / "ant").mkdir(parents=True)
    with pytest.raises(CompressError, match="R102"):
        list_source(DataSource(classes=tmp_path / "void"))
