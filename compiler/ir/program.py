"""The program: a convolutional network that is edited by name, with a journal of every edit."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from compiler.ir.ops import Op
from compiler.ir.program_view import ProgramView
from compiler.ir.types import Array, Attribute, Edit, Node, TensorType


class Program(ProgramView):
    """A network. Every change goes through a method here and is journalled, so no pass says what it changed.

    Constant arrays are never changed in place, so that programs may share them and `clone` costs only the nodes.
    """

    def add_input(self, name: str, kind: TensorType) -> None:
        """Declare a graph input."""
        self._claim(name)
        self._inputs[name] = None
        self._types[name] = kind

    def add_output(self, name: str) -> None:
        """Declare that a tensor leaves the graph."""
        self._outputs[name] = None

    def add_constant(self, hint: str, value: Array) -> str:
        """Store a constant under a fresh name made from the hint, and return the name."""
        name = self.fresh(hint)
        value = np.asarray(value)
        value.flags.writeable = False
        self._constants[name] = value
        return name

    def add(  # noqa: PLR0913 - a node has this many parts
        self,
        op_type: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        attributes: Mapping[str, Attribute] | None = None,
        *,
        name: str,
        domain: str = "",
        captures: tuple[str, ...] = (),
    ) -> Op:
        """Add a node; its name is made unique, its outputs must be new tensors."""
        node = Node(
            self.fresh_node(name), op_type, domain, list(inputs), list(outputs), dict(attributes or {}), captures
        )
        for output in node.outputs:
            if output:
                self._claim(output)
                self._producer[output] = node.name
        self._nodes[node.name] = node
        for tensor in self.reads(node):
            self._readers.setdefault(tensor, {})[node.name] = None
        self._is_sorted = False
        self._note("add", node.name, op_type)
        return Op(node)

    def insert_after(
        self, op: Op, op_type: str, params: Sequence[str], attributes: Mapping[str, Attribute], *, name: str
    ) -> Op:
        """Let what a node writes pass through a new node, which takes over the tensor's name and its readers."""
        node = self._nodes[op.name]
        output = node.outputs[0]
        inner = self.fresh(output)
        del self._producer[output]
        node.outputs[0] = inner
        self._producer[inner] = node.name
        self._types[inner] = self._types.get(output, TensorType())
        return self.add(op_type, [inner, *params], [output], attributes, name=name)

    def set_type(self, tensor: str, kind: TensorType) -> None:
        """Record what shape inference found for a computed tensor."""
        self._types[tensor] = kind

    def set_metadata(self, key: str, value: str) -> None:
        """Write a key-value note that travels with the model."""
        if self._metadata.get(key) != value:
            self._metadata[key] = value
            self._note("note", "", f"{key}={value}")

    def set_attribute(self, op: Op, key: str, value: Attribute) -> None:
        """Set an attribute, or remove it when the value is None."""
        node = self._nodes[op.name]
        if value is None:
            if node.attributes.pop(key, None) is None:
                return
        elif key in node.attributes and _is_same(node.attributes[key], value):
            return
        else:
            node.attributes[key] = value
        self._note("set", op.name, key)

    def set_input(self, op: Op, slot: int, tensor: str) -> None:
        """Let an input slot read another tensor; slots before it that are absent stay empty."""
        node = self._nodes[op.name]
        node.inputs.extend([""] * (slot + 1 - len(node.inputs)))
        before = node.inputs[slot]
        if before == tensor:
            return
        node.inputs[slot] = tensor
        while node.inputs and not node.inputs[-1]:
            node.inputs.pop()
        self._unread(before, node)
        if tensor:
            self._readers.setdefault(tensor, {})[node.name] = None
        self._is_sorted = False
        self._note("connect", op.name, f"input {slot}")

    def retype(self, op: Op, op_type: str, inputs: Sequence[str]) -> None:
        """Turn a node into another operator with other inputs, without attributes; its name and outputs stay."""
        node = self._nodes[op.name]
        before = self.reads(node)
        node.op_type, node.inputs, node.attributes = op_type, list(inputs), {}
        for tensor in before:
            self._unread(tensor, node)
        for tensor in inputs:
            self._readers.setdefault(tensor, {})[node.name] = None
        self._is_sorted = False
        self._note("retype", op.name, op_type)

    def set_opset(self, version: int) -> None:
        """State that every node is now written in this version of ONNX's operator set."""
        if version != self.opset:
            self.opsets[""] = version
            self._note("opset", "", str(version))

    def give_const(self, op: Op, slot: int, value: Array) -> str:
        """Give an input slot a constant of its own; a shared or former one stays with its other readers."""
        before = op.input(slot)
        name = self.add_constant(f"{op.name}_{slot}", value)
        self.set_input(op, slot, name)
        if before:
            self._note("reshape" if self.type(before).shape != value.shape else "rewrite", op.name, f"input {slot}")
        return name

    def take_over(self, op: Op, follower: Op) -> None:
        """Let `op` write what `follower`, its only reader, wrote; the follower goes."""
        kept, gone = self._nodes[op.name], self._nodes[follower.name]
        output, former = gone.outputs[0], kept.outputs[0]
        self._detach(gone)
        del self._producer[former]
        self._readers.pop(former, None)
        kept.outputs[0] = output
        self._producer[output] = kept.name
        self._types.pop(former, None)
        self._is_sorted = False
        self._note("take over", op.name, follower.name)

    def bypass(self, op: Op) -> bool:
        """Remove a node that passes its first input on unchanged; say whether that was possible.

        It is not when both the input and the output carry names that something outside the graph reads.
        """
        source, output = op.x, op.y
        if self.is_captured(output):
            return False
        if not self.is_output(output):
            self._redirect(output, source)
            self.remove(op)
            return True
        maker = self._producer.get(source)
        if maker is None or self.is_output(source) or self.is_captured(source):
            return False
        self._detach(self._nodes[op.name])
        node = self._nodes[maker]
        node.outputs[node.outputs.index(source)] = output
        del self._producer[source]
        self._producer[output] = maker
        self._redirect(source, output)
        self._readers.pop(source, None)
        self._types.pop(source, None)
        self._note("bypass", op.name)
        return True

    def free_name(self, tensor: str, word: str = "float") -> str:
        """Let a node write a fresh tensor, which is returned; another node then has to write this one."""
        node = self._nodes[self._producer.pop(tensor)]
        fresh = self.fresh(f"{tensor}_{word}")
        node.outputs[node.outputs.index(tensor)] = fresh
        self._producer[fresh] = node.name
        self._types[fresh] = self._types.get(tensor, TensorType())
        self._is_sorted = False
        self._note("divert", node.name, tensor)
        return fresh

    def remove(self, op: Op) -> None:
        """Remove a node whose outputs nobody reads."""
        self._detach(self._nodes[op.name])
        for tensor in op.outputs:
            self._types.pop(tensor, None)
            self._readers.pop(tensor, None)
        self._note("remove", op.name, op.op_type)

    def replace_by_constant(self, op: Op, values: Sequence[Array]) -> None:
        """Put constants in place of a node's outputs: one value per named output; what nobody reads is not kept."""
        node = self._nodes[op.name]
        self._detach(node)
        for name, value in zip([output for output in node.outputs if output], values, strict=True):
            self._types.pop(name, None)
            if self._readers.get(name) or name in self._outputs:
                value.flags.writeable = False
                self._constants[name] = value
        self._note("fold", op.name, node.op_type)

    def replace_constant(self, tensor: str, value: Array) -> None:
        """Change the value of a constant for all its readers; its name stays."""
        value.flags.writeable = False
        self._constants[tensor] = value
        for name in self._readers.get(tensor, ()):
            self._note("rewrite", name, tensor)

    def drop_unused(self) -> list[str]:
        """Remove the constants that nobody reads and the graph does not put out; return their names."""
        unused = [name for name in self._constants if not self._readers.get(name) and name not in self._outputs]
        for name in unused:
            del self._constants[name]
            self._note("drop", "", name)
        return unused

    def clear_journal(self) -> None:
        """Start a new page of the journal."""
        self._journal.clear()

    def clone(self) -> "Program":
        """Copy nodes and indexes; constants are shared, as they never change."""
        twin = Program(self.name, self.opsets)
        twin._nodes = {
            name: Node(n.name, n.op_type, n.domain, list(n.inputs), list(n.outputs), dict(n.attributes), n.captures)
            for name, n in self._nodes.items()
        }
        twin._inputs, twin._outputs = dict(self._inputs), dict(self._outputs)
        twin._constants, twin._types = dict(self._constants), dict(self._types)
        twin._producer = dict(self._producer)
        twin._readers = {name: dict(readers) for name, readers in self._readers.items()}
        twin._metadata, twin._is_sorted = dict(self._metadata), self._is_sorted
        return twin

    def fresh(self, hint: str) -> str:
        """Make a tensor name that is not in use."""
        return _unused(hint, lambda name: name in self._producer or name in self._constants or name in self._inputs)

    def fresh_node(self, hint: str) -> str:
        """Make a node name that is not in use."""
        return _unused(hint, self._nodes.__contains__)

    def _claim(self, tensor: str) -> None:
        """Insist that a tensor name is not taken."""
        taken = tensor in self._producer or tensor in self._constants or tensor in self._inputs
        assert not taken, f"tensor {tensor} exists already"

    def _note(self, verb: str, layer: str, detail: str = "") -> None:
        """Write a line into the journal."""
        self._journal.append(Edit(verb, layer, detail))

    def _unread(self, tensor: str, node: Node) -> None:
        """Forget that a node reads a tensor, unless another slot still does."""
        if tensor and tensor not in self.reads(node):
            self._readers[tensor].pop(node.name, None)
            if not self._readers[tensor] and tensor in self._constants and tensor not in self._outputs:
                del self._constants[tensor]

    def _redirect(self, old: str, new: str) -> None:
        """Let every reader of one tensor read another."""
        for name in list(self._readers.get(old, ())):
            node = self._nodes[name]
            node.inputs = [new if tensor == old else tensor for tensor in node.inputs]
            self._readers.setdefault(new, {})[name] = None
        self._readers.pop(old, None)
        self._is_sorted = False

    def _detach(self, node: Node) -> None:
        """Take a node out of every index."""
        del self._nodes[node.name]
        tensors = set(self.reads(node))
        node.inputs, node.captures = [], ()
        for tensor in sorted(tensors):
            self._readers.setdefault(tensor, {})[node.name] = None
            self._unread(tensor, node)
        for tensor in node.outputs:
            if self._producer.get(tensor) == node.name:
                del self._producer[tensor]


def _unused(hint: str, is_taken: Callable[[str], bool]) -> str:
    """Append the first number that makes a hint unique."""
    name, number = hint, 2
    while is_taken(name):
        name, number = f"{hint}_{number}", number + 1
    return name


def _is_same(old: Attribute, new: Attribute) -> bool:
    """Compare two attribute values without tripping over arrays."""
    return type(old) is type(new) and bool(np.array_equal(np.asarray(old), np.asarray(new)))
