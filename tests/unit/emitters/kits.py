"""A small network, ready to be emitted, for the tests of the kits."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from compiler.board import Board, CostModel
from compiler.contracts import Emission
from compiler.ir import Program, model_bytes, parse_program
from compiler.operator_table import OperatorTable, Opsets
from compiler.reference import Session
from compiler.target import Target

NASTY = "a\"b'c`id`$(id)\n; id #<script>é\u202e&& %s \\ {{ x }}"
_TEXT = """
g (float[1,3,8,8] x) => (float[1,4,8,8] y) <float[4,3,3,3] w>
{
   [conv] c = Conv <pads: ints = [1, 1, 1, 1]> (x, w)
   [relu] y = Relu (c)
}
"""


def network(precision: str | None = None) -> Program:
    """Make the network, and note the precision asked of the board's builder."""
    program = parse_program(_TEXT)
    if precision is not None:
        program.set_metadata("compress.precision", precision)
    return program


def renamed(program: Program, name: str) -> Program:
    """Make a network that copies its input, both under a name of choice."""
    twin = Program(name, program.opsets)
    twin.add_input(f"{name} in", program.type("x"))
    twin.add("Relu", [f"{name} in"], [f"{name} out"], name=name)
    twin.set_type(f"{name} out", program.type("x"))
    twin.add_output(f"{name} out")
    return twin


def emission(target: Target, program: Program, product: str = "barn-camera") -> Emission:
    """Bundle a program with the self-test that the host computes for it."""
    rng = np.random.default_rng(7)
    shape = program.shape(program.inputs[0]) or (1, 3, 8, 8)
    inputs = {program.inputs[0]: rng.random(shape).astype(np.float32)}
    outputs = Session(model_bytes(program)).run(inputs)
    return Emission(product, program, target, {"scale": 0.5, "layout": "rgb"}, inputs, outputs, {"compress": "0.1.0"})


def target(
    runtime: str = "tensorrt-8.2", name: str = "tx2", facts: Mapping[str, object] | None = None, **board: object
) -> Target:
    """Make a profile with just what emitters read."""
    words = {"name": "NVIDIA Jetson TX2 8GB", "compute_capability": "6.2", "source": "test", "facts": facts or {}}
    table = OperatorTable.model_construct(runtime=runtime, opsets=Opsets.model_construct(), operators={})
    return Target.model_construct(
        name=name,
        board=Board.model_validate(words | board),
        runtime=runtime,
        opset=13,
        precisions={},
        cost=CostModel(classes={}, bandwidth_gbps=1, source="test"),
        test_tolerance={"fp32": 0.001, "fp16": 0.02, "int8": 0.05},
        table=table,
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Read every file of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def renamed_emission(kind: Target, name: str) -> Emission:
    """Bundle a network in which everything that a user names has the same odd name."""
    return replace(emission(kind, renamed(network(), name), name), preprocess={name: name})
