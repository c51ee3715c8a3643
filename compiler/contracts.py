"""All that the author of a pass, a target rule or an emitter must know."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import ClassVar, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict

from compiler.analysis.pictures import Picture
from compiler.analysis.regions import Scene
from compiler.artifact import Manifest
from compiler.diagnostic import Code, Diagnostic
from compiler.ir import Array, Op, Program, ProgramView, model_bytes
from compiler.target import Target
from compiler.training.setup import Training

Sample: TypeAlias = Mapping[str, Array]
"""One prepared input of the network: tensor name to array with a batch of 1."""


class Effect(StrEnum):
    """What a pass promises about the network's outputs."""

    EXACT = "exact"
    """Outputs stay the same to float rounding."""
    LOSSY = "lossy"
    """Outputs change; the report states by how much."""


class Decision(BaseModel):
    """A pass's choice: a frozen value that the report holds and that a later build can replay."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    def filters_left(self) -> Mapping[str, tuple[int, ...]]:
        """Tell, for each layer that loses filters by this choice, which of those that it had are left."""
        return {}


@dataclass(frozen=True)
class Skip:
    """A layer that a pass left alone, and why."""

    layer: str
    why: str


@dataclass
class Log:
    """Where a rewrite says what it left alone and what the user should know."""

    skipped: list[Skip] = field(default_factory=list[Skip])
    findings: list[Diagnostic] = field(default_factory=list[Diagnostic])
    forecasts: list[Diagnostic] = field(default_factory=list[Diagnostic])
    """Findings that need no measurement, so that lint says them too, be they only notes."""
    is_unseen: bool = False
    """Whether lint cannot see what the step will do: that it changes nothing there means nothing."""

    def skip(self, layer: Op | str, why: str) -> None:
        """Record that a layer was left alone."""
        self.skipped.append(Skip(layer if isinstance(layer, str) else layer.name, why))

    def find(self, diagnostic: Diagnostic) -> None:
        """Record a finding about the pass or the model."""
        self.findings.append(diagnostic)

    def foresee(self, diagnostic: Diagnostic) -> None:
        """Record a finding that is known before anything is measured."""
        self.forecasts.append(diagnostic)


@dataclass(frozen=True)
class Offer:
    """What a recipe says of its data; the files themselves need not be there."""

    calibration: bool
    pictures: bool
    """Calibration images, or validation images in their stead."""
    boxes: bool
    """Either of them in a form that can hold boxes."""


@dataclass(frozen=True)
class Context:
    """What a decision may look at besides the program.

    `calibration` opens a fresh stream of prepared inputs, one image at a time. On the lint path it is None and
    weights may be stand-ins: the pass then returns a stand-in decision of the shape the real one will have.
    """

    target: Target
    rng: np.random.Generator
    calibration: Callable[[], Iterator[Sample]] | None = None
    scenes: Callable[[], Iterator[Scene]] | None = None
    """The same with true boxes, where the recipe's data has them."""
    is_stand_in: bool = False
    way: Fraction = Fraction(1)
    """Inside a `repeat`, how far along the rounds are with this one: 1/3, 2/3, 1. A pass that has a strength goes this
    share of the way to it, counted from `origin`."""
    origin: ProgramView | None = None
    """Inside a `repeat`, the network as it was before the first round."""
    training: Training | None = None
    """What a pass that trains is given: teacher, images, metric. On the lint path only what the recipe says of them."""
    backbones: Callable[[str, tuple[int, ...], int, Mapping[str, Array] | None], Program | None] | None = None
    """Gives a library's backbone by name, image shape, opset and weights: a program with one output for each stage.
    On the lint path None for what no build has exported yet."""
    tensors: Callable[[Path], Mapping[str, Array]] | None = None
    """Reads a checkpoint beside the recipe (torch, weights only, or safetensors): parameter name to value."""


class Pass(BaseModel, ABC):
    """One step of a recipe. The model's fields are the recipe's options; the docstring is the manual page.

    `decide` looks and edits nothing; `rewrite` edits and needs neither data nor torch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    effect: ClassVar[Effect]
    needs: ClassVar[frozenset[str]] = frozenset()
    """Properties that earlier steps must have given the program."""
    leaves: ClassVar[frozenset[str]] = frozenset()
    """Properties that a program has after this step on any target; `gives` can tell targets apart."""
    comes_before: ClassVar[Mapping[str, str]] = {}
    """Properties that are better given by a later step than by an earlier one, each with the reason."""
    spoilt_by: ClassVar[Mapping[str, str]] = {}
    """Properties under which this step can do little or nothing, each with the reason."""
    undoes: ClassVar[Mapping[str, str]] = {}
    """Properties, given by earlier steps, that this step takes away again, each with the reason."""
    is_structural: ClassVar[bool] = True
    """Whether it changes more than the values of weights; a pass that does not leaves a network alone in lint."""

    @classmethod
    def slug(cls) -> str:
        """Name this pass as recipes do: LevelPrune is level-prune."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()

    def gives(self, target: Target) -> frozenset[str]:
        """Name the properties that a program has after this step, on this target."""
        del target
        return self.leaves

    def foresee(self, target: Target) -> Iterator[Diagnostic]:
        """Yield what the target alone tells, before any network is read: a gain that is not to be expected."""
        del target
        yield from ()

    def wants(self, offer: Offer) -> Iterator[Diagnostic]:
        """Yield what this step cannot do without and the recipe's data does not have."""
        del offer
        yield from ()

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield what can be said before any work: selectors that match nothing, a precision the target lacks."""
        del program, target
        yield from ()

    def decide(self, program: ProgramView, context: Context) -> Decision | None:
        """Choose; None when there is nothing to choose."""
        del program, context
        return None

    def illustrate(self, program: ProgramView, decision: Decision | None, context: Context) -> Iterator[Picture]:
        """Draw what the report should show of a decision, on the program before it is carried out."""
        del program, decision, context
        yield from ()

    @abstractmethod
    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Carry the decision out."""


class Rule(ABC):
    """Something that a target cannot do, or does badly. The docstring is the manual page of its code."""

    code: ClassVar[Code]
    is_last_resort: ClassVar[bool] = False
    """Whether it is heard only about layers that no other rule refuses."""

    @abstractmethod
    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield one diagnostic per fault."""

    def at(self, op: Op, message: str, help: str | None = None) -> Diagnostic:  # noqa: A002 - the field's name
        """Make a diagnostic that names a layer and its operator."""
        return Diagnostic(self.code, message, help, layer=f"{op.name} ({op.op_type})")


@dataclass(frozen=True)
class Emission:
    """What an emitter turns into files: the finished program and what the board must know about it."""

    product: str
    program: Program
    target: Target
    preprocess: Mapping[str, object]
    """The recipe's preprocessing, as plain JSON values, for the manifest."""
    test_inputs: Sample
    """The self-test's input."""
    test_outputs: Sample
    """What ONNX Runtime computes for it on the host, from the very graph that is emitted."""
    versions: Mapping[str, str]
    """The compiler's and its libraries' versions."""


class Emitter(ABC):
    """Writes the files that deploy a program on one runtime."""

    runtimes: ClassVar[tuple[str, ...]]
    """The `runtime:` values of the profiles that it serves."""

    def model(self, program: Program) -> bytes:
        """Serialise a program as the artifact's `model.onnx` holds it; a budget of its size asks before the end."""
        return model_bytes(program)

    @abstractmethod
    def emit(self, emission: Emission, folder: Path) -> None:
        """Write the runtime's files into an empty folder."""

    def missing(self) -> Iterator[Diagnostic]:
        """Yield what this machine lacks to emit; a build asks before any work."""
        yield from ()

    def verify(self, folder: Path, manifest: Manifest) -> Iterator[Diagnostic]:
        """Try what this machine can try of an artifact whose files are sound, beyond its model in ONNX Runtime."""
        del folder, manifest
        yield from ()
