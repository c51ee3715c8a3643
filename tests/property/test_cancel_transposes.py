"""Whatever stands between Transposes, and in whatever order: the outputs stay, and nothing more is moved."""

from collections.abc import Callable

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler.ir import Array, Attribute, Op, Program, TensorType, refresh_types, verify
from tests.support.running import ROUNDING, distance, outputs_of
from tests.support.steps import apply

FLOAT = np.dtype(np.float32)
ORDERS = ((0, 2, 3, 1), (0, 3, 1, 2), (0, 2, 3, 1), (0, 3, 1, 2), (1, 0, 2, 3), (3, 2, 1, 0))
MOST = 600
"""Elements above which no tensor grows."""


class Sketch:
    """A network under construction; every tensor has four axes."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 2**16)))
        self.program = Program("drawn", {"": 13})
        self.tensors = ["x"]
        self.program.add_input("x", TensorType(FLOAT, tuple(draw(st.permutations((1, 2, 3, 4))))))

    def pick(self) -> str:
        return self.draw(st.sampled_from(self.tensors))

    def shape(self, tensor: str) -> tuple[int, ...]:
        return self.program.shape(tensor) or ()

    def axis(self) -> int:
        return self.draw(st.integers(-4, 3))

    def axes(self) -> list[int]:
        return self.draw(st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True))

    def const(self, value: object) -> str:
        return self.program.add_constant("k", np.asarray(value))

    def noise(self, shape: tuple[int, ...]) -> Array:
        return self.rng.normal(0.5, 1, shape).astype(FLOAT)

    def add(self, op_type: str, inputs: list[str], outputs: int = 1, **attributes: Attribute) -> None:
        names = [self.program.fresh(f"t{len(self.program)}_{number}") for number in range(outputs)]
        self.program.add(op_type, inputs, names, attributes, name=f"{op_type}{len(self.program)}")
        refresh_types(self.program)
        self.tensors += [name for name in names if 0 < int(np.prod(self.shape(name))) <= MOST]


def transpose(sketch: Sketch) -> None:
    sketch.add("Transpose", [sketch.pick()], perm=list(sketch.draw(st.sampled_from(ORDERS))))


def alone(sketch: Sketch) -> None:
    sketch.add(sketch.draw(st.sampled_from(["Relu", "Sigmoid", "Tanh", "LeakyRelu", "HardSigmoid"])), [sketch.pick()])


def clip(sketch: Sketch) -> None:
    sketch.add("Clip", [sketch.pick(), sketch.const(FLOAT.type(-0.2)), sketch.const(FLOAT.type(0.3))])


def two(sketch: Sketch) -> None:
    first = sketch.pick()
    fitting = [tensor for tensor in sketch.tensors if sketch.shape(tensor) == sketch.shape(first)]
    sketch.add(
        sketch.draw(st.sampled_from(["Add", "Mul", "Sub", "Max"])), [first, sketch.draw(st.sampled_from(fitting))]
    )


def with_constant(sketch: Sketch) -> None:
    tensor = sketch.pick()
    kept = sketch.draw(st.lists(st.booleans(), min_size=4, max_size=4))
    shape = tuple(size if keep else 1 for size, keep in zip(sketch.shape(tensor), kept, strict=True))
    value = sketch.noise(shape[sketch.draw(st.integers(0, 4)) :])
    op_type = sketch.draw(st.sampled_from(["Add", "Mul", "Sub", "PRelu"]))
    sides = [tensor, sketch.const(value)]
    sketch.add(op_type, sides if op_type == "PRelu" or sketch.draw(st.booleans()) else sides[::-1])


def concat(sketch: Sketch) -> None:
    tensor, axis = sketch.pick(), sketch.axis()
    shape = list(sketch.shape(tensor))
    shape[axis] = 2
    parts = [tensor, tensor, sketch.const(sketch.noise(tuple(shape)))][: sketch.draw(st.integers(1, 3))]
    sketch.add("Concat", sketch.draw(st.permutations(parts)), axis=axis)


def split(sketch: Sketch) -> None:
    tensor, axis = sketch.pick(), sketch.axis()
    size = sketch.shape(tensor)[axis]
    sizes = [1, size - 1] if size > 1 else [1]
    sketch.add("Split", [tensor, sketch.const(np.asarray(sizes, np.int64))], len(sizes), axis=axis)


def pad(sketch: Sketch) -> None:
    pads = sketch.draw(st.lists(st.integers(0, 2), min_size=8, max_size=8))
    sketch.add("Pad", [sketch.pick(), sketch.const(np.asarray(pads, np.int64)), sketch.const(FLOAT.type(0.7))])


def cut(sketch: Sketch) -> None:
    tensor, axes = sketch.pick(), sketch.axes()
    ends = [sketch.shape(tensor)[axis] for axis in axes]
    starts = [sketch.draw(st.integers(0, end - 1)) for end in ends]
    sketch.add("Slice", [tensor, *(sketch.const(np.asarray(list(value), np.int64)) for value in (starts, ends, axes))])


def cut_first_axes(sketch: Sketch) -> None:
    tensor = sketch.pick()
    sketch.add(
        "Slice", [tensor, sketch.const(np.asarray([0, 0], np.int64)), sketch.const(np.asarray([5, 2], np.int64))]
    )


def mean(sketch: Sketch) -> None:
    sketch.add("ReduceMean", [sketch.pick()], axes=sketch.axes(), keepdims=1)


def total(sketch: Sketch) -> None:
    sketch.add("ReduceSum", [sketch.pick(), sketch.const(np.asarray(sketch.axes(), np.int64))])


def softmax(sketch: Sketch) -> None:
    sketch.add("Softmax", [sketch.pick()], axis=sketch.axis())


def resize(sketch: Sketch) -> None:
    scales = np.ones(4, FLOAT)
    scales[sketch.axis()] = 2
    sketch.add("Resize", [sketch.pick(), "", sketch.const(scales)], mode="nearest")


def gate(sketch: Sketch) -> None:
    """Multiply by a mean over some axes, as squeeze-and-excitation does."""
    tensor = sketch.pick()
    sketch.add("ReduceMean", [tensor], axes=sketch.axes(), keepdims=1)
    sketch.add("Mul", [tensor, sketch.tensors[-1]])


def reshape(sketch: Sketch) -> None:
    tensor = sketch.pick()
    shape = sketch.draw(st.permutations(sketch.shape(tensor)))
    sketch.add("Reshape", [tensor, sketch.const(np.asarray(shape, np.int64))])


LAYERS: list[Callable[[Sketch], None]] = [
    alone, clip, concat, cut, cut_first_axes, gate, mean, pad, reshape, resize, softmax, split, total, two,
    with_constant,
]  # fmt: skip


@st.composite
def networks(draw: st.DrawFn) -> Program:
    """Draw a network of which every second operator or so is a Transpose."""
    sketch = Sketch(draw)
    for layer in draw(st.lists(st.sampled_from([*LAYERS, *[transpose] * len(LAYERS)]), min_size=2, max_size=14)):
        layer(sketch)
    made = [tensor for tensor in sketch.tensors if tensor != "x"]
    last = made[-1:] or ["y"]
    if not made:
        sketch.program.add("Relu", ["x"], ["y"], name="end")
    for tensor in dict.fromkeys([*last, *(draw(st.lists(st.sampled_from(made), max_size=2)) if made else ())]):
        sketch.program.add_output(tensor)
    refresh_types(sketch.program)
    return apply("remove-dead-code", sketch.program).program


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(program=networks())
def test_outputs_stay_and_no_more_is_moved(program: Program) -> None:
    applied = apply("cancel-transposes", program)
    assert verify(applied.program) == []
    assert distance(outputs_of(program), outputs_of(applied.program)) < ROUNDING
    assert len(transposes(applied.program)) <= len(transposes(program))
    assert moved(applied.program) <= moved(program)
    assert applied.is_changed or len(transposes(applied.program)) == len(transposes(program))
    assert not apply("cancel-transposes", applied.program).is_changed


def transposes(program: Program) -> list[Op]:
    return [op for op in program.each() if op.op_type == "Transpose"]


def moved(program: Program) -> int:
    """Count the elements that Transposes move, each start counted as a few thousand."""
    return sum(4096 + int(np.prod(program.shape(op.y) or ())) for op in transposes(program))
