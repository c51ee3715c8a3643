"""What a build feeds its networks with: calibration images, self-test inputs, and the metric on validation images."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from compiler.analysis.regions import Scene
from compiler.contracts import Sample
from compiler.data import evaluate_detector, list_source, read_samples
from compiler.data.datasets import DataSource
from compiler.data.datasets import Sample as Labelled
from compiler.data.preprocess import Preprocess
from compiler.ir import Array, Program, ProgramView, model_bytes
from compiler.recipe import Recipe
from compiler.reference import Session, random_feeds

_PROBE_SAMPLES = 4


def calibration(recipe: Recipe, program: ProgramView) -> Callable[[], Iterator[Sample]] | None:
    """Make a function that opens a fresh stream of prepared calibration images, or None without such data.

    Only networks with one four-dimensional image input can be fed from image folders.
    """
    source = recipe.data.calibration
    name = image_input(program)
    if source is None or name is None:
        return None
    settings = settings_for(recipe, program, name)

    def stream() -> Iterator[Sample]:
        return ({name: sample.array} for sample in read_samples(source, settings))

    return stream


def scenes(recipe: Recipe, program: ProgramView) -> Callable[[], Iterator[Scene]] | None:
    """Make a function that opens a fresh stream of images with their boxes.

    They come from the calibration data if that is labelled, else from the validation data if that is, else from the
    calibration data without boxes.
    """
    name = image_input(program)
    given = [source for source in (recipe.data.calibration, recipe.data.validation) if source is not None]
    source = next((source for source in given if source.coco is not None), given[0] if given else None)
    if source is None or name is None:
        return None
    settings = settings_for(recipe, program, name)

    def stream() -> Iterator[Scene]:
        return (_scene(name, sample) for sample in read_samples(source, settings))

    return stream


def _scene(name: str, sample: Labelled) -> Scene:
    """Bring a sample's boxes, (x, y, width, height) on the photograph, to corners on the network's input."""
    corners = np.concatenate([sample.boxes[:, :2], sample.boxes[:, :2] + sample.boxes[:, 2:]], axis=1)
    whole = np.array([[0.0, 0.0, sample.geometry.width, sample.geometry.height]])
    height, width = sample.array.shape[2:]
    content = sample.geometry.to_input(whole)[0]
    return Scene({name: sample.array}, sample.geometry.to_input(corners), content, (height, width))


def probe_samples(recipe: Recipe, program: ProgramView) -> list[Sample]:
    """Choose the inputs on which fidelity is measured: the first calibration images, else seeded random ones."""
    stream = calibration(recipe, program)
    if stream is None:
        rng = np.random.default_rng(recipe.seed)
        return [random_sample(program, rng) for _ in range(2)]
    return [sample for sample, _ in zip(stream(), range(_PROBE_SAMPLES), strict=False)]


def random_sample(program: ProgramView, rng: np.random.Generator) -> dict[str, Array]:
    """Make a seeded random value in [0, 1) for every input."""
    shapes: dict[str, tuple[np.dtype[np.generic], tuple[int, ...]]] = {}
    for name in program.inputs:
        kind = program.type(name)
        assert kind.dtype is not None and kind.static_shape is not None, f"input {name} is not pinned"
        shapes[name] = (kind.dtype, kind.static_shape)
    return random_feeds(shapes, rng)


def scorer(recipe: Recipe, program: ProgramView) -> Callable[[Program], dict[str, float]] | None:
    """Make a function that measures a program's accuracy in ONNX Runtime, or None without labels or metric."""
    source, evaluate, name = recipe.data.validation, recipe.evaluate, image_input(program)
    if source is None or evaluate is None or name is None:
        return None
    settings = settings_for(recipe, program, name)

    def score(candidate: Program) -> dict[str, float]:
        session = Session(model_bytes(candidate))
        found = evaluate_detector(session.run, source, settings, evaluate, input_name=name)
        return {evaluate.metric: found[evaluate.metric]}

    return score


def image_input(program: ProgramView) -> str | None:
    """Name the single input that takes an image, or None."""
    if len(program.inputs) != 1:
        return None
    shape = program.shape(program.inputs[0])
    return program.inputs[0] if shape is not None and len(shape) == 4 and shape[1] == 3 else None


def settings_for(recipe: Recipe, program: ProgramView, name: str) -> Preprocess:
    """Complete the recipe's preprocessing with the size of the network's input."""
    shape = program.shape(name)
    assert shape is not None
    return recipe.data.preprocess.for_input(shape[2], shape[3])


def data_digest(recipe: Recipe) -> str | None:
    """Hash the names and bytes of all calibration and validation files, in order; None without data."""
    sources = [source for source in (recipe.data.calibration, recipe.data.validation) if source is not None]
    if not sources:
        return None
    sha = hashlib.sha256()
    for source in sources:
        for path in _files(source):
            sha.update(f"{path.name}\0{path.stat().st_size}\0".encode())
            sha.update(path.read_bytes())
    return sha.hexdigest()


def _files(source: DataSource) -> list[Path]:
    listed = [entry.path for entry in list_source(source).entries]
    return listed if source.coco is None else [source.coco, *listed]
