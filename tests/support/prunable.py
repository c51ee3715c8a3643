"""A small network whose weights can be set to zero."""

import numpy as np

from compiler.ir import Program, parse_program, refresh_types


def prunable() -> Program:
    """Make a network with sizes that are no multiples of 8, and one layer that is too small to gain anything."""
    program = parse_program("""
    g (float[1,3,8,8] x) => (float[1,5] y)
    < float[7,3,3,3] w1, float[61,7,5,5] w2, float[61,61,5,5] w3, float[5,61] g, float[5] b >
    {
       [small] a = Conv <pads: ints = [1, 1, 1, 1]> (x, w1)
       [odd] c = Conv <pads: ints = [2, 2, 2, 2]> (a, w2)
       [r] d = Relu (c)
       [large] e = Conv <pads: ints = [2, 2, 2, 2]> (d, w3)
       [pool] p = GlobalAveragePool (e)
       [flat] f = Flatten (p)
       [fc] y = Gemm <transB: int = 1> (f, g, b)
    }
    """)
    rng = np.random.default_rng(3)
    for op in program.each():
        for slot, name in enumerate(op.inputs):
            if (value := program.const(name)) is not None:
                program.give_const(op, slot, (rng.normal(0, 1, value.shape) / 9).astype(np.float32))
    refresh_types(program)
    program.clear_journal()
    return program
