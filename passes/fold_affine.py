"""Fold a factor or an addend per channel into the convolution before or behind it, or into the next such node."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.contracts import Decision, Effect, Log, Pass
from compiler.ir import Array, Conv, ConvTranspose, Op, Program

Floats = NDArray[np.float64]
_KINDS = ("Add", "Sub", "Mul", "Div")


@dataclass(frozen=True, eq=False)
class _Affine:
    """A node that computes scale x + shift, with one value of each per channel of x."""

    x: str
    scale: Floats
    shift: Floats


class FoldAffine(Pass):
    """Fold a factor or an addend per channel into the convolution before or behind it.

    An Add, Sub, Mul or Div with a constant computes s x + t for each channel. Behind a convolution of weight w and
    bias b it makes one of weight s w and bias s b + t. Before a convolution it makes one of weight w s and bias
    b + sum w t; with zero padding that holds for t = 0 only, as the padding is not shifted.

    Detectors with implicit knowledge (YOLOv7, YOLOR) add to and multiply channels around their heads in this way.
    Folded first, what is added to a channel stays in the head's bias when the channel is pruned.

    Where there is no such convolution, two factors in a row become one, and so do two addends; a division that is left
    multiplies by the reciprocal, for which runtimes have more kernels, integer ones above all.
    """

    effect = Effect.EXACT

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Fold each such node whose link to a convolution is private."""
        for op in program.each():
            affine = _affine(program, op)
            if affine is None:
                continue
            before = program.producer(affine.x)
            if before is not None and program.is_private(affine.x) and _takes(program, before, affine):
                _fold_back(program, before, op, affine)
                continue
            after = program.readers(op.y)[0] if program.is_private(op.y) else None
            why = _obstacle(program, after, op, affine)
            if why is None and after is not None:
                _fold_on(program, op, after, affine)
            elif after is None or not _join(program, op, affine, after):
                log.skip(op, why or "")
                _multiply(program, op, affine)


def _affine(program: Program, op: Op) -> _Affine | None:
    """Read a node as scale x + shift per channel, the axis 1 of at least three; None for all others."""
    if op.op_type not in _KINDS or op.domain or len(op.inputs) != 2:
        return None
    slot = 1 if program.is_constant(op.input(1)) else 0
    value, x = program.const(op.input(slot)), op.input(1 - slot)
    shape = program.shape(x)
    if value is None or program.is_constant(x) or shape is None or value.dtype.kind != "f":
        return None
    if len(shape) < 3 or value.ndim > len(shape):
        return None
    wide = value.reshape((1,) * (len(shape) - value.ndim) + value.shape)
    if wide.size != wide.shape[1] or wide.size not in (1, shape[1]):
        return None
    k = np.broadcast_to(wide.ravel().astype(np.float64), (shape[1],))
    if op.op_type == "Div" and (slot == 0 or not k.all()):
        return None
    ones, zeros = np.ones(k.size), np.zeros(k.size)
    pairs = {
        "Add": (ones, k),
        "Sub": (ones, -k) if slot == 1 else (-ones, k),
        "Mul": (k, zeros),
        "Div": (1 / k if op.op_type == "Div" else ones, zeros),
    }
    scale, shift = pairs[op.op_type]
    return _Affine(x, scale, shift) if np.isfinite([scale, shift]).all() else None


def _values(program: Program, conv: Op) -> tuple[Array, Floats | float] | None:
    """Read a convolution's weight and bias; None when one is computed, or for another kind of node."""
    kinds = (Conv, ConvTranspose)
    weight = program.const(conv.input(1)) if any(kind.fits(conv.op_type, conv.domain) for kind in kinds) else None
    bias = program.const(conv.input(2)) if conv.has(2) else None
    if weight is None or (conv.has(2) and bias is None):
        return None
    return weight, 0.0 if bias is None else bias.astype(np.float64)


def _takes(program: Program, conv: Op, affine: _Affine) -> bool:
    """Tell whether a convolution's values are known, and its weight its own where that has to change."""
    is_own = len(program.readers(conv.input(1))) == 1
    return _values(program, conv) is not None and (is_own or bool((affine.scale == 1).all()))


def _fold_back(program: Program, conv: Op, op: Op, affine: _Affine) -> None:
    """Let a convolution compute what the node behind it makes of its filters."""
    values = _values(program, conv)
    assert values is not None
    weight, bias = values
    if (affine.scale != 1).any():
        factors = _per_filter(conv, weight, affine.scale)
        program.give_const(conv, 1, (weight.astype(np.float64) * factors).astype(weight.dtype))
    if conv.has(2) or affine.shift.any():
        program.give_const(conv, 2, (affine.scale * bias + affine.shift).astype(weight.dtype))
    program.take_over(conv, op)


def _obstacle(program: Program, after: Op | None, op: Op, affine: _Affine) -> str | None:
    """Say why the node behind cannot take in what this one does, or None."""
    if after is None or after.x != op.y or not Conv.fits(after.op_type, after.domain):
        return "no convolution stands right before or behind it alone"
    if not _takes(program, after, affine):
        return f"the weight of {after.name} is not constant, or not its own"
    if affine.shift.any() and _is_padded(after):
        return f"{after.name} pads with zeros, which would not be shifted"
    return None


def _join(program: Program, op: Op, affine: _Affine, after: Op) -> bool:
    """Let the node behind do both, if both multiply or both add; say whether that was possible."""
    then = _affine(program, after)
    if then is None or then.x != op.y or not _is_wide(program, op):
        return False
    both = ((affine, "shift", 0.0), (then, "shift", 0.0)), ((affine, "scale", 1.0), (then, "scale", 1.0))
    is_factor, is_addend = (all((getattr(one, part) == idle).all() for one, part, idle in rows) for rows in both)
    if is_factor:
        _rewrite(program, after, "Mul", affine.x, affine.scale * then.scale)
    elif is_addend:
        _rewrite(program, after, "Add", affine.x, affine.shift + then.shift)
    else:
        return False
    program.remove(op)
    return True


def _multiply(program: Program, op: Op, affine: _Affine) -> None:
    """Turn a division into a multiplication, where the reciprocal has all its digits."""
    tiny = np.finfo(np.float32).tiny
    if op.op_type == "Div" and _is_wide(program, op) and (np.abs(affine.scale) >= tiny).all():
        _rewrite(program, op, "Mul", affine.x, affine.scale)


def _is_wide(program: Program, op: Op) -> bool:
    """Tell whether a node computes with enough digits for another order of operations to make no difference."""
    dtype = program.type(op.y).dtype
    return dtype is not None and dtype.itemsize >= np.dtype(np.float32).itemsize


def _rewrite(program: Program, op: Op, op_type: str, x: str, values: Floats) -> None:
    """Let a node multiply by, or add, a number per channel, or one for all."""
    dtype, rank = program.type(op.y).dtype, len(program.shape(op.y) or ())
    short = values[:1] if (values == values[0]).all() else values
    shape = (1, short.size, *[1] * (rank - 2))
    program.retype(op, op_type, [x, program.add_constant(f"{op.name}_1", short.reshape(shape).astype(dtype))])


def _per_filter(conv: Op, weight: Array, scale: Floats) -> Floats:
    """Lay out a factor per filter along a Conv's [out, in / group, ...] or a ConvTranspose's [in, out / group, ...]."""
    window = [1] * (weight.ndim - 2)
    if conv.op_type == "Conv":
        return scale.reshape(-1, 1, *window)
    group = conv.integer("group", 1)
    return np.repeat(scale.reshape(group, -1), weight.shape[0] // group, axis=0).reshape(*weight.shape[:2], *window)


def _fold_on(program: Program, op: Op, conv: Op, affine: _Affine) -> None:
    """Let a convolution take in what the node before it makes of its inputs."""
    values = _values(program, conv)
    assert values is not None
    weight, bias = values
    group = conv.integer("group", 1)
    each = weight.shape[0] // group
    shape = (weight.shape[0], weight.shape[1], *[1] * (weight.ndim - 2))
    scale, shift = (
        np.repeat(value.reshape(group, -1), each, axis=0).reshape(shape) for value in (affine.scale, affine.shift)
    )
    exact = weight.astype(np.float64)
    if affine.shift.any():
        moved = (exact * shift).reshape(weight.shape[0], -1).sum(axis=1)
        program.give_const(conv, 2, (bias + moved).astype(weight.dtype))
    if (affine.scale != 1).any():
        program.give_const(conv, 1, (exact * scale).astype(weight.dtype))
    program.set_input(conv, 0, affine.x)
    program.remove(op)


def _is_padded(conv: Op) -> bool:
    """Tell whether a convolution may see zeros that its input does not hold."""
    return conv.text("auto_pad", "NOTSET") not in ("NOTSET", "VALID") or any(conv.integers("pads"))
