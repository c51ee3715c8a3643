"""Statistics for the normalisations of an untrained backbone: those of what reaches them on calibration images."""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from compiler.contracts import Sample
from compiler.ir import Array, BatchNorm, Program, ProgramView, TensorType, runnable_bytes
from compiler.reference import Session
from compiler.rewrites.grow import Grower, Role, drawn
from passes.backbones.swapping import Swapped, features, image

_IMAGES = 8


def settled(program: ProgramView, made: Swapped, images: Iterator[Sample]) -> Swapped:
    """Draw a backbone's weights and let each of its normalisations start from the mean and variance that it will see.

    Without that, fixed statistics of 0 and 1 let the values shrink from layer to layer, and a fit on what comes out
    answers with weights so large that the first step of training, which normalises by what it sees, blows up. One run
    over a strip of a few images side by side; memory grows with those few. What a library exported stays as it is.
    """
    name = image(program)
    strips = [sample[name] for sample in islice(images, _IMAGES)] if name is not None else []
    if made.source is not None or made.weights or name is None or not strips:
        return made
    draw, values = drawn(np.random.default_rng(made.seed)), dict[str, Array]()

    def noted(parameter: str, shape: tuple[int, ...], role: Role) -> Array:
        values[parameter] = draw(parameter, shape, role)
        return values[parameter]

    strip = np.concatenate(strips, axis=3)
    trial = Program("statistics", program.opsets)
    trial.add_input(name, TensorType(strip.dtype, strip.shape))
    grow = Grower(trial, noted)
    features(made)(grow, grow.begin(name, (strip.shape[1], strip.shape[2], strip.shape[3])))
    norms = [norm.name for norm in trial.each(BatchNorm)]
    measured = _measure(trial, norms)
    found = Session(runnable_bytes(trial)).run({name: strip})
    for norm, tensors in zip(norms, measured, strict=True):
        for part, tensor in zip(("running_mean", "running_var"), tensors, strict=True):
            values[f"{norm}.{part}"] = found[tensor].mean(axis=0).ravel()
    return made.model_copy(update={"weights": values})


def _measure(trial: Program, norms: Sequence[str]) -> list[tuple[str, str]]:
    """Let each normalisation use what it sees, and put that out: mean and variance, each [batch, channels, 1, 1]."""
    found: list[tuple[str, str]] = []
    for name in norms:
        op = trial.op(name)
        x, epsilon = op.x, op.number("epsilon", 1e-5)
        trial.retype(op, "InstanceNormalization", op.inputs[:3])
        trial.set_attribute(op, "epsilon", epsilon)
        mean = _add(trial, "GlobalAveragePool", name, [x])
        apart = _add(trial, "Sub", name, [x, mean])
        square = _add(trial, "Mul", name, [apart, apart])
        variance = _add(trial, "GlobalAveragePool", name, [square])
        for tensor in (mean, variance):
            trial.set_type(tensor, TensorType(np.dtype(np.float32)))
            trial.add_output(tensor)
        found.append((mean, variance))
    return found


def _add(trial: Program, op_type: str, name: str, inputs: Sequence[str]) -> str:
    """Add a node that writes one tensor, and name that."""
    return trial.add(op_type, inputs, [trial.fresh(f"{name}_{op_type}")], name=f"{name}_{op_type}").y
