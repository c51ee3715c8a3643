"""Two 3x3 kernels whose composition comes closest to a 5x5 one, by alternating least squares."""

from dataclasses import dataclass

import numpy as np

from compiler.analysis.low_rank import Stack, spectrum

_ROUNDS = 30
_ENOUGH = 1e-4
"""Stop when a round takes less than this share off the error."""
_RIDGE = 1e-12
"""Share of the mean of a Gram matrix's diagonal that keeps it invertible."""
_TAPS = tuple(np.ndindex(3, 3))


@dataclass(frozen=True)
class KernelPair:
    """A first kernel [groups, ins * 9, rank], a second one [groups, rank, 9 * outs], and their relative error."""

    first: Stack
    second: Stack
    gap: float

    def error(self, rank: int) -> float:
        """Tell the relative error; the rank is the one that the pair was made for."""
        assert rank == self.first.shape[2]
        return self.gap

    def factors(self, rank: int) -> tuple[Stack, Stack]:
        """Return both kernels; the rank is the one that the pair was made for."""
        assert rank == self.first.shape[2]
        return self.first, self.second


def overlapping(core: Stack) -> Stack:
    """Lay kernels [groups, ins, outs, 5, 5] out as [groups, ins * 9, 9 * outs]: entry (i, s), (q, o) is tap s + q."""
    groups, ins, outs, *_ = core.shape
    found = np.empty((groups, ins, 9, 9, outs))
    for place, (row, column) in enumerate(_TAPS):
        window = core[:, :, :, row : row + 3, column : column + 3].reshape(groups, ins, outs, 9)
        found[:, :, :, place] = np.swapaxes(window, 2, 3)
    return found.reshape(groups, ins * 9, 9 * outs)


def kernel_pair(core: Stack, rank: int) -> KernelPair:
    """Find two 3x3 kernels with so many channels between them for kernels [groups, ins, outs, 5, 5].

    With tap t = s + q of the composition, K[i, o, t] sums A[i, s, r] B[r, q, o]: linear in A for a given B, and in
    B for a given A. It starts from the strongest singular vectors of all 3x3 windows on the side of fewer channels,
    and solves for the two in turn. Nine times those channels hold every kernel.
    """
    if core.shape[1] > core.shape[2]:
        turned = kernel_pair(np.swapaxes(core, 1, 2), rank)
        groups, outs = core.shape[0], core.shape[2]
        first = np.swapaxes(turned.second.reshape(groups, rank, 9, -1), 1, 3).reshape(groups, -1, rank)
        second = np.swapaxes(turned.first.reshape(groups, outs, 9, rank), 1, 3).reshape(groups, rank, -1)
        return KernelPair(first, second, turned.gap)
    groups, ins, outs, *_ = core.shape
    whole = float(np.linalg.norm(core))
    by_input = np.moveaxis(core, 2, -1).reshape(groups, ins * 25, outs)
    by_output = np.moveaxis(core, 1, -1).reshape(groups, outs * 25, ins)
    first = spectrum(overlapping(core)).vectors[:, :, :rank].reshape(groups, ins, 9, rank)
    left, gap, second = first, 1.0, np.zeros((groups, outs, 9, rank))
    for _ in range(_ROUNDS):
        solved = _solve(_spread(first), by_input)
        residue = float(np.linalg.norm(_spread(first) @ solved - by_input))
        second = np.moveaxis(solved.reshape(groups, 9, rank, outs), 3, 1)
        left, last, gap = first, gap, residue / whole if whole else 0.0
        if last - gap <= _ENOUGH * last:
            break
        first = np.moveaxis(_solve(_spread(second), by_output).reshape(groups, 9, rank, ins), 3, 1)
    columns = np.moveaxis(second, (3, 2, 1), (1, 2, 3)).reshape(groups, rank, 9 * outs)
    return KernelPair(left.reshape(groups, ins * 9, rank), columns, gap)


def _spread(kernels: Stack) -> Stack:
    """Make the matrix that composes 3x3 kernels [groups, n, 9, rank] with others: [groups, n * 25, 9 * rank]."""
    groups, count, _, rank = kernels.shape
    made = np.zeros((groups, count, 5, 5, 9, rank))
    for place, (row, column) in enumerate(_TAPS):
        made[:, :, row : row + 3, column : column + 3, place] = kernels.reshape(groups, count, 3, 3, rank)
    return made.reshape(groups, count * 25, 9 * rank)


def _solve(matrices: Stack, wanted: Stack) -> Stack:
    """Solve by least squares through the Gram matrices, which are small where ranks are."""
    turned = np.swapaxes(matrices, 1, 2)
    gram = turned @ matrices
    size = gram.shape[1]
    ridge = _RIDGE * np.trace(gram, axis1=1, axis2=2) / size + 1e-300
    steadied: Stack = gram + ridge[:, None, None] * np.eye(size)
    return np.asarray(np.linalg.solve(steadied, turned @ wanted), np.float64)
