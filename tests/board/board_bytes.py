"""Layers in 8-bit integers, each in the forms in which ptq leaves them to the board."""

from collections.abc import Mapping

from board_layers import layer_programs
from board_programs import fitted

from compiler.ir import Program, parse_program
from tests.support.steps import apply

_W = "float[8,6,1,1] w"
_WU = "float[8,6,1,1] w, float[8,6,1,1] u"
_PAIR = "[p] a = Conv (x, w) [q] b = Conv (x, u)"
_GATED = "[p] a = Conv (x, w) [g] m = GlobalAveragePool (a) [e] t = Conv (m, u) [s] k = Sigmoid (t)"
_NEAREST = (
    'mode: string = "nearest", coordinate_transformation_mode: string = "asymmetric", nearest_mode: string = "floor"'
)

_TEXTS: Mapping[str, tuple[str, str]] = {
    "sum of two": (f"{_PAIR} [layer] y = Add (a, b)", _WU),
    "plain sum of two": (f"{_PAIR} [layer] y = Sum (a, b)", _WU),
    "product of two": (f"{_PAIR} [layer] y = Mul (a, b)", _WU),
    "difference of two": (f"{_PAIR} [layer] y = Sub (a, b)", _WU),
    "sum, then relu": (f"{_PAIR} [layer] s = Add (a, b) [act] y = Relu (s)", _WU),
    "sum, then clip": (
        f"{_PAIR} [layer] s = Add (a, b) [act] y = Clip (s, l, h)",
        f"{_WU}, float l = {{-0.1}}, float h = {{0.2}}",
    ),
    "conv, then relu6": (
        "[p] a = Conv (x, w) [layer] y = Clip (a, l, h)",
        f"{_W}, float l = {{0.0}}, float h = {{0.2}}",
    ),
    "deconv, then relu": (
        "[p] a = ConvTranspose <strides: ints = [2, 2]> (x, w) [layer] y = Relu (a)",
        "float[6,8,2,2] w",
    ),
    "sigmoid": ("[p] a = Conv (x, w) [layer] y = Sigmoid (a)", _W),
    "gate": (
        f"{_GATED} [layer] y = Mul (a, k)",
        f"{_W}, float[8,8,1,1] u",
    ),
    "gate first": (
        f"{_GATED} [layer] y = Mul (k, a)",
        f"{_W}, float[8,8,1,1] u",
    ),
    "join": (f"{_PAIR} [layer] y = Concat <axis: int = 1> (a, b)", _WU),
    "join with a sigmoid": (f"{_PAIR} [s] d = Sigmoid (b) [layer] y = Concat <axis: int = 1> (a, d)", _WU),
    "join rows": (f"{_PAIR} [layer] y = Concat <axis: int = 2> (a, b)", _WU),
    "max pool": ("[p] a = Conv (x, w) [layer] y = MaxPool <kernel_shape: ints = [2, 2]> (a)", _W),
    "max pool padded": (
        "[p] a = Conv (x, w) "
        "[layer] y = MaxPool <kernel_shape: ints = [3, 3], strides: ints = [2, 2], pads: ints = [1, 1, 1, 1]> (a)",
        _W,
    ),
    "max pool 5x5": (
        "[p] a = Conv (x, w) [layer] y = MaxPool <kernel_shape: ints = [5, 5], pads: ints = [2, 2, 2, 2]> (a)",
        _W,
    ),
    "relu alone": ("[p] a = Conv (x, w) [l] t = MaxPool <kernel_shape: ints = [2, 2]> (a) [layer] y = Relu (t)", _W),
    "mean of images": ("[p] a = Conv (x, w) [layer] y = GlobalAveragePool (a)", "float[512,6,1,1] w"),
    "mean by a pool of the image's size": (
        "[p] a = Conv (x, w) [layer] y = AveragePool <kernel_shape: ints = [13, 11]> (a)",
        "float[512,6,1,1] w",
    ),
    "maximum of images": ("[p] a = Conv (x, w) [layer] y = GlobalMaxPool (a)", "float[512,6,1,1] w"),
    "mean without axes": (
        "[p] a = Conv (x, w) [layer] y = ReduceMean <axes: ints = [2, 3], keepdims: int = 0> (a)",
        "float[512,6,1,1] w",
    ),
    "resize nearest": (
        f"[p] a = Conv (x, w) [layer] y = Resize <{_NEAREST}> (a, , n)",
        f"{_W}, float[4] n = {{1, 1, 2, 2}}",
    ),
    "pad": ("[p] a = Conv (x, w) [layer] y = Pad (a, n)", f"{_W}, int64[8] n = {{0, 0, 1, 2, 0, 0, 3, 0}}"),
    "pad, then a pool that wants room around it": (
        "[p] a = Conv (x, w) [q] t = Pad (a, n) [layer] y = MaxPool <kernel_shape: ints = [3, 3]> (t)",
        f"{_W}, int64[8] n = {{0, 0, 0, 0, 0, 0, 1, 1}}",
    ),
    "pad by reflection": (
        '[p] a = Conv (x, w) [layer] y = Pad <mode: string = "reflect"> (a, n)',
        f"{_W}, int64[8] n = {{0, 0, 1, 2, 0, 0, 3, 2}}",
    ),
    "shuffle": (
        "[p] c = Conv (x, w) [a] s = Reshape (c, n) [b] t = Transpose <perm: ints = [0, 2, 1, 3, 4]> (s) "
        "[c] r = Reshape (t, m) [layer] y = Conv (r, w)",
        "float[6,6,1,1] w, int64[5] n = {1, 3, 2, 13, 11}, int64[4] m = {1, 6, 13, 11}",
    ),
    "every other pixel": (
        "[p] c = Conv (x, w) [layer] y = Slice (c, s, e, a, t)",
        f"{_W}, int64[2] s = {{1, 0}}, int64[2] e = {{99, 99}}, int64[2] a = {{2, 3}}, int64[2] t = {{2, 3}}",
    ),
    "split": (
        "[p] c = Conv (x, w) [a] l, r = Split <axis: int = 1> (c, n) [layer] y = Sub (r, l)",
        f"{_W}, int64[2] n = {{4, 4}}",
    ),
    "island": ("[p] a = Conv (x, w) [l] t = LeakyRelu (a) [layer] y = Conv (t, w)", "float[6,6,1,1] w"),
    "yolo head": (
        "[p] c = Conv (x, w) [a] s = Reshape (c, n) [layer] y = Transpose <perm: ints = [0, 1, 3, 4, 2]> (s)",
        "float[6,6,1,1] w, int64[5] n = {1, 2, 3, 13, 11}",
    ),
    "matrix, then relu": (
        "[f] a = Flatten (x) [g] b = Gemm <transB: int = 1> (a, w, c) [layer] y = Relu (b)",
        "float[300,858] w, float[300] c",
    ),
}


def bytes_programs() -> dict[str, Program]:
    """Quantise every layer that has an 8-bit form."""
    frame = "g (float[1,6,13,11] x) => (float y)"
    texts = {title: f"{frame} <{stored}> {{ {body} }}" for title, (body, stored) in _TEXTS.items()}
    programs = {f"alone: {title}": program for title, program in layer_programs().items()}
    programs |= {title: parse_program(text) for title, text in texts.items()}
    made: dict[str, Program] = {}
    for title, program in programs.items():
        done = apply("ptq", fitted(program), {"calibrate": "minmax"}, on="rk3399")
        if done.is_changed:
            made[title] = fitted(done.program)
    return made
