"""ONNX in and out, through graphsurgeon: the only place where either library's objects meet a program."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import onnx
import onnx_graphsurgeon as gs
from onnx_graphsurgeon.logger import G_LOGGER

from compiler.ir.program import Program
from compiler.ir.program_view import ProgramView
from compiler.ir.types import Array, Attribute, Node, TensorType


def from_model(model: onnx.ModelProto, stand_ins: Mapping[str, Array] | None = None) -> Program:
    """Read a checked model: initializers and Constant nodes become constants, nameless nodes get names.

    An initializer that is listed as a graph input counts as a constant. `stand_ins` are values for constants that
    the model only declares. Linear in nodes plus weight bytes.
    """
    with _silence():
        graph = cast(Any, gs.import_onnx(model))
    program = Program(graph.name or "network", {_domain(opset.domain): opset.version for opset in model.opset_import})
    protos = list(model.graph.node)
    initialised = {tensor.name for tensor in model.graph.initializer}
    for tensor in model.graph.initializer:
        program.add_constant(tensor.name, onnx.numpy_helper.to_array(tensor))
    for name, value in (stand_ins or {}).items():
        program.add_constant(name, value)
    for tensor in graph.inputs:
        if tensor.name not in initialised:
            program.add_input(tensor.name, _type_of(tensor))
    for index, (proto, node) in enumerate(zip(protos, graph.nodes, strict=True)):
        _add_node(program, proto, node, index)
    for tensor in (*graph.tensors().values(), *graph.outputs):
        if tensor.name and not program.is_constant(tensor.name) and isinstance(tensor, gs.Variable):
            program.set_type(tensor.name, _type_of(tensor))
    for value in model.graph.output:
        program.add_output(value.name)
    for entry in model.metadata_props:
        program.set_metadata(entry.key, entry.value)
    program.drop_unused()
    program.clear_journal()
    return program


def to_model(program: ProgramView) -> onnx.ModelProto:
    """Write a program as an ONNX model with nodes in topological order."""
    return _export(program, _keep_all)


def model_bytes(program: ProgramView, also: Sequence[str] = ()) -> bytes:
    """Serialise a program, with further inner tensors as outputs if asked; equal programs give equal bytes."""
    return _export(program, _keep_all, also).SerializeToString(deterministic=True)


def runnable_bytes(program: ProgramView, also: Sequence[str] = ()) -> bytes:
    """Serialise a program to be run here and thrown away: without types of inner tensors, which halves the time."""
    return _export(program, _keep_all, also, is_typed=False).SerializeToString()


def to_skeleton(program: ProgramView, largest: int = 4096) -> onnx.ModelProto:
    """Write the model without its weights: constants above `largest` elements become inputs of the same type.

    Checks and shape inference need no weight values, only small ones such as target shapes; and no types of inner
    tensors, which inference finds anew. Leaving those out halves the time.
    """
    return _export(program, lambda value: value.size <= largest, is_typed=False)


def _domain(name: str | None) -> str:
    """Spell ONNX's own domain in the one way that a program uses."""
    return "" if name in (None, "", "ai.onnx") else name


@contextmanager
def _silence() -> Generator[None]:
    """Keep graphsurgeon's warnings off the terminal, where a JSON report may be written."""
    logger = cast(Any, G_LOGGER)
    before = logger.severity
    logger.severity = logger.CRITICAL
    try:
        yield
    finally:
        logger.severity = before


def _keep_all(_: Array) -> bool:
    """Keep the value of every constant."""
    return True


def _add_node(program: Program, proto: onnx.NodeProto, node: Any, index: int) -> None:
    """Turn one graphsurgeon node into a program node, or into a constant."""
    outputs = [tensor.name for tensor in node.outputs]
    attributes = {key: _attribute_in(value) for key, value in node.attrs.items()}
    bodies = {item.name: item.g for item in proto.attribute if item.type == onnx.AttributeProto.GRAPH}
    attributes.update(bodies)
    if node.op == "Constant" and not node.domain and (value := _constant_value(attributes)) is not None:
        program.add_constant(outputs[0], value)
        return
    captures = tuple(dict.fromkeys(name for body in bodies.values() for name in free_names(body)))
    program.add(
        node.op,
        [tensor.name for tensor in node.inputs],
        outputs,
        attributes,
        name=node.name or f"{node.op}_{index}",
        domain=_domain(node.domain),
        captures=captures,
    )


def _constant_value(attributes: dict[str, Attribute]) -> Array | None:
    """Read a Constant node's value from whichever attribute holds it; None when none is a number."""
    kinds = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    for key, value in attributes.items():
        if key == "value" and isinstance(value, np.ndarray):
            return cast(Array, value)
        if key in kinds:
            return np.asarray(value, dtype=kinds[key])
    return None


def _attribute_in(value: object) -> Attribute:
    """Replace a graphsurgeon tensor by its array; leave plain values."""
    return np.asarray(cast(Any, value).values) if isinstance(value, gs.Constant) else value


def _attribute_out(value: Attribute) -> object:
    """Wrap an array for graphsurgeon; leave plain values."""
    return gs.Constant("", _in_order(cast(Array, value))) if isinstance(value, np.ndarray) else value


def free_names(graph: onnx.GraphProto) -> Iterator[str]:
    """Yield the names that a subgraph reads but does not define, those of nested subgraphs included."""
    known = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        yield from (name for name in node.input if name and name not in known)
        for item in node.attribute:
            if item.type == onnx.AttributeProto.GRAPH:
                yield from (name for name in free_names(item.g) if name not in known)
        known.update(node.output)
    yield from (value.name for value in graph.output if value.name not in known)


def _type_of(tensor: Any) -> TensorType:
    """Read a graphsurgeon tensor's type; exotic element types come as ONNX enum numbers."""
    dtype = tensor.dtype
    if isinstance(dtype, int):
        dtype = onnx.helper.tensor_dtype_to_np_dtype(dtype) if dtype else None
    shape = None if tensor.shape is None else tuple(tensor.shape)
    return TensorType(None if dtype is None else np.dtype(dtype), shape)


def _export(
    program: ProgramView, keeps: Callable[[Array], bool], also: Sequence[str] = (), *, is_typed: bool = True
) -> onnx.ModelProto:
    """Build a graphsurgeon graph from the program and export it; inner tensors have types only if that is asked."""
    tensors: dict[str, Any] = {}
    ops = list(program.each())
    values = {name: value for name in sorted(program.constants) if (value := program.const(name)) is not None}
    shown = {name: value for name, value in values.items() if keeps(value)}
    ends = {*program.inputs, *program.outputs, *also, *values.keys() - shown.keys()}

    def tensor(name: str) -> Any:
        if name not in tensors:
            kind = program.type(name) if is_typed or name in ends else TensorType()
            tensors[name] = gs.Variable(name, kind.dtype, cast(Any, kind.shape))
        return tensors[name] if name else gs.Variable.empty()

    graph = gs.Graph(
        nodes=[_node_out(program, op.name, tensor) for op in ops],
        inputs=[tensor(name) for name in (*program.inputs, *(name for name in values if name not in shown))],
        outputs=[tensor(name) for name in dict.fromkeys((*program.outputs, *also))],
        name=program.name,
        opset=program.opset,
        import_domains=[onnx.helper.make_opsetid(domain, version) for domain, version in program.opsets.items()],
    )
    with _silence():
        model = gs.export_onnx(graph, do_type_check=False, ir_version=_ir_version(program.opset))
    notes = [note for note in model.graph.value_info if note.name not in shown]
    del model.graph.value_info[:]
    model.graph.value_info.extend(notes)
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(_in_order(value), name) for name, value in shown.items()
    )
    for proto, op in zip(model.graph.node, ops, strict=True):
        bodies = {key: item for key, item in op.attributes.items() if isinstance(item, onnx.GraphProto)}
        proto.attribute.extend(onnx.helper.make_attribute(key, item) for key, item in sorted(bodies.items()))
    onnx.helper.set_model_props(model, dict(sorted(program.metadata.items())))
    model.producer_name = "compress"
    return model


def _in_order(value: Array) -> Array:
    """Lay an array out row by row; numpy's own function for that would give a scalar an axis."""
    return np.asarray(value, order="C")


def _node_out(program: ProgramView, name: str, tensor: Callable[[str], Any]) -> Any:
    """Turn one program node into a graphsurgeon node, subgraphs excepted."""
    node: Node = program.node(name)
    attributes = {
        key: _attribute_out(value) for key, value in node.attributes.items() if not isinstance(value, onnx.GraphProto)
    }
    inputs, outputs = [tensor(item) for item in node.inputs], [tensor(item) for item in node.outputs]
    return gs.Node(node.op_type, node.name, attributes, inputs, outputs, domain=cast(Any, node.domain or None))


def _ir_version(opset: int) -> int:
    """Choose the oldest file format that carries the operator set, for the oldest runtimes' sake."""
    table = {row[2]: row[1] for row in onnx.helper.VERSION_TABLE if len(row) > 2}
    return max(7, int(table.get(opset, onnx.IR_VERSION)))
