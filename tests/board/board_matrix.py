"""Which of ONNX's own operator cases the board runs: as they are, rewritten, or not at all."""

from dataclasses import dataclass, field

import numpy as np
from board_programs import fitted, refusals
from onnx.shape_inference import InferenceError

from compiler.ir import Array, Program, from_model, refresh_types
from tests.support.node_cases import NodeCase, frozen, node_cases


@dataclass
class Matrix:
    """Cases by what becomes of them."""

    runs: dict[str, Program] = field(default_factory=dict[str, Program])
    rewritten: set[str] = field(default_factory=set[str])
    refused: dict[str, str] = field(default_factory=dict[str, str])
    feeds: dict[str, dict[str, Array]] = field(default_factory=dict[str, dict[str, Array]])


def operator_matrix() -> Matrix:
    """Sort the cases that take 32-bit floats and that the loader would hand over as they are."""
    matrix = Matrix()
    for case in node_cases():
        program = _read(case)
        if program is None:
            continue
        before = {op.op_type for op in program.each()}
        program = fitted(program)
        if findings := refusals(program):
            matrix.refused[case.name] = findings[0].message
        elif program.inputs and len(program):
            matrix.runs[case.name] = program
            matrix.feeds[case.name] = {name: case.feeds[name] for name in program.inputs}
            if before - {op.op_type for op in program.each()} - {"Identity", "Dropout", "Constant"}:
                matrix.rewritten.add(case.name)
    return matrix


def _read(case: NodeCase) -> Program | None:
    """Read a case with all but its first input constant, if it is of opset 13 or newer and on 32-bit floats."""
    model = frozen(case)
    versions = [item.version for item in model.opset_import if item.domain in ("", "ai.onnx")]
    if not versions or versions[0] < 13 or len(model.opset_import) > 1:
        return None
    if any(case.feeds[value.name].dtype != np.float32 for value in model.graph.input):
        return None
    try:
        program = from_model(model)
        refresh_types(program)
    except InferenceError:  # of a case whose own definition ONNX cannot follow
        return None
    return program
