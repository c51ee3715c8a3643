"""Give every input of a model a fixed shape: what the user states, and a batch of one."""

from collections.abc import Mapping, Sequence

import onnx

from compiler.diagnostic import CompressError, Diagnostic, did_you_mean
from compiler.frontends import onnx_codes as codes

_MOST_ELEMENTS = 2**28


def pin_inputs(model: onnx.ModelProto, shapes: Mapping[str, tuple[int, ...]], label: str) -> list[Diagnostic]:
    """Write the stated shapes into the model and drop stale shape notes; open batch sizes become 1.

    Raises CompressError for an unknown input, a contradiction, or a size that nothing fixes.
    """
    stored = {tensor.name for tensor in model.graph.initializer}
    inputs = {value.name: value for value in model.graph.input if value.name not in stored}
    for name in shapes:
        if name not in inputs:
            advice = did_you_mean(name, inputs) or f"the model's inputs are {', '.join(inputs)}"
            raise CompressError(Diagnostic(codes.WRONG_INPUT, f"{label} has no input {name!r}", advice))
    findings: list[Diagnostic] = []
    is_changed = False
    for name, value in inputs.items():
        shape = value.type.tensor_type.shape
        pinned = _pinned_shape(value, shapes.get(name), label, findings)
        is_changed |= [dim.dim_value for dim in shape.dim] != list(pinned)
        del shape.dim[:]
        shape.dim.extend(onnx.TensorShapeProto.Dimension(dim_value=dim) for dim in pinned)
    if is_changed:
        del model.graph.value_info[:]
        for value in model.graph.output:
            for dim in value.type.tensor_type.shape.dim:
                dim.Clear()  # the rank stays: without it the constant folder refuses the model
    return findings


def _pinned_shape(
    value: onnx.ValueInfoProto, wanted: tuple[int, ...] | None, label: str, findings: list[Diagnostic]
) -> tuple[int, ...]:
    """Choose one input's shape from what the model and the user say."""
    kind = value.type.tensor_type
    has_shape = kind.HasField("shape")
    known: list[int | None] = [
        dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None for dim in kind.shape.dim
    ]
    if wanted is not None:
        fits = len(known) == len(wanted) and all(a in (None, b) for a, b in zip(known, wanted, strict=False))
        if has_shape and not fits:
            said = f"{label}: input {value.name!r} is {_show(known)} in the model, and {_show(wanted)} is asked for"
            raise CompressError(Diagnostic(codes.WRONG_INPUT, said, "state the shape that the model was exported for"))
        known = list(wanted)
    elif has_shape and known and known[0] is None and None not in known[1:]:
        known[0] = 1
        findings.append(Diagnostic(codes.BATCH_PINNED, f"{label}: the batch size of {value.name!r} is fixed at 1"))
    shape = tuple(dim for dim in known if dim is not None)
    if (not has_shape and wanted is None) or len(shape) != len(known):
        said = f"{label}: input {value.name!r} has the open shape {_show(known) if has_shape else 'of any rank'}"
        advice = (
            f"state it with your own numbers: `inputs: {{{value.name}: [1, 3, 480, 640]}}` in the recipe, or "
            f"`--input {value.name}=1,3,480,640` for `compress init` and `compress inspect`"
        )
        raise CompressError(Diagnostic(codes.DYNAMIC_INPUT, said, advice))
    count = 1
    for dim in shape:
        count *= dim
    if count > _MOST_ELEMENTS:
        said = f"{label}: input {value.name!r} would hold {count:,} elements, more than the {_MOST_ELEMENTS:,} allowed"
        raise CompressError(Diagnostic(codes.TOO_LARGE, said, "check the input shape"))
    return shape


def _show(shape: Sequence[int | None]) -> str:
    """Render a shape with ? for what is open."""
    return "[" + ", ".join("?" if dim is None else str(dim) for dim in shape) + "]"
