"""Data from the user's own function: every form of example, and faults that name the example or the line."""

from pathlib import Path

import numpy as np
import pytest

from compiler.data.datasets import Sample, read_listing
from compiler.data.preprocess import Preprocess
from compiler.data.source import DataSource
from compiler.diagnostic import CompressError
from compiler.frontends.data_factory import open_source
from tests.support.pictures import noise, only, pictures

PLAIN = Preprocess(resize="none", scale=1)


def _open(folder: Path, body: str, **args: object) -> list[Sample]:
    """Read the examples of a function `make` with this body."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    (folder / "data.py").write_text(f"import numpy as np\nfrom PIL import Image\n\n\ndef make(n=2):\n{lines}")
    source = DataSource.model_validate({"python": f"{folder / 'data.py'}:make", "args": args})
    return list(read_listing(open_source(source), PLAIN))


FORMS = {
    "path": "return ['a.png'] * n",
    "path and class": "return [('a.png', 3)] * n",
    "PIL": "return [Image.open(__file__[:-7] + 'a.png')] * n",
    "array": "return [np.asarray(Image.open(__file__[:-7] + 'a.png'))] * n",
    "dictionary": "return [{'image': 'a.png', 'boxes': [[1, 1, 2, 2]], 'classes': [5], 'label': 3}] * n",
    "class": "class D:\n    def __len__(self): return n\n    def __getitem__(self, i): return 'a.png', 3\nreturn D()",
}


@pytest.mark.parametrize("body", FORMS.values(), ids=FORMS)
def test_every_form_of_example_is_read(tmp_path: Path, body: str) -> None:
    noise(6, 4).save(tmp_path / "a.png")
    samples = _open(tmp_path, body, n=3)
    assert [sample.image_id for sample in samples] == [1, 2, 3]
    np.testing.assert_array_equal(samples[1].array[0].transpose(1, 2, 0), np.asarray(noise(6, 4)))
    if "3)" in body or "label" in body:
        assert samples[0].label == 3


def test_labels_come_along(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    labels = "'boxes': np.array([[1., 1., 2., 2.]]), 'classes': np.array([5]), 'keypoints': [[[1, 2, 2], [0, 0, 0]]]"
    (sample,) = _open(tmp_path, f"return [{{'image': 'a.png', {labels}}}]")
    assert (sample.boxes.tolist(), sample.categories.tolist()) == ([[1, 1, 2, 2]], [5])
    assert sample.objects.keypoints.tolist() == [[[1, 2, 2], [0, 0, 0]]]


def test_prepared_inputs_pass_through(tmp_path: Path) -> None:
    (sample,) = _open(tmp_path, "return [{'inputs': {'x': np.ones((1, 3, 2, 2)), 'y': np.zeros(1)}}]")
    assert {name: value.shape for name, value in sample.feeds("x").items()} == {"x": (1, 3, 2, 2), "y": (1,)}


def test_the_function_runs_under_the_seed(tmp_path: Path) -> None:
    body = "return [np.random.randint(0, 255, (4, 4, 3)).astype('uint8')]"
    np.testing.assert_array_equal(_open(tmp_path, body)[0].array, _open(tmp_path, body)[0].array)


FAULTS = {
    "return 7": ("R124", "returns a int"),
    "return (x for x in 'ab')": ("R124", "returns a generator"),
    "return {'image': 'a.png'}": ("R124", "returns a dict"),
    "return []": ("R102", "no examples"),
    "return [7]": ("R124", "data.py:make[0] `image` is int64"),
    "return [None]": ("R124", "no array of numbers"),
    "return [('a.png', 1, 2)]": ("R124", "tuple of 3"),
    "return [{'image': 'a.png', 'lable': 1}]": ("R124", "unknown key 'lable'"),
    "return [{'label': 1}]": ("R124", "neither"),
    "return [{'image': 'a.png', 'inputs': {}}]": ("R124", "both"),
    "return [{'inputs': {}}]": ("R124", "dictionary of arrays"),
    "return [('a.png', -1)]": ("R124", "class number"),
    "return [('a.png', 1.0)]": ("R124", "class number"),
    "return [('a.png', 'cat')]": ("R124", "no array of numbers"),
    "return [np.zeros((4, 4, 3))]": ("R124", "float64"),
    "return [np.zeros((0, 4, 3), 'uint8')]": ("R124", "no pixels"),
    "return [{'image': 'a.png', 'boxes': [[1, 2, 3]]}]": ("R124", "rows of 4"),
    "return [{'image': 'a.png', 'boxes': [[1, 2], [3]]}]": ("R124", "no array of numbers"),
    "return [{'image': 'a.png', 'boxes': [[1, 1, -2, 2]]}]": ("R124", "negative"),
    "return [{'image': 'a.png', 'boxes': [[0, 0, np.nan, 2]]}]": ("R124", "rows of 4"),
    "return [{'image': 'a.png', 'boxes': [[0, 0, 2, 2]], 'classes': [0, 1]}]": ("R124", "`classes`"),
    "return [{'image': 'a.png', 'boxes': [[0, 0, 2, 2]], 'keypoints': [[1, 2, 2]]}]": ("R124", "`keypoints`"),
    "return ['none.png']": ("R103", "none.png"),
    "return [{'image': 'a.png', 'boxes': [[90, 0, 2, 2]]}]": ("R116", "outside"),
    "return range(10)[99]": ("M104", "make failed: IndexError"),
    "import nothing_of_the_kind": ("M104", "ModuleNotFoundError"),
    "class Bad:\n    def __len__(self): return 1\n    def __getitem__(self, i): return 1 / 0\nreturn Bad()": (
        "M104",
        "example 0 of make failed: ZeroDivisionError",
    ),
}


@pytest.mark.parametrize("body", FAULTS, ids=str)
def test_a_fault_is_a_diagnostic_at_the_users_file(tmp_path: Path, body: str) -> None:
    pictures(tmp_path, "a.png")
    code, said = FAULTS[body]
    with pytest.raises(CompressError) as caught:
        _open(tmp_path, body)
    fault = only(caught.value)
    assert fault.code.id == code
    assert said in fault.message
    if code == "M104":
        assert fault.span is not None and fault.span.line is not None


def test_wrong_arguments_and_names_are_diagnostics(tmp_path: Path) -> None:
    with pytest.raises(CompressError, match="M105"):
        _open(tmp_path, "return ['a.png']", m=3)
    with pytest.raises(CompressError, match="M103"):
        open_source(DataSource(python=f"{tmp_path / 'data.py'}:mak"))
    with pytest.raises(CompressError, match="M102"):
        open_source(DataSource(python=f"{tmp_path / 'none.py'}:make"))
