"""Networks whose export fixed the batch at one image train all the same."""

import numpy as np
import pytest

from compiler.contracts import Context, Log
from compiler.ir import Program, parse_program, refresh_types
from compiler.registry import load_named_target, load_pass
from compiler.training.options import TrainingOptions
from compiler.training.train import train
from tests.support.lessons import lesson, shaken, small_network

_MOVED = "[there] m = Transpose <perm = [1, 0, 2, 3]> (r)"
_BACK = "[home] o = Transpose <perm = [1, 0, 2, 3]> (b)"
_ENDS = {
    # six rows of one image's channels: those of a second one have no place
    "does not fit": f"{_MOVED} [a] q = Reshape (m, rows) [u] s = Softmax (q) [b] b = Reshape (s, moved) {_BACK}",
    # the mean over the images is the image itself, as long as there is one
    "is mixed": "[mean] c = ReduceMean <axes: ints = [0]> (r) [add] o = Add (r, c)",
}


def _network(end: str) -> Program:
    program = small_network()
    fixed = parse_program(f"""
    g (float[1,3,8,8] x) => (float[1,4,8,8] y)
       <float[6,3,3,3] w1, float[4,6,1,1] w2,
        int64[2] rows = {{6, 64}}, int64[4] moved = {{6, -1, 8, 8}}>
    {{
       [conv1] r = Conv <pads: ints = [1, 1, 1, 1]> (x, w1)
       {end}
       [conv2] y = Conv (o, w2)
    }}
    """)
    for name in ("w1", "w2"):
        value = program.const(name)
        assert value is not None
        fixed.replace_constant(name, value)
    fixed.clear_journal()
    refresh_types(fixed)
    return fixed


@pytest.mark.parametrize("end", _ENDS.values(), ids=_ENDS)
def test_a_network_for_one_image_learns_from_batches_image_by_image(end: str) -> None:
    source = _network(end)
    start = source.clone()
    weight = source.const("w2")
    assert weight is not None
    start.replace_constant("w2", weight * 0.5)
    options = TrainingOptions.model_validate({"epochs": 12, "batch": 4, "learning_rate": 0.02, "device": "cpu"})
    done = train(start, lesson(source), options, 1)
    losses = [line.loss for line in done.lines[1:]]
    assert done.is_apart
    assert losses[-1] < 0.5 * losses[0]


def test_other_networks_take_whole_batches() -> None:
    source = small_network()
    options = TrainingOptions.model_validate({"epochs": 1, "batch": 4, "learning_rate": 0.01, "device": "cpu"})
    assert not train(shaken(source), lesson(source), options, 1).is_apart


def test_the_user_is_told_that_images_go_one_at_a_time() -> None:
    source = _network(_ENDS["is mixed"])
    todo = load_pass("finetune").model_validate({"epochs": 1, "batch": 4, "device": "cpu"})
    context = Context(load_named_target("host"), np.random.default_rng(0), training=lesson(source))
    start, log = source.clone(), Log()
    todo.rewrite(start.clone(), todo.decide(start, context), log)
    assert "P056" in [item.code.id for item in log.findings]
