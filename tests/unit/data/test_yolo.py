"""YOLO labels: boxes in pixels of the photograph, and each faulty line named with its number."""

from pathlib import Path

import numpy as np
import pytest

from compiler.data.datasets import list_source, read_samples
from compiler.data.preprocess import Preprocess
from compiler.data.source import DataSource
from compiler.diagnostic import CompressError
from tests.support.pictures import only, pictures, texts

SMALL = Preprocess(size=(16, 16))


def _source(folder: Path, labels: dict[str, str], yaml: str | None = None, **options: object) -> DataSource:
    images = pictures(folder / "images", "a.png", "b.png")
    texts(folder / "labels", labels)
    yolo = folder / "labels" if yaml is None else texts(folder, {"data.yaml": yaml}) / "data.yaml"
    return DataSource.model_validate({"images": images, "yolo": yolo} | options)


def test_shares_become_pixels_of_the_photograph(tmp_path: Path) -> None:
    first, second = read_samples(
        _source(tmp_path, {"a.txt": "2 0.5 0.5 0.5 0.4\n\n0 0.1 0.2 0.2 0.4", "b.txt": ""}), SMALL
    )
    np.testing.assert_allclose(first.boxes, [[5, 3, 10, 4], [0, 0, 4, 4]], atol=1e-9)
    np.testing.assert_allclose(first.objects.areas, [40, 16])
    assert (first.categories.tolist(), len(second.boxes)) == ([2, 0], 0)


@pytest.mark.parametrize(
    ("yaml", "names"),
    [("names: [cat, dog]", ("cat", "dog")), ("nc: 2\nnames: {1: dog, 0: cat}", ("cat", "dog"))],
)
def test_a_data_yaml_names_the_classes_and_finds_the_labels(tmp_path: Path, yaml: str, names: tuple[str, ...]) -> None:
    listing = list_source(_source(tmp_path, {"a.txt": "1 .5 .5 .1 .1", "b.txt": ""}, yaml))
    assert (listing.names, listing.categories, listing.is_complete) == (names, (0, 1), True)
    assert [name for name, _ in listing.files] == [
        "data.yaml",
        "labels/a.txt",
        "labels/b.txt",
        "images/a.png",
        "images/b.png",
    ]


def test_classes_txt_and_the_recipe_name_classes_too(tmp_path: Path) -> None:
    labels = {"a.txt": "", "b.txt": "", "classes.txt": "cat\ndog\n"}
    assert list_source(_source(tmp_path, labels)).names == ("cat", "dog")
    assert list_source(_source(tmp_path, labels, names=["x"])).names == ("x",)


def test_a_bare_folder_does_not_claim_to_know_all_classes(tmp_path: Path) -> None:
    listing = list_source(_source(tmp_path, {"a.txt": "3 .5 .5 .1 .1", "b.txt": ""}))
    assert (listing.categories, listing.is_complete) == ((0, 1, 2, 3), False)


@pytest.mark.parametrize(("values", "tail"), [(3, "0.5 0.5 2 0 0 0"), (2, "0.5 0.5 0 0")])
def test_keypoints_follow_the_box(tmp_path: Path, values: int, tail: str) -> None:
    yaml = f"names: [person]\nkpt_shape: [2, {values}]"
    sample, _ = read_samples(_source(tmp_path, {"a.txt": f"0 .5 .5 1 1 {tail}", "b.txt": ""}, yaml), SMALL)
    np.testing.assert_allclose(sample.objects.keypoints, [[[10, 5, 2], [0, 0, 0]]])


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("0 .5 .5 .1", "R113", "4 values, it takes 5"),
        ("0 .5 .5 .1 .1 .2 .3", "R113", "outline of a segment"),
        ("x .5 .5 .1 .1", "R113", "whole number"),
        ("-1 .5 .5 .1 .1", "R113", "whole number"),
        ("0.0 .5 .5 .1 .1", "R113", "whole number"),
        ("2 .5 .5 .1 .1", "R115", "class 2 of a data set with 2"),
        ("0 nan .5 .1 .1", "R113", "not a number"),
        ("0 1_0 .5 .1 .1", "R113", "not a number"),
        ("0 0x1 .5 .1 .1", "R113", "not a number"),
        ("0 320 240 50 60", "R116", "x is 320, it must lie between 0 and 1"),
        ("0 .5 .5 -.1 .1", "R116", "width is -0.1"),
    ],
)
def test_a_faulty_line_is_shown_with_its_number(tmp_path: Path, line: str, code: str, said: str) -> None:
    source = _source(tmp_path, {"a.txt": f"0 .5 .5 .1 .1\n{line}\n", "b.txt": ""}, "names: [cat, dog]")
    with pytest.raises(CompressError) as caught:
        list_source(source)
    fault = only(caught.value)
    assert fault.code.id == code
    assert fault.message.startswith("line 2 of a.txt: ") and said in fault.message
    assert fault.span is not None
    assert (fault.span.line, fault.span.source) == (2, line)


@pytest.mark.parametrize(
    ("yaml", "code"),
    [
        ("", "R113"),
        ("[1, 2]", "R113"),
        ("names: cat", "R113"),
        ("names: []", "R113"),
        ("names: {1: cat}", "R113"),
        ("names: [[cat]]", "R113"),
        ("nc: 3\nnames: [cat]", "R113"),
        ("names: [cat]\nkpt_shape: [17]", "R113"),
        ("names: [cat]\nkpt_shape: [17, 4]", "R113"),
        ("names: [", "R113"),
        ("names: !!python/object/apply:os.system [ls]", "R113"),
    ],
)
def test_a_faulty_data_yaml_is_a_diagnostic(tmp_path: Path, yaml: str, code: str) -> None:
    with pytest.raises(CompressError, match=code):
        list_source(_source(tmp_path, {"a.txt": "", "b.txt": ""}, yaml))


def test_a_data_yaml_finds_no_labels_where_the_path_has_no_images_part(tmp_path: Path) -> None:
    images = pictures(tmp_path / "pics", "a.png")
    yaml = texts(tmp_path, {"data.yaml": "names: [cat]"}) / "data.yaml"
    with pytest.raises(CompressError, match="R114"):
        list_source(DataSource(images=images, yolo=yaml))


def test_missing_label_files_are_refused_unless_they_mean_background(tmp_path: Path) -> None:
    with pytest.raises(CompressError, match=r"R114.*1 of 2 images.*b\.txt"):
        list_source(_source(tmp_path, {"a.txt": "0 .5 .5 .1 .1"}))
    listing = list_source(_source(tmp_path, {"a.txt": "0 .5 .5 .1 .1"}, unlabelled="background"))
    assert [len(listing.fetch(index).objects.boxes) for index in range(listing.count)] == [1, 0]
    (tmp_path / "labels" / "a.txt").unlink()
    with pytest.raises(CompressError, match="R114"):
        list_source(_source(tmp_path, {}, unlabelled="background"))


def test_two_images_of_one_name_cannot_share_a_label_file(tmp_path: Path) -> None:
    source = _source(tmp_path, {"a.txt": "", "b.txt": ""})
    pictures(tmp_path / "images", "a.jpg")
    with pytest.raises(CompressError, match=r"R113.*a\.jpg and a\.png"):
        list_source(source)


@pytest.mark.parametrize("content", [b"\xff\xfe0 .5", b"\x00\x01\x02", b"\x89PNG"])
def test_a_label_file_that_is_no_text_is_a_diagnostic(tmp_path: Path, content: bytes) -> None:
    source = _source(tmp_path, {"a.txt": "", "b.txt": ""})
    (tmp_path / "labels" / "a.txt").write_bytes(content)
    with pytest.raises(CompressError, match="R113"):
        list_source(source)


def test_a_missing_labels_folder_is_a_diagnostic(tmp_path: Path) -> None:
    with pytest.raises(CompressError, match="R101"):
        list_source(DataSource(images=pictures(tmp_path, "a.png"), yolo=tmp_path / "nowhere"))
