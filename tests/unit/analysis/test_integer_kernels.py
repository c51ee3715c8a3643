"""What ONNX Runtime makes of a network in integers: integer kernels wherever the scheme says so."""

import importlib
from collections import Counter
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx

from compiler.ir import Program, model_bytes, parse_program, refresh_types
from tests.support.steps import apply


def hard_swish() -> Program:
    """Write HardSwish as exports do: an addend, a Clip, a product; and a factor and an addend per channel behind it."""
    program = parse_program("""
    g (float[1,3,8,8] x) => (float[1,4,8,8] y)
      <float[8,3,3,3] w, float three = {3}, float zero = {0}, float six = {6}, float sixth = {0.1666667},
       float[1,8,1,1] scale, float[1,8,1,1] shift, float[4,8,1,1] v>
    {
       [first] a = Conv <pads: ints = [1, 1, 1, 1]> (x, w)
       [plus] b = Add (three, a)  [cut] c = Clip (b, zero, six)  [gate] d = Mul (a, c)
       [sixth] e = Mul (d, sixth)  [scale] f = Mul (e, scale)  [shift] h = Add (f, shift)
       [last] y = Conv (h, v)
    }
    """)
    rng = np.random.default_rng(0)
    for name in ("w", "scale", "shift", "v"):
        program.replace_constant(name, rng.normal(0, 1, program.shape(name)).astype(np.float32))
    refresh_types(program)
    program.clear_journal()
    return program


def kernels(program: Program, folder: Path) -> Counter[str]:
    """Count the operators of a network as ONNX Runtime runs it."""
    runtime = cast(Any, importlib.import_module("onnxruntime"))
    options = runtime.SessionOptions()
    options.optimized_model_filepath = str(folder / "run.onnx")
    options.log_severity_level = 4
    runtime.InferenceSession(model_bytes(program), options, providers=["CPUExecutionProvider"])
    return Counter(node.op_type for node in onnx.load(folder / "run.onnx").graph.node)


def test_constants_and_cuts_beside_integers_need_no_conversions(tmp_path: Path) -> None:
    found = kernels(apply("ptq", hard_swish(), {}, on="host").program, tmp_path)
    assert (found["QLinearConv"], found["QLinearAdd"], found["QLinearMul"]) == (2, 2, 3)
    assert (found["QuantizeLinear"], found["DequantizeLinear"]) == (1, 1)
    assert not found.keys() & {"Conv", "Add", "Mul", "Clip"}
