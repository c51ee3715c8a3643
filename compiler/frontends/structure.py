"""The structure lock: a model's graph as ONNX text without its weights, so that a recipe is checked without torch."""

import ast
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import onnx.printer
from numpy.typing import NDArray
from onnx import TensorProto

from compiler.diagnostic import CompressError, Diagnostic, Span
from compiler.frontends.codes import FACTORY_RAISES, STRUCTURE_UNREADABLE

FORMAT_VERSION = 1

_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)
_LARGEST_KEPT = 16
_LEARNED_BY = ("Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "PRelu")
_BATCH_NORM_ONES = (1, 4)
"""Scale and variance among a BatchNormalization's inputs: both divide or multiply, so both stand as 1."""
_TITLE = f"# compress structure {FORMAT_VERSION}"
_NOTE = "# The graph of a torch factory without its weights, written by the compiler."
_DIGEST = "# digest: "


def write_structure(model: onnx.ModelProto, digest: str) -> str:
    """Return the lock's text: every large or learned float tensor becomes a declaration without a value."""
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    graph = bare.graph
    learned = set(_learned(graph))
    weights = [tensor for tensor in graph.initializer if _is_weight(tensor, learned)]
    declared = [(tensor.name, tensor) for tensor in weights]
    declared += [(node.output[0], node.attribute[0].t) for node in graph.node if _is_weight_constant(node)]
    infos = [onnx.helper.make_tensor_value_info(name, tensor.data_type, tensor.dims) for name, tensor in declared]
    initializers = [tensor for tensor in graph.initializer if not _is_weight(tensor, learned)]
    nodes = [node for node in graph.node if not _is_weight_constant(node)]
    del graph.value_info[:], graph.initializer[:], graph.node[:]
    graph.value_info.extend(infos)
    graph.initializer.extend(initializers)
    graph.node.extend(nodes)
    bare.ClearField("producer_version")
    lines = (line.rstrip() for line in onnx.printer.to_text(bare).splitlines())
    return "\n".join((_TITLE, _NOTE, f"{_DIGEST}{digest}", *lines)) + "\n"


def recorded_digest(text: str) -> str:
    """Return the digest of the factory that a lock was written from, without reading the network."""
    title, _, rest = text.partition("\n")
    if title.strip() != _TITLE:
        raise _unreadable(f"the first line is not '{_TITLE}'")
    digest = next((line.removeprefix(_DIGEST).strip() for line in rest.splitlines() if line.startswith(_DIGEST)), None)
    if digest is None:
        raise _unreadable(f"no line starts with '{_DIGEST.strip()}'")
    return digest


def read_structure(text: str) -> tuple[onnx.ModelProto, str]:
    """Return the model, whose weights are declared in value_info only, and the digest of its factory."""
    digest = recorded_digest(text)
    try:
        return onnx.parser.parse_model(text), digest
    except onnx.parser.ParseError as error:
        raise _unreadable(f"it is no ONNX text: {_first_line(error)}") from error


def stand_in_weights(model: onnx.ModelProto) -> dict[str, NDArray[np.generic]]:
    """Return a constant array for each tensor that is declared but not produced; none takes memory for its elements."""
    graph = model.graph
    made = {name for node in graph.node for name in node.output}
    made.update(tensor.name for tensor in graph.initializer)
    made.update(value.name for value in graph.input)
    ones = set(_ones(graph))
    return {
        value.name: _stand_in(value, 1.0 if value.name in ones else 0.01)
        for value in graph.value_info
        if value.name not in made
    }


def structure_digest(
    source: Path, args: Mapping[str, object], inputs: Mapping[str, tuple[int, ...]], opset: int
) -> str:
    """Return a sha256 over all that shapes the graph: the factory's file, the neighbours it imports, its arguments."""
    whole = hashlib.sha256()
    for path in (source, *_siblings(source)):
        content = path.read_bytes()
        whole.update(f"{path.name} {len(content)}\n".encode() + content)
    # The inputs stay in order, since they are passed by place.
    rest = {"args": args, "inputs": [[name, list(shape)] for name, shape in inputs.items()], "opset": opset}
    whole.update(json.dumps(rest, sort_keys=True, separators=(",", ":"), default=str).encode())
    return whole.hexdigest()


def _is_weight(tensor: TensorProto, learned: Collection[str] = ()) -> bool:
    is_large = int(np.prod(tensor.dims)) > _LARGEST_KEPT
    return tensor.data_type in _FLOATS and (is_large or tensor.name in learned)


def _learned(graph: onnx.GraphProto) -> Iterator[str]:
    """Yield what training sets, small tensors too: else the text would change with the factory's random weights."""
    for node in graph.node:
        if node.op_type in _LEARNED_BY:
            yield from node.input[1:]


def _is_weight_constant(node: onnx.NodeProto) -> bool:
    return node.op_type == "Constant" and node.attribute[0].name == "value" and _is_weight(node.attribute[0].t)


def _ones(graph: onnx.GraphProto) -> Iterator[str]:
    for node in graph.node:
        if node.op_type == "BatchNormalization":
            yield from (node.input[index] for index in _BATCH_NORM_ONES)


def _stand_in(value: onnx.ValueInfoProto, number: float) -> NDArray[np.generic]:
    tensor = value.type.tensor_type
    shape = tuple(dim.dim_value for dim in tensor.shape.dim)
    return np.broadcast_to(np.asarray(number, onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)), shape)


def _siblings(source: Path) -> list[Path]:
    """Return the files of the same folder that a source imports by name."""
    paths = {source.with_name(f"{name}.py") for name in _neighbours(source, source.read_bytes())}
    return sorted(path for path in paths if path != source and path.is_file())


@lru_cache(maxsize=8)
def _neighbours(source: Path, text: bytes) -> frozenset[str]:
    """Name the modules that a text imports, once for the variants of a product, which share it."""
    try:
        tree = ast.parse(text, str(source))
    except SyntaxError as error:
        span = Span(str(source), error.lineno, error.offset, (error.text or "").rstrip("\n") or None)
        raise CompressError(
            Diagnostic(FACTORY_RAISES, f"the file is not Python: {error.msg}", help="correct the file", span=span)
        ) from error
    return frozenset(name.partition(".")[0] for name in _imported(tree))


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level <= 1:
            # `from . import blocks` has no module of its own: the names are the files.
            yield from [node.module] if node.module is not None else (alias.name for alias in node.names)


def _unreadable(why: str) -> CompressError:
    return CompressError(
        Diagnostic(STRUCTURE_UNREADABLE, f"the structure lock cannot be read: {why}", help="run `compress lock`")
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
