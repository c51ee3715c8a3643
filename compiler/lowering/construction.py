"""A torch.fx graph under construction, node by node."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.fx.proxy import GraphAppendingTracer

from compiler.ir import Array, Op, ProgramView, TensorType
from compiler.lowering.call import Call, RefusedError
from compiler.lowering.codes import NOT_LOWERED
from compiler.lowering.dtypes import to_array, to_tensor, torch_type
from compiler.lowering.eager import Folding, Outline
from compiler.lowering.keys import plain_key
from compiler.lowering.layers import DropoutUse, Norms
from compiler.lowering.refusals import reason_of
from compiler.lowering.registry import Lowering, lowering_of
from compiler.lowering.state import folder, put, state_of
from compiler.lowering.weights import find_weights


class Construction:
    """The scope in which lowerings see proxies: what they call becomes the graph."""

    def __init__(self, program: ProgramView, norms: Norms, dropout: DropoutUse) -> None:
        self.opset = program.opset
        self.norms: Norms = norms
        self.dropout: DropoutUse = dropout
        self.weights = find_weights(program)
        self.strayed: set[str] = set()
        self._program = program
        self._root, self._graph = nn.Module(), fx.Graph()
        self._tracer = GraphAppendingTracer(self._graph)
        self._weight_at = {reader: weight for weight in self.weights for reader in weight.readers}
        self._weight_of = {weight.tensor: weight for weight in reversed(self.weights)}
        self._values: dict[str, Tensor] = {}
        self._folded: dict[str, Array] = {}
        self._types: dict[str, TensorType] = {}
        self._attributes: dict[str, Tensor] = {}
        self._spoilt: set[str] = set()
        for weight in self.weights:
            put(self._root, weight.key, state_of(program, weight, norms))
        for name in program.inputs:
            self._values[name] = self._proxy("placeholder", plain_key("input", name))

    def add(self, op: Op) -> None:
        """Lower one node, or compute its outputs at once when they cannot change. Raises RefusedError."""
        if any(name in self._spoilt for name in (*op.inputs, *op.captures)):
            self.spoil(op)
            return
        lowering = None if op.domain else lowering_of(op.op_type)
        if lowering is None:
            raise RefusedError(NOT_LOWERED, reason_of(op.op_type, op.domain))
        for tensor in (*op.inputs, *op.outputs):
            self._check_type(tensor)
        if self._is_known(op):
            self._fold(op, lowering)
            return
        for name, value in zip(op.outputs, _listed(lowering(Call(op, self))), strict=False):
            if name:
                assert value is not None, f"{op} gives no {name}"
                self._values[name] = value
        if _strays(op, self.strayed):
            self.strayed.update(op.outputs)
        if any(name and self._program.shape(name) is None for name in op.outputs):
            self._outline(op, lowering)

    def spoil(self, op: Op) -> None:
        """Note that what a node computes is not there, so that its readers are not reported as well."""
        self._spoilt.update(name for name in op.outputs if name)

    def finish(self, outputs: tuple[str, ...]) -> fx.GraphModule:
        """Close the graph."""
        self._graph.output({name: _node_of(self._read(name)) for name in outputs})
        for weight in self.weights:
            self._attribute(weight.key)  # one that nothing reads any more is state all the same
        return fx.GraphModule(self._root, self._graph, "Lowered")

    def type(self, tensor: str) -> TensorType:
        """Tell a tensor's type: the program's word, else what the lowering was seen to compute."""
        known = self.known(tensor)
        if known is not None:
            return TensorType(known.dtype, known.shape)
        return self._types.get(tensor) or self._program.type(tensor)

    def operand(self, op: Op, slot: int) -> Tensor:
        """Hand out a node's input: a weight by its key, a constant as a buffer, else what was computed."""
        weight = self._weight_at.get((op.name, slot))
        return self._read(op.input(slot)) if weight is None else self._attribute(weight.key)

    def known(self, tensor: str) -> Array | None:
        """Hand out a constant or folded value."""
        found = self._folded.get(tensor)
        return self._program.const(tensor) if found is None else found

    def constant(self, value: Array) -> Tensor:
        """Keep an array as a buffer under `constants`."""
        key = f"constants.c{len(self._attributes)}"
        put(self._root, key, to_tensor(value))
        return self._attribute(key)

    def layer(self, name: str, module: nn.Module, operands: tuple[Tensor, ...]) -> Tensor:
        """Call a module of the graph's own under `layers`."""
        key = plain_key("layer", name)
        folder(self._root, "layers").add_module(key, module)
        return self._proxy("call_module", f"layers.{key}", operands)

    def _fold(self, op: Op, lowering: Lowering) -> None:
        """Compute a node's outputs by its own lowering, on real tensors."""
        with torch.no_grad():
            made = _listed(lowering(Call(op, Folding(self))))
        for name, value in zip(op.outputs, made, strict=False):
            if name and value is not None:
                self._folded[name] = to_array(value, self._program.type(name).dtype)

    def _outline(self, op: Op, lowering: Lowering) -> None:
        """Find the types that shape inference could not, by running the lowering without data."""
        made = _listed(lowering(Call(op, Outline(self))))
        for name, value in zip(op.outputs, made, strict=False):
            if name and value is not None:
                dtype = np.dtype(str(value.dtype).removeprefix("torch."))
                self._types[name] = TensorType(dtype, tuple(value.shape))

    def _read(self, tensor: str) -> Tensor:
        """Hand out a tensor by name; a constant becomes a buffer on first use."""
        weight = self._weight_of.get(tensor)
        if weight is not None:
            return self._attribute(weight.key)
        if tensor not in self._values:
            known = self.known(tensor)
            assert known is not None, f"nothing computes {tensor}"
            self._values[tensor] = self.constant(known)
        return self._values[tensor]

    def _attribute(self, key: str) -> Tensor:
        """Read a parameter or buffer, once for the whole graph."""
        if key not in self._attributes:
            self._attributes[key] = self._proxy("get_attr", key)
        return self._attributes[key]

    def _proxy(self, kind: str, target: str, args: tuple[Tensor, ...] = ()) -> Tensor:
        """Append a node. What comes back passes for a tensor wherever torch's functions take one."""
        return cast(Tensor, self._tracer.create_proxy(kind, target, args, {}))

    def _is_known(self, op: Op) -> bool:
        """Tell whether neither the network's input nor training can change what a node computes."""
        if op.op_type in ("Shape", "Size"):
            return True
        return all(not name or (self.known(name) is not None and name not in self._weight_of) for name in op.inputs)

    def _check_type(self, tensor: str) -> None:
        """Refuse element types that torch cannot hold."""
        dtype = self.type(tensor).dtype if tensor else None
        if dtype is not None and dtype.kind in "OSU":
            raise RefusedError(NOT_LOWERED, reason_of("StringConcat"))
        if dtype is not None and torch_type(np.dtype(dtype)) is None:
            raise RefusedError(NOT_LOWERED, f"torch does not compute with {dtype}")


def _node_of(value: Tensor) -> fx.Node:
    """Find the graph's node behind what passes for a tensor."""
    assert isinstance(value, fx.Proxy)
    return value.node


def _strays(op: Op, strayed: set[str]) -> bool:
    """Tell whether a node moves the batch away from the front, or reads what was moved."""
    is_moved = op.op_type == "Transpose" and (not op.integers("perm") or op.integers("perm")[0] != 0)
    return is_moved or any(name in strayed for name in op.inputs if name)


def _listed(made: Tensor | Sequence[Tensor | None]) -> list[Tensor | None]:
    """See one output as a list of one."""
    return list(made) if isinstance(made, (list, tuple)) else [cast(Tensor, made)]
