"""Fit the latency models of the boards' profiles to published times, and say how far they are from what they never saw.

    python -m tests.benchmarks.latency.fit [BOARD]

prints a table for each model: every network's error, the same for two simpler laws, and the coefficients as they stand
in the profile. `fitted.json` keeps them; a test holds the profiles to it.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compiler.analysis.cost import PRECISION_KEY, layer_costs, live_layers
from tests.benchmarks.latency.points import FOLDER, Point, network, points
from tests.benchmarks.latency.setups import CLASSES, SETUPS, Setup
from tests.benchmarks.latency.solve import Floats, search

_DENSE = ("stem", "pointwise", "conv3x3", "conv")


@dataclass(frozen=True)
class Case:
    """A point with its network's layers: class, 10^9 multiply-accumulates, 10^6 bytes."""

    point: Point
    classes: tuple[str, ...]
    gmacs: Floats
    megabytes: Floats


@dataclass(frozen=True)
class Fitted:
    """The coefficients that came out."""

    setup: Setup
    values: Mapping[str, float]

    def predict(self, case: Case) -> float:
        """Predict a point's milliseconds, as the compiler's own cost does."""
        at, is_half = self.values, case.point.precision == "fp16"
        names = [self.setup.alias.get(name, name) for name in case.classes]
        rates = [at.get(name, 0.0) * (self.half(name) if is_half else 1.0) for name in names]
        spent = np.maximum(np.array(rates) * case.gmacs, case.megabytes / at["bandwidth"])
        starts = at["launch"] * len(names) + at.get("image", 0.0) * case.classes.count("stem")
        return float((np.maximum(spent, at["floor"]).sum() + starts) * at.get(case.point.series, 1.0))

    def half(self, name: str) -> float:
        """Tell FP16's rate relative to FP32's."""
        dense = self.values.get("half dense", 1.0) if name in _DENSE else 1.0
        return self.values.get(f"half {name}", dense)


def cases(setup: Setup) -> tuple[Case, ...]:
    """Rebuild the networks of a board's points."""
    made: dict[tuple[str, int, str], Case] = {}
    found: list[Case] = []
    for point in points(setup.board, setup.name):
        key = (point.network, point.size, point.precision)
        if key not in made:
            program = network(point.network, point.size)
            program.set_metadata(PRECISION_KEY, point.precision)
            live = live_layers(program)
            layers = [
                row for row in layer_costs(program, setup.template()) if row.layer in live and row.kind != "fused"
            ]
            made[key] = Case(
                point,
                tuple(row.rated for row in layers),
                np.array([row.executed_macs / 1e9 for row in layers]),
                np.array([row.bytes / 1e6 for row in layers]),
            )
        found.append(Case(point, made[key].classes, made[key].gmacs, made[key].megabytes))
    return tuple(found)


def fit(setup: Setup, seen: Sequence[Case]) -> Fitted:
    """Search for the coefficients that come closest, in relative terms."""
    start = {**setup.start, **{f"half {name}": value for name, value in setup.half.items()}}
    names, first = tuple(start), np.log(list(start.values()))

    def misses(at: Floats) -> Floats:
        fitted = Fitted(setup, dict(zip(names, np.exp(at).tolist(), strict=True)))
        off = [np.log(fitted.predict(case) / case.point.ms) for case in seen]
        return np.concatenate([off, setup.hold * (at - first)])

    found = search(misses, first, is_soft=True)
    return Fitted(setup, {name: float(f"{value:.3g}") for name, value in zip(names, np.exp(found), strict=True)})


def errors(predict: Callable[[Case], float], group: Sequence[Case]) -> Floats:
    """Tell each prediction's error as a share of what was measured."""
    return np.array([predict(case) / case.point.ms - 1 for case in group])


def summary(off: Floats) -> dict[str, float]:
    """Tell the median error and the one that nine of ten stay below."""
    size = np.abs(off)
    return {"median": round(float(np.median(size)), 3), "p90": round(float(np.quantile(size, 0.9)), 3)}


def simple_law(seen: Sequence[Case], *, has_constant: bool) -> Callable[[Case], float]:
    """Fit milliseconds to multiply-accumulates alone, per series and precision, with a constant or without."""
    laws: dict[tuple[str, str], Floats] = {}
    for key in {(case.point.series, case.point.precision) for case in seen}:
        own = [case for case in seen if (case.point.series, case.point.precision) == key]
        ms = np.array([case.point.ms for case in own])
        columns = [np.array([case.gmacs.sum() for case in own]) / ms] + ([1 / ms] if has_constant else [])
        laws[key] = np.asarray(np.linalg.lstsq(np.stack(columns, 1), np.ones(len(own)))[0], np.float64)

    def predict(case: Case) -> float:
        law = laws[case.point.series, case.point.precision]
        return float(law[0] * case.gmacs.sum() + (law[1] if has_constant else 0.0))

    return predict


def block(fitted: Fitted, held: Mapping[str, float], count: int) -> dict[str, object]:
    """Write the coefficients as a profile has them."""
    setup, at = fitted.setup, fitted.values
    classes: dict[str, object] = {}
    for name in CLASSES:
        launch = at["launch"] + (at.get("image", 0.0) if name == "stem" else 0.0)
        row: dict[str, object] = {"floor_ms": at["floor"], "launch_ms": float(f"{launch:.3g}")}
        owner = setup.alias.get(name, name)
        if owner in at:
            half = float(f"{at[owner] * fitted.half(owner):.3g}")
            integers = {} if setup.integers is None else {"int8": float(f"{at[owner] * setup.integers:.3g}")}
            row["ms_per_gmac"] = {"fp32": at[owner], "fp16": half, **integers}
        classes[name] = row
    return {
        "stands_for": setup.stands_for,
        "classes": classes,
        "bandwidth_gbps": at["bandwidth"],
        "zero_insertion": setup.zero_insertion,
        "copies": dict(setup.copies),
        "unfused": list(setup.unfused),
        "error": {**held, "points": count, "held_out": setup.held_out},
    }


def report(setup: Setup) -> dict[str, object]:
    """Fit one model, print how far it is off, and return what belongs into the profile."""
    every = cases(setup)
    seen = [case for case in every if not setup.is_held_out(case.point)]
    held = [case for case in every if setup.is_held_out(case.point)]
    fitted = fit(setup, seen)
    print(f"\n{setup.board}, {setup.name}: {setup.stands_for}\nheld out: {setup.held_out}")
    for title, group in (("fitted", seen), ("held out", held)):
        for case, off in zip(group, errors(fitted.predict, group), strict=True):
            point, said = case.point, fitted.predict(case)
            print(f"  {title:8} {point.network:20} {point.size:4} {point.precision} {point.series:10} "
                  f"{point.ms:8.2f} ms measured {said:8.2f} predicted {off:+7.1%}")  # fmt: skip
    laws = {
        "this model": fitted.predict,
        "a constant and MACs": simple_law(seen, has_constant=True),
        "MACs alone": simple_law(seen, has_constant=False),
    }
    for name, law in laws.items():
        ends = [summary(errors(law, group)) for group in (seen, held)]
        said = [f"median {end['median']:6.1%}, 90 % within {end['p90']:6.1%}" for end in ends]
        print(f"  {name:20} fitted {len(seen)}: {said[0]};  held out {len(held)}: {said[1]}")
    print("  " + ", ".join(f"{name} {value:g}" for name, value in fitted.values.items()))
    scales = {name: fitted.values[name] for name in {case.point.series for case in every} & set(fitted.values)}
    return {
        "scales": dict(sorted(scales.items())),
        "model": block(fitted, summary(errors(fitted.predict, held)), len(held)),
    }


def main() -> None:
    """Fit all models, or those of one board."""
    wanted = sys.argv[1:]
    path = FOLDER / "fitted.json"
    kept: dict[str, object] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    for setup in SETUPS:
        if not wanted or setup.board in wanted:
            kept[f"{setup.board}.{setup.name}"] = report(setup)
    path.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
