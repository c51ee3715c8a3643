"""How operators that a runtime lacks are written with simpler ones, exactly."""

from collections.abc import Callable, Mapping

from compiler.ir import Op, Program
from compiler.rewrites.lowerings import elements, matrices, places, sums, windows

__all__ = ["LOWERINGS", "Lowering"]

Lowering = Callable[[Program, Op], str | None]
"""Rewrites a node, or says why not; None also for a node whose form is simple already."""

LOWERINGS: Mapping[str, Lowering] = {
    **elements.LOWERINGS,
    **matrices.LOWERINGS,
    **windows.LOWERINGS,
    **sums.LOWERINGS,
    **places.LOWERINGS,
}
"""By operator, in the order in which they are applied: what one of them leaves, a later one may take on."""
