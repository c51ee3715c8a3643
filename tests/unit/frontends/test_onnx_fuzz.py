"""A damaged model file gives a program or a diagnostic, never anything else."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.diagnostic import CompressError
from compiler.frontends.onnx_file import load_onnx
from compiler.ir import verify
from tests.support.small_models import small_model

WHOLE = small_model().SerializeToString()
OLD = small_model(9).SerializeToString()
places = st.one_of(st.integers(0, 150), st.integers(len(WHOLE) - 450, len(WHOLE) - 1), st.integers(0, len(WHOLE) - 1))
flips = st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=5)


def load(content: bytes) -> None:
    """Load a file of these bytes; a program that comes of it is sound, a refusal says something."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        path.write_bytes(content)
        try:
            program = load_onnx(path, {}, "model.onnx").program
        except CompressError as error:
            assert all(item.message and item.code.id.startswith("M") for item in error.diagnostics)
        else:
            assert verify(program) == []


@settings(max_examples=150)
@given(end=st.integers(0, len(WHOLE) - 1))
def test_a_truncated_file_is_refused(end: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        path.write_bytes(WHOLE[:end])
        with pytest.raises(CompressError):
            load_onnx(path, {}, "model.onnx")


@settings(max_examples=500)
@given(changes=flips)
def test_a_file_with_wrong_bytes_is_read_or_refused(changes: list[tuple[int, int]]) -> None:
    content = bytearray(WHOLE)
    for place, value in changes:
        content[place] = value
    load(bytes(content))


@settings(max_examples=150)
@given(changes=flips)
def test_an_old_file_with_wrong_bytes_is_read_or_refused(changes: list[tuple[int, int]]) -> None:
    content = bytearray(OLD)
    for place, value in changes:
        content[place % len(OLD)] = value
    load(bytes(content))


@settings(max_examples=100)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    load(content)
