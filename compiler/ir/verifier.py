"""The verifier: what must hold of every program, before and after each pass."""

from collections.abc import Iterator

import onnx
import onnx.checker
import onnx.shape_inference

from compiler.ir.inference import infer_types_of, record_types
from compiler.ir.onnx_io import to_skeleton
from compiler.ir.order import CycleError
from compiler.ir.program import Program
from compiler.ir.types import TensorType


def verify(program: Program) -> list[str]:
    """List what is wrong with a program, in words; an empty list means that it is sound.

    Checks, in this order and stopping at the first group that fails: order and names, ONNX's checker on every
    operator's form, shape inference in strict mode. Linear in the graph.
    """
    return _examine(program)[0]


def settle(program: Program) -> list[str]:
    """Verify an edited program and, if it is sound, record the types that inference found on the way."""
    problems, inferred = _examine(program)
    if not problems:
        record_types(program, inferred)
    return problems


def _examine(program: Program) -> tuple[list[str], dict[str, TensorType]]:
    """Find the problems and the types."""
    try:
        problems = list(_name_problems(program))
    except CycleError as error:
        return [str(error)], {}
    if problems:
        return problems, {}
    try:
        skeleton = _with_output_shapes(to_skeleton(program))
        onnx.checker.check_model(skeleton)
        inferred = infer_types_of(program, skeleton)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        return [str(error).strip().splitlines()[0]], {}
    changed = [
        f"output {name} was {program.type(name)} and would become {inferred[name]}"
        for name in program.outputs
        if name in inferred
        and (before := program.type(name).static_shape) is not None
        and (after := inferred[name].static_shape) is not None
        and before != after
    ]
    return changed, inferred


def _with_output_shapes(skeleton: onnx.ModelProto) -> onnx.ModelProto:
    """Give outputs of unknown rank a shape in form, since the checker asks for one and nothing else reads it."""
    for value in skeleton.graph.output:
        value.type.tensor_type.shape.SetInParent()
    return skeleton


def _name_problems(program: Program) -> Iterator[str]:
    """Yield reads of tensors that do not exist, and outputs that nothing computes."""
    known = {*program.inputs, *program.constants}
    for op in program.each():
        for tensor in (*op.inputs, *op.captures):
            if tensor and tensor not in known:
                yield f"{op} reads {tensor}, which nothing computes"
        known.update(name for name in op.outputs if name)
    for tensor in program.outputs:
        if tensor not in known:
            yield f"the graph puts out {tensor}, which nothing computes"
