"""Every backbone is the published one: parameters, multiply-accumulates, parameter names, and what it computes.

`backbone_reference.json` holds what torchvision 0.29 (for ShuffleNet V1 the authors' code) says of the same networks:
counts, a digest of the state dictionary's names and shapes, and the first outputs for weights that are drawn by name.
"""

import hashlib
import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from compiler.analysis.cost import macs
from compiler.ir import Array, Program, TensorType, model_bytes, refresh_types, verify
from compiler.reference import Session
from compiler.rewrites.grow import Grower, Role, blank
from passes.backbones import NAMES, Backbone, load_backbone

REFERENCE = json.loads((Path(__file__).parent / "backbone_reference.json").read_text("utf-8"))
FLOAT = np.dtype(np.float32)


def by_name(name: str, shape: tuple[int, ...], role: Role) -> Array:
    """Draw a parameter from a seed that its name gives."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if role == "weight":
        return (rng.normal(0, 1, shape) * np.sqrt(2 / max(1, int(np.prod(shape[1:]))))).astype(np.float32)
    drawn = rng.uniform(0.5, 1.5, shape) if role == "one" else rng.normal(0, 0.1, shape)
    return drawn.astype(np.float32)


class Grown:
    """A whole classifier, its parameters noted as they are asked for."""

    def __init__(self, name: str, width: float, *, is_blank: bool = True) -> None:
        self.parameters: dict[str, tuple[int, ...]] = {}
        self.roles: dict[str, Role] = {}
        self.is_blank = is_blank
        self.program = Program(name, {"": 13})
        self.program.add_input("x", TensorType(FLOAT, (1, 3, 224, 224)))
        made = load_backbone(name, width)
        assert isinstance(made, Backbone)
        self.grow = Grower(self.program, self._value)
        self.ends = made.features(self.grow, self.grow.begin("x", (3, 224, 224)))
        self.program.add_output(made.classifier(self.grow, self.ends[-1], 1000))

    def _value(self, name: str, shape: tuple[int, ...], role: Role) -> Array:
        self.parameters[name] = shape
        self.roles[name] = role
        return blank(name, shape, role) if self.is_blank else by_name(name, shape, role)

    @property
    def trainable(self) -> int:
        return sum(int(np.prod(shape)) for name, shape in self.parameters.items() if "running_" not in name)

    @property
    def macs(self) -> int:
        return sum(macs(self.program, op) for op in self.program.each())


@pytest.mark.parametrize("key", sorted(REFERENCE))
def test_counts_and_names_are_those_of_the_reference(key: str) -> None:
    name, width = key.split()
    grown, expected = Grown(name, float(width)), REFERENCE[key]
    assert grown.trainable == expected["parameters"]
    assert grown.macs == expected["macs"]
    listed = "\n".join(f"{name} {list(grown.parameters[name])}" for name in sorted(grown.parameters))
    assert hashlib.sha256(listed.encode()).hexdigest()[:16] == expected["names"]


@pytest.mark.parametrize(
    "key", ["mobilenet-v2 0.5", "mobilenet-v3-small 1", "shufflenet-v2 0.5", "shufflenet-v1-g3 0.5"]
)
def test_outputs_are_those_of_the_reference(key: str) -> None:
    name, width = key.split()
    grown, expected = Grown(name, float(width), is_blank=False), REFERENCE[key]
    refresh_types(grown.program)
    image = np.random.default_rng(0).normal(0, 1, (1, 3, 224, 224)).astype(np.float32)
    found = next(iter(Session(model_bytes(grown.program)).run({"x": image}).values())).ravel()
    assert np.abs(found).max() == pytest.approx(expected["scale"], rel=1e-3)
    assert np.abs(found[:6] - expected["outputs"]).max() < 1e-4 * expected["scale"]


@pytest.mark.parametrize(
    ("key", "parameters", "mega_macs"),
    [
        ("mobilenet-v1 1", 4_231_976, 568.740352),
        ("mobilenet-v2 1", 3_504_872, 300.774272),
        ("mobilenet-v3-small 1", 2_542_856, 56.5104),
        ("mobilenet-v3-large 1", 5_483_032, 216.58976),
        ("shufflenet-v1-g1 1", 1_530_936, 143.078976),
        ("shufflenet-v1-g2 1", 1_732_848, 140.836512),
        ("shufflenet-v1-g3 1", 1_864_728, 137.460672),
        ("shufflenet-v1-g4 1", 1_967_344, 134.339776),
        ("shufflenet-v1-g8 1", 2_433_768, 138.365952),
        ("shufflenet-v2 0.5", 1_366_792, 40.476448),
        ("shufflenet-v2 2", 7_393_996, 583.253464),
    ],
)
def test_sizes_are_the_published_ones(key: str, parameters: int, mega_macs: float) -> None:
    """The papers print 569, 300, 56, 217 and 143, 140, 137, 133 and 137 million; V1's 143 and 137 round down."""
    name, width = key.split()
    grown = Grown(name, float(width))
    assert (grown.trainable, grown.macs / 1e6) == (parameters, mega_macs)


@pytest.mark.parametrize("name", NAMES)
def test_every_map_has_the_size_that_inference_finds(name: str) -> None:
    grown = Grown(name, 1.0)
    outputs = [output for op in grown.program.each() for output in op.outputs]
    outputs = outputs[: outputs.index(grown.ends[-1]) + 1]
    noted = {output: grown.program.type(output) for output in outputs}
    refresh_types(grown.program)
    assert verify(grown.program) == []
    assert noted == {output: grown.program.type(output) for output in outputs}
    sizes = [grown.grow.size(end)[1] for end in grown.ends]
    assert sizes[:4] == [56, 28, 14, 7]


@pytest.mark.parametrize(
    ("name", "width"), [("shufflenet-v2", 0.75), ("shufflenet-v1-g2", 0.5), ("shufflenet-v1-g8", 0.1)]
)
def test_a_width_that_a_backbone_lacks_is_said(name: str, width: float) -> None:
    assert isinstance(load_backbone(name, width), str)
