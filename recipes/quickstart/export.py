"""Write the detector as ONNX with BatchNormalization kept apart and names that a person can read."""

import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from network import Detector
from onnx import numpy_helper

_PLAIN = {"Add": "stage1_add", "Add_1": "stage2_add", "Add_2": "stage3_add", "Concat": "neck_concat"}
_SUFFIX = {"BatchNormalization": "_norm", "LeakyRelu": "_act"}


def export(model: Detector, example: torch.Tensor, path: Path) -> None:
    """Write the model, and check that ONNX Runtime computes what torch computes."""
    torch.onnx.export(
        model,
        (example,),
        str(path),
        dynamo=False,
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
        opset_version=13,
        input_names=["images"],
        output_names=["p8", "p16"],
    )
    program = onnx.load(path)
    _rename(program.graph)
    onnx.checker.check_model(program, full_check=True)
    onnx.save(program, path)
    gap = _gap(model, example, path)
    if gap > 1e-4:
        raise SystemExit(f"ONNX Runtime and torch differ by {gap}")
    print(f"{path.name}: {path.stat().st_size} bytes, ONNX Runtime and torch differ by at most {gap:.1e}")


def _gap(model: Detector, example: torch.Tensor, path: Path) -> float:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.run(None, {"images": example.numpy()})
    with torch.no_grad():
        return max(float(np.abs(one - other.numpy()).max()) for one, other in zip(found, model(example), strict=True))


def _rename(graph: onnx.GraphProto) -> None:
    """Name nodes after their block, tensors after the node that makes them, weights after the node that reads them."""
    _state_scales(graph)
    new = {value.name: value.name for value in (*graph.input, *graph.output)}
    for initializer in graph.initializer:
        new[initializer.name] = re.sub(
            r"\.(conv|norm)\.", lambda hit: "." if hit[1] == "conv" else "_norm.", initializer.name
        )
    for node in graph.node:
        node.name = _readable(node)
        for output in node.output:
            new.setdefault(output, f"{node.name}_out")
    for initializer in graph.initializer:
        initializer.name = new[initializer.name]
    for node in graph.node:
        node.input[:] = [new.get(name, name) for name in node.input]
        node.output[:] = [new[name] for name in node.output]
    del graph.value_info[:]
    graph.name = "detector"


def _state_scales(graph: onnx.GraphProto) -> None:
    """Give the Resize its scales as one constant; the exporter joins them from two."""
    for node in [node for node in graph.node if node.name.startswith("/neck_up/") and node.op_type != "Resize"]:
        graph.node.remove(node)
    (resize,) = (node for node in graph.node if node.op_type == "Resize")
    resize.input[2] = "neck_up.scales"
    graph.initializer.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "neck_up.scales"))


def _readable(node: onnx.NodeProto) -> str:
    """Turn the exporter's "/stem/norm/BatchNormalization" into "stem_norm"."""
    parts = node.name.strip("/").split("/")
    return _PLAIN[parts[0]] if len(parts) == 1 else parts[0] + _SUFFIX.get(node.op_type, "")
