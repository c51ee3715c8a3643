"""Read an ONNX file without trusting it: its bytes, its weight files, its graph."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import onnx
import onnx.checker
import onnx.external_data_helper
import onnx.inliner
from google.protobuf.message import DecodeError

from compiler.diagnostic import Code, CompressError, Diagnostic
from compiler.frontends import onnx_codes as codes
from compiler.ir.onnx_io import free_names
from compiler.ir.order import sorted_names
from compiler.ir.types import Node

_OLDEST_OPSET = 7
_OLDEST_FILE_FORMAT = 4
"""The first version of the file format in which weights need not be listed as inputs; tools forget that they must."""
_LARGEST_FILE = 2**31 - 1


def read_model(path: Path, label: str) -> onnx.ModelProto:
    """Read a model with its external weights. Raises CompressError for everything that can go wrong with files."""
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "no ordinary file"
        raise _fault(codes.UNREADABLE, f"cannot read {label}: it is {kind}", "check the path")
    try:
        size = path.stat().st_size
        content = b"" if size > _LARGEST_FILE else path.read_bytes()
    except OSError as error:
        why = error.strerror or "cannot be read"
        raise _fault(codes.UNREADABLE, f"cannot read {label}: {why.lower()}", "check the path") from error
    if size > _LARGEST_FILE:
        raise _fault(codes.NOT_ONNX, f"{label} has {size:,} bytes; an ONNX file holds at most {_LARGEST_FILE:,}")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        advice = "export the model again; a checkpoint of a training framework is no ONNX model"
        raise _fault(codes.NOT_ONNX, f"{label} is no ONNX model, or is cut off", advice) from error
    if not model.graph.node:
        raise _fault(codes.NOT_ONNX, f"{label} holds no graph", "export the model again")
    _load_external(model, path.parent, label)
    return model


def check_graph(model: onnx.ModelProto, label: str) -> onnx.ModelProto:
    """Refuse what is not an inference graph; name nameless nodes; replace model functions by their bodies."""
    _check_opset(model, label)
    model.ir_version = max(model.ir_version, _OLDEST_FILE_FORMAT)
    if model.functions:
        model = _inlined(model, label)
    _name_nodes(model.graph)
    _check_form(model, label)
    _sort(model.graph, label)
    return model


def check_operators(model: onnx.ModelProto, label: str) -> None:
    """Let ONNX's own checker look at every operator, once all inputs have a shape.

    The checker asks for some shape of every output, also of those whose shape inference has yet to find.
    """
    open_outputs = [value.type.tensor_type for value in model.graph.output if value.type.HasField("tensor_type")]
    open_outputs = [kind for kind in open_outputs if not kind.HasField("shape")]
    for kind in open_outputs:
        kind.shape.SetInParent()
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise _fault(codes.INVALID, f"{label}: {reason}", "have the exporting tool fixed, or export again") from error
    for kind in open_outputs:
        kind.ClearField("shape")


def _fault(code: Code, message: str, advice: str | None = None, layer: str | None = None) -> CompressError:
    return CompressError(Diagnostic(code, message, advice, layer=layer))


def _load_external(model: onnx.ModelProto, folder: Path, label: str) -> None:
    """Load weights that live in files beside the model, after making sure that they do live there."""
    root = folder.resolve()
    for tensor in (*_tensors(model.graph), *(item for body in model.functions for item in _tensors_of(body.node))):
        if not onnx.external_data_helper.uses_external_data(tensor):
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        location = entries.get("location", "")
        place = f"{label}: the weights of {tensor.name!r} are kept in {location!r}"
        target = (root / location).resolve() if location and "\0" not in location else None
        if target is None or not target.is_relative_to(root):
            raise _fault(
                codes.EXTERNAL_DATA, f"{place}, which is outside the model's folder", "move the file beside it"
            )
        if not target.is_file():
            raise _fault(codes.EXTERNAL_DATA, f"{place}, which does not exist", "copy that file beside the model")
        _check_extent(entries, target.stat().st_size, place)
        onnx.external_data_helper.load_external_data_for_tensor(tensor, str(root))
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]


def _check_extent(entries: dict[str, str], size: int, place: str) -> None:
    """Make sure that the stated part of the weight file exists and is as long as the tensor."""
    try:
        offset = int(entries.get("offset", "0"))
        length = int(entries.get("length", str(size - offset)))
    except ValueError as error:
        raise _fault(codes.EXTERNAL_DATA, f"{place} at an offset that is no number") from error
    if offset < 0 or length < 0 or offset + length > size:
        raise _fault(codes.EXTERNAL_DATA, f"{place}, whose {size:,} bytes end before the weights do", "copy it again")


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Yield every stored tensor: initializers and attributes, subgraphs included."""
    yield from graph.initializer
    yield from _tensors_of(graph.node)


def _tensors_of(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    """Yield every tensor that nodes hold in attributes."""
    for attribute in (item for node in nodes for item in node.attribute):
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        for body in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
            yield from _tensors(body)


def _check_opset(model: onnx.ModelProto, label: str) -> None:
    """Insist on a version of ONNX's operator set that is read here."""
    versions = [item.version for item in model.opset_import if item.domain in ("", "ai.onnx")]
    newest = onnx.defs.onnx_opset_version()
    if not versions:
        raise _fault(codes.OPSET, f"{label} states no operator set version", "export the model again")
    if not _OLDEST_OPSET <= versions[0] <= newest:
        said = f"{label} uses opset {versions[0]}; {_OLDEST_OPSET} to {newest} are read"
        raise _fault(codes.OPSET, said, "export the model with opset 13")


def _inlined(model: onnx.ModelProto, label: str) -> onnx.ModelProto:
    """Replace calls of the model's own functions by the functions' bodies."""
    try:
        return onnx.inliner.inline_local_functions(model)
    except (RuntimeError, ValueError, onnx.checker.ValidationError) as error:
        raise _fault(codes.EXTRA_DOMAIN, f"{label}: {str(error).strip().splitlines()[0]}") from error


def _name_nodes(graph: onnx.GraphProto) -> None:
    """Give nameless and double-named nodes a name made of operator and position."""
    seen: set[str] = set()
    for index, node in enumerate(graph.node):
        if not node.name or node.name in seen:
            node.name = f"{node.name or node.op_type}_{index}"
        while node.name in seen:
            node.name += "_"
        seen.add(node.name)


def _check_form(model: onnx.ModelProto, label: str) -> None:
    """Refuse the parts of the format that no convolutional network needs."""
    graph = model.graph
    if graph.sparse_initializer:
        raise _fault(codes.UNSUPPORTED_FORM, f"{label} holds sparse weights", "store them densely")
    if not graph.output:
        raise _fault(codes.UNSUPPORTED_FORM, f"{label} has no outputs", "export the model again")
    for value in (*graph.input, *graph.output):
        if value.type.WhichOneof("value") not in ("tensor_type", None):
            raise _fault(codes.UNSUPPORTED_FORM, f"{label}: {value.name!r} is no plain tensor", "export it as a tensor")
        if value.type.tensor_type.elem_type == onnx.TensorProto.STRING:
            raise _fault(codes.UNSUPPORTED_FORM, f"{label}: {value.name!r} holds text", "convert it outside the model")
    for value in (*graph.input, *graph.output, *graph.value_info):
        if (kind := value.type.tensor_type.elem_type) not in onnx.TensorProto.DataType.values():
            said = f"{label}: {value.name!r} has the unknown element type {kind}"
            raise _fault(codes.BAD_TENSOR, said, "export the model again")
    for tensor in _tensors(graph):
        if tensor.data_type in (onnx.TensorProto.STRING, onnx.TensorProto.UNDEFINED):
            raise _fault(codes.UNSUPPORTED_FORM, f"{label}: {tensor.name!r} holds no numbers", "remove the tensor")
        if tensor.data_type not in onnx.TensorProto.DataType.values():
            said = f"{label}: {tensor.name!r} has the unknown element type {tensor.data_type}"
            raise _fault(codes.BAD_TENSOR, said, "export the model again")
        _check_extent_of_dims(tensor, label)


def _check_extent_of_dims(tensor: onnx.TensorProto, label: str) -> None:
    """Compare the bytes that a tensor stores with its shape, before a library allocates by the shape."""
    count = 1
    for dim in tensor.dims:
        count *= dim
    if any(dim < 0 for dim in tensor.dims):
        raise _fault(codes.BAD_TENSOR, f"{label}: {tensor.name!r} has a negative dimension", "export the model again")
    if tensor.HasField("raw_data") and not onnx.external_data_helper.uses_external_data(tensor):
        bits = (
            4 if tensor.data_type in _FOUR_BIT else 8 * onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        )
        expected = (count * bits + 7) // 8
        if expected != len(tensor.raw_data):
            said = f"{label}: {tensor.name!r} of shape {list(tensor.dims)} needs {expected:,} bytes"
            raise _fault(codes.BAD_TENSOR, f"{said} and has {len(tensor.raw_data):,}", "export the model again")


_FOUR_BIT = (onnx.TensorProto.INT4, onnx.TensorProto.UINT4, onnx.TensorProto.FLOAT4E2M1)


def _reads(node: onnx.NodeProto) -> list[str]:
    """List what a node reads, its bodies included."""
    bodies = (item.g for item in node.attribute if item.HasField("g"))
    return [*node.input, *(name for body in bodies for name in free_names(body))]


def _sort(graph: onnx.GraphProto, label: str) -> None:
    """Bring the nodes into topological order, or name the cycle."""
    nodes = {
        node.name: Node(node.name, node.op_type, node.domain, _reads(node), list(node.output), {})
        for node in graph.node
    }
    producer = {name: node.name for node in nodes.values() for name in node.outputs if name}
    order, cycle = sorted_names(nodes, producer, lambda node: node.inputs)
    if cycle:
        raise _fault(codes.CYCLE, f"{label}: the graph has a cycle through {', '.join(cycle[:8])}", layer=cycle[0])
    if order == list(nodes):
        return
    protos = {node.name: node for node in graph.node}
    ordered = [protos[name] for name in order]
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in ordered]
    del graph.node[:]
    graph.node.extend(copies)
