"""Sum up what a pass decided, so that a person need not read lists of filter numbers."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from compiler.report import integer_words, labels
from compiler.report.model import LayerChange, PassReport

_LONGEST = 400


@dataclass(frozen=True)
class Row:
    """One entry of a decision, by layer or other name; `share` is what part was kept, for a bar."""

    name: str
    text: str
    share: float | None = None


@dataclass(frozen=True)
class Part:
    """One field of a decision: a text where it is short, rows where it goes layer by layer."""

    name: str
    text: str
    rows: tuple[Row, ...] = ()


def options_text(step: PassReport) -> str:
    """Write a pass's options on one line."""
    return ", ".join(f"{name}: {_plain(value)}" for name, value in step.options.items())


def parts(step: PassReport) -> tuple[Part, ...]:
    """Sum up a pass's decision, field by field."""
    decision = step.decision
    if decision is None:
        return ()
    if not isinstance(decision, dict):
        return (Part("decision", _plain(decision)),)
    return tuple(_part(name, value, step) for name, value in decision.items() if value not in ({}, [], None))


def _part(name: str, value: JsonValue, step: PassReport) -> Part:
    if name == "images" and isinstance(value, list):
        return Part(name, labels.plural(len(value), "image"), tuple(_images(value)))
    if name == "history" and isinstance(value, list):
        return Part(name, labels.plural(len(value) - 1, "epoch"), tuple(_epochs(value)))
    if not isinstance(value, dict) or not value:
        return Part(name, _plain(value))
    if name in _LINES:
        return Part(name, _LINES[name](value))
    if name in integer_words.ENTRIES:
        kind, write = integer_words.ENTRIES[name]
        return Part(name, labels.plural(len(value), kind), tuple(_counted(value, write)))
    if name == "rounded":
        rounded = tuple(_rounded(value))
        return Part(name, f"{labels.plural(len(rounded), 'layer')} up to the target's multiple of channels", rounded)
    if name in _BY_LAYER:
        return Part(name, labels.plural(len(value), "layer"), tuple(_counted(value, _BY_LAYER[name])))
    if name == "allocation":
        return Part(name, _shared_out(value), tuple(_shares(value.get("layers"))))
    rows = tuple(_kept(value, step) if name == "kept" else _entries(value))
    return Part(name, labels.plural(len(rows), "layer" if name == "kept" else "value"), rows)


_LINES: dict[str, Callable[[JsonValue], str]] = {
    "scheme": integer_words.scheme_text,
    "predicted_ms": integer_words.predicted_text,
}
"""Fields of several values that are one thing."""

_BY_LAYER: dict[str, Callable[[JsonValue], str]] = {
    "shortfall": lambda number: f"{_plain(number)} clusters too few, filters being alike: filled up by rank",
    "clusters": lambda numbers: labels.plural(_groups(numbers), "cluster"),
    "absorbed": lambda numbers: f"biases of {labels.plural(_length(numbers), 'filter')} raised",
    "merged": lambda numbers: f"weights of {labels.plural(_length(numbers), 'channel')} handed over",
}
"""Fields that go layer by layer, of which a person wants a number only."""


def _counted(layers: dict[str, JsonValue], write: Callable[[JsonValue], str]) -> Iterator[Row]:
    for layer, value in layers.items():
        yield Row(layer, write(value))


def _groups(numbers: JsonValue) -> int:
    """Count the clusters among the numbers of filters; -1 is none."""
    return len({str(number) for number in numbers} - {"-1"}) if isinstance(numbers, list) else 0


def _length(numbers: JsonValue) -> int:
    return len(numbers) if isinstance(numbers, list) else 0


def _images(seen: list[JsonValue]) -> Iterator[Row]:
    """Write which images were looked at: "028.jpg: number 27, 4 boxes"."""
    for image in seen:
        if isinstance(image, dict):
            yield Row(_plain(image["name"]), f"number {_plain(image['index'])} from 0, boxes: {_plain(image['boxes'])}")


def _epochs(history: list[JsonValue]) -> Iterator[Row]:
    """Write how training went, epoch by epoch: "loss 0.288, learning rate 0.000961, ap50 0.554"."""
    for line in history:
        if not isinstance(line, dict):
            continue
        metrics = line.get("metrics")
        figures = {"loss": line.get("loss"), "learning rate": line.get("learning_rate")}
        figures |= metrics if isinstance(metrics, dict) else {}
        told = ", ".join(f"{name} {_short(value)}" for name, value in figures.items() if value is not None)
        number = line.get("epoch")
        yield Row("before" if number == 0 else f"epoch {_plain(number)}", told)


def _short(value: JsonValue) -> str:
    return f"{value:.3g}" if isinstance(value, float) else _plain(value)


def _rounded(layers: dict[str, JsonValue]) -> Iterator[Row]:
    """Write what rounding did: "9 asked, 16 kept"."""
    for layer, counts in layers.items():
        asked, kept = counts if isinstance(counts, list) and len(counts) == 2 else (counts, counts)
        yield Row(layer, f"{_plain(asked)} asked, {_plain(kept)} kept")


def _shared_out(found: dict[str, JsonValue]) -> str:
    """Write what a budget was and what came of it: "parameters from 6,006,646 to 534,851, goal 535,124"."""
    write = _MEASURES.get(str(found.get("measure")), _plain)
    before, goal, reached = (write(found.get(key)) for key in ("before", "goal", "reached"))
    seen = f"sensitivity seen on {_plain(found.get('looked_at'))}"
    return f"{_plain(found.get('measure'))} from {before} to {reached}, goal {goal}; {seen}"


def _shares(layers: JsonValue) -> Iterator[Row]:
    """Write what each layer got of the budget, and why: "kept 24 of 32: the budget; sensitivity 0.031"."""
    for layer, share in layers.items() if isinstance(layers, dict) else ():
        if not isinstance(share, dict):
            continue
        kept, had, sensitivity = share.get("kept"), share.get("had"), share.get("sensitivity")
        seen = f"; sensitivity {sensitivity:.2g}" if isinstance(sensitivity, float) else ""
        part = kept / had if isinstance(kept, int) and isinstance(had, int) and had else None
        yield Row(layer, f"kept {_plain(kept)} of {_plain(had)}: {_plain(share.get('why'))}{seen}", part)


def _whole(value: JsonValue) -> str:
    return labels.count(round(value)) if isinstance(value, int | float) else _plain(value)


def _milliseconds(value: JsonValue) -> str:
    return labels.milliseconds(value) if isinstance(value, int | float) else _plain(value)


_MEASURES = {"parameters": _whole, "macs": _whole, "bytes": _whole, "predicted_ms": _milliseconds}
"""How the figures of each kind of budget are written."""


def _kept(kept: dict[str, JsonValue], step: PassReport) -> Iterator[Row]:
    """Write how many filters of each layer stay: "24 of 32"."""
    changes = {change.layer: change for change in step.layers}
    for layer, filters in kept.items():
        stay = len(filters) if isinstance(filters, list) else None
        had = _filters(changes[layer]) if layer in changes else None
        if stay is None:
            yield Row(layer, _plain(filters))
        elif not had:
            yield Row(layer, f"kept {stay:,}")
        else:
            yield Row(layer, f"kept {stay:,} of {had:,}", min(1.0, stay / had))


def _filters(change: LayerChange) -> int | None:
    """Count the filters that a layer had; a ConvTranspose weight has them second."""
    axis = 1 if change.op_type == "ConvTranspose" else 0
    return None if change.before is None or len(change.before) <= axis else change.before[axis]


def _entries(value: dict[str, JsonValue]) -> Iterator[Row]:
    for name, item in value.items():
        yield Row(name, _plain(item))


def _plain(value: JsonValue) -> str:
    """Write a JSON value as a person would, cut where it is long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} … (whole in report.json)"
