"""Write a mean over height and width as the pool that it is."""

from dataclasses import replace

import numpy as np

from compiler.analysis.axis_order import axes_of
from compiler.contracts import Decision, Effect, Log, Pass
from compiler.ir import Op, Program

_HEIGHT_AND_WIDTH = {2, 3}
_RANK = 4


class PoolMeans(Pass):
    """Write a mean over height and width as the pool that it is.

    Exporters write the same layer as ReduceMean or as GlobalAveragePool. Runtimes have their fast kernels, and those
    for 8-bit integers, for the pool. Where the two axes are not kept, a Flatten behind the pool takes them away.
    """

    effect = Effect.EXACT

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Write every mean over the last two of four axes as a pool."""
        for op in program.each():
            if op.op_type != "ReduceMean" or op.domain or not _is_mean_of_images(program, op):
                continue
            if op.integer("keepdims", 1):
                program.retype(op, "GlobalAveragePool", [op.x])
                continue
            pooled, kind = program.fresh(f"{op.name}_pool"), program.type(op.x)
            assert kind.shape is not None
            program.add("GlobalAveragePool", [op.x], [pooled], name=pooled)
            program.set_type(pooled, replace(kind, shape=(*kind.shape[:2], 1, 1)))
            program.retype(op, "Flatten", [pooled])


def _is_mean_of_images(program: Program, op: Op) -> bool:
    """Tell whether a reduction averages height and width of a batch of images, and these alone.

    ONNX Runtime has the pool for numbers of 32 bits only, the reduction for those of 64 too.
    """
    kind = program.type(op.x)
    if kind.shape is None or len(kind.shape) != _RANK or 0 in kind.shape or kind.dtype != np.float32:
        return False
    return {axis % _RANK for axis in axes_of(program, op, 1)} == _HEIGHT_AND_WIDTH
