"""Resize and Upsample: torch's own interpolation where it computes the same, else a matrix for each axis."""

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from compiler.ir import Array
from compiler.lowering.call import Call
from compiler.lowering.registry import lowers
from compiler.lowering.sampling import Axis, Sampling, matrix_of, nearest_of, torch_matrix_of, torch_nearest_of

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


@lowers("Resize")
def resize(call: Call) -> Tensor:
    """Resample each axis that changes."""
    op = call.op
    sampling = Sampling(
        op.text("mode", "nearest"),
        op.text("coordinate_transformation_mode", "half_pixel"),
        op.text("nearest_mode", "round_prefer_floor"),
        op.number("cubic_coeff_a", -0.75),
        op.integer("exclude_outside", 0) != 0,
        op.integer("antialias", 0) != 0,
    )
    axes = _axes_of(call)
    made = _by_torch(call, sampling, axes)
    return _by_axis(call, sampling, axes) if made is None else made


@lowers("Upsample")
def upsample(call: Call) -> Tensor:
    """Resample as Resize did before it had coordinate modes."""
    scales = call.static(1)
    values = call.op.attributes.get("scales") if scales is None else scales
    rows = zip(call.shape(), np.asarray(values, np.float64).ravel(), strict=True)
    axes = {axis: Axis(n, int(n * s), float(s)) for axis, (n, s) in enumerate(rows) if s != 1}
    mode = call.op.text("mode", "nearest")
    sampling = Sampling(mode, "asymmetric", "floor")
    made = _by_torch(call, sampling, axes)
    return _by_axis(call, sampling, axes) if made is None else made


def _axes_of(call: Call) -> dict[int, Axis]:
    """Tell what happens to each axis that Resize changes."""
    roi, scales, sizes = call.static(1), call.static(2), call.integers(3)
    axes = tuple(axis % call.rank() for axis in call.op.integers("axes", tuple(range(call.rank()))))
    lengths = [call.shape()[axis] for axis in axes]
    if sizes:
        factors = [size / length for size, length in zip(sizes, lengths, strict=True)]
        policy = call.op.text("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            factors = [min(factors) if policy == "not_larger" else max(factors)] * len(factors)
            sizes = tuple(int(factor * length + 0.5) for factor, length in zip(factors, lengths, strict=True))
    else:
        assert scales is not None
        factors = [float(factor) for factor in scales.ravel()]
        sizes = tuple(int(factor * length) for factor, length in zip(scales.ravel(), lengths, strict=True))
    is_crop = call.op.text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize"
    found: dict[int, Axis] = {}
    for place, axis in enumerate(axes):
        area = (float(roi[place]), float(roi[place + len(axes)])) if is_crop and roi is not None else (0.0, 1.0)
        if factors[place] != 1.0 or sizes[place] != lengths[place] or area != (0.0, 1.0):
            found[axis] = Axis(lengths[place], sizes[place], factors[place], area)
    return found


def _by_torch(call: Call, sampling: Sampling, axes: dict[int, Axis]) -> Tensor | None:
    """Call F.interpolate, if it takes the very same samples with the same weights."""
    spatial = call.rank() - 2
    if not axes or min(axes) < 2 or spatial not in _LINEAR or not call.dtype().is_floating_point:
        return call[0] if not axes else None
    size = [axes[axis].size if axis in axes else call.shape()[axis] for axis in range(2, call.rank())]
    if sampling.mode == "nearest":
        is_same = all(np.array_equal(nearest_of(axis, sampling), torch_nearest_of(axis)) for axis in axes.values())
        return F.interpolate(call[0], size, mode="nearest") if is_same else None
    name = _LINEAR[spatial] if sampling.mode == "linear" else "bicubic" if spatial == 2 else None
    if name is None or sampling.is_antialiased:
        return None
    for corners in (False, True):
        if all(_is_like_torch(axis, sampling, corners=corners) for axis in axes.values()):
            return F.interpolate(call[0], size, mode=name, align_corners=corners)
    return None


def _is_like_torch(axis: Axis, sampling: Sampling, *, corners: bool) -> bool:
    """Compare torch's weights with ONNX's; those outside the input count too."""
    ours, _ = matrix_of(axis, sampling)
    return bool(np.allclose(ours, torch_matrix_of(axis, sampling.mode, corners=corners), rtol=0, atol=1e-6))


def _by_axis(call: Call, sampling: Sampling, axes: dict[int, Axis]) -> Tensor:
    """Resample one axis after the other, by index or by matrix."""
    is_float = call.dtype().is_floating_point
    x = call[0] if is_float else call[0].float()
    outside: list[tuple[int, Array]] = []
    for number, axis in axes.items():
        matrix, is_outside = matrix_of(axis, sampling)
        if is_outside.any():
            outside.append((number, is_outside))
        if sampling.mode == "nearest":
            x = x.index_select(number, call.constant(nearest_of(axis, sampling)))
            continue
        table = call.floats(matrix.T) if is_float else call.constant(matrix.T.astype(np.float32))
        x = (x.movedim(number, -1) @ table).movedim(-1, number)
    for number, is_outside in outside:
        filler = call.op.number("extrapolation_value", 0.0)
        mask = is_outside.reshape(-1, *[1] * (call.rank() - number - 1))
        x = x.masked_fill(call.constant(mask), filler)
    return x if is_float else x.round().to(call.dtype())
