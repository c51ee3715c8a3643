"""From the raw heads of a detector to boxes: the YOLO formula and non-maximum suppression."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.data.codes import HEAD_MISMATCH
from compiler.diagnostic import CompressError, Diagnostic

MAX_DETECTIONS = 100
"""As many as COCO's metric looks at in one image."""

MAX_CANDIDATES = 30_000
"""Boxes that enter suppression; with the low threshold of an evaluation the rest cannot matter."""

_BLOCK = 256
"""Boxes that suppression looks at in one go."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Detections:
    """Boxes (x1, y1, x2, y2 in input pixels) with score and class, row by row."""

    boxes: Floats
    scores: Floats
    classes: NDArray[np.int64]

    def take(self, rows: NDArray[np.intp]) -> "Detections":
        """Return the given rows, in the given order."""
        return Detections(self.boxes[rows], self.scores[rows], self.classes[rows])


def count_classes(heads: Sequence[NDArray[np.generic]], anchors: Sequence[Sequence[float]]) -> int:
    """Return how many classes the heads predict, or say how they fail to fit the anchors.

    Heads and anchors come finest grid first.
    """
    if len(heads) != len(anchors):
        raise _mismatch(f"the model has {len(heads)} outputs, the recipe gives anchors for {len(anchors)}")
    counts: set[int] = set()
    for head, flat in zip(heads, anchors, strict=True):
        if head.ndim != 4 or head.shape[0] != 1:
            raise _mismatch(f"an output has shape {list(head.shape)}, not [1, channels, rows, columns]")
        each, rest = divmod(head.shape[1], len(flat) // 2)
        if rest or each < 6:
            raise _mismatch(f"an output has {head.shape[1]} channels for {len(flat) // 2} anchors of 5 + classes each")
        counts.add(each - 5)
    if len(counts) > 1:
        raise _mismatch(f"the outputs disagree on the number of classes: {sorted(counts)}")
    return counts.pop()


def sort_heads(outputs: Sequence[NDArray[np.generic]]) -> tuple[NDArray[np.generic], ...]:
    """Order the outputs of a detector finest grid first, as anchors are given."""
    return tuple(sorted(outputs, key=lambda head: -head.shape[-1] * head.shape[-2] if head.ndim == 4 else 0))


def decode_yolo(
    heads: Sequence[NDArray[np.generic]],
    anchors: Sequence[Sequence[float]],
    input_size: tuple[int, int],
    confidence: float,
) -> Detections:
    """Return every (box, class) of the raw heads whose score is above `confidence`, best first.

    With s = sigmoid(head): centre (2 s - 0.5 + cell) stride, size (2 s)^2 anchor, score object * class.
    """
    count_classes(heads, anchors)
    parts = [_decode_head(head, flat, input_size, confidence) for head, flat in zip(heads, anchors, strict=True)]
    found = Detections(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.classes for part in parts]),
    )
    return found.take(np.argsort(-found.scores, kind="stable")[:MAX_CANDIDATES])


def suppress(found: Detections, iou: float, limit: int = MAX_DETECTIONS) -> Detections:
    """Keep the best box of each heap: within a class, drop what overlaps a better box by more than `iou`.

    Boxes are looked at a block at a time, best first: an untrained network finds thousands, and the first few hundred
    of them already fill the limit.
    """
    order = np.argsort(-found.scores, kind="stable")
    kept = np.zeros(0, np.intp)
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        block = block[~_is_twin(found, kept[:, np.newaxis], block, iou).any(axis=0)]
        while block.size and len(kept) < limit:
            best, block = block[0], block[1:]
            kept = np.append(kept, best)
            block = block[~_is_twin(found, best, block, iou)]
        if len(kept) == limit:
            break
    return found.take(kept)


def _is_twin(found: Detections, better: NDArray[np.intp], others: NDArray[np.intp], iou: float) -> NDArray[np.bool_]:
    """Tell which of the other boxes are of a better one's class and overlap it by more than `iou`."""
    is_like = found.classes[better] == found.classes[others]
    return is_like & (overlap(found.boxes[better], found.boxes[others]) > iou)


def overlap(boxes: Floats, others: Floats) -> Floats:
    """Return the intersection over union of corner boxes [..., 4] and others, broadcast; 0 for empty boxes."""
    corner = np.maximum(boxes[..., :2], others[..., :2])
    shared = _area(np.clip(np.minimum(boxes[..., 2:], others[..., 2:]) - corner, 0, None))
    union = _area(boxes[..., 2:] - boxes[..., :2]) + _area(others[..., 2:] - others[..., :2]) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _area(sides: Floats) -> Floats:
    return sides[..., 0] * sides[..., 1]


def _decode_head(
    head: NDArray[np.generic], flat: Sequence[float], input_size: tuple[int, int], confidence: float
) -> Detections:
    _, channels, rows, columns = head.shape
    sizes = np.array(flat, np.float64).reshape(-1, 2)
    grid = _sigmoid(head.astype(np.float64)).reshape(len(sizes), channels // len(sizes), rows, columns)
    scores = grid[:, 4:5] * grid[:, 5:]
    anchor, kind, row, column = np.nonzero(scores > confidence)
    strides = np.array([input_size[1] / columns, input_size[0] / rows])
    picked = grid[anchor, :4, row, column]
    centre = (2 * picked[:, :2] - 0.5 + np.stack([column, row], axis=1)) * strides
    half = (2 * picked[:, 2:]) ** 2 * sizes[anchor] / 2
    boxes = np.concatenate([centre - half, centre + half], axis=1)
    return Detections(boxes, scores[anchor, kind, row, column], kind.astype(np.int64))


def _sigmoid(values: Floats) -> Floats:
    """Written with tanh, which does not overflow."""
    return 0.5 * (1 + np.tanh(values / 2))


def _mismatch(message: str) -> CompressError:
    help_ = "give `anchors` one flat list [w, h, w, h, ...] for each output, finest grid first"
    return CompressError(Diagnostic(HEAD_MISMATCH, message, help=help_))
