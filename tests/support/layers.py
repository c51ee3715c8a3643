"""The layers that random networks are drawn from, each with the variants that passes have to tell apart."""

from collections.abc import Callable, Mapping

import numpy as np
from hypothesis import strategies as st

from tests.support.moves import MOVES
from tests.support.sketch import Sketch


def _conv(sketch: Sketch) -> None:
    x = sketch.pick()
    _, channels, height, width = sketch.shape(x)
    kernel = sketch.number(1, min(3, height, width))
    groups = [g for g in range(1, channels + 1) if channels % g == 0]
    group = sketch.draw(st.sampled_from([1, 1, 1, *groups]))
    out = group * sketch.number(1, max(1, 6 // group))
    pad = sketch.number(0, 1) if kernel > 1 else 0
    stride = sketch.number(1, 2)
    weight = _shared_weight(sketch, (out, channels // group, kernel, kernel))
    bias = [sketch.vector(out)] if sketch.chance() else []
    shape = (1, out, (height + 2 * pad - kernel) // stride + 1, (width + 2 * pad - kernel) // stride + 1)
    attributes = {"group": group, "pads": [pad] * 4, "strides": [stride] * 2}
    sketch.add("Conv", [x, weight, *bias], shape, dict(attributes))


def _shared_weight(sketch: Sketch, shape: tuple[int, ...]) -> str:
    """Now and then read a weight that another layer has already."""
    known = [name for name in sketch.program.constants if sketch.program.shape(name) == shape]
    is_shared = known and sketch.number(0, 3) == 0
    return sketch.draw(st.sampled_from(known)) if is_shared else sketch.weight(*shape)


def _deconv(sketch: Sketch) -> None:
    x = sketch.pick()
    _, channels, height, width = sketch.shape(x)
    if height > 9:
        return
    group = sketch.draw(st.sampled_from([1, 1, *(g for g in range(1, channels + 1) if channels % g == 0)]))
    per_group, kernel = sketch.number(1, max(1, 4 // group)), sketch.number(1, 3)
    bias = [sketch.vector(per_group * group)] if sketch.chance() else []
    shape = (1, per_group * group, height + kernel - 1, width + kernel - 1)
    sketch.add("ConvTranspose", [x, sketch.weight(channels, per_group, kernel, kernel), *bias], shape, {"group": group})


def _norm(sketch: Sketch) -> None:
    x = sketch.pick()
    channels = sketch.shape(x)[1]
    scale, shift = sketch.vector(channels), sketch.vector(channels)
    mean = shift if sketch.chance() else sketch.vector(channels)
    params = [scale, shift, mean, sketch.vector(channels, low=0.5)]
    sketch.add("BatchNormalization", [x, *params], sketch.shape(x), {"epsilon": 0.001})


_AT_ZERO_ZERO = ("Relu", "LeakyRelu", "Identity", "Dropout", "Tanh", "Softsign")
_ELSEWHERE = ("Sigmoid", "HardSigmoid", "Softplus", "Cos")


def _activation(sketch: Sketch) -> None:
    x = sketch.pick()
    sketch.add(sketch.draw(st.sampled_from([*_AT_ZERO_ZERO, *_ELSEWHERE])), [x], sketch.shape(x))


def _bounded(sketch: Sketch) -> None:
    x = sketch.pick()
    bounds = [sketch.constant(np.asarray(value, np.float32)) for value in (-0.5, 1.0)]
    sketch.add("Clip", [x, *bounds], sketch.shape(x))


def _operand(sketch: Sketch) -> None:
    """Arithmetic with a constant: for all, per channel, per pixel, or per element; on either side."""
    x = sketch.pick()
    _, channels, height, width = sketch.shape(x)
    shapes = [(), (1,), (channels, 1, 1), (1, channels, 1, 1), (height, width), (1, channels, height, width)]
    operand = sketch.vector(*sketch.draw(st.sampled_from(shapes)), low=0.5)
    op_type = sketch.draw(st.sampled_from(["Add", "Mul", "Sub", "Max", "PRelu"]))
    is_first = op_type != "PRelu" and sketch.chance()
    sketch.add(op_type, [operand, x] if is_first else [x, operand], sketch.shape(x))


def _join(sketch: Sketch) -> None:
    x = sketch.pick()
    sketch.add(sketch.draw(st.sampled_from(["Add", "Mul", "Sum", "Max"])), [x, sketch.pick_like(x)], sketch.shape(x))


def _pool(sketch: Sketch) -> None:
    x = sketch.pick()
    _, channels, height, width = sketch.shape(x)
    if min(height, width) < 2:
        return
    op_type = sketch.draw(st.sampled_from(["MaxPool", "AveragePool"]))
    if op_type == "AveragePool" and sketch.chance():
        padded = {"kernel_shape": [2, 2], "pads": [1, 0, 0, 1], "count_include_pad": sketch.number(0, 1)}
        sketch.add(op_type, [x], sketch.shape(x), dict(padded))
    else:
        sketch.add(op_type, [x], (1, channels, height - 1, width - 1), {"kernel_shape": [2, 2]})


def _mean(sketch: Sketch) -> None:
    x = sketch.pick()
    attributes = {"axes": [2, 3]}
    kind = sketch.draw(st.sampled_from(["GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceL2", "ReduceProd"]))
    sketch.add(kind, [x], (1, sketch.shape(x)[1], 1, 1), dict(attributes) if kind.startswith("Reduce") else None)


def _over_channels(sketch: Sketch) -> None:
    """Scale or shift each pixel by a norm over its channels."""
    x = sketch.pick()
    kind = sketch.draw(st.sampled_from(["ReduceMean", "ReduceL2", "ReduceMax"]))
    norm = sketch.program.fresh("norm")
    sketch.program.add(kind, [x], [norm], {"axes": [1]}, name=f"{norm}_node")
    sketch.add(sketch.draw(st.sampled_from(["Mul", "Sub"])), [x, norm], sketch.shape(x))


def _gate(sketch: Sketch) -> None:
    """Squeeze and excite: scale each channel by a function of all channels' means."""
    x = sketch.pick()
    channels = sketch.shape(x)[1]
    pooled = sketch.add("GlobalAveragePool", [x], (1, channels, 1, 1))
    mixed = sketch.add("Conv", [pooled, sketch.weight(channels, channels, 1, 1)], (1, channels, 1, 1))
    sketch.add("Mul", [x, sketch.add("Sigmoid", [mixed], (1, channels, 1, 1))], sketch.shape(x))


def _pad(sketch: Sketch) -> None:
    x = sketch.pick()
    _, channels, height, width = sketch.shape(x)
    pads = sketch.integers(0, 0, 1, 0, 0, 0, sketch.number(0, 1), 1)
    value = sketch.draw(st.sampled_from([(), (0.0,), (0.5,), (1.0,)]))
    values = [sketch.constant(np.asarray(number, np.float32)) for number in value]
    sketch.add("Pad", [x, pads, *values], (1, channels, height + 1 + int(_last(sketch, pads, 6)), width + 1))


def _last(sketch: Sketch, tensor: str, place: int) -> int:
    value = sketch.program.const(tensor)
    assert value is not None
    return int(value[place])


def _resize(sketch: Sketch) -> None:
    x = sketch.pick()
    _, channels, height, width = sketch.shape(x)
    if max(height, width) > 8:
        return
    shape = (1, channels, 2 * height, 2 * width)
    by_scale = ["", sketch.constant(np.asarray([1, 1, 2, 2], np.float32))]
    by_size = ["", "", sketch.integers(*shape)]
    sketch.add("Resize", [x, *(by_scale if sketch.chance() else by_size)], shape, {"mode": "nearest"})


def _threshold(sketch: Sketch) -> None:
    """Choose between two tensors by a comparison with a constant per channel."""
    x = sketch.pick()
    shape = sketch.shape(x)
    bits = sketch.program.fresh("bits")
    sketch.program.add("Greater", [x, sketch.vector(shape[1], 1, 1)], [bits], name=f"{bits}_node")
    sketch.add("Where", [bits, x, sketch.pick_like(x)], shape)


def _unknown(sketch: Sketch) -> None:
    """Add an operator over channels that the channel analysis has no rule for."""
    x = sketch.pick()
    sketch.add("LRN", [x], sketch.shape(x), {"size": 3})


def head(sketch: Sketch) -> str:
    """Add a classifier behind the latest image: a matrix, or two, in one of several forms."""
    x = sketch.tensors[-1]
    features = int(np.prod(sketch.shape(x)))
    how = sketch.draw(st.sampled_from(["Flatten", "Reshape"]))
    flat = sketch.add(how, [x, sketch.integers(1, features)] if how == "Reshape" else [x], (1, features))
    neurons = sketch.number(1, 5)
    bias = sketch.draw(st.sampled_from([(), (1,), (neurons,), (1, neurons)]))
    operands = [sketch.weight(neurons, features), *([sketch.vector(*bias)] if sketch.chance() else [])]
    hidden = sketch.add("Gemm", [flat, *operands], (1, neurons), {"transB": 1})
    if sketch.chance():
        return hidden
    relu = sketch.add("Relu", [hidden], (1, neurons))
    return sketch.add("MatMul", [relu, sketch.weight(neurons, 2)], (1, 2))


LAYERS: Mapping[str, Callable[[Sketch], None]] = {
    **MOVES,
    "activation": _activation,
    "bounded": _bounded,
    "conv": _conv,
    "conv again": _conv,
    "conv once more": _conv,
    "deconv": _deconv,
    "gate": _gate,
    "join": _join,
    "mean": _mean,
    "norm": _norm,
    "operand": _operand,
    "over channels": _over_channels,
    "pad": _pad,
    "pool": _pool,
    "resize": _resize,
    "threshold": _threshold,
    "unknown": _unknown,
}
