"""Training for integers: weights and activations are rounded as a target's integers would, gradients pass through.

Each rounding is y = x + (q(x) - x), of which the bracket counts as a constant (a straight-through gradient). The
range of an activation is that of the batch, the range of a weight its own, so that nothing has to be remembered.
"""

from typing import cast

import torch
from torch import Tensor, fx, nn

from compiler.analysis.quantization import find_layout
from compiler.analysis.quantization.weights import filter_axis
from compiler.ir import Op, Program
from compiler.lowering import lowered
from compiler.target import QuantScheme

_LIMITS = {"int8": (-128, 127), "uint8": (0, 255)}
_WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")


class FakeTensor(nn.Module):
    """Rounds a tensor to the integers that span its range: an activation's in the batch, or a whole weight's."""

    def __init__(self, kind: str, *, is_symmetric: bool) -> None:
        super().__init__()
        self._least, self._most = _LIMITS[kind]
        self._is_symmetric = is_symmetric

    def forward(self, x: Tensor, like: Tensor | None = None) -> Tensor:
        """Round over the range of the tensor, and of one with which it shares its integers."""
        known = x.detach()
        low, high = known.amin().clamp(max=0), known.amax().clamp(min=0)
        if like is not None:
            low, high = torch.minimum(low, like.detach().amin()), torch.maximum(high, like.detach().amax())
        if self._is_symmetric:
            scale = _positive(torch.maximum(-low, high) / 127)
            zero = torch.zeros_like(scale) + (self._least + 128)
        else:
            scale = _positive((high - low) / 255)
            zero = torch.clamp(torch.round(self._least - low / scale), self._least, self._most)
        steps = torch.clamp(torch.round(known / scale) + zero, self._least, self._most)
        return x + ((steps - zero) * scale - known)


class FakeWeight(nn.Module):
    """Rounds a weight to symmetric integers, with one scale for each filter along an axis or one for all."""

    def __init__(self, axis: int | None) -> None:
        super().__init__()
        self._axis = axis

    def forward(self, x: Tensor) -> Tensor:
        """Round to 127 steps on both sides of 0."""
        known = x.detach()
        others = [axis for axis in range(known.ndim) if axis != self._axis]
        peaks = known.abs().amax(dim=others, keepdim=True) if others else known.abs()
        scale = _positive(peaks / 127)
        return x + (torch.round(known / scale) * scale - known)


def tensors_to_round(program: Program, scheme: QuantScheme) -> tuple[str, ...]:
    """Name the tensors inside the network that integers would stand for; inputs of the network are not among them."""
    layout = find_layout(program, scheme, {op.name for op in program.each()}, set(), {})
    return tuple(name for name in layout.tensors if name not in program.inputs)


def round_within(module: fx.GraphModule, program: Program, scheme: QuantScheme, outputs: tuple[str, ...]) -> None:
    """Let a lowered network round where integers would; it was lowered with the tensors to round as extra outputs.

    `outputs` are those that stay. Linear in the graph.
    """
    layout = find_layout(program, scheme, {op.name for op in program.each()}, set(), {})
    graph = module.graph
    end = next(node for node in graph.nodes if node.op == "output")
    made = dict(cast("dict[str, fx.Node]", end.args[0]))
    fed = dict(zip(program.inputs, (node for node in graph.nodes if node.op == "placeholder"), strict=True))
    first = next(node for node in graph.nodes if node.op != "placeholder")
    order = {node: place for place, node in enumerate(graph.nodes)}
    roots = {made[name] if name in made else fed[name]: layout.roots[name] for name in layout.tensors}
    activation = FakeTensor(scheme.activations, is_symmetric=scheme.is_symmetric)
    leaders: dict[str, fx.Node] = {}
    for number, node in enumerate(sorted(roots, key=lambda node: order[node])):
        after = first.prev if node.op == "placeholder" else node
        like = (leaders[roots[node]],) if roots[node] in leaders else ()
        rounded = _pass_through(module, node, after, f"rounded_{number}", activation, *like)
        leaders.setdefault(roots[node], rounded)
    for number, (key, axis) in enumerate(_weights(module, program, layout.layers, scheme).items()):
        for node in [node for node in graph.nodes if node.op == "get_attr" and node.target == key]:
            is_whole = axis is None and scheme.weights == "uint8"
            rounding = FakeTensor("uint8", is_symmetric=False) if is_whole else FakeWeight(axis)
            _pass_through(module, node, node, f"rounded_weight_{number}", rounding)
    kept = dict(cast("dict[str, fx.Node]", end.args[0]))
    end.args = ({name: kept[name] for name in outputs},)
    module.recompile()


def _pass_through(
    module: fx.GraphModule, node: fx.Node, after: fx.Node, name: str, rounding: nn.Module, *like: fx.Node
) -> fx.Node:
    """Let all readers of a node read what a module makes of it."""
    module.add_module(name, rounding)
    with module.graph.inserting_after(after):
        rounded = module.graph.call_module(name, (node, *like))
    node.replace_all_uses_with(rounded, delete_user_cb=lambda user: user is not rounded)
    return rounded


def _weights(
    module: fx.GraphModule, program: Program, layers: tuple[str, ...], scheme: QuantScheme
) -> dict[str, int | None]:
    """Find the keys of the layers' weights and the axis of their filters; None for one scale in all."""
    keys = {reader: weight.key for weight in lowered(module).weights for reader in weight.readers}
    found: dict[str, int | None] = {}
    for name in layers:
        op = program.op(name)
        if op.op_type in _WEIGHTED and (name, 1) in keys:
            found[keys[name, 1]] = _axis(program, op) if scheme.per_channel else None
    return found


def _axis(program: Program, op: Op) -> int | None:
    """Tell along which axis a weight has a scale for each filter."""
    axis, rank = filter_axis(op), len(program.shape(op.input(1)) or ())
    is_split = op.op_type == "ConvTranspose" and op.integer("group", 1) > 1
    return None if is_split or rank <= axis else axis


def _positive(scale: Tensor) -> Tensor:
    """Keep a scale that can be divided by; a tensor that is 0 all over gets 1."""
    return torch.where(scale > torch.finfo(torch.float32).tiny, scale, torch.ones_like(scale))
