"""Truncated factorisations of stacked matrices: the best two factors of a given rank, in a norm that data may set."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Stack = NDArray[np.float64]
"""Matrices of one size, shape [blocks, rows, columns]."""


@dataclass(frozen=True)
class Spectrum:
    """The singular vectors of each matrix on its shorter side, strongest first, and what share each one holds."""

    matrices: Stack
    whiteners: Stack | None
    vectors: Stack
    shares: NDArray[np.float64]
    """Squared singular values of all blocks together over their sum; entry r belongs to rank r + 1."""

    @property
    def full_rank(self) -> int:
        """The rank at which the factors reproduce every matrix."""
        return self.shares.size

    def rank_for(self, energy: float) -> int:
        """Find the smallest rank that holds this share of the squares."""
        return min(self.full_rank, int(np.searchsorted(np.cumsum(self.shares), energy - 1e-12)) + 1)

    def error(self, rank: int) -> float:
        """Tell the relative error of this rank: the root of the share that it leaves out."""
        return float(np.sqrt(max(0.0, float(self.shares[rank:].sum()))))

    def factors(self, rank: int) -> tuple[Stack, Stack]:
        """Return left [blocks, rows, rank] and right [blocks, rank, columns], whose product comes closest.

        The left factor's columns are orthonormal, so that neither factor grows out of range.
        """
        vectors = self.vectors[:, :, :rank]
        if self.whiteners is not None:
            # With C = S S the distance is |S (M - L R)|: S M is cut at its strongest vectors and S divided out again.
            weighted = self.whiteners @ self.matrices
            left = np.linalg.solve(self.whiteners, vectors)
            right = np.swapaxes(vectors, 1, 2) @ weighted
            ortho, triangle = np.linalg.qr(left)
            return ortho, triangle @ right
        if self.matrices.shape[1] <= self.matrices.shape[2]:
            return vectors, np.swapaxes(vectors, 1, 2) @ self.matrices
        ortho, triangle = np.linalg.qr(self.matrices @ vectors)
        return ortho, triangle @ np.swapaxes(vectors, 1, 2)


def spectrum(matrices: Stack, covariances: Stack | None = None) -> Spectrum:
    """Decompose each matrix; with covariances of the rows' inputs, in the norm of what comes out for such inputs.

    Works on the smaller Gram matrix, which for a layer's weight is far cheaper than its singular values.
    """
    whiteners = None if covariances is None else _roots(covariances)
    seen = matrices if whiteners is None else whiteners @ matrices
    turned = np.swapaxes(seen, 1, 2)
    is_wide = whiteners is not None or seen.shape[1] <= seen.shape[2]
    values, vectors = np.linalg.eigh(seen @ turned if is_wide else turned @ seen)
    rank = min(matrices.shape[1:]) if whiteners is None else values.shape[1]
    strengths = np.maximum(values[:, ::-1], 0.0).sum(axis=0)[:rank]
    total = float(strengths.sum())
    shares = strengths / total if total > 0 else np.zeros_like(strengths)
    return Spectrum(matrices, whiteners, vectors[:, :, ::-1][:, :, :rank], shares)


def _roots(covariances: Stack) -> Stack:
    """Take symmetric square roots; a small share of the mean variance keeps silent inputs invertible."""
    size = covariances.shape[1]
    mean = np.trace(covariances, axis1=1, axis2=2)[:, None] / size
    values, vectors = np.linalg.eigh(covariances)
    roots = np.sqrt(np.maximum(values, 0.0) + np.maximum(1e-6 * mean, 1e-30))
    return (vectors * roots[:, None, :]) @ np.swapaxes(vectors, 1, 2)
