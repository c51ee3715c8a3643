"""NPZ archives: arrays of inputs with an optional class for each, read row by row, never unpickled."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from compiler.data.faults import data_fault
from compiler.data.label_codes import NPZ_MALFORMED, NPZ_UNREADABLE
from compiler.data.records import Listing, Record
from compiler.data.source import DataSource

LABELS = "labels"
_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,  # zipfile raises it for a compression that it does not know
    struct.error,
)


@dataclass(frozen=True)
class _Member:
    """An array inside of the archive: where its rows start, and what one row is."""

    file: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int
    """Bytes before the first row, within the member."""
    start: int | None
    """The place of the member in the archive; None where it is compressed."""

    @property
    def row_bytes(self) -> int:
        """The size of one example."""
        return prod(self.shape[1:]) * self.dtype.itemsize


class _Archive:
    """Reads single rows. An uncompressed member is read where it lies; a compressed one is walked forward."""

    def __init__(self, path: Path, members: Mapping[str, _Member]) -> None:
        self._path = path
        self._members = members
        self._open: dict[tuple[str, int], IO[bytes]] = {}

    def row(self, name: str, index: int) -> NDArray[Any]:
        """Return one example of an array, with a first axis of 1. Raises CompressError."""
        member = self._members[name]
        try:
            data = self._read(name, member, index)
        except _FAULTS as fault:
            raise _unreadable(self._path, f"{name} breaks off: {_said(fault)}") from fault
        if len(data) != member.row_bytes:
            raise _unreadable(self._path, f"{name} is cut short")
        return np.frombuffer(data, member.dtype).reshape(1, *member.shape[1:])

    def _read(self, name: str, member: _Member, index: int) -> bytes:
        place = member.offset + index * member.row_bytes
        if member.start is not None:
            with self._path.open("rb") as file:
                file.seek(member.start + place)
                return file.read(member.row_bytes)
        # One for each process: forked readers would share the place in the file.
        key = (name, os.getpid())
        if key not in self._open:
            # Stays open between rows; closed with the archive object.
            self._open[key] = zipfile.ZipFile(self._path).open(member.file)  # noqa: SIM115
        self._open[key].seek(place)
        return self._open[key].read(member.row_bytes)


def list_npz(source: DataSource) -> Listing:
    """List the rows of an archive. Only the headers and the labels are read now."""
    path = source.npz
    assert path is not None
    members = _read_headers(path)
    labels = _labels(path, members.pop(LABELS, None))
    if not members:
        raise _malformed(path, "holds no array of inputs", "add one: numpy.savez(file, images=array)")
    lengths = {name: member.shape[0] for name, member in members.items()} | (
        {} if labels is None else {LABELS: len(labels)}
    )
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise _malformed(path, f"its arrays are not equally long: {said}", "one row for each example in every array")
    photographs = [name for name, member in members.items() if _is_photographs(member)]
    if photographs and len(members) > 1:
        raise _malformed(path, f"holds photographs ({photographs[0]}) beside other arrays", "keep one of them")
    archive = _Archive(path, members)

    def fetch(index: int) -> Record:
        rows = {name: archive.row(name, index) for name in members}
        content = _picture(rows[photographs[0]][0]) if photographs else rows
        label = None if labels is None else int(labels[index])
        return Record(index + 1, Path(f"{path}[{index}]"), content, label=label)

    count = min(next(iter(lengths.values())), source.limit or 2**62)
    kinds = frozenset(() if labels is None else ("class",))
    return Listing(count, fetch, files=((path.name, path),), labels=kinds)


def _read_headers(path: Path) -> dict[str, _Member]:
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as raw:
            infos = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            return {info.filename.removesuffix(".npy"): _read_header(path, archive, raw, info) for info in infos}
    except _FAULTS as fault:
        raise _unreadable(path, _said(fault)) from fault


def _read_header(path: Path, archive: zipfile.ZipFile, raw: IO[bytes], info: zipfile.ZipInfo) -> _Member:
    name = info.filename.removesuffix(".npy")
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
        elif version == (2, 0):
            shape, is_fortran, dtype = np.lib.format.read_array_header_2_0(file)
        else:
            raise _malformed(path, f"{name} is of a newer format {version}", "save a plain array")
        offset = file.tell()
    if dtype.hasobject:
        raise _malformed(path, f"{name} holds Python objects", "save numbers; array.astype(numpy.float32) makes them")
    if dtype.kind not in "biuf":
        raise _malformed(path, f"{name} holds {dtype}, no plain numbers", "save numbers")
    if not shape or min(shape) < 0:
        raise _malformed(path, f"{name} has no rows", "the first axis counts the examples")
    if is_fortran and len(shape) > 1:
        raise _malformed(path, f"{name} is stored column by column", "save numpy.ascontiguousarray(array)")
    if offset + prod(shape) * dtype.itemsize != info.file_size:
        raise _unreadable(path, f"{name} has {info.file_size} bytes, its header says {shape} of {dtype}")
    start = None
    if info.compress_type == zipfile.ZIP_STORED:
        raw.seek(info.header_offset + 26)
        start = info.header_offset + 30 + sum(struct.unpack("<HH", raw.read(4)))
    return _Member(info.filename, dtype, shape, offset, start)


def _labels(path: Path, member: _Member | None) -> NDArray[Any] | None:
    if member is None:
        return None
    if len(member.shape) != 1 or member.dtype.kind not in "iu":
        said = f"`{LABELS}` is {member.dtype} of shape {list(member.shape)}"
        raise _malformed(path, said, "one whole number for each example, the class")
    whole = _Archive(
        path, {LABELS: _Member(member.file, member.dtype, (1, *member.shape), member.offset, member.start)}
    )
    labels = whole.row(LABELS, 0)[0]
    if labels.size and int(labels.min()) < 0:
        raise _malformed(path, f"`{LABELS}` holds {int(labels.min())}", "classes count from 0")
    return labels


def _is_photographs(member: _Member) -> bool:
    shape = member.shape
    return member.dtype == np.uint8 and (len(shape) == 3 or (len(shape) == 4 and shape[3] in {1, 3}))


def _picture(pixels: NDArray[Any]) -> Any:
    """Make an image of 8-bit numbers, grey or red, green and blue."""
    from PIL.Image import fromarray

    return fromarray(pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)


def _said(fault: BaseException) -> str:
    return (str(fault) or type(fault).__name__).splitlines()[0][:200]


def _unreadable(path: Path, message: str) -> Exception:
    return data_fault(NPZ_UNREADABLE, f"{path}: {message}", "correct `npz`, or write the file again", path)


def _malformed(path: Path, message: str, advice: str) -> Exception:
    return data_fault(NPZ_MALFORMED, f"{path}: {message}", advice, path)
