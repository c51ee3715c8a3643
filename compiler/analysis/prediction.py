"""A program's predicted latency with its error band, under every circumstance that the target's profile knows."""

from dataclasses import dataclass

from compiler.analysis.cost import cost, layer_costs
from compiler.ir import ProgramView
from compiler.target import CostModel


@dataclass(frozen=True)
class Prediction:
    """What one latency model says, and between which times nine of ten measurements are to be expected."""

    setup: str | None
    """The name of the circumstances; null for the profile's own, which budgets and passes go by."""
    stands_for: str
    ms: float
    low: float | None = None
    high: float | None = None
    """Null where no measurement stands behind the model."""
    held_out: str | None = None
    """Which measurements the band comes from."""


def predictions(program: ProgramView, model: CostModel) -> tuple[Prediction, ...]:
    """Predict under the profile's own circumstances, then under the others."""
    models = {None: model, **model.others}
    return tuple(_predict(program, name, each) for name, each in models.items())


def _predict(program: ProgramView, name: str | None, model: CostModel) -> Prediction:
    """Turn the error of held-out predictions into times: what is predicted 20 % too long takes 1 / 1.2 of it."""
    ms, error = cost(program, model).predicted_ms, model.error
    if error is None or not (error.with_integers or _is_in_floats(program, model)):
        return Prediction(name, model.stands_for, ms)
    held_out = f"{error.points} held-out times: {error.held_out}"
    return Prediction(name, model.stands_for, ms, ms / (1 + error.p90), ms / (1 - error.p90), held_out)


def _is_in_floats(program: ProgramView, model: CostModel) -> bool:
    """Tell whether no layer computes in 8-bit integers."""
    return all(row.precision != "int8" for row in layer_costs(program, model))
