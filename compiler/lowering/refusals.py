"""Why operators have no lowering: one reason for each kind that ONNX defines."""

from collections.abc import Mapping

_KINDS: Mapping[str, tuple[str, ...]] = {
    "it works on text": ("RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer"),
    "it works on sequences or optional values": (
        "ConcatFromSequence",
        "Optional",
        "OptionalGetElement",
        "OptionalHasElement",
        "SequenceAt",
        "SequenceConstruct",
        "SequenceEmpty",
        "SequenceErase",
        "SequenceInsert",
        "SequenceLength",
        "SequenceMap",
        "SplitToSequence",
    ),
    "it runs a graph of its own": ("If", "Loop", "Scan"),
    "it draws random numbers": (
        "Bernoulli",
        "Multinomial",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
    ),
    "its output's size depends on the data": ("Compress", "NonMaxSuppression", "NonZero", "Unique"),
    "it multiplies integers, which have no gradient": (
        "ConvInteger",
        "DynamicQuantizeLinear",
        "MatMulInteger",
        "QLinearConv",
        "QLinearMatMul",
    ),
    "it reads image files": ("ImageDecoder",),
    "it is recurrent, and no operator of convolutional networks": ("GRU", "LSTM", "RNN"),
    "it is attention, and no operator of convolutional networks": (
        "Attention",
        "CausalConvWithState",
        "FlexAttention",
        "LinearAttention",
        "RotaryEmbedding",
        "SwiGLU",
        "TensorScatter",
    ),
    "it is signal processing, and no operator of convolutional networks": (
        "BlackmanWindow",
        "DFT",
        "HammingWindow",
        "HannWindow",
        "MelWeightMatrix",
        "STFT",
    ),
    "torch alone has no counterpart that gradients flow through": ("DeformConv", "RoiAlign"),
    "it is a loss: the recipe states the loss": ("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"),
}
_REASONS = {op_type: reason for reason, op_types in _KINDS.items() for op_type in op_types}


def reason_of(op_type: str, domain: str = "") -> str:
    """Say why an operator has no lowering."""
    if domain:
        return f"it is an operator of {domain}, not of ONNX itself"
    return _REASONS.get(op_type, "the compiler has no torch counterpart for it")
