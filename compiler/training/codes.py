"""Codes of what retraining can find."""

from compiler.diagnostic import Code, Severity

NO_TRAINING_DATA = Code(
    "P040",
    "no-training-data",
    Severity.ERROR,
    "The recipe asks for retraining and has no images to retrain with. Images without labels are enough for a "
    "teacher: name a folder under `data: {train: ...}` or `data: {calibration: ...}`. A few hundred that look like "
    "what the product will see are a good beginning.",
)
NO_LABELS = Code(
    "P041",
    "no-labels",
    Severity.ERROR,
    "The loss that the recipe names compares outputs with labels, and the recipe's training data has no labels of that "
    "kind: `classification` needs class numbers, `detection` needs boxes, `keypoints` needs keypoints. Without labels, "
    "leave `loss` out and let the source network be the teacher.",
)
NO_LOSS = Code(
    "P042",
    "nothing-to-learn-from",
    Severity.ERROR,
    "The recipe's retraining has neither a teacher nor a loss, so there is nothing that says which weights are "
    "better. Write `teacher: source`, or name a `loss` for labelled data.",
)
LOSS_LACKS = Code(
    "P043",
    "loss-lacks",
    Severity.ERROR,
    "A loss needs to know something that the recipe does not say, or the network's outputs do not have the form that "
    "it is made for. The message names what is missing; most often it is `anchors` under `evaluate`.",
)
UNKNOWN_MATCH = Code(
    "P044",
    "unknown-match",
    Severity.ERROR,
    "An entry of `match` is to be the same in the retrained network and in its teacher, but one of the two has no "
    "layer or tensor of that name. Passes before the retraining may have removed it.",
)
MATCH_SHAPE = Code(
    "P045",
    "match-shape",
    Severity.ERROR,
    "An entry of `match` has another shape in the retrained network than in its teacher, and it cannot be told which "
    "of the teacher's channels are left. Match a layer whose filters were all kept, or a single convolution's output.",
)
NOT_TRAINABLE = Code(
    "P046",
    "not-trainable",
    Severity.ERROR,
    "The network cannot be retrained as it is at this place of the recipe: its weights are stored in half precision or "
    "as integers, or nothing in it can be trained. Retrain first and change the number format afterwards: "
    "`finetune` belongs before `fp16` and `ptq`.",
)
NOT_FINITE = Code(
    "P047",
    "loss-not-finite",
    Severity.ERROR,
    "During retraining the loss became infinite or not a number, so the weights would be worthless. Training stopped "
    "and nothing was written. The learning rate is the usual reason; an image or label with absurd values is another.",
)
NO_GAIN = Code(
    "P048",
    "no-gain",
    Severity.WARNING,
    "No epoch of the retraining was better on the validation images than the network was before, so its weights stay "
    "as they were. Give it more images or epochs, or another learning rate.",
)
RATE_UNKNOWN = Code(
    "P049",
    "source-rate-unknown",
    Severity.NOTE,
    "The learning rate is given as a share of the rate that trained the source network, and the recipe does not say "
    "what that was. The optimiser's usual rate was taken for it. State it: `model: {learning_rate: 0.01}`.",
)
TOO_FEW_IMAGES = Code(
    "P050",
    "batch-not-divisible",
    Severity.ERROR,
    "The images of a batch are shared out evenly among the processes that train together, so the batch must be a "
    "multiple of their number, and there must be at least as many images as processes.",
)
NO_DEVICE = Code(
    "P051",
    "no-such-device",
    Severity.ERROR,
    "The recipe asks to train on a device or in a number format that this machine does not have. With `device: auto` "
    "the best one that is there is taken.",
)
NO_LAUNCHER = Code(
    "P052",
    "launcher-missing",
    Severity.ERROR,
    "The build was started by torchrun as one of several processes, and the package that joins them is not installed. "
    "Install the compiler with its extra: `pip install compress[distributed]`.",
)
LOSS_FAILED = Code(
    "P053",
    "loss-failed",
    Severity.ERROR,
    "The recipe's own loss function could not be used: it raised an exception, or it did not return a single number "
    "that depends on the network's outputs. The message shows the line of the function that was reached.",
)
ONE_BY_ONE = Code(
    "P056",
    "images-one-by-one",
    Severity.NOTE,
    "The network's export fixed the batch at one image, in a way that a second one does not fit or is mixed with the "
    "first; attention layers often do. Training then sends the images of a batch through one at a time: the result "
    "is the same, it only takes longer. BatchNormalization keeps its statistics, as with `batchnorm: frozen`.",
)
BATCH_NORM_SPLIT = Code(
    "P055",
    "batchnorm-not-shared",
    Severity.ERROR,
    "Several processes train together and BatchNormalization would compute its statistics from each process's "
    "own part of the batch, so the result would depend on their number. Write `batchnorm: frozen`.",
)
