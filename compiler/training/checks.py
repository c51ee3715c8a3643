"""What can be said about a retraining before any work: data, labels, teacher, the network's number format."""

from collections.abc import Iterator

import numpy as np

from compiler.analysis.foldable import Foldable, foldable
from compiler.codes.plan import PRECISION_REFUSED
from compiler.diagnostic import Diagnostic, did_you_mean
from compiler.ir import BatchNorm, ProgramView
from compiler.target import Target
from compiler.training.codes import LOSS_LACKS, NO_LABELS, NO_LOSS, NO_TRAINING_DATA, NOT_TRAINABLE, UNKNOWN_MATCH
from compiler.training.options import LABELS_OF, TrainingOptions
from compiler.training.setup import Facts, Training

_LABEL_WORDS = {"class": "class numbers", "boxes": "boxes", "keypoints": "keypoints"}
_WITH_WEIGHTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_INTEGER = ("QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger")


def recipe_faults(options: TrainingOptions, training: Training) -> Iterator[Diagnostic]:
    """Yield what the recipe lacks for the retraining that it asks for."""
    facts = training.facts
    loss = options.loss_name(facts.labels, facts.decode)
    if not facts.has_images:
        advice = "add `data: {train: {images: folder}}`; images without labels are enough for `teacher: source`"
        yield Diagnostic(NO_TRAINING_DATA, "there are no images to retrain with", advice)
    elif loss is not None:
        yield from _loss_faults(loss, facts)
    if options.teacher == "none" and loss is None:
        yield Diagnostic(NO_LOSS, "there is neither a teacher nor a loss", "write `teacher: source`, or name a `loss`")
    if options.match and options.teacher == "none":
        yield Diagnostic(NO_LOSS, "`match` compares with a teacher, and there is none", "write `teacher: source`")


def _loss_faults(loss: str, facts: Facts) -> Iterator[Diagnostic]:
    """Yield what a loss on labels lacks."""
    if loss not in LABELS_OF:
        file, _, function = loss.rpartition(":")
        if not file or not function.isidentifier():
            near = did_you_mean(loss, (*LABELS_OF, "auto", "none"))
            advice = near or f"write one of {', '.join(LABELS_OF)}, or file.py:function"
            yield Diagnostic(LOSS_LACKS, f"there is no loss `{loss}`", advice)
        elif file.endswith(".py") and not (facts.folder / file).is_file():
            said = f"{file} is not a file, so its function {function} cannot be the loss"
            yield Diagnostic(LOSS_LACKS, said, "correct `loss`; the file counts from the recipe's folder")
        return
    kind = LABELS_OF[loss]
    if facts.labels is not None and kind not in facts.labels:
        said = f"the loss {loss} needs {_LABEL_WORDS[kind]}, and the training data has none"
        yield Diagnostic(NO_LABELS, said, "add labels to `data: {train: ...}`, or leave `loss` out")
    if loss == "detection" and not facts.anchors:
        said = "the loss detection needs the anchors of the network's outputs"
        yield Diagnostic(LOSS_LACKS, said, "add `evaluate: {decode: yolo, anchors: [[w, h, ...], ...]}` to the recipe")


def network_faults(program: ProgramView) -> Iterator[Diagnostic]:
    """Yield why a network cannot be retrained as it is now."""
    for op in program.each():
        if op.op_type in _INTEGER:
            said = f"{op.name} computes with integers ({op.op_type}), which training cannot change"
            yield Diagnostic(NOT_TRAINABLE, said, "put `finetune` before the pass that quantises", layer=op.name)
            return
        if op.op_type == "Cast" and (value := program.const(op.x)) is not None and value.dtype == np.float16:
            said = f"{op.name} widens a weight that is stored in half precision"
            yield Diagnostic(NOT_TRAINABLE, said, "put `finetune` before `fp16`", layer=op.name)
            return
    weighted = (op for op in program.each() if op.op_type in _WITH_WEIGHTS and not op.domain)
    if not any(program.is_constant(op.input(1)) for op in weighted):
        said = "no layer of the network has weights of its own to train"
        yield Diagnostic(NOT_TRAINABLE, said, "remove the pass; was the right model named?")


def match_faults(names: tuple[str, ...], program: ProgramView, teacher: ProgramView) -> Iterator[Diagnostic]:
    """Yield an error for each entry of `match` that one of the two networks does not have."""
    for name in names:
        if matched_tensor(name, program, teacher) is None:
            known = [op.name for op in program.each() if op.outputs and _is_computed(teacher, op.outputs[0])]
            advice = did_you_mean(name, known) or "name a layer that both the retrained network and the source have"
            here = program.has_op(name) or _is_computed(program, name)
            where = "the source network" if here else "the network at this place of the recipe"
            yield Diagnostic(UNKNOWN_MATCH, f"{where} has no layer or tensor `{name}` to match", advice)


def matched_tensor(name: str, program: ProgramView, teacher: ProgramView) -> str | None:
    """Find the tensor that a name of `match` stands for in both networks, a layer's first output or a tensor."""
    tensor = program.op(name).outputs[0] if program.has_op(name) else name
    return tensor if _is_computed(program, tensor) and _is_computed(teacher, tensor) else None


def _is_computed(program: ProgramView, tensor: str) -> bool:
    return program.producer(tensor) is not None


def integer_faults(options: TrainingOptions, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
    """Yield why a network cannot be trained for the integers of a target."""
    entry = target.precisions.get("int8")
    if entry is None or not entry.supported or entry.scheme is None:
        because = entry.because if entry is not None and not entry.supported else "its profile states no scheme"
        advice = (entry.help if entry is not None else None) or "leave `fake_quantize` out"
        yield Diagnostic(PRECISION_REFUSED, f"{target.name} does not run int8: {because}", advice)
    norms = [norm for norm in program.each(BatchNorm) if isinstance(foldable(program, norm), Foldable)]
    if norms or options.batchnorm == "reinsert":
        said = "training for integers needs BatchNormalization folded, since ptq rounds the folded weights"
        said += f"; here {len(norms)} would fold later" if norms else ", and `batchnorm: reinsert` takes it apart"
        yield Diagnostic(NOT_TRAINABLE, said, "put `fold-batchnorm` before `finetune`, and leave `reinsert` out")
