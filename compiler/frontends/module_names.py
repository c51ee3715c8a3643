"""Short names for an exported graph: each node is called after the torch module that it came from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import onnx

_WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization")


@dataclass(frozen=True)
class _Origin:
    """Where the exporter says that a node came from: its module's path, and a label that is unique in it."""

    module: str
    label: str
    op_type: str


def name_after_modules(model: onnx.ModelProto) -> None:
    """Rename nodes and inner tensors: `/backbone/layer1/conv/Conv` becomes `backbone.layer1.conv`.

    A module without children gives its name to its one weighted node, or else to its first node; every other node has
    its label behind the name of its module. Inputs, outputs and initializers keep their names.
    """
    nodes = list(_all_nodes(model.graph))
    for node, name in zip(nodes, _node_names([_origin(node) for node in nodes]), strict=True):
        node.name = name
    renamed = _tensor_names(model.graph, nodes)
    for node in nodes:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    for graph in _all_graphs(model.graph):
        for value in (*graph.output, *graph.value_info):
            value.name = renamed.get(value.name, value.name)


def strip_notes(model: onnx.ModelProto) -> None:
    """Clear doc strings and metadata, which may hold paths of this machine."""
    for graph in _all_graphs(model.graph):
        for part in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer, *graph.value_info):
            part.ClearField("doc_string")
            part.ClearField("metadata_props")
    model.ClearField("doc_string")
    model.ClearField("metadata_props")


def module_path(scopes: Sequence[str]) -> str:
    """Join the exporter's scopes; inside a container it repeats the container's name: `layers`, `layers.0`."""
    kept = [scope for scope, inner in zip(scopes, [*scopes[1:], ""], strict=False) if not inner.startswith(f"{scope}.")]
    return ".".join(kept)


def _origin(node: onnx.NodeProto) -> _Origin:
    # "/a/b/Conv_1": the exporter starts a scoped name with a slash; other names are a label alone.
    *scopes, label = (node.name or node.op_type).removeprefix("/").split("/")
    return _Origin(module_path(scopes), label, node.op_type)


def _node_names(origins: Sequence[_Origin]) -> Iterator[str]:
    main = _main_nodes(origins)
    used: set[str] = set()
    for index, origin in enumerate(origins):
        name = (
            origin.module if main.get(origin.module) == index else ".".join(filter(None, (origin.module, origin.label)))
        )
        yield _unused(name, used)


def _main_nodes(origins: Sequence[_Origin]) -> dict[str, int]:
    """Return the index of the node that bears its module's name, for each module without children."""
    modules = {origin.module for origin in origins}
    parents = {"", *(module[:end] for module in modules for end in _dots(module))}
    ranked = sorted(range(len(origins)), key=lambda index: (_rank(origins[index]), index))
    main: dict[str, int] = {}
    for index in ranked:
        if origins[index].module not in parents:
            main.setdefault(origins[index].module, index)
    return main


def _dots(name: str) -> Iterator[int]:
    return (index for index, letter in enumerate(name) if letter == ".")


def _rank(origin: _Origin) -> int:
    if origin.op_type in _WEIGHTED:
        return 0
    return 2 if origin.op_type == "Constant" else 1


def _tensor_names(graph: onnx.GraphProto, nodes: Sequence[onnx.NodeProto]) -> dict[str, str]:
    """Name a node's outputs after the node."""
    fixed = {value.name for value in (*graph.input, *graph.output)} | {tensor.name for tensor in graph.initializer}
    used = set(fixed)
    renamed: dict[str, str] = {}
    for node in nodes:
        for index, output in enumerate(node.output):
            if output and output not in fixed:
                renamed[output] = _unused(node.name if index == 0 else f"{node.name}.{index}", used)
    return renamed


def _unused(name: str, used: set[str]) -> str:
    unused, count = name, 1
    while unused in used:
        count += 1
        unused = f"{name}_{count}"
    used.add(unused)
    return unused


def _all_graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _all_graphs(attribute.g)


def _all_nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for each in _all_graphs(graph):
        yield from each.node
