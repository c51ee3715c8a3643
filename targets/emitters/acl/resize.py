"""Resize as a call of the builder, where the library computes what ONNX says."""

from collections.abc import Callable, Mapping

import numpy as np

from compiler.ir import Array, Op
from targets.emitters.acl.steps import Code, Draft, Shape, Unwritable

_ROUNDINGS: Mapping[str, Callable[[Array], Array]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def resize(draft: Draft, op: Op) -> None:
    """Write a resize of height and width."""
    before, after = draft.shape(op.x), draft.shape(op.y)
    if len(before) != 4 or before[:2] != after[:2]:
        raise Unwritable("it resizes something else than height and width", "resize the two spatial axes only")
    mode, places = op.text("mode", "nearest"), op.text("coordinate_transformation_mode", "half_pixel")
    scales = [_scale(draft, op, axis) for axis in (2, 3)]
    if mode == "nearest":
        rounding = op.text("nearest_mode", "round_prefer_floor")
        is_same = all(_repeats(before[a], after[a], scales[a - 2], places, rounding) for a in (2, 3))
        sampling = "nearest" if is_same else None
    else:
        sampling = _bilinear(mode, places, scales, before[2:], after[2:])
    if sampling is None:
        raise Unwritable(
            f"{mode} with {places} does not sample as the library does",
            "enlarge by whole numbers, or resize with mode linear and half_pixel",
        )
    draft.add("resize", op, (draft.ref(op.x), draft.form(op.y), Code(f"Sampling::{sampling}")))


def _scale(draft: Draft, op: Op, axis: int) -> float:
    """Read the scale that ONNX computes with: the stated one, else that of the sizes."""
    scales = draft.optional(op, 2, "scales")
    if scales is not None and scales.size:
        return float(scales.ravel()[axis])
    return draft.shape(op.y)[axis] / draft.shape(op.x)[axis]


def _bilinear(mode: str, places: str, scales: list[float], before: Shape, after: Shape) -> str | None:
    """Choose the library's sampling; it takes the scale from the sizes, so a stated one must agree with them."""
    agrees = all(abs(s * old - new) < 1e-3 for s, old, new in zip(scales, before, after, strict=True))
    if mode != "linear" or not agrees:
        return None
    if places == "pytorch_half_pixel" and min(after) > 1:
        return "half_pixel"
    return places if places in ("half_pixel", "asymmetric") else None


def _repeats(old: int, new: int, scale: float, places: str, rounding: str) -> bool:
    """Tell whether ONNX's nearest neighbour repeats each pixel a whole number of times, as the library's does."""
    if new % old or rounding not in _ROUNDINGS:
        return False
    index: Array = np.arange(new, dtype=np.float64)
    if places == "asymmetric":
        source = index / scale
    elif places == "half_pixel" or (places == "pytorch_half_pixel" and new > 1):
        source = (index + 0.5) / scale - 0.5
    else:
        return False
    picked = np.clip(_ROUNDINGS[rounding](source), 0, old - 1)
    return bool((picked == np.arange(new) // (new // old)).all())
