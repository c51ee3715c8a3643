"""Single layers as convolutional networks have them, in ONNX text: what ONNX's own operator cases do not try."""

from collections.abc import Mapping

from compiler.ir import Program, parse_program

_X = "float[1,6,13,11] x"


def _conv(weight: str, attributes: str, x: str = _X) -> str:
    return f"g ({x}) => (float[1,?,?,?] y) <float[{weight}] w> {{ [layer] y = Conv <{attributes}> (x, w) }}"


def _deconv(weight: str, attributes: str) -> str:
    text = f"[layer] y = ConvTranspose <{attributes}> (x, w)"
    return f"g (float[1,6,7,5] x) => (float[1,?,?,?] y) <float[{weight}] w> {{ {text} }}"


def _pool(op_type: str, attributes: str) -> str:
    return f"g ({_X}) => (float[1,?,?,?] y) {{ [layer] y = {op_type} <{attributes}> (x) }}"


def _body(body: str, constants: str = "", x: str = _X, y: str = "float[1,?,?,?] y") -> str:
    stored = f"<{constants}>" if constants else ""
    return f"g ({x}) => ({y}) {stored} {{ {body} }}"


def _resize(height: int, width: int, mode: str, places: str, rounding: str = "floor") -> str:
    how = f'mode: string = "{mode}", coordinate_transformation_mode: string = "{places}"'
    how += f', nearest_mode: string = "{rounding}"' if mode == "nearest" else ""
    return _body(f"[layer] y = Resize <{how}> (x, , , n)", f"int64[4] n = {{1, 6, {height}, {width}}}")


_TEXTS: Mapping[str, str] = {
    "conv 1x1": _conv("8,6,1,1", "strides: ints = [1, 1]"),
    "conv 1x1 stride 2": _conv("8,6,1,1", "strides: ints = [2, 2]"),
    "conv 3x3": _conv("8,6,3,3", "pads: ints = [1, 1, 1, 1]"),
    "conv 3x3, many channels": _conv("24,32,3,3", "pads: ints = [1, 1, 1, 1]", "float[1,32,13,11] x"),
    "conv 3x3 stride 2": _conv("8,6,3,3", "pads: ints = [1, 1, 1, 1], strides: ints = [2, 2]"),
    "conv 3x3 stride 2 by 1": _conv("8,6,3,3", "pads: ints = [1, 1, 1, 1], strides: ints = [2, 1]"),
    "conv 3x3 stride 4": _conv("8,6,3,3", "strides: ints = [4, 4]"),
    "conv 3x3 uneven pads": _conv("8,6,3,3", "pads: ints = [0, 2, 1, 1]"),
    "conv 3x3 dilated": _conv("8,6,3,3", "pads: ints = [2, 2, 2, 2], dilations: ints = [2, 2]"),
    "conv 5x5, many channels": _conv("8,32,5,5", "pads: ints = [2, 2, 2, 2]", "float[1,32,13,11] x"),
    "conv 7x7 stride 2": _conv("8,3,7,7", "pads: ints = [3, 3, 3, 3], strides: ints = [2, 2]", "float[1,3,32,32] x"),
    "conv 9x9, fewer channels out": _conv("4,24,9,9", "pads: ints = [4, 4, 4, 4]", "float[1,24,16,16] x"),
    "conv 1x7": _conv("8,6,1,7", "pads: ints = [0, 3, 0, 3]"),
    "conv 7x1": _conv("8,6,7,1", "pads: ints = [3, 0, 3, 0]"),
    "conv in 2 groups": _conv("8,3,3,3", "group: int = 2, pads: ints = [1, 1, 1, 1]"),
    "conv in 3 groups, even pads worked out": _conv("6,2,3,3", 'group: int = 3, auto_pad: string = "SAME_UPPER"'),
    "depthwise 3x3": _conv("6,1,3,3", "group: int = 6, pads: ints = [1, 1, 1, 1]"),
    "depthwise 3x3 stride 2": _conv("6,1,3,3", "group: int = 6, pads: ints = [1, 1, 1, 1], strides: ints = [2, 2]"),
    "depthwise 3x3 uneven pads": _conv("6,1,3,3", "group: int = 6, pads: ints = [0, 0, 1, 1], strides: ints = [2, 2]"),
    "depthwise 3x3 dilated": _conv("6,1,3,3", "group: int = 6, pads: ints = [2, 2, 2, 2], dilations: ints = [2, 2]"),
    "depthwise 5x5": _conv("6,1,5,5", "group: int = 6, pads: ints = [2, 2, 2, 2]"),
    "depthwise 1x9": _conv("6,1,1,9", "group: int = 6, pads: ints = [0, 4, 0, 4]"),
    "depthwise with 2 filters a channel": _conv("12,1,3,3", "group: int = 6, pads: ints = [1, 1, 1, 1]"),
    "deconv 2x2 stride 2": _deconv("6,4,2,2", "strides: ints = [2, 2]"),
    "deconv 4x4 stride 2": _deconv("6,4,4,4", "strides: ints = [2, 2], pads: ints = [1, 1, 1, 1]"),
    "deconv 3x3 stride 2 and one more": _deconv(
        "6,4,3,3", "strides: ints = [2, 2], pads: ints = [1, 1, 1, 1], output_padding: ints = [1, 1]"
    ),
    "deconv 3x3 stride 1": _deconv("6,4,3,3", "pads: ints = [1, 1, 1, 1]"),
    "deconv 5x3 stride 2 by 1": _deconv("6,4,5,3", "strides: ints = [2, 1], pads: ints = [1, 0, 2, 1]"),
    "deconv 1x1 stride 2": _deconv("6,4,1,1", "strides: ints = [2, 2]"),
    "deconv in 2 groups": _deconv("6,4,3,3", "group: int = 2, strides: ints = [2, 2]"),
    "deconv dilated": _deconv("6,4,3,3", "dilations: ints = [2, 2], strides: ints = [2, 2]"),
    "max pool 2x2": _pool("MaxPool", "kernel_shape: ints = [2, 2], strides: ints = [2, 2]"),
    "max pool 2x2 rounding up": _pool(
        "MaxPool", "kernel_shape: ints = [2, 2], strides: ints = [2, 2], ceil_mode: int = 1"
    ),
    "max pool 3x3 padded": _pool(
        "MaxPool", "kernel_shape: ints = [3, 3], strides: ints = [2, 2], pads: ints = [1, 1, 1, 1]"
    ),
    "max pool 5x5": _pool("MaxPool", "kernel_shape: ints = [5, 5], pads: ints = [2, 2, 2, 2]"),
    "max pool 13x13": _pool("MaxPool", "kernel_shape: ints = [13, 11]"),
    "average pool 3x3": _pool("AveragePool", "kernel_shape: ints = [3, 3], pads: ints = [1, 1, 1, 1]"),
    "average pool 3x3 counting pads": _pool(
        "AveragePool", "kernel_shape: ints = [3, 3], pads: ints = [1, 1, 1, 1], count_include_pad: int = 1"
    ),
    "average pool 2x3 rounding up": _pool(
        "AveragePool", "kernel_shape: ints = [2, 3], strides: ints = [3, 2], ceil_mode: int = 1"
    ),
    "average pool uneven pads": _pool("AveragePool", "kernel_shape: ints = [3, 3], pads: ints = [0, 0, 1, 1]"),
    "mean of images": _body("[layer] y = GlobalAveragePool (x)"),
    "maximum of images": _body("[layer] y = GlobalMaxPool (x)"),
    "batch norm": _body(
        "[layer] y = BatchNormalization (x, s, t, m, v)", "float[6] s, float[6] t, float[6] m, float[6] v"
    ),
    "local response": _body("[layer] y = LRN <size: int = 5, alpha: float = 0.01, beta: float = 0.6> (x)"),
    "hard swish": _body("[a] h = HardSigmoid <alpha: float = 0.1666667> (x) [layer] y = Mul (x, h)"),
    "silu": _body("[a] h = Sigmoid (x) [layer] y = Mul (x, h)"),
    "gate of channels": _body("[a] p = GlobalAveragePool (x) [b] s = Sigmoid (p) [layer] y = Mul (x, s)"),
    "add per channel": _body("[layer] y = Add (x, k)", "float[6,1,1] k"),
    "subtract per column": _body("[layer] y = Sub (k, x)", "float[11] k"),
    "multiply per row": _body("[layer] y = Mul (x, k)", "float[1,1,13,1] k"),
    "divide by pixels": _body("[a] p = Exp (x) [layer] y = Div (x, p)"),
    "outer product": _body(
        "[a] r = ReduceMean <axes: ints = [3]> (x) [b] c = ReduceMean <axes: ints = [2]> (x) [layer] y = Mul (r, c)"
    ),
    "add a number": _body("[layer] y = Add (x, k)", "float k = {0.75}"),
    "a number less x": _body("[layer] y = Sub (k, x)", "float k = {0.75}"),
    "divide by a number": _body("[layer] y = Div (x, k)", "float k = {0.75}"),
    "clip": _body("[layer] y = Clip (x, low, high)", "float low = {-0.2}, float high = {0.3}"),
    "clip below": _body("[layer] y = Clip (x, low)", "float low = {-0.2}"),
    "clip above": _body("[layer] y = Clip (x, , high)", "float high = {0.3}"),
    "leaky": _body("[layer] y = LeakyRelu <alpha: float = 0.1> (x)"),
    "prelu": _body("[layer] y = PRelu (x, k)", "float[6,1,1] k"),
    "resize nearest twice": _resize(26, 22, "nearest", "asymmetric"),
    "resize nearest three times": _resize(39, 33, "nearest", "half_pixel", "round_prefer_floor"),
    "resize nearest seven times": _resize(91, 77, "nearest", "asymmetric"),
    "resize linear twice": _resize(26, 22, "linear", "half_pixel"),
    "resize linear to an odd size": _resize(20, 31, "linear", "half_pixel"),
    "resize linear down": _resize(6, 5, "linear", "half_pixel"),
    "resize linear from the corner": _resize(26, 22, "linear", "asymmetric"),
    "pad with a number": _body("[layer] y = Pad (x, p, v)", "int64[8] p = {0, 0, 1, 2, 0, 0, 3, 0}, float v = {0.5}"),
    "pad channels": _body("[layer] y = Pad (x, p)", "int64[8] p = {0, 2, 0, 0, 0, 1, 0, 0}"),
    "pad by reflection": _body(
        '[layer] y = Pad <mode: string = "reflect"> (x, p)', "int64[8] p = {0, 0, 1, 2, 0, 0, 3, 2}"
    ),
    "every other pixel": _body(
        "[layer] y = Slice (x, s, e, a, t)",
        "int64[2] s = {1, 0}, int64[2] e = {99, 99}, int64[2] a = {2, 3}, int64[2] t = {2, 3}",
    ),
    "focus": _body(
        "[a] p = Slice (x, o, e, a, t) [b] q = Slice (x, i, e, a, t) [layer] y = Concat <axis: int = 1> (p, q)",
        "int64[1] o = {0}, int64[1] i = {1}, int64[1] e = {10}, int64[1] a = {3}, int64[1] t = {2}",
    ),
    "split in three": _body(
        "[a] p, q, r = Split <axis: int = 1> (x, n) [b] s = Sub (r, p) [layer] y = Concat <axis: int = 2> (s, p)",
        "int64[3] n = {2, 2, 2}",
    ),
    "join rows": _body("[layer] y = Concat <axis: int = 2> (x, x)"),
    "join columns": _body("[layer] y = Concat <axis: int = 3> (x, x)"),
    "shuffle": _body(
        "[a] s = Reshape (x, n) [b] t = Transpose <perm: ints = [0, 2, 1, 3, 4]> (s) [layer] y = Reshape (t, m)",
        "int64[5] n = {1, 3, 2, 13, 11}, int64[4] m = {1, 6, 13, 11}",
    ),
    "yolo head": _body(
        "[a] s = Reshape (x, n) [layer] y = Transpose <perm: ints = [0, 1, 3, 4, 2]> (s)",
        "int64[5] n = {1, 2, 3, 13, 11}",
        y="float[1,2,13,11,3] y",
    ),
    "pixels last": _body("[layer] y = Transpose <perm: ints = [0, 2, 3, 1]> (x)"),
    "softmax of channels": _body("[layer] y = Softmax <axis: int = 1> (x)"),
    "matrix on rows": _body("[layer] y = MatMul (x, w)", "float[11,4] w"),
    "classifier": _body(
        "[a] f = Flatten (x) [layer] y = Gemm <transB: int = 1> (f, w, b)",
        "float[7,858] w, float[7] b",
        y="float[1,7] y",
    ),
    "mean of rows": _body("[layer] y = ReduceMean <axes: ints = [2], keepdims: int = 0> (x)", y="float[1,6,11] y"),
    "mean of all": _body("[layer] y = ReduceMean <keepdims: int = 0> (x)", y="float y"),
}


def layer_programs() -> dict[str, Program]:
    """Parse every layer, with seeded weights."""
    return {title: parse_program(text) for title, text in _TEXTS.items()}
