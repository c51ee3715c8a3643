"""Weights that `weight-prune` set to zero: left out of the kit's files, put back by its program on the board."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from board_programs import emit, fitted

from compiler.artifact import read_manifest
from compiler.ir import Program, model_bytes
from targets.emitters.acl import AclEmitter
from targets.emitters.acl.emulate import compile_program, run_program
from targets.emitters.acl.tools import Tools
from tests.support.prunable import prunable
from tests.support.steps import apply


def pruned(level: float) -> Program:
    return apply("weight-prune", fitted(prunable()), {"level": level}, on="rk3399").program


def in_bytes(level: float) -> Program:
    return fitted(apply("ptq", pruned(level), {}, on="rk3399").program)


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


@pytest.mark.parametrize("make", [pruned, in_bytes], ids=["floats", "bytes"])
def test_the_program_puts_back_what_the_files_leave_out(
    make: Callable[[float], Program], tmp_path: Path, tools: Tools
) -> None:
    emit(make(0.8), tmp_path / "kit")
    emit(make(0.0), tmp_path / "dense")
    names = {path.name for path in (tmp_path / "kit" / "weights").glob("*.packed")}
    assert names, "nothing was packed"
    assert size(tmp_path / "kit" / "weights") < 0.6 * size(tmp_path / "dense" / "weights")
    assert (tmp_path / "kit" / "model.onnx").stat().st_size < 0.7 * len(model_bytes(make(0.8)))
    found = [*AclEmitter().verify(tmp_path / "kit", read_manifest(tmp_path / "kit"))]
    assert [item.code.slug for item in found] == ["program-ran"], found


def _without_the_last_number(path: Path) -> None:
    with path.open("rb") as file:
        bits, values = np.load(file), np.load(file)
    with path.open("wb") as file:
        np.save(file, bits)
        np.save(file, values[:-1])


def _with_one_bit_more(path: Path) -> None:
    with path.open("rb") as file:
        bits, values = np.load(file), np.load(file)
    place = int(np.argmin(np.unpackbits(bits, bitorder="little")))
    bits[place // 8] |= 1 << place % 8
    with path.open("wb") as file:
        np.save(file, bits)
        np.save(file, values)


def _cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])


@pytest.mark.parametrize("spoil", [_without_the_last_number, _with_one_bit_more, _cut_short])
def test_a_faulty_packed_file_is_named(spoil: Callable[[Path], None], tmp_path: Path, tools: Tools) -> None:
    emit(pruned(0.8), tmp_path / "kit")
    path = next((tmp_path / "kit" / "weights").glob("*.packed"))
    spoil(path)
    compile_program(tmp_path / "kit" / "net.cpp", tmp_path / "kit" / "runtime", tools, tmp_path / "net")
    said = run_program(tmp_path / "net", tmp_path / "kit", tools)
    assert said["verdict"] == "FAIL"
    assert f"weights/{path.name}: " in said["problem"]
