"""Small networks of the families that boards run, with seeded weights: real structures, few channels, small images."""

from collections.abc import Callable, Mapping

import numpy as np

from compiler.ir import Array, Attribute, Program, TensorType, refresh_types

SIDE = 64


class Sketch:
    """Adds layers to a network; a convolution's weights keep the variance of what flows through."""

    def __init__(self, title: str) -> None:
        self.rng = np.random.default_rng(11)
        self.program = Program(title, {"": 13})
        self.program.add_input("image", TensorType(np.dtype(np.float32), (1, 3, SIDE, SIDE)))
        self.channels = {"image": 3}

    def add(
        self, op_type: str, inputs: list[str], channels: int, attributes: dict[str, Attribute] | None = None
    ) -> str:
        """Add a layer and name its result."""
        name = self.program.fresh(op_type.lower())
        self.program.add(op_type, inputs, [name], attributes, name=name)
        self.channels[name] = channels
        return name

    def constant(self, value: Array) -> str:
        """Store a constant."""
        return self.program.add_constant("k", value)

    def weight(self, *shape: int) -> str:
        """Store random weights."""
        scale = np.sqrt(2 / np.prod(shape[1:]))
        return self.constant(self.rng.normal(0, scale, shape).astype(np.float32))

    def vector(self, size: int) -> str:
        """Store a random bias."""
        return self.constant(self.rng.normal(0, 0.1, size).astype(np.float32))

    def conv(self, x: str, out: int, kernel: int = 1, stride: int = 1, group: int = 1) -> str:
        """Add a convolution that keeps the size, but for its stride."""
        weight = self.weight(out, self.channels[x] // group, kernel, kernel)
        how: dict[str, Attribute] = {"pads": [kernel // 2] * 4, "strides": [stride] * 2, "group": group}
        return self.add("Conv", [x, weight, self.vector(out)], out, how)

    def relu(self, x: str) -> str:
        """Add a Relu."""
        return self.add("Relu", [x], self.channels[x])

    def clip(self, x: str) -> str:
        """Add a Relu6."""
        bounds = [self.constant(np.asarray(value, np.float32)) for value in (0, 6)]
        return self.add("Clip", [x, *bounds], self.channels[x])

    def total(self, a: str, b: str) -> str:
        """Add two tensors."""
        return self.add("Add", [a, b], self.channels[a])

    def pool(self, x: str) -> str:
        """Halve the size with a 3x3 maximum."""
        how: dict[str, Attribute] = {"kernel_shape": [3, 3], "pads": [1] * 4, "strides": [2, 2]}
        return self.add("MaxPool", [x], self.channels[x], how)

    def classify(self, x: str, classes: int = 10) -> Program:
        """End with a mean, a fully connected layer and a softmax."""
        channels = self.channels[x]
        flat = self.add("Flatten", [self.add("GlobalAveragePool", [x], channels)], channels)
        scores = self.add("Gemm", [flat, self.weight(classes, channels), self.vector(classes)], classes, {"transB": 1})
        return self.done(scores, self.add("Softmax", [scores], classes, {"axis": 1}))

    def done(self, *outputs: str) -> Program:
        """Name the outputs and infer types."""
        for name in outputs:
            self.program.add_output(name)
        refresh_types(self.program)
        self.program.clear_journal()
        return self.program


def resnet18() -> Program:
    """ResNet-18 with a quarter of the channels."""
    net = Sketch("resnet18")
    x = net.pool(net.relu(net.conv("image", 16, 7, 2)))
    for width, stride in ((16, 1), (16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1)):
        branch = net.conv(net.relu(net.conv(x, width, 3, stride)), width, 3)
        shortcut = x if stride == 1 and net.channels[x] == width else net.conv(x, width, 1, stride)
        x = net.relu(net.total(branch, shortcut))
    return net.classify(x)


def mobilenet_v2() -> Program:
    """MobileNet V2 with few channels: inverted bottlenecks, depthwise convolutions, Relu6."""
    net = Sketch("mobilenet_v2")
    x = net.clip(net.conv("image", 16, 3, 2))
    for expand, width, blocks, stride in ((1, 8, 1, 1), (6, 12, 2, 2), (6, 16, 2, 2), (6, 24, 2, 2), (6, 32, 2, 1)):
        for index in range(blocks):
            step = stride if index == 0 else 1
            inner = x if expand == 1 else net.clip(net.conv(x, expand * net.channels[x]))
            deep = net.clip(net.conv(inner, net.channels[inner], 3, step, net.channels[inner]))
            y = net.conv(deep, width)
            x = net.total(x, y) if step == 1 and net.channels[x] == width else y
    return net.classify(net.clip(net.conv(x, 96)))


def shufflenet_v2() -> Program:
    """ShuffleNet V2 with few channels: splits, depthwise convolutions and channel shuffles."""
    net = Sketch("shufflenet_v2")
    x = net.pool(net.relu(net.conv("image", 12, 3, 2)))
    side = SIDE // 4
    for width, blocks in ((24, 3), (48, 3), (96, 2)):
        side //= 2
        for index in range(blocks):
            x = _shuffled(net, _down(net, x, width) if index == 0 else _same(net, x), side)
    return net.classify(net.relu(net.conv(x, 128)))


def _down(net: Sketch, x: str, width: int) -> str:
    """Halve the size in both branches."""
    depth, half = net.channels[x], width // 2
    left = net.relu(net.conv(net.conv(x, depth, 3, 2, depth), half))
    inner = net.relu(net.conv(x, half))
    right = net.relu(net.conv(net.conv(inner, half, 3, 2, half), half))
    return net.add("Concat", [left, right], width, {"axis": 1})


def _same(net: Sketch, x: str) -> str:
    """Work on one half of the channels."""
    width, half = net.channels[x], net.channels[x] // 2
    parts = [net.program.fresh(f"{x}_{side}") for side in ("left", "right")]
    sizes = net.constant(np.asarray([half, half], np.int64))
    net.program.add("Split", [x, sizes], parts, {"axis": 1}, name=f"{x}_split")
    net.channels |= dict.fromkeys(parts, half)
    inner = net.relu(net.conv(parts[1], half))
    right = net.relu(net.conv(net.conv(inner, half, 3, 1, half), half))
    return net.add("Concat", [parts[0], right], width, {"axis": 1})


def _shuffled(net: Sketch, x: str, side: int) -> str:
    """Deal the channels out to two groups, as exporters write it."""
    width = net.channels[x]
    groups = net.constant(np.asarray([1, 2, width // 2, side, side], np.int64))
    split = net.add("Reshape", [x, groups], width)
    dealt = net.add("Transpose", [split], width, {"perm": [0, 2, 1, 3, 4]})
    return net.add("Reshape", [dealt, net.constant(np.asarray([1, width, side, side], np.int64))], width)


def pose_resnet() -> Program:
    """PoseResNet with few channels: bottlenecks, three transposed convolutions and one heat map for each joint."""
    net = Sketch("pose_resnet")
    x = net.pool(net.relu(net.conv("image", 16, 7, 2)))
    for width, stride in ((8, 1), (16, 2), (32, 2), (32, 2)):
        y = net.relu(net.conv(net.relu(net.conv(x, width)), width, 3, stride))
        x = net.relu(net.total(net.conv(y, 4 * width), net.conv(x, 4 * width, 1, stride)))
    for _ in range(3):
        weight = net.weight(net.channels[x], 24, 4, 4)
        how: dict[str, Attribute] = {"pads": [1] * 4, "strides": [2, 2]}
        x = net.relu(net.add("ConvTranspose", [x, weight, net.vector(24)], 24, how))
    return net.done(net.conv(x, 16))


NETWORKS: Mapping[str, Callable[[], Program]] = {
    "ResNet-18": resnet18,
    "PoseResNet": pose_resnet,
    "MobileNet V2": mobilenet_v2,
    "ShuffleNet V2": shufflenet_v2,
}
