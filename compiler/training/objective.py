"""The objective: distance from the teacher and loss on labels, weighed and added up."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import ProgramView
from compiler.training.batches import Batch
from compiler.training.codes import LOSS_LACKS
from compiler.training.fleet import Fleet
from compiler.training.losses.classification import classification_loss
from compiler.training.losses.custom import load_loss
from compiler.training.losses.detection import detection_loss
from compiler.training.losses.keypoints import keypoint_loss
from compiler.training.options import TrainingOptions
from compiler.training.setup import Facts
from compiler.training.teacher import Outputs, Teacher, yolo_heads

LabelLoss = Callable[[Outputs, Batch], Tensor]


@dataclass(frozen=True, eq=False)
class Objective:
    """What training makes small."""

    options: TrainingOptions
    teacher: Teacher | None
    on_labels: LabelLoss | None

    def __call__(self, outputs: Outputs, answer: Outputs | None, batch: Batch) -> Tensor:
        """Return the loss of a batch as one number."""
        options, parts = self.options, list[Tensor]()
        if self.teacher is not None and answer is not None:
            parts.append(self.teacher.loss(outputs, answer, options))
        if self.on_labels is not None:
            parts.append(options.loss_weight * self.on_labels(outputs, batch))
        return torch.stack(parts).sum()


def label_loss(name: str, program: ProgramView, options: TrainingOptions, facts: Facts, fleet: Fleet) -> LabelLoss:
    """Set up a loss on labels for a network's outputs. Raises CompressError when they have another form."""
    if name == "detection":
        return _detection(program, facts, fleet)
    if name == "classification":
        output = _only_output(program, facts, (2, 4), "scores of shape [1, classes]")
        maker = program.producer(output)
        are_shares = maker is not None and maker.op_type == "Softmax"
        smoothing = options.label_smoothing
        classes = prod((program.shape(output) or ())[1:])

        def classify(outputs: Outputs, batch: Batch) -> Tensor:
            _check_classes(batch.labels, classes)
            return classification_loss(outputs[output], batch, smoothing, fleet.mean, are_shares=are_shares)

        return classify
    if name == "keypoints":
        maps = _only_output(program, facts, (4,), "heat maps of shape [1, keypoints, rows, columns]")

        def point(outputs: Outputs, batch: Batch) -> Tensor:
            _check_points(batch.keypoints, outputs[maps])
            return keypoint_loss(outputs[maps], batch, _image_size(batch))

        return point
    return load_loss(name, facts.folder)


def _detection(program: ProgramView, facts: Facts, fleet: Fleet) -> LabelLoss:
    """Order the heads as the anchors are, and check that they fit."""
    heads = yolo_heads(program, facts)
    if heads is None:
        found = ", ".join(f"{name} {list(program.shape(name) or ())}" for name in program.outputs)
        said = f"the loss detection needs one raw YOLO head for each of {len(facts.anchors)} lists of anchors: {found}"
        raise CompressError(Diagnostic(LOSS_LACKS, said, "give `anchors` one list for each output, finest grid first"))
    anchors, classes = facts.anchors, (program.shape(heads[0]) or (0, 0))[1] // (len(facts.anchors[0]) // 2) - 5

    def detect(outputs: Outputs, batch: Batch) -> Tensor:
        _check_classes(batch.boxes[:, 1], classes)
        return detection_loss([outputs[name] for name in heads], batch.boxes, anchors, _image_size(batch), fleet.mean)

    return detect


def _only_output(program: ProgramView, facts: Facts, ranks: tuple[int, ...], wanted: str) -> str:
    """Find the output that a loss is about."""
    names = [name for name in program.outputs if facts.output in (None, name)]
    fitting = [name for name in names if len(program.shape(name) or ()) in ranks]
    if len(fitting) != 1:
        found = ", ".join(f"{name} {list(program.shape(name) or ())}" for name in program.outputs)
        said = f"the loss needs {wanted}, and the network's outputs are {found}"
        raise CompressError(Diagnostic(LOSS_LACKS, said, "name the output: `evaluate: {output: ...}`"))
    return fitting[0]


def _check_classes(labels: Tensor, classes: int) -> None:
    """Refuse a label that the network has no output for."""
    largest = int(labels.max()) if labels.numel() else -1
    if largest >= classes:
        said = f"an image is labelled with class {largest}, and the network has {classes}, counted from 0"
        raise CompressError(Diagnostic(LOSS_LACKS, said, "train with labels that were made for this network"))


def _check_points(keypoints: Tensor, maps: Tensor) -> None:
    """Refuse labels with another number of keypoints than the network has heat maps."""
    if keypoints.shape[1] not in (0, maps.shape[1]):
        said = f"images are labelled with {keypoints.shape[1]} keypoints, and the network has {maps.shape[1]} heat maps"
        raise CompressError(Diagnostic(LOSS_LACKS, said, "train with labels that were made for this network"))


def _image_size(batch: Batch) -> tuple[int, int]:
    height, width = batch.inputs[0].shape[-2:]
    return height, width
