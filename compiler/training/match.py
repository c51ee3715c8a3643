"""Inner tensors that should be like the teacher's: where they are, and which of the teacher's channels are left."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import ProgramView
from compiler.training.checks import match_faults, matched_tensor
from compiler.training.codes import MATCH_SHAPE

_CHANNELWISE = frozenset({
    "BatchNormalization", "Relu", "LeakyRelu", "PRelu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "Mish", "Elu",
    "Tanh", "Softplus", "Identity", "Dropout", "MaxPool", "AveragePool", "GlobalAveragePool", "Add", "Mul",
})  # fmt: skip
"""Operators whose output channel k comes from channel k of their input alone, or of inputs that lose the same ones."""


@dataclass(frozen=True)
class Match:
    """A tensor of both networks, and the teacher's channels to compare with; None for all."""

    tensor: str
    channels: tuple[int, ...] | None


def find_matches(
    names: Sequence[str], program: ProgramView, teacher: ProgramView, kept: Mapping[str, Sequence[int]]
) -> tuple[Match, ...]:
    """Resolve the entries of `match`. Raises CompressError where one cannot be compared."""
    faults = list(match_faults(tuple(names), program, teacher))
    if faults:
        raise CompressError(*faults)
    found: list[Match] = []
    for name in names:
        tensor = matched_tensor(name, program, teacher)
        assert tensor is not None
        found.append(_match(name, tensor, program, teacher, kept))
    return tuple(found)


def _match(
    name: str, tensor: str, program: ProgramView, teacher: ProgramView, kept: Mapping[str, Sequence[int]]
) -> Match:
    """Compare whole tensors where shapes agree, else the channels that are left."""
    ours, theirs = program.shape(tensor), teacher.shape(tensor)
    layer = next(_layers_behind(program, tensor), None)
    channels = kept.get(layer or "")
    if channels is None and ours == theirs and ours is not None:
        return Match(tensor, None)
    if channels is not None and ours is not None and theirs is not None:
        wanted = (*theirs[:1], len(channels), *theirs[2:])
        if ours == wanted and max(channels) < theirs[1]:
            return Match(tensor, tuple(channels))
    said = f"`{name}` has shape {_shown(ours)} here and {_shown(theirs)} in the source network"
    why = "its channels come from several layers" if layer is None else f"what {layer} kept is not known"
    advice = "match a layer that no pass pruned, or a convolution's own output"
    raise CompressError(Diagnostic(MATCH_SHAPE, f"{said}, and {why}", advice, layer=name))


def _layers_behind(program: ProgramView, tensor: str) -> Iterator[str]:
    """Yield the layer whose filters are a tensor's channels, through operators that keep channels apart."""
    while (op := program.producer(tensor)) is not None:
        if op.op_type in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
            yield op.name
            return
        if op.op_type not in _CHANNELWISE:
            return
        computed = [name for name in op.inputs if name and not program.is_constant(name)]
        same = [name for name in computed if program.shape(name) is not None]
        if not same:
            return
        # Of two operands that are added, the one with the most values holds the channels; they lost the same ones.
        tensor = max(same, key=lambda name: _size(program, name))


def _size(program: ProgramView, tensor: str) -> int:
    size = 1
    for side in program.shape(tensor) or ():
        size *= side
    return size


def _shown(shape: tuple[int, ...] | None) -> str:
    return "unknown" if shape is None else str(list(shape))
