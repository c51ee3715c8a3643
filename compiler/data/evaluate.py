"""The `evaluate` section of a recipe: which figure is the accuracy, and how outputs are read for it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, field_validator, model_validator
from pydantic_core import PydanticCustomError

from compiler.codes.recipe import BAD_VALUE

Anchors = Annotated[tuple[PositiveFloat, ...], Field(min_length=2)]
_Pair = tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]
_Share = Annotated[float, Field(gt=0, le=10)]
_DECODERS = {
    "ap50": ("yolo", "boxes", "ssd"),
    "ap": ("yolo", "boxes", "ssd"),
    "top1": ("scores",),
    "top5": ("scores",),
    "pck": ("heatmap", "points"),
    "pckh": ("heatmap", "points"),
    "fidelity": ("yolo", "boxes", "ssd", "scores", "heatmap", "points"),
}


class BoxOutputs(BaseModel):
    """The outputs that the decoders `boxes` and `ssd` read, by name."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, defer_build=True)

    boxes: str
    """[1, n, 4]."""
    scores: str
    """[1, n], or [1, n, classes]."""
    classes: str | None = None
    """[1, n], numbers of classes; left out where `scores` has one column a class, or there is one class."""


class Evaluate(BaseModel):
    """How the outputs of a network are read, and which figure is the accuracy."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, defer_build=True)

    metric: Literal["ap50", "ap", "top1", "top5", "pck", "pckh", "fidelity"] = "ap50"
    """Average precision at IoU 0.5, or over 0.5 to 0.95, the COCO way; share of images whose class is first, or among
    the first five; share of keypoints near the true place; or nearness to the source network, without labels."""
    decode: Literal["yolo", "boxes", "ssd", "scores", "heatmap", "points"] | None = None
    """How outputs become results: raw YOLO heads; finished boxes; boxes with scores still to suppress; scores of
    classes; heat maps; coordinates. Left out, the first that goes with the metric."""
    anchors: Annotated[tuple[Anchors, ...], Field(min_length=1)] | None = None
    """For `yolo`: one flat list of widths and heights in input pixels for each output, finest grid first."""
    confidence: float = Field(default=0.001, ge=0, lt=1)
    """Detections must score higher."""
    iou: float = Field(default=0.6, gt=0, le=1)
    """Of two detections of a class that overlap by more, `yolo` and `ssd` drop the weaker."""
    outputs: BoxOutputs | None = None
    """For `boxes` and `ssd`: the names of the outputs."""
    box_format: Literal["xyxy", "xywh", "cxcywh"] = "xyxy"
    """For `boxes` and `ssd`: two corners, a corner and a size, or centre and size."""
    box_unit: Literal["pixel", "share"] = "pixel"
    """For `boxes` and `ssd`: pixels of the network's input, or shares of its width and height."""
    background: Annotated[int, Field(ge=0)] | None = None
    """For `ssd`: the column of `scores` that stands for no object."""
    output: str | None = None
    """For `scores`, `heatmap` and `points`: the output, where there are several."""
    threshold: _Share | None = None
    """For `pck` and `pckh`: how far off counts as found, as a share of the length below; 0.2 and 0.5 if left out."""
    normalise: Literal["box", "torso"] = "box"
    """For `pck`: the length is the longer side of the true box, or the distance between the `torso` keypoints."""
    torso: _Pair | None = None
    """For `normalise: torso`: two keypoints by number from 0, such as left shoulder and right hip."""
    head: _Pair | None = None
    """For `pckh`: the ends of the head by number from 0, such as neck and top; their distance is the length."""

    @field_validator("anchors")
    @classmethod
    def _pairs(cls, anchors: tuple[tuple[float, ...], ...] | None) -> tuple[tuple[float, ...], ...] | None:
        for flat in anchors or ():
            if len(flat) % 2:
                raise ValueError(f"a list of anchors has {len(flat)} numbers, it takes pairs of width and height")
        return anchors

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        fault = _evaluate_fault(self)
        if fault is not None:
            raise fault
        return self

    @property
    def decoder(self) -> str:
        """The decoder that is stated, or else goes with the metric."""
        default = "yolo" if self.anchors is not None else "boxes" if self.outputs is not None else None
        if default is None and self.metric == "fidelity":
            default = "scores"
        return self.decode or default or _DECODERS[self.metric][0]

    @property
    def has_decoder(self) -> bool:
        """Whether the recipe says how outputs become results; fidelity can do without."""
        return self.metric != "fidelity" or not (self.decode is None and self.anchors is None and self.outputs is None)

    @property
    def is_detector(self) -> bool:
        """Whether the results are boxes."""
        return self.decoder in {"yolo", "boxes", "ssd"}


def _evaluate_fault(found: Evaluate) -> PydanticCustomError | None:
    """Return what does not go together, or None."""
    metric, decoder = found.metric, found.decoder
    if decoder not in _DECODERS[metric]:
        allowed = " or ".join(_DECODERS[metric])
        return _fault(f"`decode: {decoder}` does not go with `metric: {metric}`", f"use {allowed}", "decode")
    if decoder == "yolo" and found.anchors is None:
        return _fault("the yolo decoder needs `anchors`", "add `anchors: [[w, h, ...], ...]`, finest grid first", None)
    if decoder in {"boxes", "ssd"} and found.outputs is None:
        help_ = "add `outputs: {boxes: name, scores: name}` with the names of the network's outputs"
        return _fault(f"the {decoder} decoder needs `outputs`", help_, None)
    if metric == "pckh" and found.head is None:
        return _fault("pckh needs `head`", "add `head: [8, 9]` with the two keypoints at the ends of the head", None)
    if metric == "pck" and found.normalise == "torso" and found.torso is None:
        return _fault("`normalise: torso` needs `torso`", "add `torso: [5, 12]` with two keypoints", "normalise")
    return _stray_fault(found)


def _stray_fault(found: Evaluate) -> PydanticCustomError | None:
    """Refuse a setting that would have no effect."""
    belongs = {
        "anchors": ("yolo",),
        "outputs": ("boxes", "ssd"),
        "box_format": ("boxes", "ssd"),
        "box_unit": ("boxes", "ssd"),
        "background": ("ssd",),
        "output": ("scores", "heatmap", "points"),
        "confidence": ("yolo", "boxes", "ssd"),
        "iou": ("yolo", "ssd"),
    }
    of_metric = {"threshold": ("pck", "pckh"), "normalise": ("pck",), "torso": ("pck",), "head": ("pckh",)}
    for key in found.model_fields_set:
        if getattr(found, key) is None:
            continue
        if key in belongs and found.decoder not in belongs[key]:
            return _fault(f"`{key}` does not go with `decode: {found.decoder}`", f"remove `{key}`", key)
        if key in of_metric and found.metric not in of_metric[key]:
            return _fault(f"`{key}` does not go with `metric: {found.metric}`", f"remove `{key}`", key)
    return None


def _fault(message: str, help_: str | None, key: str | None) -> PydanticCustomError:
    context: dict[str, Any] = {"fault": message, "help": help_, "key": key}
    return PydanticCustomError(cast("Any", BAD_VALUE.slug), "{fault}", context)
