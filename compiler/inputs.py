"""What a build feeds its networks with: calibration images, self-test inputs, and the metric on validation images."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from compiler.analysis.regions import Scene
from compiler.contracts import Sample
from compiler.data import evaluate_samples, read_listing
from compiler.data.datasets import Sample as Labelled
from compiler.data.digest import listings_digest
from compiler.data.faults import data_fault
from compiler.data.label_codes import ARRAY_MISMATCH, IMAGES_UNFIT
from compiler.data.likeness import Agree, Likeness, agreement, input_size
from compiler.data.preprocess import Preprocess
from compiler.data.records import Listing, Record
from compiler.data.source import DataSource
from compiler.data.training_set import TrainingSet
from compiler.diagnostic import CompressError, Diagnostic
from compiler.frontends.data_factory import open_source
from compiler.ir import Array, Program, ProgramView, model_bytes
from compiler.recipe import LoadedRecipe, Recipe
from compiler.reference import Session, random_feeds

_PROBE_SAMPLES = 4
_IMAGE_CHANNELS = (1, 3)


def calibration(recipe: Recipe, program: ProgramView) -> Callable[[], Iterator[Sample]] | None:
    """Make a function that opens a fresh stream of prepared calibration inputs, or None without such data.

    Images feed networks with one four-dimensional image input; arrays feed any network.
    """
    source = recipe.data.calibration
    if source is None or not can_feed(source, program):
        return None
    name, read = program.inputs[0], _reader(recipe, program, source)

    def stream() -> Iterator[Sample]:
        return (fitted(sample, name, program) for sample in read())

    return stream


def scenes(recipe: Recipe, program: ProgramView) -> Callable[[], Iterator[Scene]] | None:
    """Make a function that opens a fresh stream of images with their boxes, richest first.

    The order is by falling number of boxes, then by falling area of the boxes, then as listed; crowds do not count.
    Images come from the calibration data if that has boxes, else from the validation data if that has, else from the
    calibration data without boxes.
    """
    name = image_input(program)
    given = [source for source in (recipe.data.calibration, recipe.data.validation) if source is not None]
    source = next((source for source in given if source.kind in {"coco", "yolo"}), given[0] if given else None)
    if source is None or name is None:
        return None
    settings = _settings(recipe, program)

    def stream() -> Iterator[Scene]:
        listing = open_source(source, recipe.seed)
        order = _richest_first(listing)

        def fetch(place: int) -> Record:
            return listing.fetch(order[place])

        for index, sample in zip(order, read_listing(replace(listing, fetch=fetch), settings), strict=True):
            yield _scene(name, index, sample, program)

    return stream


def tensor_reader(folder: Path) -> Callable[[Path], Mapping[str, Array]]:
    """Make the function by which passes read checkpoints beside a recipe; torch is not imported before one does."""

    def read(path: Path) -> Mapping[str, Array]:
        from compiler.frontends.checkpoint import read_tensors

        return read_tensors(folder / path)

    return read


def probe_samples(recipe: Recipe, program: ProgramView) -> list[Sample]:
    """Choose the inputs on which fidelity is measured: the first calibration images, else seeded random ones."""
    stream = calibration(recipe, program)
    if stream is None:
        rng = np.random.default_rng(recipe.seed)
        return [random_sample(program, rng) for _ in range(2)]
    return [sample for sample, _ in zip(stream(), range(_PROBE_SAMPLES), strict=False)]


def random_sample(program: ProgramView, rng: np.random.Generator) -> dict[str, Array]:
    """Make a seeded random value in [0, 1) for every input."""
    return random_feeds({name: (dtype, shape) for name, dtype, shape in _inputs(program)}, rng)


def scorer(recipe: Recipe, program: ProgramView) -> Callable[[Program], dict[str, float]] | None:
    """Make a function that measures a program's accuracy in ONNX Runtime, or None without validation data or metric."""
    source, evaluate = recipe.data.validation, recipe.evaluate
    if source is None or evaluate is None or not can_feed(source, program):
        return None
    name, listing, settings = program.inputs[0], open_source(source, recipe.seed), _settings(recipe, program)
    reference = model_bytes(program) if evaluate.metric == "fidelity" else b""

    def score(candidate: Program) -> dict[str, float]:
        session, samples = Session(model_bytes(candidate)), read_listing(listing, settings)
        if evaluate.metric == "fidelity":
            feeds = (fitted(sample, name, program) for sample in samples)
            return _fidelity(Session(reference), session, feeds, agreement(evaluate))
        found = evaluate_samples(lambda one: session.run(fitted(one, name, program)), listing, samples, evaluate)
        return {evaluate.metric: found[evaluate.metric]}

    return score


def agreement_of(recipe: Recipe) -> Agree | None:
    """Choose what counts as the same result of two networks, by the recipe's decoder; None without one."""
    return None if recipe.evaluate is None else agreement(recipe.evaluate)


def _fidelity(reference: Session, session: Session, samples: Iterable[Sample], agree: Agree | None) -> dict[str, float]:
    """Compare a network with the source, image by image: cosine similarity, and agreement where it can be told."""
    likeness = Likeness(agree)
    for feeds in samples:
        likeness.add(reference.run(feeds), session.run(feeds), input_size(feeds))
    share = likeness.agreement
    return {"fidelity": likeness.cosine} | ({} if share is None else {"agreement": share})


def training_set(recipe: Recipe, program: ProgramView) -> TrainingSet | None:
    """Open the training data as examples by number, varied as `data.augment` says; None without such data."""
    source = recipe.data.train
    if source is None or not can_feed(source, program):
        return None
    return TrainingSet(open_source(source, recipe.seed), _settings(recipe, program), recipe.data.augment)


def as_declared(sample: Sample, program: ProgramView) -> dict[str, Array]:
    """Give a sample the element types that a finished program takes: 16 bits where a pass asked for them."""
    kinds = {name: program.type(name).dtype for name in sample}
    return {
        name: value.astype(np.float16) if kinds[name] == np.float16 and value.dtype == np.float32 else value
        for name, value in sample.items()
    }


def image_input(program: ProgramView) -> str | None:
    """Name the single input that takes an image, or None."""
    if len(program.inputs) != 1:
        return None
    shape = program.shape(program.inputs[0])
    is_image = shape is not None and len(shape) == 4 and shape[0] == 1 and shape[1] in _IMAGE_CHANNELS
    return program.inputs[0] if is_image else None


def can_feed(source: DataSource, program: ProgramView) -> bool:
    """Tell whether a kind of source can feed a network at all; arrays and functions may have whatever it takes."""
    return source.kind in {"npz", "python"} or image_input(program) is not None


def check_images(loaded: LoadedRecipe, program: ProgramView) -> None:
    """Insist that images which the recipe gives can be fed to the network. Raises CompressError; no file is opened."""
    data = loaded.recipe.data
    given = {"calibration": data.calibration, "train": data.train, "validation": data.validation}
    for role, source in given.items():
        if source is not None and not can_feed(source, program):
            said, advice = _why_unfit(program)
            raise CompressError(Diagnostic(IMAGES_UNFIT, said, advice, loaded.at("data", role)))


def _why_unfit(program: ProgramView) -> tuple[str, str]:
    """Say why images cannot be fed to a network, and what to do."""
    arrays = "give prepared arrays instead: `npz: file.npz`, or a function by `python`"
    if len(program.inputs) != 1:
        return f"images feed one input, and the network has {len(program.inputs)}: {', '.join(program.inputs)}", arrays
    name = program.inputs[0]
    shape = program.shape(name) or ()
    said = f"images cannot be fed to {name}, which is {program.type(name)}"
    if len(shape) != 4:
        return said, arrays
    if shape[3] in _IMAGE_CHANNELS and shape[1] not in _IMAGE_CHANNELS:
        return f"{said}, with the channels last", "say so by `model: {input_layout: nhwc}`"
    if shape[0] != 1:
        return f"{said}, {shape[0]} images at once", "export the network with a batch of 1, or with an open batch"
    return said, arrays


def settings_for(recipe: Recipe, program: ProgramView, name: str) -> Preprocess:
    """Complete the recipe's preprocessing with the size and the channels of the network's input."""
    shape = program.shape(name)
    assert shape is not None
    return recipe.data.preprocess.for_input(shape[2], shape[3], shape[1])


def fitted(sample: Labelled, name: str, program: ProgramView) -> dict[str, Array]:
    """Return what a sample feeds a network with. Raises CompressError where an array does not fit its input."""
    return fitted_arrays(sample.feeds(name), sample.path, program)


def fitted_arrays(feeds: Mapping[str, Array], place: Path, program: ProgramView) -> dict[str, Array]:
    """Give a network's inputs their arrays; one alone needs no name. Raises CompressError where one does not fit."""
    if len(feeds) == 1 and len(program.inputs) == 1:
        feeds = {program.inputs[0]: next(iter(feeds.values()))}
    for key, dtype, shape in _inputs(program):
        value = feeds.get(key)
        if value is None:
            said = f"{place} has no array for the network's input {key}"
            raise data_fault(ARRAY_MISMATCH, said, f"it has {', '.join(feeds)}", place)
        if value.dtype != dtype or value.shape != shape:
            said = f"{place}: {key} is {value.dtype} {list(value.shape)}, the network takes {dtype} {list(shape)}"
            advice = f"save examples of shape {list(shape[1:])} with .astype(numpy.{dtype})"
            raise data_fault(ARRAY_MISMATCH, said, advice, place)
    return {key: feeds[key] for key in program.inputs}


def data_digest(recipe: Recipe) -> str | None:
    """Hash all that the recipe's sources hold; None without data."""
    data = recipe.data
    given = (("calibration", data.calibration), ("validation", data.validation), ("train", data.train))
    listings = [(role, open_source(source, recipe.seed)) for role, source in given if source is not None]
    return listings_digest(listings) if listings else None


def _reader(recipe: Recipe, program: ProgramView, source: DataSource) -> Callable[[], Iterator[Labelled]]:
    """Make a function that reads a source from its start; it is listed once, when first read."""
    settings, opened = _settings(recipe, program), list[Listing]()

    def read() -> Iterator[Labelled]:
        if not opened:
            opened.append(open_source(source, recipe.seed))
        return read_listing(opened[0], settings)

    return read


def _settings(recipe: Recipe, program: ProgramView) -> Preprocess:
    name = image_input(program)
    return recipe.data.preprocess if name is None else settings_for(recipe, program, name)


def _richest_first(listing: Listing) -> list[int]:
    """Order the records of a source by their boxes, without opening an image; as listed where only reading tells."""
    places = list(range(listing.count))
    if listing.labels is None or "boxes" not in listing.labels:
        return places

    def poverty(place: int) -> tuple[int, float]:
        found = listing.fetch(place).objects
        boxes = found.boxes[~found.crowds]
        return -len(boxes), -float(boxes[:, 2:].prod(axis=1).sum())

    return sorted(places, key=poverty)


def _scene(name: str, index: int, sample: Labelled, program: ProgramView) -> Scene:
    """Bring a sample's boxes, (x, y, width, height) on the photograph, to corners on the network's input."""
    corners = np.concatenate([sample.boxes[:, :2], sample.boxes[:, :2] + sample.boxes[:, 2:]], axis=1)
    boxes, crowds = sample.geometry.to_input(corners), sample.objects.crowds
    whole = np.array([[0.0, 0.0, sample.geometry.width, sample.geometry.height]])
    height, width = sample.array.shape[2:]
    return Scene(
        feeds=fitted(sample, name, program),
        boxes=boxes[~crowds],
        content=sample.geometry.to_input(whole)[0],
        size=(height, width),
        ignored=boxes[crowds],
        name=sample.path.name,
        index=index,
    )


def _inputs(program: ProgramView) -> Iterator[tuple[str, np.dtype[np.generic], tuple[int, ...]]]:
    for name in program.inputs:
        kind = program.type(name)
        assert kind.dtype is not None and kind.static_shape is not None, f"input {name} is not pinned"
        yield name, kind.dtype, kind.static_shape
