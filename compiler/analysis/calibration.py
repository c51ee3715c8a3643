"""Fit a latency model to times of the user's own board: what starting a layer takes, and what its work takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from compiler.analysis.cost import cost, layer_costs
from compiler.board import ErrorBand
from compiler.ir import ProgramView
from compiler.target import ClassCost, CostModel

_HOLD = 0.1
"""How strongly both factors hold on to 1, against a share of a measured time."""
_FEW = 3
"""From so many measurements on, each is also predicted from the others, which gives a band of one's own."""


@dataclass(frozen=True)
class Sample:
    """A network, and the milliseconds that a board took for it."""

    program: ProgramView
    ms: float


def calibrated(model: CostModel, samples: Sequence[Sample], source: str) -> CostModel:
    """Scale a model to measured times; one measurement scales everything alike."""
    fitted = _fit(model, samples)
    error = model.error if len(samples) < _FEW else _band(model, samples)
    return fitted.model_copy(update={"error": error, "source": f"{source}; before that: {model.source}"})


def errors(model: CostModel, samples: Sequence[Sample]) -> list[float]:
    """Tell how far each prediction is off, as a share of what was measured."""
    return [cost(sample.program, model).predicted_ms / sample.ms - 1 for sample in samples]


def scaled(model: CostModel, start: float, work: float) -> CostModel:
    """Let starting layers, and their arithmetic and memory traffic, take so many times longer."""
    classes = {
        name: ClassCost(
            floor_ms=entry.floor_ms * start,
            launch_ms=entry.launch_ms * start,
            ms_per_gmac={precision: rate * work for precision, rate in entry.ms_per_gmac.items()},
            gbps={precision: speed / work for precision, speed in entry.gbps.items()},
        )
        for name, entry in model.classes.items()
    }
    return model.model_copy(update={"classes": classes, "bandwidth_gbps": model.bandwidth_gbps / work})


def _fit(model: CostModel, samples: Sequence[Sample]) -> CostModel:
    if len(samples) == 1:
        factor = 1 / (1 + errors(model, samples)[0])
        return scaled(model, factor, factor)
    from scipy import optimize

    # Both factors begin, and are held, where the measurements are met on the whole.
    whole = -float(np.median(np.log1p(errors(model, samples))))

    def misses(at: Any) -> list[float]:
        start, work = (float(value) for value in np.exp(at))
        return [*np.log1p(errors(scaled(model, start, work), samples)), *(_HOLD * (value - whole) for value in at)]

    found = cast("Any", optimize).least_squares(misses, [whole, whole], diff_step=1e-3)
    return scaled(model, float(np.exp(found.x[0])), float(np.exp(found.x[1])))


def _band(model: CostModel, samples: Sequence[Sample]) -> ErrorBand:
    """Predict each measurement from the others."""
    size = [
        abs(errors(_fit(model, [*samples[:place], *samples[place + 1 :]]), samples[place : place + 1])[0])
        for place in range(len(samples))
    ]
    median, p90 = (round(min(float(np.quantile(size, part)), 0.99), 3) for part in (0.5, 0.9))
    held_out = "each of your own measurements in turn, predicted from the others"
    has_integers = any(row.precision == "int8" for item in samples for row in layer_costs(item.program, model))
    return ErrorBand(median=median, p90=p90, points=len(samples), held_out=held_out, with_integers=has_integers)
