"""Give every fully connected layer a bias, for runtimes that need one."""

import numpy as np

from compiler.contracts import Decision, Effect, Log, Pass
from compiler.ir import Gemm, Program


class AddGemmBias(Pass):
    """Give every fully connected layer a bias, for runtimes that need one.

    TensorRT 8.2.1 reads the number of neurons of a Gemm from its bias, and fails to build the layer if there is
    none. A bias of zeros changes nothing and costs nothing anywhere.
    """

    effect = Effect.EXACT

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Add zeros where the third input is absent."""
        for gemm in program.each(Gemm):
            weight = program.const(gemm.w)
            if gemm.has(Gemm.C):
                continue
            if weight is None:
                log.skip(gemm, "its weight is computed at run time")
                continue
            neurons = weight.shape[0 if gemm.is_transposed else 1]
            program.give_const(gemm, Gemm.C, np.zeros_like(weight, shape=(neurons,)))
