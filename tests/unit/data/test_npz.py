"""NPZ archives: rows as they were saved, compressed or not, and nothing is unpickled."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib import format as npy

from compiler.data.datasets import list_source, read_samples
from compiler.data.preprocess import Preprocess
from compiler.data.source import DataSource
from compiler.diagnostic import CompressError

PLAIN = Preprocess(resize="none", scale=1)
INPUTS = np.random.default_rng(0).normal(size=(5, 3, 4, 6)).astype(np.float32)


def _save(folder: Path, **arrays: Any) -> DataSource:
    np.savez(folder / "data.npz", **arrays)
    return DataSource(npz=folder / "data.npz")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_rows_come_back_bit_for_bit_in_any_order(tmp_path: Path, save: Any) -> None:
    save(tmp_path / "data.npz", x=INPUTS, size=np.arange(5, dtype=np.int64), labels=np.array([4, 0, 2, 1, 3]))
    listing = list_source(DataSource(npz=tmp_path / "data.npz"))
    for index in (3, 0, 4, 4, 1):
        record = listing.fetch(index)
        assert isinstance(record.content, dict)
        np.testing.assert_array_equal(record.content["x"], INPUTS[index : index + 1])
        assert record.content["size"].tolist() == [index]
        assert record.label == [4, 0, 2, 1, 3][index]


def test_a_single_array_is_the_networks_input(tmp_path: Path) -> None:
    samples = list(read_samples(_save(tmp_path, anything=INPUTS), PLAIN))
    np.testing.assert_array_equal(np.concatenate([sample.array for sample in samples]), INPUTS)
    assert samples[0].label is None


@pytest.mark.parametrize("shape", [(2, 5, 4, 3), (2, 5, 4, 1), (2, 5, 4)])
def test_bytes_are_photographs_and_are_prepared(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    sample, _ = read_samples(_save(tmp_path, images=pixels), PLAIN)
    colours = np.broadcast_to(pixels[0].reshape(5, 4, -1), (5, 4, 3))
    np.testing.assert_array_equal(sample.array[0], colours.transpose(2, 0, 1))


def test_a_limit_takes_the_first_rows(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=INPUTS)
    assert list_source(DataSource(npz=tmp_path / "data.npz", limit=2)).count == 2


class _Trap:
    def __reduce__(self) -> Any:
        return print, ("unpickled",)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.array([_Trap()])}, "Python objects"),
        ({"x": INPUTS, "labels": np.array([_Trap()] * 5)}, "Python objects"),
        ({"x": INPUTS, "labels": np.arange(4)}, "not equally long: x 5, labels 4"),
        ({"x": INPUTS, "y": INPUTS[:2]}, "not equally long"),
        ({"labels": np.arange(4)}, "no array of inputs"),
        ({"x": INPUTS, "labels": np.arange(5.0)}, "`labels` is float64"),
        ({"x": INPUTS, "labels": np.zeros((5, 2), int)}, "`labels` is"),
        ({"x": INPUTS, "labels": np.array([0, 1, 2, 3, -1])}, "`labels` holds -1"),
        ({"x": np.float32(1)}, "no rows"),
        ({"x": np.array(["a", "b"])}, "no plain numbers"),
        ({"x": np.asfortranarray(INPUTS)}, "column by column"),
        ({"x": np.zeros((2, 5, 4, 3), np.uint8), "y": np.zeros((2, 3))}, "photographs"),
    ],
)
def test_an_array_that_cannot_serve_is_a_diagnostic(
    tmp_path: Path, arrays: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CompressError, match="R121") as caught:
        list_source(_save(tmp_path, **arrays))
    assert said in str(caught.value)
    assert capsys.readouterr().out == ""


def test_an_empty_archive_and_a_missing_one_are_diagnostics(tmp_path: Path) -> None:
    with pytest.raises(CompressError, match="R102"):
        list_source(_save(tmp_path, x=INPUTS[:0]))
    with pytest.raises(CompressError, match="R120"):
        list_source(DataSource(npz=tmp_path / "none.npz"))
    with pytest.raises(CompressError, match="R121"):
        list_source(_save(tmp_path))


@pytest.mark.parametrize("shape", ["(9, 3)", "(-1, 3)", "(99999999999, 99999999999)"])
def test_a_header_that_promises_other_bytes_is_refused(tmp_path: Path, shape: str) -> None:
    head = io.BytesIO()
    npy.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": (7, 7)})
    forged = head.getvalue().replace(b"(7, 7)", shape.encode().ljust(6))[:128] + bytes(64)
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("x.npy", forged)
    with pytest.raises(CompressError, match=r"R12[01]"):
        list_source(DataSource(npz=tmp_path / "data.npz"))


@settings(max_examples=200, deadline=None)
@given(data=st.data(), save=st.sampled_from([np.savez, np.savez_compressed]))
def test_damaged_archives_are_read_or_explained(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, save: Any
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "data.npz"
    save(path, x=np.arange(12, dtype=np.float32).reshape(3, 4), labels=np.arange(3))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content))
    try:
        listing = list_source(DataSource(npz=path))
        for index in range(listing.count):
            listing.fetch(index)
    except CompressError as fault:
        assert fault.diagnostics[0].code.id in {"R102", "R120", "R121"}
