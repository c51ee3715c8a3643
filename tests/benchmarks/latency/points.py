"""Read the published times that the latency models are fitted to."""

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from compiler.ir import Program, TensorType
from tests.benchmarks.latency import zoo
from tests.benchmarks.latency.zoo import FLOAT, Grow, Layers

FOLDER = Path(__file__).parent
NETWORKS: Mapping[str, Callable[[], Grow]] = {
    "alexnet": lambda: zoo.alexnet,
    "densenet121": lambda: zoo.densenet((6, 12, 24, 16), 32, 64),
    "densenet161": lambda: zoo.densenet((6, 12, 36, 24), 48, 96),
    "densenet169": lambda: zoo.densenet((6, 12, 32, 32), 32, 64),
    "densenet201": lambda: zoo.densenet((6, 12, 48, 32), 32, 64),
    "inception-v1": lambda: zoo.inception_v1,
    "inception-v3": lambda: zoo.inception_v3,
    "resnet18": lambda: zoo.resnet((2, 2, 2, 2), wide=False),
    "resnet34": lambda: zoo.resnet((3, 4, 6, 3), wide=False),
    "resnet50": lambda: zoo.resnet((3, 4, 6, 3)),
    "resnet101": lambda: zoo.resnet((3, 4, 23, 3)),
    "resnet152": lambda: zoo.resnet((3, 8, 36, 3)),
    "resnext50": lambda: zoo.resnet((3, 4, 6, 3), groups=32, base=4),
    "se-resnet50": lambda: zoo.resnet((3, 4, 6, 3), gated=True),
    "squeezenet-1.0": lambda: zoo.squeezenet("1.0"),
    "squeezenet-1.1": lambda: zoo.squeezenet("1.1"),
    "vgg11": lambda: zoo.vgg((1, 1, 2, 2, 2)),
    "vgg13": lambda: zoo.vgg((2, 2, 2, 2, 2)),
    "vgg16": lambda: zoo.vgg((2, 2, 3, 3, 3)),
    "yolov4": lambda: zoo.yolov4,
}
"""The networks by name; `mobilenet-v1-0.25` and the like are the compiler's own backbones at a width."""
_BACKBONE = re.compile(r"(mobilenet-v[12]|shufflenet-v2)-([\d.]+)")


@dataclass(frozen=True)
class Point:
    """One published time."""

    board: str
    setup: str
    """Which latency model of the board's profile it belongs to."""
    series: str
    """Who measured, under which circumstances; series of one setup may differ by a constant factor."""
    network: str
    size: int
    precision: str
    ms: float
    source: str


def points(board: str, setup: str) -> tuple[Point, ...]:
    """Read the points of one of a board's models."""
    with (FOLDER / "points.csv").open(encoding="utf-8", newline="") as file:
        rows = [{**row, "size": int(row["size"]), "ms": float(row["ms"])} for row in csv.DictReader(file)]
    return tuple(Point(**row) for row in rows if (row["board"], row["setup"]) == (board, setup))  # pyright: ignore[reportArgumentType] - columns are fields


def network(name: str, size: int) -> Program:
    """Rebuild a network."""
    backbone = _BACKBONE.fullmatch(name)
    grow = zoo.classifier(backbone[1], float(backbone[2])) if backbone else NETWORKS[name]()
    program = Program(name, {"": 13})
    program.add_input("x", TensorType(FLOAT, (1, 3, size, size)))
    layers = Layers(program)
    program.add_output(grow(layers, layers.begin("x", (3, size, size))))
    return program
