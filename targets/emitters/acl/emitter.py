"""Writes the kit for a board that has Arm Compute Library: a C++ program, its weights and what builds and times it."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np

from compiler.analysis.cost import PRECISION_KEY
from compiler.analysis.zeros import ZEROS_KEY
from compiler.artifact import Manifest
from compiler.contracts import Emission, Emitter
from compiler.diagnostic import Diagnostic
from compiler.ir import Array, Program, model_bytes
from compiler.reference import Session
from targets.emitters import _kit
from targets.emitters._pack import map_and_rest, packed
from targets.emitters.acl.cpp import write_cpp
from targets.emitters.acl.exact import MOST_BEYOND_A_STEP, exact_twin
from targets.emitters.acl.integers import find_bytes
from targets.emitters.acl.translate import translate

_HERE = Path(__file__).parent
_MAKES = ("build", "measurement.json")


class AclEmitter(Emitter):
    """Writes a C++ program on the library's functions, with weights as arrays of NumPy.

    The functions are called one by one, because the library's own graph layer leaves out what it lacks without a word
    in release builds. Weights stay FP32 in the files; for FP16 the program narrows them when it starts. After ptq they
    are bytes, and the self-test also holds what the library's integer arithmetic gives, which rounds in another way
    than ONNX Runtime's. Weights that `weight-prune` set to zero are left out of the files where that makes them
    smaller, and the program puts them back when it starts.
    """

    runtimes: ClassVar[tuple[str, ...]] = ("acl-19.05",)

    def model(self, program: Program) -> bytes:
        """Serialise a program as the artifact's `model.onnx` holds it."""
        return model_bytes(packed(program))

    def emit(self, emission: Emission, folder: Path) -> None:
        """Write the runtime's files into an empty folder."""
        program = emission.program
        is_on_bytes = bool(find_bytes(program).layers)
        precision = "int8" if is_on_bytes else program.metadata.get(PRECISION_KEY, "fp32")
        text = write_cpp(translate(program), is_packing=ZEROS_KEY in program.metadata)
        _kit.write_network(emission, self.model(program), folder)
        if precision == "int8":
            _write_board_outputs(emission, folder)
        (folder / "weights").mkdir()
        for name, value in text.weights.items():
            _write_weight(folder / name, value)
        shutil.copytree(_HERE / "runtime", folder / "runtime")
        _kit.write_scripts(_HERE / "templates", _values(emission, precision, text.calls), folder)
        _kit.write_manifest(emission, folder, precision, _MAKES)

    def verify(self, folder: Path, manifest: Manifest) -> Iterator[Diagnostic]:
        """Compile the program and run it on an emulated processor of the board, where the tools are."""
        from targets.emitters.acl.verify import verify_kit

        yield from verify_kit(folder, manifest)


def _write_weight(path: Path, value: Array) -> None:
    """Write an array as NumPy does, or packed: two arrays in one file, the map of bits and the rest."""
    with path.open("wb") as file:
        for array in map_and_rest(value) if path.suffix == ".packed" else (value,):
            np.save(file, array)


def _write_board_outputs(emission: Emission, folder: Path) -> None:
    """Write what the library's own integer arithmetic gives for the self-test's input."""
    found = Session(model_bytes(exact_twin(emission.program))).run(emission.test_inputs)
    for index, name in enumerate(emission.program.outputs):
        np.save(folder / "expected" / f"board_{index}.npy", np.ascontiguousarray(found[name]))


def _values(emission: Emission, precision: str, calls: list[str]) -> dict[str, object]:
    """Collect what the templates may say; of the user's names only the product's, and labels that are plain already."""
    target = emission.target
    return {
        "product": emission.product,
        "target": target.name,
        "board": target.board.name,
        "acl": target.runtime.removeprefix("acl-"),
        "precision": precision,
        "backend": "opencl",
        "tolerance_fp32": target.test_tolerance["fp32"],
        "tolerance_fp16": target.test_tolerance["fp16"],
        "beyond_int8": MOST_BEYOND_A_STEP,
        "inputs": len(emission.program.inputs),
        "outputs": len(emission.program.outputs),
        "calls": calls,
    }
