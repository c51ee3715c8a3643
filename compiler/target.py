"""A target: a board, its runtime, what it can run and what that costs."""

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassCost(_Frozen):
    """What one class of operators costs: a launch floor, and time per 10^9 multiply-accumulates by precision."""

    floor_ms: float = Field(ge=0)
    ms_per_gmac: dict[str, float] = {}


class CostModel(_Frozen):
    """Coefficients of the latency model; see compiler/analysis/cost.py for the formula.

    Class names are `conv`, `depthwise`, `grouped`, `deconv`, `gemm` and `other`.
    """

    classes: dict[str, ClassCost]
    bandwidth_gbps: float = Field(gt=0)
    zero_insertion: bool = False
    """Whether a strided transposed convolution multiplies the zeros it inserts."""
    source: str
    caveat: str | None = None
