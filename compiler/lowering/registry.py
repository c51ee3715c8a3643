"""Finds the lowering of an operator: functions that ops/<family>.py marks with a decorator."""

import pkgutil
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from torch import Tensor

if TYPE_CHECKING:
    from compiler.lowering.call import Call

Result: TypeAlias = Tensor | Sequence[Tensor | None]
Lowering: TypeAlias = Callable[["Call"], Result]


_LOWERINGS: dict[str, Lowering] = {}


def lowers(*op_types: str) -> Callable[[Lowering], Lowering]:
    """Mark a function as the lowering of operators of ONNX's own domain."""

    def mark(function: Lowering) -> Lowering:
        for op_type in op_types:
            assert op_type not in _LOWERINGS, f"{op_type} is lowered twice"
            _LOWERINGS[op_type] = function
        return function

    return mark


def lowering_of(op_type: str) -> Lowering | None:
    """Find an operator's lowering."""
    _load_families()
    return _LOWERINGS.get(op_type)


@cache
def _load_families() -> None:
    """Import every family once, so that its decorators run."""
    package = import_module("compiler.lowering.ops")
    for family in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        import_module(family.name)
