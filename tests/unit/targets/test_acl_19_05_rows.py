"""The operators that Arm Compute Library 19.05 has a function for, and those whose functions came later or never."""

import pytest
from shipped_targets import load

FLOAT = {"float32", "float16"}
DATA = FLOAT | {"uint8"}
HAS_IN_8_BITS = [
    "Conv",
    "ConvTranspose",
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Gemm",
    "MatMul",
    "Softmax",
    "Relu",
    "Clip",
    "Sigmoid",
    "Add",
    "Sub",
    "Mul",
    "Concat",
    "Split",
    "Slice",
    "Pad",
    "Transpose",
    "Reshape",
    "Squeeze",
    "Unsqueeze",
    "Flatten",
    "Resize",
    "ReduceMean",
]
HAS_IN_FLOATS = [
    "LeakyRelu",
    "Tanh",
    "Abs",
    "Sqrt",
    "Softplus",
    "BatchNormalization",
    "Div",
    "Max",
    "Min",
    "Exp",
    "LRN",
]
LACKS = [
    "ArgMax",
    "ArgMin",
    "Gather",
    "LpNormalization",
    "Reciprocal",
    "Tile",
    "PRelu",
    "SpaceToDepth",
    "DepthToSpace",
    "RNN",
    "LSTM",
    "Erf",
    "Gelu",
    "Sin",
    "Cos",
    "Where",
    "Einsum",
    "GridSample",
    "NonMaxSuppression",
    "TopK",
    "Elu",
    "HardSwish",
    "Mish",
]


@pytest.mark.parametrize("name", HAS_IN_8_BITS)
def test_function_takes_floats_and_bytes(name: str) -> None:
    row = load("rk3399").ops[name]
    assert row.supported
    assert set(row.types) == DATA


@pytest.mark.parametrize("name", HAS_IN_FLOATS)
def test_function_takes_floats_only(name: str) -> None:
    row = load("rk3399").ops[name]
    assert row.supported
    assert set(row.types) == FLOAT


@pytest.mark.parametrize("name", LACKS)
def test_what_is_lacking_comes_with_advice(name: str) -> None:
    row = load("rk3399").ops[name]
    assert not row.supported
    assert row.help


def test_only_opencl_has_fp16() -> None:
    backends = load("rk3399").table.backends
    assert {name for name, types in backends.items() if "float16" in types} == {"opencl"}
    assert set(backends["neon"]) == {"float32", "uint8"}
