"""Networks that take images with the channels last: what TensorFlow exports."""

from pathlib import Path

import numpy as np
import pytest

from compiler.ir import Program, model_bytes, parse_program, verify
from compiler.rewrites.channels_first import images_with_channels_last, put_channels_first
from tests.support.commands import compress
from tests.support.running import feeds_for, outputs_of

_CONV = "[conv] y = Conv (t, w)"
_TURN = "[turn] t = Transpose <perm: ints = [0, 3, 1, 2]>"
_FRONTS = {
    "turned at once": f"{_TURN} (x)",
    "scaled and shifted first": f"[scale] a = Mul (x, tenth) [shift] b = Sub (mean, a) [cut] c = Relu (b) {_TURN} (c)",
    "spread over the image": f"[shade] a = Add (x, shades) {_TURN} (a)",
    "read twice": f"[flip] n = Neg (x) [both] a = Mul (x, n) {_TURN} (a)",
    "turned for two": f"{_TURN} (x) [again] u = Transpose <perm: ints = [0, 3, 1, 2]> (x) [off] z = Relu (u)",
}


def _network(front: str) -> Program:
    program = parse_program(f"""
    g (float[1,6,5,3] x) => (float[1,4,6,5] y{", float[1,3,6,5] z" if "z =" in front else ""})
       <float[4,3,1,1] w, float tenth = {{0.1}}, float[3] mean = {{0.3, 0.5, 0.7}}, float[6,1,3] shades>
    {{ {front} {_CONV} }}
    """)
    rng = np.random.default_rng(0)
    program.replace_constant("w", rng.normal(0, 1, (4, 3, 1, 1)).astype(np.float32))
    if program.is_constant("shades"):
        program.replace_constant("shades", rng.normal(0, 1, (6, 1, 3)).astype(np.float32))
    program.drop_unused()
    return program


@pytest.mark.parametrize("name", _FRONTS)
def test_the_same_image_in_the_other_order_gives_the_same_outputs(name: str) -> None:
    before = _network(_FRONTS[name])
    after = before.clone()
    assert images_with_channels_last(after) == ["x"]
    put_channels_first(after, ["x"])
    assert verify(after) == []
    assert after.shape("x") == (1, 3, 6, 5)
    feeds = feeds_for(before)
    turned = outputs_of(after, {"x": np.ascontiguousarray(feeds["x"].transpose(0, 3, 1, 2))})
    for output, value in outputs_of(before, feeds).items():
        assert np.array_equal(turned[output], value)
    assert "Transpose" not in {op.op_type for op in after.each()}


def test_an_image_that_is_put_out_again_keeps_its_order() -> None:
    program = parse_program("g (float[1,6,5,3] x) => (float[1,6,5,3] x, float[1,6,5,3] y) { [relu] y = Relu (x) }")
    assert images_with_channels_last(program) == []


def _lint(folder: Path, program: Program, model: str, data: str) -> str:
    (folder / "net.onnx").write_bytes(model_bytes(program))
    (folder / "recipe.yaml").write_text(
        f"version: 1\nproduct: p\nmodel: {model}\ntarget: host\npasses: [remove-identity]\ndata: {data}\n", "utf-8"
    )
    said = compress("lint", "recipe.yaml", cwd=folder)
    return said.out + said.err


LAST, IMAGES = _network(_FRONTS["turned at once"]), "{train: {images: pictures}}"


@pytest.mark.parametrize(
    ("model", "data", "said"),
    [
        (
            "{onnx: net.onnx}",
            IMAGES,
            "error[R129] recipe.yaml:6:15: images cannot be fed to x",
        ),
        ("{onnx: net.onnx}", IMAGES, "help: say so by `model: {input_layout: nhwc}`"),
        ("{onnx: net.onnx, input_layout: nhwc}", IMAGES, "note[M021] recipe.yaml:3:39: x takes 1x3x6x5, not 1x6x5x3"),
        ("{onnx: net.onnx, input_layout: last}", IMAGES, "nhwc"),
    ],
)
def test_lint_asks_for_the_layout_and_takes_it(tmp_path: Path, model: str, data: str, said: str) -> None:
    assert said in _lint(tmp_path, LAST, model, data)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ("float[1,3,6,5] x, float[1,3,6,5] v", "images feed one input, and the network has 2: x, v"),
        ("float[4,3,6,5] x", "4 images at once"),
        ("float[1,7,6,5] x", "float32[1,7,6,5]"),
    ],
)
def test_images_that_cannot_be_fed_are_not_passed_over_in_silence(tmp_path: Path, inputs: str, said: str) -> None:
    extra = "[add] b = Add (x, v)" if " v" in inputs else "[add] b = Relu (x)"
    shape = inputs.partition(" ")[0]
    program = parse_program(f"g ({inputs}) => ({shape} y) {{ {extra} [neg] y = Neg (b) }}")
    assert said in _lint(tmp_path, program, "{onnx: net.onnx}", IMAGES)


def test_nhwc_is_refused_where_no_image_has_its_channels_last(tmp_path: Path) -> None:
    program = parse_program("g (float[1,3,6,5] x) => (float[1,3,6,5] y) { [neg] y = Neg (x) }")
    said = _lint(tmp_path, program, "{onnx: net.onnx, input_layout: nhwc}", IMAGES)
    assert "error[M022] recipe.yaml:3:39: no input of the network holds an image with the channels last" in said


def test_init_writes_the_layout_and_the_size_of_a_network_with_channels_last(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(model_bytes(LAST))
    assert compress("init", "net.onnx", "--target", "host", "--out", "recipe.yaml", cwd=tmp_path).status == 0
    text = (tmp_path / "recipe.yaml").read_text("utf-8")
    assert "  input_layout: nhwc  # " in text
    assert "size: [6, 5]" in text
    assert compress("lint", "recipe.yaml", cwd=tmp_path).status == 0
