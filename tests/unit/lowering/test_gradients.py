"""Operators whose lowering is more than one call of torch have the gradients of what they compute."""

import pytest
import torch

from compiler.ir import parse_program
from compiler.lowering import lower

CASES = {
    "resize by matrix": """
    g (float[1,2,5,6] x, ) => (float[1,2,7,4] y) <int64[4] n = {1, 2, 7, 4}>
    { y = Resize <mode: string = "cubic", cubic_coeff_a: float = -0.5, exclude_outside: int = 1> (x, , , n) }
    """,
    "resize by index": """
    g (float[1,2,4,4] x) => (float[1,2,7,5] y) <int64[4] n = {1, 2, 7, 5}>
    { y = Resize <mode: string = "nearest", nearest_mode: string = "ceil"> (x, , , n) }
    """,
    "resize by torch": """
    g (float[1,2,4,4] x) => (float[1,2,8,8] y) <float[4] s = {1.0, 1.0, 2.0, 2.0}>
    { y = Resize <mode: string = "linear"> (x, , s) }
    """,
    "resize with extrapolation": """
    g (float[1,1,4,4] x) => (float[1,1,3,3] y)
    <float[8] r = {0.0, 0.0, 0.4, 0.6, 1.0, 1.0, 1.2, 1.7}, int64[4] n = {1, 1, 3, 3}>
    { y = Resize <mode: string = "linear", coordinate_transformation_mode: string = "tf_crop_and_resize",
      extrapolation_value: float = 10.0> (x, r, , n) }
    """,
    "transposed convolution with output padding": """
    g (float[1,2,3,3] x) => (float[1,3,8,8] y) <float[2,3,3,3] w, float[3] b>
    { y = ConvTranspose <strides: ints = [2, 2], pads: ints = [0, 0, 0, 0], output_padding: ints = [1, 1]> (x, w, b) }
    """,
    "transposed convolution to a shape": """
    g (float[1,2,3,3] x) => (float[1,3,6,6] y) <float[2,3,3,3] w, float[3] b>
    { y = ConvTranspose <strides: ints = [2, 2], auto_pad: string = "SAME_LOWER"> (x, w, b) }
    """,
    "convolution with uneven pads": """
    g (float[1,2,6,6] x) => (float[1,3,3,3] y) <float[3,2,3,3] w>
    { y = Conv <strides: ints = [2, 2], auto_pad: string = "SAME_UPPER"> (x, w) }
    """,
    "batch normalization": """
    g (float[1,2,3,3] x) => (float[1,2,3,3] y) <float[2] s, float[2] t, float[2] m, float[2] v>
    { c = Sigmoid (x)
      y = BatchNormalization (c, s, t, m, v) }
    """,
    "average with counted pads in ceil mode": """
    g (float[1,2,6,6] x) => (float[1,2,4,4] y)
    { y = AveragePool <kernel_shape: ints = [3, 3], strides: ints = [2, 2], pads: ints = [1, 1, 1, 1],
      ceil_mode: int = 1, count_include_pad: int = 1> (x) }
    """,
    "average without pads in ceil mode": """
    g (float[1,2,6,6] x) => (float[1,2,3,3] y)
    { y = AveragePool <kernel_shape: ints = [3, 3], strides: ints = [2, 2], ceil_mode: int = 1> (x) }
    """,
    "largest with uneven pads": """
    g (float[1,2,5,5] x) => (float[1,2,3,3] y)
    { y = MaxPool <kernel_shape: ints = [3, 3], strides: ints = [2, 2], auto_pad: string = "SAME_LOWER"> (x) }
    """,
    "p-norm pool": """
    g (float[1,2,4,4] x) => (float[1,2,2,2] y)
    { y = LpPool <kernel_shape: ints = [2, 2], strides: ints = [2, 2], p: int = 3> (x) }
    """,
    "hard swish": """
    <ir_version: 7, opset_import: ["" : 14]>
    g (float[1,2,3,3] x) => (float[1,2,3,3] y) { y = HardSwish (x) }
    """,
    "local response": """
    g (float[1,5,3,3] x) => (float[1,5,3,3] y) { y = LRN <size: int = 3, alpha: float = 0.1> (x) }
    """,
    "parametric relu": """
    g (float[1,2,3,3] x) => (float[1,2,3,3] y) <float[2,1,1] a> { y = PRelu (x, a) }
    """,
    "space to depth and back": """
    g (float[1,8,4,4] x) => (float[1,8,4,4] y)
    { d = SpaceToDepth <blocksize: int = 2> (x)
      y = DepthToSpace <blocksize: int = 2, mode: string = "DCR"> (d) }
    """,
    "mirrored border": """
    g (float[1,2,4,4] x) => (float[1,2,7,8] y) <int64[8] p = {0, 0, 1, 2, 0, 0, 2, 2}>
    { y = Pad <mode: string = "reflect"> (x, p) }
    """,
    "backward slice": """
    g (float[1,2,6,4] x) => (float[1,2,3,4] y)
    <int64[1] s = {-1}, int64[1] e = {-100}, int64[1] a = {2}, int64[1] t = {-2}>
    { y = Slice (x, s, e, a, t) }
    """,
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("is_training", [False, True])
def test_gradients_are_those_of_small_differences(name: str, is_training: bool) -> None:  # noqa: FBT001 - a parameter
    program = parse_program(CASES[name].replace("x, )", "x)"))
    module = lower(program).double().train(is_training)
    generator = torch.Generator().manual_seed(5)
    shape = (2, *(program.shape("x") or ())[1:])
    x = torch.randn(shape, dtype=torch.float64, generator=generator, requires_grad=True)
    names, weights = zip(*module.named_parameters(), strict=True) if list(module.parameters()) else ((), ())
    statistics = {key: value.clone() for key, value in module.named_buffers()}

    def compute(x: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        state = {**dict(zip(names, values, strict=True)), **{key: value.clone() for key, value in statistics.items()}}
        return torch.func.functional_call(module, state, (x,))["y"]

    assert torch.autograd.gradcheck(compute, (x, *weights), atol=1e-6)
