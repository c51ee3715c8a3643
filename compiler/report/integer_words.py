"""What a quantisation decided, in words: a text for each tensor or layer."""

from collections.abc import Callable, Mapping

from pydantic import JsonValue

from compiler.report import labels


def scheme_text(value: JsonValue) -> str:
    """Write which integers are used: "uint8, weights uint8 with one scale for each layer"."""
    if not isinstance(value, dict):
        return str(value)
    each = "filter" if value.get("per_channel") else "layer"
    return f"{value.get('activations')}, weights {value.get('weights')} with one scale for each {each}"


def predicted_text(value: JsonValue) -> str:
    """Write both predictions: "54.7 ms in floating point, 54.9 ms in integers"."""
    if not isinstance(value, dict):
        return str(value)
    before, after = (_milliseconds(value.get(key)) for key in ("float", "integers"))
    return f"{before} in floating point, {after} in integers"


def _grid(value: JsonValue) -> str:
    scale, zero = value if isinstance(value, list) and len(value) == 2 else (value, None)
    return f"scale {scale:.4g}, zero point {zero}" if isinstance(scale, float | int) else str(value)


def _decibels(value: JsonValue) -> str:
    return f"{value:.1f} dB" if isinstance(value, float | int) else str(value)


def _times(value: JsonValue) -> str:
    return f"scale {value:.3g} times as wide as its values ask for" if isinstance(value, float | int) else str(value)


def _milliseconds(value: JsonValue) -> str:
    return labels.milliseconds(value) if isinstance(value, float | int) else str(value)


def _conversions(value: JsonValue) -> str:
    return f"{_milliseconds(value)} for conversions at its borders"


def _channels(value: JsonValue) -> str:
    return f"means of {labels.plural(len(value), 'channel')}" if isinstance(value, list) else str(value)


def _peaks(value: JsonValue) -> str:
    if not isinstance(value, list) or not all(isinstance(item, float | int) for item in value):
        return str(value)
    sizes = [float(item) for item in value if isinstance(item, float | int)]
    channels = labels.plural(len(sizes), "channel")
    return f"{channels} evened out, whose largest values lie between {min(sizes):.3g} and {max(sizes):.3g}"


ENTRIES: Mapping[str, tuple[str, Callable[[JsonValue], str]]] = {
    "grids": ("tensor", _grid),
    "means": ("tensor", _channels),
    "peaks": ("layer", _peaks),
    "widened": ("layer", _times),
    "islands_ms": ("layer", _conversions),
    "layer_sqnr_db": ("layer", _decibels),
    "alone_sqnr_db": ("layer", _decibels),
    "floats": ("layer", str),
}
"""For each field that goes tensor by tensor or layer by layer: which of the two, and how an entry is written."""
