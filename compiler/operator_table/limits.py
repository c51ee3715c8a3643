"""The restrictions that an operator table can state, as data for the rules that read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, cast

from pydantic import BaseModel, ConfigDict, Discriminator, Tag

if TYPE_CHECKING:
    from compiler.ir import Op, ProgramView

Scalar: TypeAlias = int | float | str
Slots: TypeAlias = Mapping[int, str]
"""Input slots and what a person calls them: {1: weight}."""


class Frozen(BaseModel):
    """Data read from a target's files."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Limit(Frozen):
    """One restriction. It counts only where every condition that it states holds."""

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


def attribute_values(op: Op, name: str) -> tuple[Scalar, ...] | None:
    """Read an attribute as a tuple of plain values, or None when the node leaves it out."""
    found = op.attributes.get(name)
    if found is None:
        return None
    items = cast("Sequence[object]", found) if isinstance(found, (list, tuple)) else (found,)
    return tuple(_plain(item) for item in items)


def _plain(item: object) -> Scalar:
    """Make text of bytes and of what is no number."""
    if isinstance(item, bytes):
        return item.decode()
    return item if isinstance(item, (int, float, str)) else str(item)


def one_of(items: Iterable[object]) -> str:
    """Write a choice for people: a, b or c."""
    *most, last = [str(item) for item in items]
    return f"{', '.join(most)} or {last}" if most else last


def _matches(found: tuple[Scalar, ...] | None, wanted: Scalar | tuple[Scalar | None, ...]) -> bool:
    """Compare an attribute with the value, or the choice of values, that a condition names."""
    choice = wanted if isinstance(wanted, tuple) else (wanted,)
    return None in choice if found is None else len(found) == 1 and found[0] in choice
