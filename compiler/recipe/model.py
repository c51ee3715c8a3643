"""The recipe: what to compress, for which target, by which passes, within which budget."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    JsonValue,
    PositiveInt,
    model_validator,
)

from compiler.data.augment import Augment
from compiler.data.evaluate import Evaluate
from compiler.data.preprocess import Preprocess
from compiler.data.source import DataSource
from compiler.diagnostic import Span
from compiler.recipe.check import ModelT, read_model
from compiler.recipe.files import read_files
from compiler.recipe.shapes import (
    PRODUCT_SCHEMA,
    budget_fault,
    model_fault,
    not_blank,
    one_is_many,
    safe_product,
    split_step,
)
from compiler.yaml.node import Key, Node

Shape = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, defer_build=True)


class Model(_Section):
    """Where the trained network comes from: an ONNX file, or a function that builds it in torch."""

    onnx: Path | None = None
    """An ONNX file."""
    torch: str | None = None
    """A function that returns the module, as path/to/file.py:function or package.module:function."""
    args: dict[str, JsonValue] = {}
    """Keyword arguments for the torch function."""
    checkpoint: Path | None = None
    """Weights for the torch model, read as plain tensors."""
    inputs: dict[str, Shape] = {}
    """The shape of each input, batch first."""
    input_layout: Literal["nchw", "nhwc"] = "nchw"
    """The order of an image's axes at the network's input; what TensorFlow exported is nhwc, with the channels last."""
    learning_rate: Annotated[FiniteFloat, Field(gt=0)] | None = None
    """The learning rate that trained the network, at its highest; `0.1x` in a retraining is a tenth of it."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        fault = model_fault(self.onnx, self.torch, self.args, self.checkpoint, self.inputs)
        if fault is not None:
            raise fault
        return self


class Data(_Section):
    """The images that passes look at, train on and are measured with."""

    calibration: DataSource | None = None
    """Images that show passes what the network will see; needs no labels."""
    train: DataSource | None = None
    """Labelled images for fine-tuning."""
    validation: DataSource | None = None
    """Labelled images that accuracy is measured on."""
    preprocess: Preprocess = Preprocess()
    """How an image becomes an input of the network."""
    augment: Augment = Augment()
    """How training images are varied; nothing else sees it."""


class Budget(_Section):
    """Limits that the result must keep; a missed one fails the build."""

    accuracy: Annotated[FiniteFloat, Field(ge=0, le=1)] | None = None
    """Accuracy that must be left: at least this much of the metric under `evaluate`."""
    accuracy_drop: Annotated[FiniteFloat, Field(ge=0, le=1)] | None = None
    """Accuracy that may be lost, as a difference: 0.06 allows 0.80 to become 0.74."""
    latency_ms: Annotated[FiniteFloat, Field(gt=0)] | None = None
    """Predicted milliseconds for one inference on the target."""
    parameters: PositiveInt | None = None
    """Elements of the floating-point weights."""
    bytes: PositiveInt | None = None
    """Bytes of the weights as stored."""
    macs: PositiveInt | None = None
    """Multiply-accumulates of one inference."""
    artifact_mb: Annotated[FiniteFloat, Field(gt=0)] | None = None
    """Size of the deployed model in megabytes of 10^6 bytes."""
    stop_when_met: bool = False
    """Whether the passes that are left are not run once every limit is met."""

    @model_validator(mode="after")
    def _something_to_meet(self) -> Self:
        if self.stop_when_met and not self.model_fields_set - {"stop_when_met"}:
            raise budget_fault()
        return self


class Step(_Section):
    """A pass by name, with its options as written; the pass itself checks them."""

    name: str
    options: dict[str, JsonValue] = {}


def _read_step(value: Any) -> Step:
    name, options = split_step(value)
    return Step(name=name, options=options)


class Repeat(_Section):
    """Passes that run in turn, several times over, each round taking them further towards what they ask for."""

    rounds: int = Field(ge=2, le=100)
    """How many times the passes run."""
    passes: tuple[Annotated[Step, BeforeValidator(_read_step)], ...] = Field(min_length=1)
    """What each round does, in order."""


class Allow(_Section):
    """A finding that is known and accepted, and why."""

    code: str = Field(min_length=1)
    """The code of the finding, such as T014."""
    because: Annotated[str, AfterValidator(not_blank)]
    """The reason, for whoever reads the recipe next."""


class Recipe(_Section):
    """What to compress, for which target, by which passes, within which budget."""

    version: Literal[1]
    """The version of the recipe's own format."""
    product: Annotated[str, AfterValidator(safe_product), Field(json_schema_extra=PRODUCT_SCHEMA)]
    """The name of the product, and of its folder."""
    extends: str | None = None
    """A recipe that this one is laid over: later values win, mappings merge, lists replace."""
    model: Model
    data: Data = Data()
    evaluate: Evaluate | None = None
    target: Annotated[tuple[str, ...], BeforeValidator(one_is_many)] = ()
    """The boards to build for: one name or a list."""
    budget: Budget = Budget()
    passes: tuple[Annotated[Step, BeforeValidator(_read_step)], ...] = ()
    """What to do, in order."""
    allow: tuple[Allow, ...] = ()
    seed: int = Field(default=0, ge=0, lt=2**63)
    """The seed of everything random."""


@dataclass(frozen=True)
class LoadedRecipe:
    """A recipe with the place of everything in it, for diagnostics that come later."""

    recipe: Recipe
    path: Path
    sources: tuple[Path, ...]
    """The files that were read: the recipe itself, then what it extends."""
    root: Node
    """The merged recipe as it was written; paths are absolute."""

    def at(self, *path: Key) -> Span | None:
        """Return where a value stands, or None. A path is made of keys and indexes: "passes", 0."""
        node = self.root.get(*path)
        return None if node is None else node.span

    def key_at(self, *path: Key) -> Span | None:
        """Return the place of a key, or None."""
        node = self.root.get(*path)
        return None if node is None else node.key or node.span

    def text_at(self, *path: Key) -> str | None:
        """Return a single value as it was written, paths still relative, or None."""
        node = self.root.get(*path)
        return None if node is None else node.text

    def step_at(self, entry: tuple[Key, ...], name: str) -> Span:
        """Return the place of a pass's name; the entry is the path to where the pass stands in a list."""
        return self.key_at(*entry, name) or self.at(*entry) or Span(str(self.path))

    def read_options(self, entry: tuple[Key, ...], name: str, kind: type[ModelT]) -> ModelT:
        """Read the options of a pass as that pass's own model. Raises CompressError at the lines of its faults."""
        return read_model(kind, self.root, (*entry, name))


def load_recipe(path: Path, sets: Sequence[str] = ()) -> LoadedRecipe:
    """Read a recipe, what it extends, and the `--set PATH=VALUE` options laid over both.

    Raises CompressError with a diagnostic for each fault. Whether the files that it names exist is not looked at.
    """
    root, sources = read_files(path, sets, Recipe)
    return LoadedRecipe(read_model(Recipe, root), path, sources, root)
