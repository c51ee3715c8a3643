"""Learned rounding as values to write: weights that integers stand for, and biases that make up for the rest."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from compiler.analysis.quantization import learn_rounding
from compiler.ir import Array, ProgramView
from compiler.rewrites.write_values import Value
from compiler.target import QuantScheme


@dataclass(frozen=True, eq=False)
class LearnedValues:
    """What to write, and what it is worth."""

    values: tuple[Value, ...]
    errors: dict[str, tuple[float, float]]
    """By layer, what rounding takes from its output: to the nearest, and as learned."""
    sha256: str | None


def learn_values(
    program: ProgramView,
    layers: Sequence[str],
    scheme: QuantScheme,
    stream: Callable[[], Iterable[Mapping[str, Array]]],
    *,
    can_shift: bool,
) -> LearnedValues:
    """Learn how to round the weights of those layers that will be quantised. Raises RefusedError."""
    wanted = [name for name in layers if program.op(name).op_type in ("Conv", "Gemm", "MatMul")]
    values: list[Value] = []
    errors: dict[str, tuple[float, float]] = {}
    for name, item in learn_rounding(program, wanted, scheme, stream, can_shift=can_shift).items():
        errors[name] = float(f"{item.nearest_error:.6g}"), float(f"{item.learned_error:.6g}")
        values.append(Value(((name, 1),), item.weight))
        if item.shift is not None:
            bias = program.const(program.op(name).input(2))
            values.append(Value(((name, 2),), ((0 if bias is None else bias) + item.shift).astype(np.float32)))
    digest = hashlib.sha256(b"".join(value.array.tobytes() for value in values)).hexdigest()[:16]
    return LearnedValues(tuple(values), errors, digest if values else None)


def without_first(
    stream: Callable[[], Iterable[Mapping[str, Array]]], count: int
) -> Callable[[], Iterator[Mapping[str, Array]]]:
    """Leave the first images of a stream out; if there are no others, take them all."""

    def rest() -> Iterator[Mapping[str, Array]]:
        images = islice(stream(), count, None)
        first = next(images, None)
        return iter(stream()) if first is None else chain((first,), images)

    return rest
