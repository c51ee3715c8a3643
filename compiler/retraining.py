"""What a build hands to passes that train: the recipe's images and labels, the source network, the metric."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compiler.data.digest import listings_digest
from compiler.data.records import Listing
from compiler.data.source import DataSource
from compiler.data.training_set import TrainingSample, TrainingSet
from compiler.frontends.data_factory import open_source
from compiler.inputs import can_feed, fitted_arrays, image_input, settings_for
from compiler.ir import Array, Program, ProgramView
from compiler.recipe import LoadedRecipe, Recipe
from compiler.training.setup import Example, Facts, Training, Watcher

_LABELS: Mapping[str, frozenset[str] | None] = {
    "images": frozenset(),
    "coco": frozenset({"boxes", "keypoints"}),
    "yolo": frozenset({"boxes"}),
    "classes": frozenset({"class"}),
    "npz": frozenset({"class"}),
    "python": None,
}
"""Which labels a kind of source may carry; None where only reading tells."""

Score = Callable[[Program], dict[str, float]]


@dataclass(frozen=True)
class Listed:
    """The images of a source, varied as the recipe allows."""

    examples: TrainingSet
    listing: Listing
    program: ProgramView

    @property
    def labels(self) -> frozenset[str] | None:
        """Which labels occur; None where only reading tells."""
        return self.listing.labels

    def __len__(self) -> int:
        """Count the images."""
        return len(self.examples)

    def example(self, index: int, rng: np.random.Generator) -> Example:
        """Read, vary and prepare one image."""
        sample = self.examples.load(index, rng)
        feeds = _feeds(sample, self.program)
        shown = (sample.keypoints[:, :, 2] > 0).any(axis=1)
        # Heat maps are for one figure: of several, the first that shows any point.
        points = sample.keypoints[shown][:1]
        return Example(feeds, sample.boxes, sample.classes, sample.label, points[0] if len(points) else None)


def training_facts(loaded: LoadedRecipe, program: ProgramView) -> Facts:
    """Gather what the recipe says of its training; no file is opened."""
    recipe = loaded.recipe
    source, evaluate = _source(recipe), recipe.evaluate
    return Facts(
        has_images=source is not None and can_feed(source, program),
        labels=frozenset() if source is None else _LABELS[source.kind],
        decode=None if evaluate is None else evaluate.decoder,
        anchors=() if evaluate is None else evaluate.anchors or (),
        output=None if evaluate is None else evaluate.output,
        source_rate=recipe.model.learning_rate,
        folder=loaded.path.parent,
    )


def stand_in(loaded: LoadedRecipe, program: Program) -> Training:
    """Make what the lint path needs to judge a retraining."""
    return Training(training_facts(loaded, program), program)


def make_training(
    loaded: LoadedRecipe, program: Program, score: Score | None, checkpoints: Path | None, watcher: Watcher | None
) -> Training:
    """Make what a build's passes train with; images are listed when a pass asks for them."""
    recipe, facts = loaded.recipe, training_facts(loaded, program)
    source = _source(recipe)
    if source is None or not facts.has_images:
        return Training(facts, program)
    name, opened = image_input(program), list[Listed]()

    def examples() -> Listed:
        if not opened:
            settings = recipe.data.preprocess if name is None else settings_for(recipe, program, name)
            listing = open_source(source, recipe.seed)
            opened.append(Listed(TrainingSet(listing, settings, recipe.data.augment), listing, program))
        return opened[0]

    return Training(
        facts=facts,
        teacher=program,
        examples=examples,
        data_digest=lambda: _digest(recipe, examples().listing),
        score=score,
        metric="" if recipe.evaluate is None else recipe.evaluate.metric,
        checkpoints=checkpoints,
        watcher=watcher,
    )


def _source(recipe: Recipe) -> DataSource | None:
    """Choose the images to train with: labelled ones if there are any."""
    return recipe.data.train or recipe.data.calibration


def _digest(recipe: Recipe, listing: Listing) -> str:
    """Hash all that training reads, and how it is prepared and judged."""
    given = [("train", listing)]
    if recipe.data.validation is not None:
        given.append(("validation", open_source(recipe.data.validation, recipe.seed)))
    varied = recipe.data.augment.model_dump_json()
    judged = "" if recipe.evaluate is None else recipe.evaluate.model_dump_json()
    return f"{listings_digest(given)} {recipe.data.preprocess.model_dump_json()} {varied} {judged}"


def _feeds(sample: TrainingSample, program: ProgramView) -> dict[str, Array]:
    """Return what a sample feeds a network with, a batch of one. Raises CompressError where it does not fit."""
    arrays = {"": sample.array} if sample.prepared is None else sample.prepared
    batches = {name: array[np.newaxis] for name, array in arrays.items()}
    return fitted_arrays(batches, sample.path, program)
