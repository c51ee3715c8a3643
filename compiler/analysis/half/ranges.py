"""What 16 bits do to values: how close they come to the largest number, and what rounding loses.

Half precision ends at 65504. Below 6.1e-5 its numbers lie ever farther apart, and below 3e-8 there is only zero.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compiler.ir import Array, ProgramView, runnable_bytes
from compiler.reference import Session

LARGEST = 65504.0
"""The largest finite number of 16 bits."""

LEAST_DB = 30.0
"""Rounding that leaves less than this spoils a tensor; of numbers well inside the range it leaves 70 dB and more."""


@dataclass
class Rounding:
    """A tensor's largest magnitude, and the sums of squares of its values and of what rounding takes from them."""

    largest: float = 0.0
    signal: float = 0.0
    noise: float = 0.0

    def add(self, value: Array) -> None:
        """Take in an array's values; those that are not finite say nothing."""
        known = value[np.isfinite(value)] if not np.isfinite(value).all() else value
        lost = known - rounded(known)
        self.largest = max(self.largest, float(np.abs(known).max(initial=0.0)))
        self.signal += float(np.square(known, dtype=np.float64).sum())
        self.noise += float(np.square(lost, dtype=np.float64).sum())

    @property
    def sqnr_db(self) -> float:
        """Return 10 log10(signal / noise), infinite where rounding changes nothing."""
        return np.inf if self.noise == 0.0 else 10 * float(np.log10(max(self.signal, 1e-300) / self.noise))

    def fault(self, headroom: float) -> str | None:
        """Say why 16 bits do not do, or None; values on other images may be `headroom` times as large."""
        if self.largest * headroom > LARGEST:
            room = "" if self.largest > LARGEST else f" with the headroom of {headroom:g}"
            return f"reaches {self.largest:.6g}, more than the {LARGEST:g} of half precision{room}"
        if self.sqnr_db < LEAST_DB:
            return f"keeps {max(self.sqnr_db, 0.0):.3g} dB when rounded to half precision, less than {LEAST_DB:g}"
        return None


def rounded(value: Array) -> Array:
    """Round to 16 bits and back; what is too large becomes the largest number."""
    return np.clip(value, -LARGEST, LARGEST).astype(np.float16).astype(np.float32)


def rounding_of(value: Array) -> Rounding:
    """Look at one array."""
    found = Rounding()
    found.add(value)
    return found


def gather_roundings(
    program: ProgramView, tensors: Sequence[str], samples: Iterable[Mapping[str, Array]]
) -> tuple[int, dict[str, Rounding]]:
    """Run a network over inputs, one at a time, and look at its tensors; return how many inputs there were as well.

    Memory: the model and one sample's activations. Raises RefusedError when ONNX Runtime cannot run the network.
    """
    session: Session | None = None
    found = {name: Rounding() for name in tensors}
    count = 0
    for count, sample in enumerate(samples, 1):  # noqa: B007 - the last count is the result
        session = session or Session(runnable_bytes(program, [name for name in tensors if name not in program.inputs]))
        values = {**sample, **session.run(sample)}
        for name in tensors:
            found[name].add(values[name])
    return count, found
