"""The goal of a global allocation: how much of which cost may be left."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from compiler.analysis.allocation.latency import latency
from compiler.analysis.allocation.measures import Measure, work
from compiler.analysis.allocation.sizes import size
from compiler.analysis.channels import ChannelGroup, Channels
from compiler.ir import ProgramView
from compiler.target import CostModel

Share = Annotated[str, Field(pattern=r"^(\d+(\.\d*)?|\.\d+)x$")]
Amount = Annotated[float, Field(gt=0)] | Share
"""A number, or a text such as 0.25x: that part of what there is before the pass."""


class Goal(BaseModel):
    """One of four costs, and how much of it may be left."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    parameters: Amount | None = Field(default=None, description="floating-point weights, as deployed")
    macs: Amount | None = Field(default=None, description="multiply-accumulates")
    bytes: Amount | None = Field(default=None, description="bytes of the weights")
    predicted_ms: Amount | None = Field(default=None, description="milliseconds by the target's cost model")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.stated) != 1:
            raise ValueError("state one of parameters, macs, bytes and predicted_ms")
        return self

    @property
    def stated(self) -> dict[str, float | str]:
        """The costs that have an amount."""
        return {name: amount for name, amount in self if amount is not None}


def limit(amount: float | str, before: float) -> float:
    """Turn an amount into a number of its cost's unit."""
    return float(amount[:-1]) * before if isinstance(amount, str) else float(amount)


def measure(
    name: str, program: ProgramView, channels: Channels, groups: tuple[ChannelGroup, ...], model: CostModel
) -> Measure:
    """Prepare to count the cost of this name."""
    if name == "macs":
        return work(program, channels, groups, model)
    if name == "predicted_ms":
        return latency(program, channels, groups, model)
    return size(program, channels, groups, in_bytes=name == "bytes")
