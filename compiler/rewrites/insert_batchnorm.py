"""Put BatchNormalization back where it was folded away before export, so that the network trains well."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compiler.analysis.moments import Moments
from compiler.ir import Array, BatchNorm, Conv, ConvTranspose, Program, ProgramView

EPSILON = 1e-5
_WEIGHTED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})


@dataclass(frozen=True)
class Sites:
    """The convolutions after which BatchNormalization can stand, and why the others stay as they are."""

    layers: tuple[str, ...]
    tensors: tuple[str, ...]
    """What the layers put out: the tensors whose moments the insertion needs."""
    skipped: Mapping[str, str]


def norm_sites(program: ProgramView) -> Sites:
    """Find the convolutions that lost their BatchNormalization; linear in the graph."""
    last = _last_layers(program)
    reasons: dict[str, str | None] = {}
    for conv in (*program.each(Conv), *program.each(ConvTranspose)):
        weight = program.const(conv.w)
        readers = program.readers(conv.y)
        if weight is None or weight.dtype.kind != "f":
            reasons[conv.name] = "its filters are not constant floats"
        elif any(BatchNorm.fits(reader.op_type, reader.domain) for reader in readers):
            reasons[conv.name] = "a BatchNormalization follows it already"
        elif len(program.readers(conv.w)) > 1:
            reasons[conv.name] = "its filters serve several layers, and would be stored for each after folding"
        elif program.is_captured(conv.y):
            reasons[conv.name] = "a subgraph reads what it puts out"
        elif conv.name in last:
            reasons[conv.name] = "it is a last layer, whose output is the network's"
        else:
            reasons[conv.name] = None
    layers = tuple(layer for layer, reason in reasons.items() if reason is None)
    tensors = tuple(program.op(layer).y for layer in layers)
    return Sites(layers, tensors, {layer: reason for layer, reason in reasons.items() if reason is not None})


def insert_batchnorm(program: Program, moments: Mapping[str, Moments]) -> None:
    """Insert BatchNormalization after each convolution whose output's moments are given.

    With scale = sqrt(var + epsilon) and shift = mean it passes its input on, so that outputs stay the same to
    rounding; in training it is free to move. The tensor's name goes with the normalised value, so that folding leaves
    the program as it was.
    """
    for tensor, seen in moments.items():
        conv = program.producer(tensor)
        assert conv is not None, f"nothing computes {tensor}"
        weight = program.const(conv.input(1))
        assert weight is not None
        values = (np.sqrt(seen.var + EPSILON), seen.mean, seen.mean, seen.var)
        hints = ("scale", "shift", "mean", "var")
        names = [
            program.add_constant(f"{conv.name}_{hint}", _cast(value, weight))
            for hint, value in zip(hints, values, strict=True)
        ]
        program.insert_after(conv, "BatchNormalization", names, {"epsilon": EPSILON}, name=f"{conv.name}_norm")


def _cast(value: Array, like: Array) -> Array:
    """Store a value in the filters' element type."""
    return value.astype(like.dtype)


def _last_layers(program: ProgramView) -> frozenset[str]:
    """Find the layers whose values reach an output of the network through no other weights."""
    found: set[str] = set()
    seen = set(program.outputs)
    pending = list(program.outputs)
    while pending:
        op = program.producer(pending.pop())
        if op is None:
            continue
        if op.op_type in _WEIGHTED and not op.domain:
            found.add(op.name)
            continue
        fresh = [name for name in (*op.inputs, *op.captures) if name and name not in seen]
        seen.update(fresh)
        pending.extend(fresh)
    return frozenset(found)
