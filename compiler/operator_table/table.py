"""An operator table: what a runtime does with each ONNX operator, as data for generic rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import Field, model_validator

from compiler.operator_table.limits import AnyLimit, Frozen


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
    lowered: bool = False
    """The pass lower-operators writes the forms that the runtime lacks with simpler operators, where it can."""
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
