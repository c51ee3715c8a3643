"""Convolutions, transposed convolutions and pools as calls of the builder."""

from collections.abc import Callable, Mapping

import numpy as np

from compiler.ir import Op
from targets.emitters.acl.activations import NO_ACTIVATION, clamp, fused_activation
from targets.emitters.acl.steps import Code, Draft, Shape, Unwritable


def conv(draft: Draft, op: Op) -> None:
    """Write a dense or depthwise convolution, with the activation behind it."""
    weight, x = draft.weight(op, 1, "weight"), draft.shape(op.x)
    extents = draft.shape(op.input(1))
    group = op.integer("group", 1)
    window = _window(draft, op, extents[2:])
    act, result, follower = fused_activation(draft, op)
    bias = draft.optional_weight(op, 2, "bias")
    form = draft.form(result)
    draft.insist_on_factor(op, result)
    if group == 1:
        draft.add("convolution", op, (draft.ref(op.x), form, weight, bias, window, act), result)
    elif group == x[1] and extents[1] == 1:
        flat = weight.map(lambda value: value.reshape(extents[0], *extents[2:]))
        multiplier = extents[0] // group
        draft.add("depthwise", op, (draft.ref(op.x), form, flat, bias, window, multiplier, act), result)
    else:
        raise Unwritable(f"{group} groups, and the library has dense and depthwise ones", "use a dense convolution")
    if follower is not None:
        draft.done.add(follower.name)


def conv_transpose(draft: Draft, op: Op) -> None:
    """Write a transposed convolution; the library wants output channels first."""
    weight = draft.weight(op, 1, "weight")
    kernel, strides = draft.shape(op.input(1))[2:], op.integers("strides") or (1, 1)
    pads = _transposed_pads(draft, op, kernel, strides)
    if len(set(kernel)) > 1 or len(set(pads)) > 1 or op.integer("group", 1) != 1:
        raise Unwritable(
            "the library takes square kernels, the same pad on every side and one group only",
            "use such a transposed convolution, or Resize and Conv",
        )
    window = Code(f"Window({strides[0]}, {strides[1]}, {', '.join(map(str, pads))})")
    turned = weight.map(lambda value: np.ascontiguousarray(value.transpose(1, 0, 2, 3)))
    bias = draft.optional_weight(op, 2, "bias")
    act, result, follower = fused_activation(draft, op) if draft.is_on_bytes else (NO_ACTIVATION, op.y, None)
    draft.insist_on_factor(op, result)
    draft.add("deconvolution", op, (draft.ref(op.x), draft.form(result), turned, bias, window), result)
    clamp(draft, result, act, follower)


def pool(draft: Draft, op: Op) -> None:
    """Write a pool over windows."""
    if len(op.outputs) > 1 and op.outputs[1]:
        raise Unwritable("it puts out indices, which come with version 20.08", "drop the second output")
    kernel = op.integers("kernel_shape")
    counts = op.op_type == "AveragePool" and op.integer("count_include_pad", 0) == 1
    _insist_on_windows_that_begin_inside(draft, op)
    rounds_up = op.integer("ceil_mode", 0) == 1 and counts
    # A pool that ignores its padding may as well be padded until rounding down gives the size that rounding up would.
    window = _window(draft, op, kernel, stretch=not rounds_up)
    kind = Code("Pooling::maximum" if op.op_type == "MaxPool" else "Pooling::average")
    rounding = Code("Rounding::up" if rounds_up else "Rounding::down")
    sizes = (kernel[0], kernel[1])
    draft.add(
        "pool",
        op,
        (draft.ref(op.x), draft.form(op.y), kind, *sizes, window, rounding, Code("true" if counts else "false")),
    )


def _insist_on_windows_that_begin_inside(draft: Draft, op: Op) -> None:
    """Refuse a size that rounding up made, with a last window that sees padding alone; runtimes leave that one out."""
    before, after = draft.shape(op.x), draft.shape(op.y)
    strides, pads = op.integers("strides") or (1, 1), op.integers("pads") or (0, 0, 0, 0)
    if op.integer("ceil_mode", 0) and any((after[2 + i] - 1) * strides[i] >= before[2 + i] + pads[i] for i in range(2)):
        raise Unwritable("its last window sees nothing but padding", "round down, with ceil_mode 0")


def global_pool(draft: Draft, op: Op) -> None:
    """Write a pool over whole images."""
    kind = Code("Pooling::maximum" if op.op_type == "GlobalMaxPool" else "Pooling::average")
    draft.add("pool_all", op, (draft.ref(op.x), draft.form(op.y), kind))


def _window(draft: Draft, op: Op, kernel: Shape, *, stretch: bool = False) -> Code:
    """Describe how a window moves, with the pads worked out."""
    before, after = draft.shape(op.x), draft.shape(op.y)
    if len(before) != 4:
        raise Unwritable(f"it works on {len(before)} axes, and the library on 4", "reshape to two spatial axes")
    strides, dilations = op.integers("strides") or (1, 1), op.integers("dilations") or (1, 1)
    begins, ends = _pads(op, before[2:], after[2:], kernel, strides, dilations)
    if stretch:
        reach = [(after[2 + i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 for i in range(2)]
        ends = tuple(max(ends[i], reach[i] - before[2 + i] - begins[i]) for i in range(2))
    numbers = (*strides, *begins, *ends, *(dilations if dilations != (1, 1) else ()))
    return Code(f"Window({', '.join(map(str, numbers))})")


def _pads(  # noqa: PLR0913, PLR0917 - a window has this many sides
    op: Op, before: Shape, after: Shape, kernel: Shape, strides: Shape, dilations: Shape
) -> tuple[Shape, Shape]:
    """Work out the pads at the begin and at the end of each spatial axis."""
    mode = op.text("auto_pad", "NOTSET")
    if mode == "NOTSET":
        pads = op.integers("pads") or (0, 0, 0, 0)
        return pads[:2], pads[2:]
    if mode == "VALID":
        return (0, 0), (0, 0)
    total = [max(0, (after[i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - before[i]) for i in range(2)]
    small, large = tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
    return (small, large) if mode == "SAME_UPPER" else (large, small)


def _transposed_pads(draft: Draft, op: Op, kernel: Shape, strides: Shape) -> Shape:
    """Read the pads of a transposed convolution that has even ones; the library's result has to have our size."""
    before, after = draft.shape(op.x), draft.shape(op.y)
    if len(before) != 4:
        raise Unwritable(f"it works on {len(before)} axes, and the library on 4", "reshape to two spatial axes")
    if any(step != 1 for step in op.integers("dilations")):
        raise Unwritable("the library has no dilated ones", "use a transposed convolution without dilation")
    spare = tuple((before[2 + i] - 1) * strides[i] + kernel[i] - after[2 + i] for i in range(2))
    if any(amount < 0 or amount % 2 for amount in spare) or any(op.integers("output_padding")):
        raise Unwritable("its pads differ from side to side", "pad every side alike and cut the surplus off")
    pads = op.integers("pads")
    half = (spare[0] // 2, spare[1] // 2)
    if op.text("auto_pad", "NOTSET") == "NOTSET" and (pads or (0,) * 4) != (*half, *half):
        raise Unwritable("its pads differ from side to side", "pad every side alike and cut the surplus off")
    return (*half, *half)


HANDLERS: Mapping[str, Callable[[Draft, Op], None]] = {
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "MaxPool": pool,
    "AveragePool": pool,
    "GlobalMaxPool": global_pool,
    "GlobalAveragePool": global_pool,
}
