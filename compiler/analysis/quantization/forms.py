"""Forms of operators that a runtime computes otherwise in 8 bits than ONNX Runtime, or not at all.

Arm Compute Library 19.05: its QASYMM8 kernels cut fractions off, or round halves up where ONNX rounds them to even.
Where that would move more than a hundredth of a result, or where there is no kernel for a form, the layer stays in
float. TensorRT: groups of channels have a kernel only in certain sizes.
"""

from collections.abc import Callable, Mapping

from compiler.ir import Op, ProgramView

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_UNEVEN_SIDES = ((2, 2), (3, 3))


def qasymm8_obstacle(program: ProgramView, op: Op) -> str | None:
    """Say why this form of an operator stays in float on Arm Compute Library 19.05, or None."""
    check = _CHECKS.get(op.op_type)
    return None if check is None else check(program, op)


def tensorrt_obstacle(program: ProgramView, op: Op) -> str | None:
    """Say why this form of an operator stays in float on TensorRT, or None."""
    check = _TENSORRT.get(op.op_type)
    return None if check is None else check(program, op)


def _grouped(program: ProgramView, op: Op) -> str | None:
    x, y, group = program.shape(op.x), program.shape(op.y), op.integer("group", 1)
    if x is None or y is None or len(x) != 4:
        return "it does not run over height and width"
    sizes = (x[1] // group, y[1] // group)
    if group == 1 or sizes == (1, 1) or not any(size % 4 for size in sizes):
        return None
    return f"groups of {sizes[0]} and {sizes[1]} channels have no integer kernel here; multiples of 4 have"


def _picked(program: ProgramView, op: Op) -> str | None:
    del program
    mode = op.text("mode", "nearest")
    return None if mode == "nearest" else f"mode {mode} computes new values, over which TensorRT moves no integers"


def _conv(program: ProgramView, op: Op) -> str | None:
    x, weight, group = program.shape(op.x), program.shape(op.input(1)), op.integer("group", 1)
    if x is None or weight is None or len(x) != 4:
        return "it does not run over height and width"
    is_depthwise = group == x[1] and weight[1] == 1
    return None if group == 1 or is_depthwise else f"a convolution in {group} groups has no integer kernel here"


def _matmul(program: ProgramView, op: Op) -> str | None:
    x, weight = program.shape(op.x), program.shape(op.input(1))
    fits = x is not None and weight is not None and len(x) == len(weight) == 2
    return None if fits else "only products of two matrices have an integer kernel here"


def _resize(program: ProgramView, op: Op) -> str | None:
    del program
    mode = op.text("mode", "nearest")
    return None if mode == "nearest" else f"mode {mode} rounds halves up here, and its results are often halves"


def _mean_of_images(program: ProgramView, op: Op) -> str | None:
    x = program.shape(op.x)
    if x is None or len(x) != 4:
        return "it does not average whole images"
    return f"images of {x[2]}x{x[3]} are averaged without rounding here" if x[2:] in _UNEVEN_SIDES else None


def _average_pool(program: ProgramView, op: Op) -> str | None:
    x = program.shape(op.x)
    if x is None or op.integers("kernel_shape") != x[2:] or any(op.integers("pads")):
        return "means over windows cut fractions off in 8 bits here, or round halves in another way"
    return _mean_of_images(program, op)


def _pad(program: ProgramView, op: Op) -> str | None:
    if op.text("mode", "constant") != "constant":
        return "padding by reflection comes out wrong in 8 bits here"
    value = program.const(op.input(2)) if op.has(2) else None
    is_zero = not op.has(2) or (value is not None and not value.any())
    return None if is_zero else "it pads with something else than zeros"


def _concat(program: ProgramView, op: Op) -> str | None:
    return "one of its parts is a constant" if any(map(program.is_constant, op.inputs)) else None


def _pair(program: ProgramView, op: Op) -> str | None:
    if len(op.inputs) != 2 or all(map(program.is_constant, op.inputs)):
        return "it does not combine two tensors"
    rank = len(program.shape(op.y) or ())
    return f"it combines tensors of {rank} axes" if rank > 4 else None


def _difference(program: ProgramView, op: Op) -> str | None:
    if program.shape(op.x) != program.shape(op.y):
        return "what it subtracts from is smaller than its result"
    return _pair(program, op)


_TENSORRT: Mapping[str, Callable[[ProgramView, Op], str | None]] = {
    "Conv": _grouped,
    "ConvTranspose": _grouped,
    "MatMul": _matmul,
    "Resize": _picked,
    "Concat": _concat,
}
_CHECKS: Mapping[str, Callable[[ProgramView, Op], str | None]] = {
    "Conv": _conv,
    "MatMul": _matmul,
    "Resize": _resize,
    "GlobalAveragePool": _mean_of_images,
    "AveragePool": _average_pool,
    "Pad": _pad,
    "Concat": _concat,
    "Add": _pair,
    "Sum": _pair,
    "Mul": _pair,
    "Sub": _difference,
}
