"""A small network and images to train it on, in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from compiler.ir import Program, parse_program, refresh_types
from compiler.training.setup import EpochLine, Example, Facts, Training

_TEXT = """
g (float[1,3,8,8] x) => (float[1,4,8,8] y, float[1,2] z)
   <float[6,3,3,3] w1, float[6] s, float[6] t, float[6] m, float[6] v, float[4,6,1,1] w2, float[2,6,1,1] w3>
{
   [conv1] c = Conv <pads: ints = [1, 1, 1, 1]> (x, w1)
   [norm] n = BatchNormalization (c, s, t, m, v)
   [relu] r = Relu (n)
   [conv2] y = Conv (r, w2)
   [pool] p = GlobalAveragePool (r)
   [conv3] q = Conv (p, w3)
   [flat] z = Flatten (q)
}
"""


def small_network(seed: int = 0) -> Program:
    """Make two heads on one stem with BatchNormalization; the second head's values are a hundredfold."""
    program = parse_program(_TEXT)
    rng = np.random.default_rng(seed)
    for name in ("w1", "w2", "w3"):
        value = program.type(name)
        shape = value.static_shape
        assert shape is not None
        scale = 100.0 if name == "w3" else 1.0
        program.replace_constant(name, (scale * rng.normal(0, 0.4, shape)).astype(np.float32))
    for name, low in (("s", 0.5), ("t", -0.5), ("m", -0.1), ("v", 0.5)):
        program.replace_constant(name, rng.uniform(low, low + 1, 6).astype(np.float32))
    program.clear_journal()
    refresh_types(program)
    return program


def shaken(program: Program, amount: float = 0.3) -> Program:
    """Copy a network with its weights disturbed, as a pass may have done."""
    twin, rng = program.clone(), np.random.default_rng(9)
    for name in ("w1", "w2", "w3"):
        value = program.const(name)
        assert value is not None
        noise = rng.normal(0, amount * value.std(), value.shape)
        twin.replace_constant(name, (value + noise).astype(np.float32))
    twin.clear_journal()
    return twin


@dataclass(frozen=True)
class Images:
    """Seeded noise as images, with whatever labels a test gives."""

    count: int = 12
    classes: Sequence[int] = ()
    channels: int = 3

    @property
    def labels(self) -> frozenset[str]:
        return frozenset({"class"}) if self.classes else frozenset()

    def __len__(self) -> int:
        return self.count

    def example(self, index: int, rng: np.random.Generator) -> Example:
        own = np.random.default_rng(index)
        image = own.normal(0, 1, (1, self.channels, 8, 8)).astype(np.float32)
        image *= np.float32(rng.uniform(0.9, 1.1))
        return Example({"x": image}, label=self.classes[index] if self.classes else None)


@dataclass
class Notes:
    """Remembers what a training said."""

    lines: list[EpochLine] = field(default_factory=list[EpochLine])
    notes: list[str] = field(default_factory=list[str])

    def begin(self, epochs: int, batches: int, done: int, note: str) -> None:
        self.notes.append(note)

    def batch(self, epoch: int, number: int, loss: float) -> None:
        pass

    def epoch(self, line: EpochLine) -> None:
        self.lines.append(line)

    def end(self) -> None:
        pass


def lesson(program: Program, images: Images | None = None, facts: Facts | None = None, **more: Any) -> Training:
    """Set a training up with a teacher; `more` are fields of Training."""
    given = Images() if images is None else images
    plain = Training(Facts(has_images=True) if facts is None else facts, program, lambda: given)
    return replace(plain, **more)
