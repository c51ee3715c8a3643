"""What a person should know of a quantisation before any measurement: its extent, and what islands cost."""

from collections.abc import Iterator, Mapping, Sequence

from compiler.analysis.quantization.codes import INTEGER_LAYERS, INTEGERS_NOT_FASTER, ISLANDS_COST, NEAREST_KEPT
from compiler.analysis.quantization.islands import Gain
from compiler.diagnostic import Diagnostic

_SHOWN = 3


def foretold(layers: Sequence[str], floats: Mapping[str, str], gain: Gain) -> Iterator[Diagnostic]:
    """Yield how many layers compute in integers, and which not and why; and that conversions eat the gain, if so."""
    said = f"{len(layers)} {_layers(len(layers))} will compute in 8-bit integers"
    if floats:
        said += f", and {len(floats)} {'stays' if len(floats) == 1 else 'stay'} in floating point: {_reasons(floats)}"
    advice = ["the report lists them all"] if len(floats) > _SHOWN else []
    if any(why.startswith("ConvTranspose has no") for why in floats.values()):
        advice.append(_SPLIT)
    yield Diagnostic(INTEGER_LAYERS, said, "; ".join(advice) or None)
    if gain.is_eaten:
        yield Diagnostic(ISLANDS_COST, _costs(gain), _ADVICE)
    elif gain.saved_alone_ms <= 0:
        said = f"integers are predicted to take {gain.integer_ms:.4g} ms where floating point takes {gain.float_ms:.4g}"
        yield Diagnostic(INTEGERS_NOT_FASTER, said, "measure on the board, or quantise for the smaller file alone")


def not_learned(heard: Mapping[str, float]) -> Diagnostic:
    """Say that weights were rounded to the nearest after all."""
    said = (
        f"learned rounding leaves the outputs at {heard['learned']:g} dB on images that it was not learned from, "
        f"rounding to the nearest at {heard['nearest']:g} dB, so weights are rounded to the nearest"
    )
    return Diagnostic(NEAREST_KEPT, said, "leave `rounding` out, or give more calibration images")


_ADVICE = (
    "replace those layers by ones with integer kernels and retrain, or use fp16 or no smaller number format; if "
    "size is what counts, allow this and say so"
)


_SPLIT = (
    "`deconv-split` before `ptq` makes convolutions of transposed ones, which have integer kernels; its "
    "`min_gain: -0.2` also splits what gains nothing in floating point"
)


def _costs(gain: Gain) -> str:
    first = max(gain.islands, key=lambda name: gain.islands[name])
    if gain.saved_alone_ms > 0:
        without = f"integers would save {gain.saved_alone_ms:.3g} of {gain.float_ms:.4g} ms"
    else:
        without = f"the network would take {gain.float_ms - gain.saved_alone_ms:.4g} ms, {gain.float_ms:.4g} in floats"
    many = f"{len(gain.islands)} {_layers(len(gain.islands))}, {first} most"
    said = "layers in floating point between integers and the conversions around them are predicted to add"
    return f"{said} {gain.islands_ms:.3g} ms ({many}); without them {without}"


def _reasons(floats: Mapping[str, str]) -> str:
    """Group layers by their reasons: "act1, act2 and 9 more (LeakyRelu has no integer kernel on this target)".

    The commonest come first, and only a few are named.
    """
    groups: dict[str, list[str]] = {}
    for layer, why in floats.items():
        groups.setdefault(why, []).append(layer)
    ranked = sorted(groups.items(), key=lambda group: -len(group[1]))
    named = "; ".join(f"{_some(layers)} ({why})" for why, layers in ranked[:_SHOWN])
    rest = sum(len(layers) for _, layers in ranked[_SHOWN:])
    return f"{named}; and {rest} for other reasons" if rest else named


def _some(layers: Sequence[str]) -> str:
    more = len(layers) - _SHOWN
    return ", ".join(layers[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _layers(count: int) -> str:
    return "layer" if count == 1 else "layers"
