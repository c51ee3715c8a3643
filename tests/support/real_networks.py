"""The nine networks that the onnx wheel ships without weights, filled with seeded random ones."""

from pathlib import Path

import numpy as np
import onnx
import onnx.version_converter

from compiler.ir import Array

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
SMALL = ("densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet")
LARGE = ("bvlc_alexnet", "vgg19", "zfnet512")
"""Networks of 60 to 140 million weights, which tests look at without values."""


def with_weights(name: str) -> onnx.ModelProto:
    """Read a network and put random weights in place of the nodes that fill them with ones."""
    model = _read(name)
    rng = np.random.default_rng(7)
    positive = {node.input[4] for node in model.graph.node if node.op_type == "BatchNormalization"}
    for tensor, shape in _take_fills(model).items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(_value(rng, shape, tensor in positive), tensor))
    return model


def without_weights(name: str) -> tuple[onnx.ModelProto, dict[str, Array]]:
    """Read a network in opset 13 with its weights declared only, and stand-ins that take no memory."""
    model = onnx.version_converter.convert_version(_read(name), 13)
    for node in model.graph.node:
        if node.op_type == "Dropout":
            del node.input[1:]
    fills = _take_fills(model)
    return model, {tensor: np.broadcast_to(np.float32(0.01), shape) for tensor, shape in fills.items()}


def _read(name: str) -> onnx.ModelProto:
    return onnx.load(FOLDER / f"light_{name}.onnx")


def _take_fills(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Remove the nodes that make weights, and the shapes that they read; return what they made."""
    shapes = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    fills = [node for node in model.graph.node if node.op_type == "ConstantOfShape" and node.input[0] in shapes]
    others = [node for node in model.graph.node if node not in fills]
    made = {node.output[0]: tuple(int(dim) for dim in shapes[node.input[0]]) for node in fills}
    used = {name for node in others for name in node.input}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    inputs = [value for value in model.graph.input if value.name not in shapes]
    del model.graph.node[:], model.graph.initializer[:], model.graph.input[:]
    model.graph.node.extend(others)
    model.graph.initializer.extend(kept)
    model.graph.input.extend(inputs)
    return made


def _value(rng: np.random.Generator, shape: tuple[int, ...], is_variance: bool) -> Array:  # noqa: FBT001 - a property
    """Draw weights that keep activations near 1."""
    if is_variance:
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 1
    return (rng.normal(0, 1, shape) * np.sqrt(2 / max(fan_in, 1))).astype(np.float32)
