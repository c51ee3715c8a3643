"""The options of retraining, as a recipe states them. No torch here."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

Positive = Annotated[FiniteFloat, Field(gt=0)]
Share = Annotated[FiniteFloat, Field(ge=0, lt=1)]

USUAL_RATE = {"sgd": 0.01, "adamw": 0.001}
"""What an optimiser is commonly started with, for sources whose rate is not known."""


class TrainingOptions(BaseModel):
    """How a network is retrained."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    epochs: int = Field(default=10, ge=1, le=100_000, description="how often all images are gone through")
    learning_rate: Positive | Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?x$")] = Field(
        default="0.1x", description="a number, or a share of what trained the source: 0.1x"
    )
    teacher: Literal["source", "none"] = Field(
        default="source",
        description="source: come close to the network before any pass; needs no labels",
    )
    loss: str = Field(
        default="auto",
        description="for labels: classification, detection, keypoints, file.py:function, none; auto: what "
        "`evaluate` and the labels tell",
    )
    teacher_weight: Positive = Field(default=1.0, description="weight of the distance from the teacher")
    loss_weight: Positive = Field(default=1.0, description="weight of the loss on labels")
    match: tuple[str, ...] = Field(default=(), description="layers or tensors that should be like the teacher's too")
    match_weight: Positive = Field(default=1.0, description="weight of their distance")
    label_smoothing: Share = Field(default=0.0, description="classification: certainty to spread over all classes")
    optimizer: Literal["sgd", "adamw"] = Field(default="adamw", description="sgd is with Nesterov momentum")
    momentum: Share = Field(default=0.9, description="of sgd")
    weight_decay: Annotated[FiniteFloat, Field(ge=0)] = Field(
        default=5e-4, description="pull of weights towards zero; biases and normalisations are spared"
    )
    schedule: Literal["cosine", "linear", "constant"] = Field(default="cosine", description="how the rate falls")
    final_rate: Share = Field(default=0.01, description="share of the rate that is left at the end of the schedule")
    warmup: Annotated[FiniteFloat, Field(ge=0)] = Field(default=0.5, description="epochs in which the rate rises")
    batch: int = Field(default=16, ge=1, le=65536, description="images in a step, over all processes together")
    visits: int = Field(default=1, ge=1, description="how often an epoch visits each image, newly augmented each time")
    clip: Positive | None = Field(default=10.0, description="longest gradient; a longer one is shortened to it")
    ema: Share = Field(default=0.0, description="smooth the weights over steps: 0.999 is a usual value, 0 is off")
    patience: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="stop after so many epochs without a better figure on the validation images"
    )
    keep: Literal["best", "last"] = Field(default="best", description="which epoch's weights are taken")
    batchnorm: Literal["train", "frozen", "reinsert"] = Field(
        default="train",
        description="frozen: BatchNormalization stays as it is; reinsert: put it back where an export folded it away, "
        "and fold it again at the end",
    )
    fake_quantize: Literal["off", "int8"] = Field(
        default="off",
        description="int8: round weights and activations in training as the target's integers will be",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="where to train")
    mixed_precision: Literal["auto", "off", "fp16", "bf16"] = Field(
        default="auto", description="auto: fp16 with loss scaling on a GPU, off on a CPU"
    )
    workers: int = Field(default=0, ge=0, le=64, description="processes that prepare images beside the training")

    @property
    def share_of_source(self) -> float | None:
        """The x of a rate like 0.1x, or None for a plain number."""
        return float(self.learning_rate[:-1]) if isinstance(self.learning_rate, str) else None

    def rate(self, source_rate: float | None) -> float:
        """Work out the learning rate from what trained the source."""
        if isinstance(self.learning_rate, str):
            return float(self.learning_rate[:-1]) * (source_rate or USUAL_RATE[self.optimizer])
        return self.learning_rate

    def loss_name(self, labels: frozenset[str] | None, decode: str | None) -> str | None:
        """Name the loss on labels, or None; `auto` goes by how outputs are read and by the labels that there are."""
        if self.loss == "none":
            return None
        if self.loss != "auto":
            return self.loss
        wanted, kind = LOSS_OF.get(decode or "", (None, ""))
        return wanted if wanted is not None and (labels is None or kind in labels) else None


LOSS_OF = {
    "yolo": ("detection", "boxes"),
    "scores": ("classification", "class"),
    "heatmap": ("keypoints", "keypoints"),
}
"""How `evaluate` reads outputs, the loss that goes with it, and the labels that this needs."""

LABELS_OF = dict(LOSS_OF.values())
