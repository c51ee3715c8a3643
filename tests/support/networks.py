"""Random small convolutional networks for property tests: branches, joins, gates, shared weights, dead ends."""

import numpy as np
from hypothesis import strategies as st

from compiler.ir import Program
from tests.support.layers import LAYERS, head
from tests.support.sketch import Sketch

_SIZES = st.sampled_from([4, 5, 8])


@st.composite
def networks(draw: st.DrawFn, most_layers: int = 10) -> Program:
    """Draw a network of opset 13 with one image input, one to three outputs and typed tensors."""
    sketch = Sketch(draw, np.random.default_rng(draw(st.integers(0, 2**16))))
    sketch.start(draw(st.integers(1, 3)), draw(_SIZES), draw(_SIZES))
    names = ["conv", *draw(st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=most_layers)), "conv"]
    for name in names[draw(st.integers(0, 1)) :]:
        LAYERS[name](sketch)
    last = head(sketch) if draw(st.booleans()) else sketch.tensors[-1]
    more = draw(st.lists(st.sampled_from(sketch.tensors), max_size=2)) if draw(st.integers(0, 2)) == 0 else ()
    chosen = {last, *more} - {"x"}
    for tensor in sorted(chosen) or [sketch.add("Relu", ["x"], sketch.shape("x"))]:
        sketch.program.add_output(tensor)
    return sketch.done()
