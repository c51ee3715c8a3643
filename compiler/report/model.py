"""What a build says about itself: the data behind report.json, from which every other report is made."""

from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from compiler.contracts import Effect, Picture
from compiler.diagnostic import Severity
from compiler.report.figures import figure, finite_within

_V = TypeVar("_V")


def _in_name_order(values: Mapping[str, _V]) -> dict[str, _V]:
    return {name: values[name] for name in sorted(values)}


def _not_absolute(path: str) -> str:
    if PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute():
        raise ValueError(f"a report holds no absolute path, but got {path}")
    return path


Figure: TypeAlias = Annotated[float | None, BeforeValidator(figure)]
"""A count, or a measured number of six significant digits; null where there is none or it is not finite."""
Seconds: TypeAlias = Annotated[float, AfterValidator(lambda seconds: round(seconds, 3))]
Json: TypeAlias = Annotated[JsonValue, BeforeValidator(finite_within)]
"""Options and decisions: kept to the last digit, so that a later build can replay them."""
RelativePath: TypeAlias = Annotated[str, AfterValidator(_not_absolute)]
"""A path with forward slashes, from the recipe's folder or inside the artifact."""
Named: TypeAlias = Annotated[dict[str, str], AfterValidator(_in_name_order)]
Shape: TypeAlias = tuple[int, ...]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class _MayHaveAccuracy(_Frozen):
    @model_serializer(mode="wrap")
    def _leave_out_absent(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Leave `accuracy` out where nothing was evaluated: the contract writes it as `accuracy?`."""
        return {key: value for key, value in handler(self).items() if key != "accuracy" or value is not None}


class Tool(_Frozen):
    """The compiler that wrote the report, and the libraries it used."""

    version: str
    libraries: Named = {}


class Digests(_Frozen):
    """What went in and what came out, as sha256; null where there was none."""

    recipe: str | None = None
    model: str | None = None
    data: str | None = None
    artifact: str | None = None


class Costs(_Frozen):
    """What a program costs. `executed_macs` counts what the runtime multiplies, inserted zeros included."""

    parameters: int
    macs: int
    executed_macs: int
    bytes: int
    predicted_ms: Figure = None
    """From the target's latency model; nothing was timed on a board."""


class Predicted(_Frozen):
    """One prediction of the latency; nine of ten measurements are to be expected between `low` and `high`."""

    setup: str | None = None
    """The name of the circumstances; null for those that `predicted_ms`, the budget and the passes go by."""
    stands_for: str
    ms: Figure
    low: Figure = None
    high: Figure = None
    """Null where no measurement stands behind the model."""
    held_out: str | None = None
    """Which measurements the band comes from."""


class Measured(Costs, _MayHaveAccuracy):
    """A program's costs, with its metrics where it was evaluated."""

    predictions: tuple[Predicted, ...] = ()
    """Its latency with error bands, under each circumstance that the target's profile knows."""

    accuracy: dict[str, Figure] | None = None


class Share(_Frozen):
    """How far one pass moved a figure that has a limit; negative where it fell."""

    name: str
    change: Figure


class BudgetLine(_Frozen):
    """One limit of the recipe; `value` and `met` are null where nothing could be measured."""

    name: str
    limit: float
    is_floor: bool = False
    """Whether the value must not be less than the limit; else it must not be more."""
    value: Figure = None
    met: bool | None = None
    shares: tuple[Share, ...] = ()
    """The passes that moved the value from where the source model had it, in their order."""


class OnBoard(_Frozen):
    """What a board took for the artifact, beside what was predicted under the same circumstances."""

    ms: Figure
    backend: str | None = None
    setup: str | None = None
    """Whose prediction it is set beside; null for the profile's own."""
    predicted_ms: Figure
    error: Figure
    """The prediction's error as a share of the measured time."""


class Result(Measured):
    """What the finished program costs, and whether that is within budget."""

    on_board: OnBoard | None = None
    """Null until `compress bench` has brought a measurement back."""

    budget: tuple[BudgetLine, ...] = ()
    left_out: tuple[str, ...] = ()
    """Passes of the recipe that did not run because the budget was met before their turn."""


class Where(_Frozen):
    """The place of a finding, as far as known."""

    file: RelativePath | None = None
    line: int | None = None
    column: int | None = None
    layer: str | None = None


class Finding(_Frozen):
    """A diagnostic, as data."""

    code: str
    severity: Severity
    message: str
    help: str | None = None
    where: Where = Where()


class SkippedLayer(_Frozen):
    """A layer that a pass left alone, and why."""

    layer: str
    why: str


class LayerChange(_Frozen):
    """A layer whose weight has another shape than before; null on the side where the layer does not exist."""

    layer: str
    op_type: str
    before: Shape | None
    after: Shape | None


class Fidelity(_Frozen):
    """How far the outputs are from those of the source model, on the same inputs.

    Identical outputs have no `sqnr_db` and a `max_abs_error` of 0. Outputs that are not finite have neither.
    """

    sqnr_db: Figure
    max_abs_error: Figure
    cosine: Figure = None
    """The mean cosine similarity of the outputs: 1 for the same direction."""
    agreement: Figure = None
    """The share of the source's detections matched at IoU 0.5 with the same class, or of its best classes; null where
    the recipe's `evaluate` names no such decoder, or the source finds nothing."""


class PassReport(_MayHaveAccuracy):
    """What one pass did. How long it took is in `timing.passes`, in the same order."""

    name: str
    round: int | None = None
    """Its turn in a `repeat`, from 1; null outside of one."""
    options: dict[str, Json] = {}
    decision: Json = None
    effect: Effect
    changed: tuple[str, ...] = ()
    skipped: tuple[SkippedLayer, ...] = ()
    findings: tuple[Finding, ...] = ()
    before: Costs
    after: Costs
    fidelity: Fidelity | None = None
    accuracy: dict[str, Figure] | None = None
    layers: tuple[LayerChange, ...] = ()
    pictures: tuple[Picture, ...] = ()


class Artifact(_Frozen):
    """The files for the board with their sha256, and the commands to run there, in order."""

    runtime: str
    files: Annotated[dict[RelativePath, str], AfterValidator(_in_name_order)] = {}
    run: tuple[str, ...] = ()


class Lap(_Frozen):
    """How long one step took."""

    name: str
    seconds: Seconds


class Timing(_Frozen):
    """How long the build took: stages such as `load` and `emit`, and each pass in the report's order."""

    total_seconds: Seconds = 0
    stages: tuple[Lap, ...] = ()
    passes: tuple[Lap, ...] = ()


class BuildReport(_Frozen):
    """Everything that one build of one recipe for one target says about itself.

    `timing` is the one key that may differ between two builds of the same input. That is why a pass's seconds stand
    in `timing.passes` and not in the pass's own entry. `artifact` is null where the build stopped before emitting.
    """

    schema_version: int = Field(default=1, ge=1, le=1)
    product: str
    target: str
    tool: Tool
    digests: Digests = Digests()
    source: Measured
    passes: tuple[PassReport, ...] = ()
    result: Result
    findings: tuple[Finding, ...] = ()
    artifact: Artifact | None = None
    timing: Timing = Timing()
