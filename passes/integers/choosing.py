"""Which way of choosing ranges, filters evened out or not, leaves the outputs least noise on a few images."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal, TypeAlias, cast

from compiler.analysis.quantization import (
    CalibratorName,
    Divisors,
    Layout,
    Seen,
    Stream,
    Trial,
    Watch,
    calibrated,
    judged_tensors,
    make_trial,
    ranged,
    read_by_convs,
    watch,
)
from compiler.ir import Program, ProgramView
from compiler.rewrites.equalize import channel_peaks, even_out, tensors_between
from compiler.rewrites.learn_values import learn_values, without_first
from compiler.target import QuantScheme
from passes.integers.decision import Quantized, Way
from passes.integers.making import Making

Calibrate: TypeAlias = Literal[CalibratorName, "quietest"]
_TRIED: tuple[CalibratorName, ...] = ("mse", "minmax", "percentile")
_MOST_JUDGES = 16
"""The most images that learned rounding, and noise that the recipe limits, are judged by."""
_TRIAL_IMAGES, _PEAK_IMAGES, _WORTH_DB = 4, 8, 1.0
"""Images for noise and for channels' largest values, and noise that evening out takes where filters have own scales."""


@dataclass(frozen=True)
class Images:
    """The calibration images, what the network in float shows on them, and some to judge by."""

    layout: Layout
    """What is to be quantised of it, as far as the recipe goes."""
    stream: Stream
    watched: Watch
    trial: Trial


@dataclass(frozen=True)
class _Form:
    """The network with its filters as they are, or evened out."""

    network: Program
    plain: Quantized
    divisors: Divisors
    """What evening out divides each channel of a tensor by."""


def prepare(program: ProgramView, scheme: QuantScheme, layout: Layout, stream: Stream) -> Images:
    """Load the network with all that will be looked at, and run the images to judge by. Raises RefusedError."""
    judged = judged_tensors(program, scheme, layout).values()
    watched = watch(program, (*layout.tensors, *read_by_convs(program, layout), *tensors_between(program), *judged))
    return Images(layout, stream, watched, make_trial(watched, list(islice(stream(), _TRIAL_IMAGES))))


def choose(calibrate: Calibrate, making: Making, plain: Quantized, images: Images, *, equalize: bool | None) -> Way:
    """Look at the images once, and try what the recipe leaves open."""
    forms = list(_forms(images, plain, equalize=equalize))
    seen = calibrated(images.watched, plain.scheme, images.layout, images.stream, [form.divisors for form in forms])
    first, *others = _TRIED if calibrate == "quietest" else (calibrate,)
    ways = [_way(form, item, first) for form, item in zip(forms, seen, strict=True)]
    heard = [quiet(way, making, images) for way in ways] if others or len(ways) > 1 else [0.0]
    worth = _WORTH_DB if plain.scheme.per_channel else 0.0
    place = 1 if len(ways) > 1 and heard[1] > heard[0] + worth else 0
    best, least = ways[place], heard[place]
    for name in others:
        way = _way(forms[place], seen[place], name)
        noise = quiet(way, making, images)
        if noise > least:
            best, least = way, noise
    return best


def closely_judged(images: Images, count: int = _MOST_JUDGES) -> Images:
    """Take more images to judge by, the first of all. Raises RefusedError."""
    return replace(images, trial=make_trial(images.watched, list(islice(images.stream(), count))))


def learned(way: Way, making: Making, images: Images) -> Way:
    """Learn how to round on the other images, and keep what was learned if outputs are quieter on these."""
    count = sum(1 for _ in islice(images.stream(), 4 * _MOST_JUDGES))
    judges = closely_judged(images, max(len(images.trial.samples), count // 4))
    others = without_first(images.stream, len(judges.trial.samples))
    got = learn_values(way.network, images.layout.layers, way.plain.scheme, others, can_shift=making.corrects_bias)
    found = {"rounding": got.errors, "sha256": got.sha256, "values": got.values}
    tried = replace(way, plain=way.plain.model_copy(update=found))
    heard = {"nearest": quiet(way, making, judges), "learned": quiet(tried, making, judges)}
    kept = tried if heard["learned"] > heard["nearest"] else way
    return replace(kept, plain=kept.plain.model_copy(update={"rounding_sqnr_db": heard}))


def quiet(way: Way, making: Making, images: Images) -> float:
    """Tell how far a way's noise stays below the outputs, in dB. Raises RefusedError."""
    return images.trial.noise_of(making.twin(way.network, making.decision(way, {})))


def _forms(images: Images, plain: Quantized, *, equalize: bool | None) -> Iterator[_Form]:
    """Take the network as it is, evened out, or both where nothing is said and there is something to even out."""
    program = cast(Program, images.watched.program)
    if not equalize:
        yield _Form(program, plain.model_copy(update={"is_equalized": False}), {})
    if equalize or (equalize is None and tensors_between(program)):
        is_by_channel, network = plain.scheme.per_channel, program.clone()
        peaks = channel_peaks(images.watched, islice(images.stream(), _PEAK_IMAGES)) if is_by_channel else {}
        divisors = even_out(network, peaks)
        yield _Form(network, plain.model_copy(update={"is_equalized": True, "peaks": peaks}), divisors)


def _way(form: _Form, seen: Seen, name: CalibratorName) -> Way:
    plain = form.plain.model_copy(update={"calibrate": name})
    return Way(form.network, plain, ranged(seen, name), form.divisors)
