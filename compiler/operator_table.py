"""The vocabulary of an operator table: what a runtime does with each ONNX operator, as data for generic rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

if TYPE_CHECKING:
    from compiler.ir import Op, ProgramView

Scalar: TypeAlias = int | float | str
Slots: TypeAlias = Mapping[int, str]
"""Input slots and what a person calls them: {1: weight}."""


class Frozen(BaseModel):
    """Data read from a target's files."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Limit(Frozen):
    """One restriction. It counts only where every condition that it states holds."""

    id: str = ""
    """A name for the restriction where the table's readers refer to it."""
    kind: Literal["hard", "silent"] = "hard"
    """`hard`: the runtime refuses the model. `silent`: it accepts it and computes something else."""
    because: str | None = None
    help: str | None = None
    source: str | None = None
    """A key of the table's sources; absent means the first."""
    when: Mapping[str, Scalar | tuple[Scalar | None, ...]] = {}
    """Attribute values; `null` in a list stands for an attribute that the node leaves out."""
    when_rank: tuple[int, ...] = ()
    """Ranks of the first input."""
    when_types: tuple[str, ...] = ()
    """Element types of the first input."""
    since: int = 1
    until: int = 1000
    """First and last version of ONNX's operator set that the restriction is about."""

    def explain(self, fault: str) -> str:
        """Say what is wrong and why, in one line."""
        outcome = "; it is accepted and computed wrongly" if self.kind == "silent" else ""
        return f"{fault}{outcome}{f': {self.because}' if self.because else ''}"

    def applies(self, op: Op, program: ProgramView) -> bool:
        """Tell whether the restriction is about this node at all."""
        if not self.since <= program.opset <= self.until:
            return False
        if (self.when_rank or self.when_types) and not self._fits(program, op.x):
            return False
        return all(_matches(attribute_values(op, name), wanted) for name, wanted in self.when.items())

    def _fits(self, program: ProgramView, tensor: str) -> bool:
        """Compare a tensor with the conditions on rank and element type; what is unknown does not fit."""
        found = program.type(tensor)
        rank_fits = not self.when_rank or (found.shape is not None and len(found.shape) in self.when_rank)
        return rank_fits and (not self.when_types or str(found.dtype) in self.when_types)


class ConstantInput(Limit):
    """Inputs that must be constants, perhaps fed through an operator such as DequantizeLinear."""

    constant: Slots
    through: tuple[str, ...] = ()


class ComputedInput(Limit):
    """Inputs that must not be constants."""

    computed: Slots


class AbsentInput(Limit):
    """Inputs that must be left out."""

    absent: Slots


class RankLimit(Limit):
    """The ranks that an input may have."""

    rank: tuple[int, ...]
    input: int = 0


class AttributeLimit(Limit):
    """What an attribute may say; for a list, what each element may say."""

    attribute: str
    allowed: tuple[Scalar, ...] | None = None
    at_least: float | None = None
    at_most: float | None = None
    is_required: bool = False
    is_forbidden: bool = False


class ValueLimit(Limit):
    """What the elements of a constant input may be."""

    value: Slots
    equals: float | None = None
    above: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    count: int | None = None


class CountLimit(Limit):
    """How many inputs and outputs a node may use."""

    uses: Literal["inputs", "outputs"]
    at_least: int = 0
    at_most: int = 1000


class StaticLimit(Limit):
    """Dimensions of an input that must be numbers; no axes named means all of them."""

    static: int
    axes: tuple[int, ...] = ()


class VersionLimit(Limit):
    """The last version of ONNX's operator set whose form of the operator has a kernel."""

    newest: int


class SymmetryLimit(Limit):
    """A window attribute whose begin and end halves must be equal."""

    symmetric: str


def _subject(limit: object) -> str | None:
    """Tell the restrictions apart by the one key that each of them alone has."""
    if isinstance(limit, Limit):
        return next((key for key in _SUBJECTS if hasattr(limit, key)), None)
    return next((key for key in _SUBJECTS if isinstance(limit, dict) and key in limit), None)


_SUBJECTS = ("constant", "computed", "absent", "rank", "attribute", "value", "uses", "static", "newest", "symmetric")
AnyLimit: TypeAlias = Annotated[
    Annotated[ConstantInput, Tag("constant")]
    | Annotated[ComputedInput, Tag("computed")]
    | Annotated[AbsentInput, Tag("absent")]
    | Annotated[RankLimit, Tag("rank")]
    | Annotated[AttributeLimit, Tag("attribute")]
    | Annotated[ValueLimit, Tag("value")]
    | Annotated[CountLimit, Tag("uses")]
    | Annotated[StaticLimit, Tag("static")]
    | Annotated[VersionLimit, Tag("newest")]
    | Annotated[SymmetryLimit, Tag("symmetric")],
    Discriminator(_subject),
]


class Advice(Frozen):
    """Something that works, but at a price."""

    because: str
    help: str
    source: str | None = None


class Operator(Frozen):
    """One row: whether the runtime has the operator, for which element types, and within which limits."""

    supported: bool = True
    because: str | None = None
    help: str | None = None
    source: str | None = None
    types: tuple[str, ...] = ()
    """Element types that the runtime takes; empty means all."""
    typed_inputs: tuple[int, ...] = (0,)
    typed_outputs: tuple[int, ...] = ()
    """Inputs and outputs that `types` is about."""
    max_stride: int | None = None
    limits: tuple[AnyLimit, ...] = ()
    slow: Advice | None = None
    rules: tuple[str, ...] = ()
    """Slugs of the rules that this row asks for, for what the vocabulary cannot say."""
    notes: tuple[str, ...] = ()


class Opsets(Frozen):
    """The versions of ONNX's operator set that a runtime reads."""

    oldest: int
    newest: int


class OperatorTable(Frozen):
    """All that a runtime version says about operators."""

    runtime: str
    title: str
    opsets: Opsets
    sources: Mapping[str, str] = Field(min_length=1)
    max_rank: int | None = None
    narrows: Mapping[str, str] = {}
    """Element types that the runtime reads as a smaller one: {int64: int32}."""
    input_types: tuple[str, ...] = ()
    """Element types that an input of the whole network may have; empty means all."""
    rules: tuple[str, ...] = ()
    """Slugs of the rules that look at the whole program."""
    backends: Mapping[str, tuple[str, ...]] = {}
    """Element types by backend, where a runtime has several."""
    notes: tuple[str, ...] = ()
    operators: Mapping[str, Operator]

    @model_validator(mode="after")
    def _has_its_sources(self) -> OperatorTable:
        """Refuse a source that the header does not name."""
        named = {name: key for name, row in self.operators.items() for key in _sources(row)}
        unknown = {name: key for name, key in named.items() if key not in self.sources}
        if unknown:
            raise ValueError(f"sources not in the header: {unknown}")
        return self


def _sources(row: Operator) -> Iterator[str]:
    """Yield the source keys that a row uses."""
    for item in (row, row.slow, *row.limits):
        if item is not None and item.source is not None:
            yield item.source


def attribute_values(op: Op, name: str) -> tuple[Scalar, ...] | None:
    """Read an attribute as a tuple of plain values, or None when the node leaves it out."""
    found = op.attributes.get(name)
    if found is None:
        return None
    if isinstance(found, (str, bytes)):
        return (found.decode() if isinstance(found, bytes) else found,)
    return tuple(item.decode() if isinstance(item, bytes) else item for item in np.asarray(found).ravel().tolist())


def one_of(items: Iterable[object]) -> str:
    """Write a choice for people: a, b or c."""
    *most, last = [str(item) for item in items]
    return f"{', '.join(most)} or {last}" if most else last


def _matches(found: tuple[Scalar, ...] | None, wanted: Scalar | tuple[Scalar | None, ...]) -> bool:
    """Compare an attribute with the value, or the choice of values, that a condition names."""
    choice = wanted if isinstance(wanted, tuple) else (wanted,)
    return None in choice if found is None else len(found) == 1 and found[0] in choice
