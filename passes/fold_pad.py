"""Fold a Pad of zeros into the convolution or the average pool that reads it."""

import numpy as np

from compiler.contracts import Decision, Effect, Log, Pass
from compiler.ir import Conv, Op, Pad, Pool, Program


class FoldPad(Pass):
    """Fold a Pad of zeros into the convolution or the average pool that reads it.

    Both can pad by themselves, and runtimes do it for nothing there, while a Pad of its own copies the whole tensor.
    Only spatial axes, zeros and pads that add (not crop) qualify. An average pool must count its padding already,
    or have none. A MaxPool pads with minus infinity, so zeros before it stay.
    """

    effect = Effect.EXACT

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Fold each Pad whose only reader can take it."""
        for pad in program.each(Pad):
            amounts = _spatial_pads(program, pad)
            if isinstance(amounts, str):
                log.skip(pad, amounts)
                continue
            readers = program.readers(pad.y)
            reader = readers[0] if program.is_private(pad.y) and readers[0].x == pad.y else None
            why = "it has other readers" if reader is None else _obstacle(reader, amounts)
            if reader is None or why is not None:
                log.skip(pad, why or "it has other readers")
                continue
            own = reader.integers("pads", (0,) * len(amounts))
            program.set_attribute(reader, "pads", [a + b for a, b in zip(own, amounts, strict=True)])
            if reader.op_type == "AveragePool":
                program.set_attribute(reader, "count_include_pad", 1)
            program.bypass(pad)


def _spatial_pads(program: Program, pad: Pad) -> tuple[int, ...] | str:
    """Read the pads of the spatial axes, begins then ends, or say why they cannot be folded."""
    pads, shape = program.const(pad.input(1)), program.shape(pad.x)
    value = program.const(pad.input(2)) if pad.has(2) else np.zeros(1)
    if pad.mode != "constant" or value is None or np.asarray(value).any():
        return "it pads with something else than zeros"
    if pads is None or shape is None or pad.has(3) or len(shape) < 3:
        return "its pads are not constant, or given for some axes only"
    rows = pads.reshape(2, len(shape))
    if rows[:, :2].any():
        return "it pads the batch or the channels"
    if (rows < 0).any():
        return "it crops"
    return tuple(int(amount) for amount in rows[:, 2:].ravel())


def _obstacle(reader: Op, amounts: tuple[int, ...]) -> str | None:
    """Say why a reader cannot pad by itself, or None."""
    if Conv.fits(reader.op_type, reader.domain):
        return None if reader.text("auto_pad", "NOTSET") == "NOTSET" else f"{reader} pads automatically"
    if Pool.fits(reader.op_type, reader.domain) and reader.op_type == "AveragePool":
        if reader.text("auto_pad", "NOTSET") != "NOTSET" or reader.integer("ceil_mode", 0):
            return f"{reader} pads automatically, or rounds up"
        if any(reader.integers("pads")) and not reader.integer("count_include_pad", 0):
            return f"{reader} does not count its padding"
        own = reader.integers("pads", (0,) * len(amounts))
        if any(a + b >= k for a, b, k in zip(own, amounts, 2 * reader.integers("kernel_shape"), strict=True)):
            return f"{reader} cannot pad by its whole window"
        return None
    return f"{reader} cannot pad with zeros by itself"
