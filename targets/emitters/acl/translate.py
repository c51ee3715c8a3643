"""A program as calls of the kit's builder, or the reasons why it cannot be written so."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from compiler.ir import Op, ProgramView
from targets.emitters.acl import activations, elements, places, windows
from targets.emitters.acl.integers import grid_at
from targets.emitters.acl.steps import Draft, Form, Ref, Step, Unwritable

_HANDLERS: Mapping[str, Callable[[Draft, Op], None]] = {
    **windows.HANDLERS,
    **activations.HANDLERS,
    **elements.HANDLERS,
    **places.HANDLERS,
}
_MOST_AXES = 6


@dataclass(frozen=True)
class Refusal:
    """A node that cannot be written, why, and what to do; the network as a whole has no node."""

    op: Op | None
    why: str
    help: str


def refusals(program: ProgramView) -> Iterator[Refusal]:
    """Yield all that stands in the way of writing a program."""
    yield from _translate(program)[1]


def translate(program: ProgramView) -> list[Step]:
    """Write a program that nothing stands in the way of."""
    steps, refused = _translate(program)
    assert not refused, refused
    return steps


def _translate(program: ProgramView) -> tuple[list[Step], list[Refusal]]:
    draft, refused = Draft(program), [*_boundary(program)]
    for index, name in enumerate(program.inputs):
        draft.steps.append(Step("input", "", (index, program.shape(name) or ()), name))
    for op in program.each():
        if op.name in draft.done:
            continue
        try:
            _write(draft, op)
        except Unwritable as found:
            refused.append(Refusal(op, found.why, found.help))
    if not refused:
        for index, name in enumerate(program.outputs):
            draft.steps.append(Step("output", "", (index, _kept(draft, name), *_step_of(program, name)), None))
    return draft.steps, refused


def _write(draft: Draft, op: Op) -> None:
    """Write one node."""
    handler = None if op.domain else _HANDLERS.get(op.op_type)
    if op.op_type in _CONVERSIONS and not op.domain:
        _CONVERSIONS[op.op_type](draft, op)
        return
    if handler is None:
        raise Unwritable("there is no function for it in this runtime", "replace it, or end the network before it")
    for tensor in op.outputs:
        kind = draft.program.type(tensor)
        shape = draft.shape(tensor) if tensor else ()
        if tensor and (kind.dtype != np.float32 or len(shape) > _MOST_AXES or 0 in shape):
            raise Unwritable(
                f"it puts out {kind}", f"keep to 32-bit floats, at least one of them, and {_MOST_AXES} axes"
            )
    draft.current = op if op.name in draft.bytes.layers else None
    try:
        handler(draft, op)
    finally:
        draft.current = None


def _quantize(draft: Draft, op: Op) -> None:
    """Write a conversion to bytes, unless the layer before it writes bytes by itself."""
    grid = grid_at(draft.program, op)
    if grid is None:
        raise Unwritable(*_OTHER_INTEGERS)
    if op.name in draft.bytes.quiet:
        source = op.x
        while source in draft.aliases:
            source = draft.aliases[source]
        draft.aliases[op.y] = source
    else:
        draft.add("quantize", op, (draft.ref(op.x), Form(draft.shape(op.x), grid)))


def _dequantize(draft: Draft, op: Op) -> None:
    """Write a conversion to reals, unless only layers on bytes read it; constants are converted when they are read."""
    if draft.program.is_constant(op.x):
        return
    if grid_at(draft.program, op) is None:
        raise Unwritable(*_OTHER_INTEGERS)
    if op.name not in draft.bytes.quiet:
        draft.add("dequantize", op, (draft.ref(op.x), draft.form(op.y)))


_CONVERSIONS: Mapping[str, Callable[[Draft, Op], None]] = {"QuantizeLinear": _quantize, "DequantizeLinear": _dequantize}
_OTHER_INTEGERS = (
    "it asks for other integers than unsigned ones of 8 bits with one scale and one zero point",
    "quantise with ptq, for this target",
)


def _step_of(program: ProgramView, name: str) -> tuple[float, ...]:
    """Tell how far apart the bytes behind an output are, if there are any."""
    maker = program.producer(name)
    is_bytes = maker is not None and maker.op_type == "DequantizeLinear" and not program.is_constant(maker.x)
    grid = grid_at(program, maker) if maker is not None and is_bytes else None
    return () if grid is None else (grid.scale,)


def _boundary(program: ProgramView) -> Iterator[Refusal]:
    """Yield inputs that the kit cannot take."""
    for name in program.inputs:
        kind = program.type(name)
        shape = kind.static_shape
        if shape is None or kind.dtype != np.float32 or not 0 < len(shape) <= _MOST_AXES or 0 in shape:
            yield Refusal(None, f"input {name} is {kind}", "take 32-bit floats of a fixed shape")
        elif len(shape) > 3 and shape[0] != 1:
            why = f"input {name} holds {shape[0]} images, and the kit runs one at a time"
            yield Refusal(None, why, "export with a batch of 1")


def _kept(draft: Draft, name: str) -> Ref:
    """Find the tensor that leaves the network; one that is also an input, a constant or another output is copied."""
    found = draft.ref(name)
    taken = {argument for step in draft.steps if step.method == "output" for argument in step.arguments}
    if found.tensor not in draft.program.inputs and found.tensor not in draft.stored and found not in taken:
        return found
    copy = f"{name}\0copy"  # no tensor of a model has such a name
    draft.steps.append(Step("reshape", "copy for an output", (found, draft.shape(name)), copy))
    return Ref(copy)
