"""Large networks for tests of scale: a chain and a ladder of residual blocks."""

import numpy as np

from compiler.ir import Program, TensorType, refresh_types


def chain(nodes: int) -> Program:
    """Make a chain of Conv and Relu, with a weight each."""
    program = _started(nodes)
    tensor = "x"
    for index in range(nodes // 2):
        tensor = _conv(program, index, tensor)
        program.add("Relu", [tensor], [f"r{index}"], name=f"relu{index}")
        tensor = f"r{index}"
    return _done(program, tensor)


def ladder(nodes: int) -> Program:
    """Make residual blocks of Conv, Relu and Add, so that one group of channels spans the whole network."""
    program = _started(nodes)
    tensor = _conv(program, -1, "x")
    for index in range(nodes // 3):
        branch = _conv(program, index, tensor)
        program.add("Relu", [branch], [f"r{index}"], name=f"relu{index}")
        program.add("Add", [f"r{index}", tensor], [f"a{index}"], name=f"add{index}")
        tensor = f"a{index}"
    return _done(program, tensor)


def _started(nodes: int) -> Program:
    program = Program(f"large{nodes}", {"": 13})
    program.add_input("x", TensorType(np.dtype(np.float32), (1, 4, 2, 2)))
    return program


def _conv(program: Program, index: int, tensor: str) -> str:
    rng = np.random.default_rng(index + 1)
    weight = rng.normal(0, 0.5, (4, 4, 1, 1)).astype(np.float32)
    program.add("Conv", [tensor, program.add_constant(f"w{index}", weight)], [f"c{index}"], name=f"conv{index}")
    return f"c{index}"


def _done(program: Program, tensor: str) -> Program:
    program.add("Conv", [tensor, program.add_constant("wy", np.ones((2, 4, 1, 1), np.float32))], ["y"], name="head")
    program.add_output("y")
    refresh_types(program)
    program.clear_journal()
    return program
