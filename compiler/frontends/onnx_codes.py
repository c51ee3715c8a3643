"""Codes of what can be wrong with an ONNX model."""

from compiler.diagnostic import Code, Severity

UNREADABLE = Code(
    "M001",
    "unreadable-model",
    Severity.ERROR,
    "The model file is missing, is a folder, or may not be read. Paths in a recipe are relative to the recipe file.",
)
NOT_ONNX = Code(
    "M002",
    "not-onnx",
    Severity.ERROR,
    "The file is not a complete ONNX model. It may be cut off, or it may be another format such as a PyTorch "
    "checkpoint. Export the model again, and compare the file's size with the original's after copying.",
)
EXTERNAL_DATA = Code(
    "M003",
    "external-data",
    Severity.ERROR,
    "The model keeps weights in a second file, and that file is missing, too short, or lies outside the model's "
    "folder. Copy the weight files beside the model; a model may not reach for files elsewhere.",
)
OPSET = Code(
    "M004",
    "opset",
    Severity.ERROR,
    "The model states no version of ONNX's operator set, or one that this compiler does not read. Versions from 7 to "
    "the newest of the installed onnx package are read; anything else has to be exported again.",
)
INVALID = Code(
    "M005",
    "invalid-model",
    Severity.ERROR,
    "ONNX's own checker refuses the model: an operator lacks an input, has an attribute of the wrong kind, or two "
    "tensors share a name. The message names the first fault; the exporter that wrote the file has to be fixed.",
)
CYCLE = Code(
    "M006",
    "cycle",
    Severity.ERROR,
    "Some nodes need each other's results, so that none of them can run first. ONNX graphs must be free of cycles; "
    "loops belong into a Loop operator.",
)
BAD_TENSOR = Code(
    "M007",
    "bad-tensor",
    Severity.ERROR,
    "A stored tensor does not hold what its header says: too few or too many bytes for its shape, or an element "
    "type that the compiler cannot store. The file is damaged or was written by a faulty tool.",
)
TOO_LARGE = Code(
    "M008",
    "too-large",
    Severity.ERROR,
    "A tensor of the model would hold more elements than any board this compiler knows can address. The input shape "
    "in the recipe or in the model is most likely wrong.",
)
UNSUPPORTED_FORM = Code(
    "M009",
    "unsupported-form",
    Severity.ERROR,
    "The model uses a part of the ONNX format that convolutional networks do without: sparse weights, text tensors, "
    "sequences or training graphs. Export it for inference with plain tensors.",
)
DYNAMIC_INPUT = Code(
    "M010",
    "dynamic-input",
    Severity.ERROR,
    "An input of the model has a size that is only known at run time. Boards need fixed sizes: memory is planned and "
    "engines are tuned for one shape. State it in the recipe, `model: {inputs: {name: [1, 3, 480, 640]}}`.",
)
WRONG_INPUT = Code(
    "M011",
    "wrong-input",
    Severity.ERROR,
    "The recipe's `inputs` names a tensor that is no input of the model, or gives it a shape that contradicts what "
    "the model says.",
)
SHAPES = Code(
    "M012",
    "shape-mismatch",
    Severity.ERROR,
    "The shapes of two connected operators do not fit together, so the network cannot run for the given input. "
    "Check the input shape first; it is the usual cause.",
)
BATCH_PINNED = Code(
    "M013",
    "batch-pinned",
    Severity.NOTE,
    "The model leaves its batch size open, and the recipe does not say either. Boards run one image at a time, so "
    "the compiler has fixed it at 1.",
)
NOT_FOLDED = Code(
    "M014",
    "not-folded",
    Severity.WARNING,
    "Parts of the model compute shapes or other constants at run time. The compiler asked onnxsim to fold them, but "
    "the result could not be trusted or not be made, so the model was left as it is. The target may refuse it.",
)
NOT_RAISED = Code(
    "M015",
    "opset-not-raised",
    Severity.ERROR,
    "The model uses an old operator set which ONNX's own converter cannot bring up to version 13, the version that "
    "the compiler works in. Export the model with opset 13.",
)
NOT_COMPARED = Code(
    "M016",
    "not-compared",
    Severity.WARNING,
    "The compiler rewrote the model while loading it and wanted to compare outputs before and after, but ONNX "
    "Runtime could not run the original. The rewriting is meant to be exact; the comparison is missing.",
)
EXTRA_DOMAIN = Code(
    "M017",
    "model-functions",
    Severity.ERROR,
    "The model defines functions of its own which could not be replaced by their bodies.",
)
STALE_LOCK = Code(
    "M018",
    "stale-structure-lock",
    Severity.NOTE,
    "Lint reads the structure of a torch network from a small text file beside the recipe, so that it need not import "
    "torch. That file is missing or was made from other source code, so the network was exported anew, which takes "
    "seconds instead of milliseconds. `compress lock` writes it.",
)
NO_LOCK_NEEDED = Code(
    "M019",
    "no-lock-needed",
    Severity.ERROR,
    "A structure lock stands in for a network that torch has to build. The recipe names an ONNX file, which lint "
    "reads directly.",
)
CHANNELS_FIRST = Code(
    "M021",
    "channels-first",
    Severity.NOTE,
    "The recipe says that the network takes images with the channels last (NHWC), as exports of TensorFlow do. Boards "
    "work with the channels first (NCHW), so the network was rewritten to take them so; its outputs are the same. "
    "Programs that feed the artifact give it channels first.",
)
NO_CHANNELS_LAST = Code(
    "M022",
    "no-channels-last",
    Severity.ERROR,
    "The recipe says `input_layout: nhwc`, and no input of the network holds an image whose channels come last: four "
    "axes, the last of 1, 3 or 4 channels. Leave `input_layout` out.",
)
UNKNOWN_OPERATOR = Code(
    "M020",
    "operator-without-meaning",
    Severity.ERROR,
    "The model uses an operator that ONNX does not define, and does not say what shape it puts out. Nothing can be "
    "planned for it or after it. Express it by ONNX's operators, or end the model before it.",
)
