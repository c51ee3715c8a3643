"""The decision of `conv-factorize`."""

from typing import Any

from pydantic import Field

from compiler.contracts import Decision


class Factors(Decision):
    """How one layer is factorised, what that costs it, and what the target gains."""

    rank: int
    """Channels between the two convolutions, in each block."""
    full_rank: int
    """The block's rank at which nothing is lost."""
    blocks: int
    expected_error: float | None = None
    """The share of the weights, or with `fit: outputs` of the outputs, that the rank leaves out; None in lint."""
    output_error: float | None = None
    """Measured on calibration images: the outputs' distance from the layer's own, relative to them."""
    ms_before: float
    ms_after: float
    digest: str | None = None
    """With `fit: outputs`: a sha256 of the fitted weights, which a report does not hold."""


class Factorized(Decision):
    """The layers that are factorised, and why others stay."""

    factored: dict[str, Factors]
    left: dict[str, str]
    is_stand_in: bool = False
    weights: dict[str, tuple[Any, Any]] = Field(default={}, exclude=True, repr=False)
    """The factors of each layer, for the rewrite that follows; a replayed decision computes them again."""
