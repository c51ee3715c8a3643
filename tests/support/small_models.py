"""A small sound network as an ONNX file, and its parts, for tests that then damage or dress it up."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from compiler.ir import Array


def floats(name: str, *shape: int | str | None) -> onnx.ValueInfoProto:
    """Declare a tensor of 32-bit floats."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def small_model(opset: int = 13) -> onnx.ModelProto:
    """Make Conv, BatchNormalization, Relu, GlobalAveragePool and Flatten; every opset since 7 has them."""
    rng = np.random.default_rng(3)
    vectors = {name: rng.uniform(0.5, 1.5, 4).astype(np.float32) for name in ("scale", "shift", "mean", "var")}
    weight = rng.normal(0, 0.5, (4, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "weight"], ["c"], name="conv"),
        helper.make_node("BatchNormalization", ["c", *vectors], ["n"], name="norm"),
        helper.make_node("Relu", ["n"], ["r"], name="relu"),
        helper.make_node("GlobalAveragePool", ["r"], ["p"], name="pool"),
        helper.make_node("Flatten", ["p"], ["y"], name="flatten"),
    ]
    return model_of(nodes, {"weight": weight, **vectors}, opset)


def model_of(nodes: list[onnx.NodeProto], constants: dict[str, Array], opset: int = 13, **more: Any) -> onnx.ModelProto:
    """Wrap nodes from x [1, 3, 8, 8] to y into a model."""
    stored = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "small", [floats("x", 1, 3, 8, 8)], [floats("y", 1, 4)], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, **more)


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    """Write a model to a file."""
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path
