"""A sound little network, and the faulty ones that are made of it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from compiler.ir import Array

Fault: TypeAlias = Callable[[ModelProto], object]
SHAPE = (1, 3, 8, 8)


def sound() -> ModelProto:
    """Make a convolution and a Relu: x -> c -> y."""
    weight = numpy_helper.from_array(np.linspace(-1, 1, 108, dtype=np.float32).reshape(4, 3, 3, 3), "w")
    nodes = [node("Conv", "x w", "c", pads=[1, 1, 1, 1]), node("Relu", "c", "y")]
    graph = helper.make_graph(nodes, "g", [floats("x", SHAPE)], [floats("y", (1, 4, 8, 8))], [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def save(folder: Path, model: ModelProto) -> None:
    """Write a model where recipes of these tests look for it."""
    (folder / "model.onnx").write_bytes(model.SerializeToString())


def node(kind: str, inputs: str, outputs: str, **attributes: Any) -> NodeProto:
    """Make a node whose inputs and outputs are words of a text; a dash leaves an input out."""
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(kind, names, outputs.split(), name=f"{kind}_{outputs}".lower(), **attributes)


def floats(name: str, shape: tuple[int | str, ...] | None) -> onnx.ValueInfoProto:
    """Declare a tensor of floats."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def insert(*nodes: NodeProto, constants: Mapping[str, Array] | None = None) -> Fault:
    """Make a fault that puts nodes between the convolution, c, and the Relu, which then reads z."""

    def apply(model: ModelProto) -> None:
        graph = model.graph
        graph.node[1].input[0] = "z"
        last = onnx.NodeProto.FromString(graph.node[1].SerializeToString())
        del graph.node[1]
        graph.node.extend([*nodes, last])
        graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in (constants or {}).items())

    return apply


def external(location: str, **entries: object) -> Fault:
    """Make a fault that keeps the weights in another file."""

    def apply(model: ModelProto) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location, **entries}.items():
            tensor.external_data.add(key=key, value=str(value))

    return apply


def subgraph(*, reads: str = "c") -> GraphProto:
    """Make a graph without inputs for one branch of an If."""
    return helper.make_graph([node("Identity", reads, "inner")], "branch", [], [floats("inner", (1, 4, 8, 8))])


def cut(model: ModelProto, fault: Fault) -> ModelProto:
    """Make a copy of a model with a fault."""
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    fault(copy)
    return copy
