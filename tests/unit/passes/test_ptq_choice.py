"""What `ptq` takes where the recipe leaves the choice of ranges open."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest

from compiler.contracts import Context, Log, Sample
from compiler.ir import Program, parse_program
from passes.ptq import Ptq
from tests.support.running import outputs_of
from tests.support.steps import target

TRIED = ("mse", "minmax", "percentile")


def network() -> Program:
    program = parse_program("""
    g (float[1,4,16,16] x) => (float[1,4,16,16] y) <float[4,4,3,3] w, float[4,4,1,1] v>
    {
       [first] a = Conv <pads: ints = [1, 1, 1, 1]> (x, w)  [relu] b = Relu (a)
       [last] y = Conv (b, v)
    }
    """)
    rng = np.random.default_rng(0)
    for name, shape in (("w", (4, 4, 3, 3)), ("v", (4, 4, 1, 1))):
        program.replace_constant(name, rng.normal(0, 1, shape).astype(np.float32))
    return program


def images(tail: float) -> Iterator[Sample]:
    """Draw numbers, a few of which lie far out: in each image other ones."""
    rng = np.random.default_rng(3)
    for _ in range(16):
        image = rng.uniform(-1, 1, (1, 4, 16, 16)).astype(np.float32)
        image.reshape(-1)[rng.integers(0, image.size, 2)] *= tail
        yield {"x": image}


def noise(calibrate: str, tail: float) -> float:
    """Measure how much a network in integers is off on the images that the choice is made by."""
    program, twin = network(), network()
    todo = Ptq.model_validate({"calibrate": calibrate, "equalize": False})
    context = Context(target("host"), np.random.default_rng(0), lambda: images(tail))
    todo.rewrite(twin, todo.decide(program, context), Log())
    gaps = [outputs_of(program, sample)["y"] - outputs_of(twin, sample)["y"] for sample in islice(images(tail), 4)]
    return float(np.square(gaps).sum())


@pytest.mark.parametrize("tail", [1, 3, 50])
def test_the_calibrator_that_leaves_least_noise_is_taken(tail: float) -> None:
    heard = {name: noise(name, tail) for name in TRIED}
    assert len({round(value, 9) for value in heard.values()}) > 1, "nothing to choose from"
    assert noise("quietest", tail) <= 1.02 * min(heard.values())
