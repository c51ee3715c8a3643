"""The reading half of a program: named nodes and tensors, found in O(1)."""

from collections.abc import Iterator, Mapping
from typing import overload

from compiler.ir.ops import Op, OpT, view
from compiler.ir.order import CycleError, sorted_names
from compiler.ir.types import Array, Edit, Node, TensorType


class ProgramView:
    """What analyses and decisions may use: everything is reached by name, nothing is changed."""

    def __init__(self, name: str, opset: Mapping[str, int]) -> None:
        self.name = name
        self.opsets = dict(opset)
        self._nodes: dict[str, Node] = {}
        self._inputs: dict[str, None] = {}
        self._outputs: dict[str, None] = {}
        self._constants: dict[str, Array] = {}
        self._types: dict[str, TensorType] = {}
        self._producer: dict[str, str] = {}
        self._readers: dict[str, dict[str, None]] = {}
        self._metadata: dict[str, str] = {}
        self._is_sorted = True
        self._journal: list[Edit] = []

    @property
    def opset(self) -> int:
        """The version of ONNX's own operator set."""
        return self.opsets[""]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the graph's inputs."""
        return tuple(self._inputs)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the graph's outputs."""
        return tuple(self._outputs)

    @property
    def journal(self) -> tuple[Edit, ...]:
        """Every edit since the program was loaded or the journal last cleared."""
        return tuple(self._journal)

    @property
    def metadata(self) -> dict[str, str]:
        """A copy of the model's key-value notes, such as the precision asked of the board's builder."""
        return dict(self._metadata)

    @property
    def constants(self) -> tuple[str, ...]:
        """Names of the constant tensors."""
        return tuple(self._constants)

    @overload
    def each(self) -> Iterator[Op]: ...
    @overload
    def each(self, kind: type[OpT]) -> Iterator[OpT]: ...
    def each(self, kind: type[Op] = Op) -> Iterator[Op]:
        """Yield the nodes that a view fits, in topological order; nodes removed meanwhile are passed over."""
        self._sort()
        if not kind.op_types:
            names = list(self._nodes)
        else:
            names = [node.name for node in self._nodes.values() if kind.fits(node.op_type, node.domain)]
        for name in names:
            if name in self._nodes:
                yield view(self._nodes[name], kind)

    def __len__(self) -> int:
        """Count the nodes."""
        return len(self._nodes)

    def op(self, name: str) -> Op:
        """Open a window on the node of this name."""
        return Op(self._nodes[name])

    def node(self, name: str) -> Node:
        """Hand out the stored node; for the IR's own writers."""
        return self._nodes[name]

    def has_op(self, name: str) -> bool:
        """Tell whether a node of this name exists."""
        return name in self._nodes

    @overload
    def producer(self, tensor: str) -> Op | None: ...
    @overload
    def producer(self, tensor: str, kind: type[OpT]) -> OpT | None: ...
    def producer(self, tensor: str, kind: type[Op] = Op) -> Op | None:
        """Find the node that writes a tensor, when the view fits it."""
        name = self._producer.get(tensor)
        if name is None:
            return None
        node = self._nodes[name]
        return view(node, kind) if kind.fits(node.op_type, node.domain) else None

    def readers(self, tensor: str) -> tuple[Op, ...]:
        """List the nodes that read a tensor, subgraph captures included."""
        return tuple(Op(self._nodes[name]) for name in self._readers.get(tensor, ()))

    def is_output(self, tensor: str) -> bool:
        """Tell whether a tensor is an output of the graph."""
        return tensor in self._outputs

    def is_constant(self, tensor: str) -> bool:
        """Tell whether a tensor's value is known."""
        return tensor in self._constants

    def is_private(self, tensor: str) -> bool:
        """Tell whether exactly one node reads a tensor, once, and the graph does not put it out."""
        readers = self._readers.get(tensor, {})
        if tensor in self._outputs or len(readers) != 1:
            return False
        node = self._nodes[next(iter(readers))]
        return node.inputs.count(tensor) == 1 and tensor not in node.captures

    def is_captured(self, tensor: str) -> bool:
        """Tell whether a subgraph reads the tensor by name, so that it must keep its name."""
        return any(tensor in self._nodes[name].captures for name in self._readers.get(tensor, ()))

    def const(self, tensor: str) -> Array | None:
        """Read a constant's value, or None for a computed tensor."""
        return self._constants.get(tensor)

    def consts(self, *tensors: str) -> list[Array] | None:
        """Read several constants, or None when any of them is computed."""
        values = [self._constants[name] for name in tensors if name in self._constants]
        return values if len(values) == len(tensors) else None

    def type(self, tensor: str) -> TensorType:
        """Tell a tensor's element type and shape, as far as inferred."""
        value = self._constants.get(tensor)
        if value is not None:
            return TensorType(value.dtype, value.shape)
        return self._types.get(tensor, TensorType())

    def shape(self, tensor: str) -> tuple[int, ...] | None:
        """Tell a tensor's shape when it is static, else None."""
        value = self._constants.get(tensor)
        return value.shape if value is not None else self.type(tensor).static_shape

    def reads(self, node: Node) -> list[str]:
        """List the tensors that a node reads, those of its subgraphs included."""
        return [name for name in (*node.inputs, *node.captures) if name]

    def _sort(self) -> None:
        """Bring the nodes into topological order; linear, and only after an edit that may have broken it."""
        if self._is_sorted:
            return
        order, cycle = sorted_names(self._nodes, self._producer, self.reads)
        if cycle:
            raise CycleError(cycle)
        self._nodes = {name: self._nodes[name] for name in order}
        self._is_sorted = True
