"""The networks behind published times, grown layer by layer with weights that take no memory."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from compiler.ir import Program, TensorType
from compiler.rewrites.grow import Grower, Size, blank
from passes.backbones import Backbone, load_backbone

RECIPES = Path(__file__).parents[3] / "recipes"
FLOAT = np.dtype(np.float32)
Grow = Callable[["Layers", str], str]


class Layers(Grower):
    """Grows blocks as deployed: convolutions with their normalisation folded into a bias."""

    def __init__(self, program: Program) -> None:
        super().__init__(program, blank)
        self._count = 0

    def block(  # noqa: PLR0913 - a convolution has this many parts
        self,
        x: str,
        outs: int,
        kernel: int | tuple[int, int] = 1,
        *,
        stride: int = 1,
        groups: int = 1,
        act: str = "Relu",
        pads: bool = True,
    ) -> str:
        """Convolve and activate, padded to the same size or not at all."""
        ins, height, width = self.size(x)
        tall, wide = (kernel, kernel) if isinstance(kernel, int) else kernel
        name = self.named("conv")
        inputs = [x, self._parameter(f"{name}.w", (outs, ins // groups, tall, wide), "weight")]
        inputs.append(self._parameter(f"{name}.b", (outs,), "zero"))
        edge = [tall // 2, wide // 2] * 2 if pads else [0] * 4
        attributes: dict[str, object] = {
            "kernel_shape": [tall, wide], "pads": edge, "strides": [stride, stride], "group": groups,
        }  # fmt: skip
        size = (outs, *_shrunk((height, width), (tall, wide), stride, edge))
        return self.apply(act, self.node("Conv", name, inputs, size, attributes))

    def apply(self, act: str, x: str) -> str:
        """Activate by one node, Mish by its three, or not at all."""
        if act == "Mish":
            soft = self.node("Softplus", self.named("soft"), [x], self.size(x))
            bent = self.node("Tanh", self.named("tanh"), [soft], self.size(x))
            return self.node("Mul", self.named("mish"), [x, bent], self.size(x))
        return self.node(act, self.named(act.lower()), [x], self.size(x)) if act else x

    def window_max(self, x: str, kernel: int, stride: int, *, pads: bool = True, mean: bool = False) -> str:
        """Pool windows by their maximum, or their mean."""
        channels, height, width = self.size(x)
        edge = [(kernel - 1) // 2] * 4 if pads else [0] * 4
        size = (channels, *_shrunk((height, width), (kernel, kernel), stride, edge))
        attributes: dict[str, object] = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": edge}
        return self.node("AveragePool" if mean else "MaxPool", self.named("pool"), [x], size, attributes)

    def join(self, *parts: str) -> str:
        """Join along the channels."""
        return self.concat(self.named("join"), parts)

    def plus(self, x: str, other: str, act: str = "Relu") -> str:
        """Add, and activate."""
        return self.apply(act, self.add(self.named("add"), x, other))

    def double(self, x: str) -> str:
        """Double the size of a map."""
        channels, height, width = self.size(x)
        name = self.named("resize")
        scales = self.store(f"{name}.scales", np.asarray((1, 1, 2, 2), FLOAT))
        return self.node("Resize", name, [x, "", scales], (channels, 2 * height, 2 * width))

    def dense(self, x: str, outs: int, act: str = "") -> str:
        """Multiply all values by a matrix."""
        flat = self.node("Flatten", self.named("flat"), [x], (_volume(self.size(x)), 1, 1))
        self.program.set_type(flat, TensorType(FLOAT, (1, self.size(flat)[0])))
        return self.apply(act, self.classify(self.named("fc"), flat, outs))

    def end(self, x: str, classes: int = 1000) -> str:
        """Average and classify."""
        return self.classify(self.named("fc"), self.flat_mean(x), classes)

    def named(self, word: str) -> str:
        """Make a fresh name from a word."""
        self._count += 1
        return f"{word}{self._count}"


def _volume(size: Size) -> int:
    return size[0] * size[1] * size[2]


def _shrunk(size: tuple[int, int], kernel: tuple[int, int], stride: int, edge: Sequence[int]) -> tuple[int, int]:
    tall, wide = ((n + 2 * p - k) // stride + 1 for n, k, p in zip(size, kernel, edge[:2], strict=True))
    return tall, wide


def resnet(blocks: Sequence[int], *, wide: bool = True, groups: int = 1, base: int = 64, gated: bool = False) -> Grow:
    """ResNet (He et al. 2015); with groups ResNeXt, with gates SE-ResNet."""

    def grow(net: Layers, x: str) -> str:
        x = net.window_max(net.block(x, 64, 7, stride=2), 3, 2)
        for stage, count in enumerate(blocks):
            inner, outs = base * groups * 2**stage, 64 * 2**stage * (4 if wide else 1)
            for place in range(count):
                stride = 2 if stage and not place else 1
                y = net.block(x, inner) if wide else net.block(x, outs, 3, stride=stride)
                y = net.block(y, inner, 3, stride=stride, groups=groups) if wide else y
                y = net.block(y, outs, 1 if wide else 3, act="")
                if gated:
                    y = net.gate(net.named("gate"), y, outs // 16)
                if net.size(x) != net.size(y):
                    x = net.block(x, outs, stride=stride, act="")
                x = net.plus(x, y)
        return net.end(x)

    return grow


def vgg(counts: Sequence[int]) -> Grow:
    """VGG (Simonyan and Zisserman 2014)."""

    def grow(net: Layers, x: str) -> str:
        for width, count in zip((64, 128, 256, 512, 512), counts, strict=True):
            for _ in range(count):
                x = net.block(x, width, 3)
            x = net.window_max(x, 2, 2)
        return net.dense(net.dense(net.dense(x, 4096, "Relu"), 4096, "Relu"), 1000)

    return grow


def densenet(counts: Sequence[int], growth: int, first: int) -> Grow:
    """DenseNet (Huang et al. 2016): normalisation comes before the convolution and stays."""

    def before(net: Layers, x: str) -> str:
        return net.apply("Relu", net.norm(net.named("norm"), x))

    def grow(net: Layers, x: str) -> str:
        x = net.window_max(net.block(x, first, 7, stride=2), 3, 2)
        for stage, count in enumerate(counts):
            for _ in range(count):
                y = net.block(before(net, x), 4 * growth)
                x = net.join(x, net.block(y, growth, 3, act=""))
            if stage < 3:
                x = net.block(before(net, x), net.size(x)[0] // 2, act="")
                x = net.window_max(x, 2, 2, pads=False, mean=True)
        return net.end(before(net, x))

    return grow


def squeezenet(version: str) -> Grow:
    """SqueezeNet 1.0 and 1.1 (Iandola et al. 2016)."""
    first, pools = ((96, 7), (3, 7)) if version == "1.0" else ((64, 3), (2, 4))
    fires = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))

    def grow(net: Layers, x: str) -> str:
        x = net.window_max(net.block(x, first[0], first[1], stride=2, pads=False), 3, 2, pads=False)
        for place, (squeezed, spread) in enumerate(fires):
            if place in pools:
                x = net.window_max(x, 3, 2, pads=False)
            y = net.block(x, squeezed)
            x = net.join(net.block(y, spread), net.block(y, spread, 3))
        return net.flat_mean(net.block(x, 1000))

    return grow


def alexnet(net: Layers, x: str) -> str:
    """AlexNet as torchvision has it."""
    x = net.window_max(net.block(x, 64, 11, stride=4), 3, 2, pads=False)
    x = net.window_max(net.block(x, 192, 5), 3, 2, pads=False)
    x = net.block(net.block(net.block(x, 384, 3), 256, 3), 256, 3)
    x = net.window_max(x, 3, 2, pads=False)
    return net.dense(net.dense(net.dense(x, 4096, "Relu"), 4096, "Relu"), 1000)


_INCEPTION_V1 = (
    (64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64), (), (192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64), (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128), (),
    (256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128),
)  # fmt: skip


def inception_v1(net: Layers, x: str) -> str:
    """Inception V1 (Szegedy et al. 2014), its 5x5 branch as 3x3 like TensorFlow's."""
    x = net.window_max(net.block(x, 64, 7, stride=2), 3, 2)
    x = net.window_max(net.block(net.block(x, 64), 192, 3), 3, 2)
    for row in _INCEPTION_V1:
        if not row:
            x = net.window_max(x, 3, 2)
            continue
        a, b1, b2, c1, c2, d = row
        x = net.join(
            net.block(x, a),
            net.block(net.block(x, b1), b2, 3),
            net.block(net.block(x, c1), c2, 3),
            net.block(net.window_max(x, 3, 1), d),
        )
    return net.end(x)


def inception_v3(net: Layers, x: str) -> str:
    """Inception V3 (Szegedy et al. 2015)."""
    x = net.block(net.block(net.block(x, 32, 3, stride=2, pads=False), 32, 3, pads=False), 64, 3)
    x = net.block(net.block(net.window_max(x, 3, 2, pads=False), 80), 192, 3, pads=False)
    x = net.window_max(x, 3, 2, pads=False)
    for pooled in (32, 64, 64):
        three = net.block(net.block(net.block(x, 64), 96, 3), 96, 3)
        flat = net.block(net.window_max(x, 3, 1, mean=True), pooled)
        x = net.join(net.block(x, 64), net.block(net.block(x, 48), 64, 5), three, flat)
    twice = net.block(net.block(net.block(x, 64), 96, 3), 96, 3, stride=2, pads=False)
    x = net.join(net.block(x, 384, 3, stride=2, pads=False), twice, net.window_max(x, 3, 2, pads=False))
    for inner in (128, 160, 160, 192):
        once = net.block(net.block(net.block(x, inner), inner, (1, 7)), 192, (7, 1))
        deep = net.block(net.block(net.block(x, inner), inner, (7, 1)), inner, (1, 7))
        deep = net.block(net.block(deep, inner, (7, 1)), 192, (1, 7))
        x = net.join(net.block(x, 192), once, deep, net.block(net.window_max(x, 3, 1, mean=True), 192))
    once = net.block(net.block(x, 192), 320, 3, stride=2, pads=False)
    deep = net.block(net.block(net.block(x, 192), 192, (1, 7)), 192, (7, 1))
    deep = net.block(deep, 192, 3, stride=2, pads=False)
    x = net.join(once, deep, net.window_max(x, 3, 2, pads=False))
    for _ in range(2):
        once = net.block(x, 384)
        deep = net.block(net.block(x, 448), 384, 3)
        parts = [net.block(part, 384, kernel) for part in (once, deep) for kernel in ((1, 3), (3, 1))]
        x = net.join(net.block(x, 320), *parts, net.block(net.window_max(x, 3, 1, mean=True), 192))
    return net.end(x)


def yolov4(net: Layers, x: str) -> str:
    """YOLOv4 (Bochkovskiy et al. 2020): CSPDarknet53 with Mish, the neck with LeakyRelu, three raw heads."""
    x = net.block(x, 32, 3, act="Mish")
    maps: list[str] = []
    for stage, (width, count) in enumerate(((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4))):
        x = net.block(x, width, 3, stride=2, act="Mish")
        inner = width if stage == 0 else width // 2
        way, y = net.block(x, inner, act="Mish"), net.block(x, inner, act="Mish")
        for _ in range(count):
            squeezed = net.block(y, 32 if stage == 0 else inner, act="Mish")
            y = net.plus(y, net.block(squeezed, inner, 3, act="Mish"), act="")
        x = net.block(net.join(net.block(y, inner, act="Mish"), way), width, act="Mish")
        maps.append(x)
    leaky = "LeakyRelu"

    def five(x: str, width: int) -> str:
        for place in range(5):
            x = net.block(x, width * (1 + place % 2), 3 if place % 2 else 1, act=leaky)
        return x

    x = net.block(net.block(net.block(x, 512, act=leaky), 1024, 3, act=leaky), 512, act=leaky)
    x = net.join(*(net.window_max(x, kernel, 1) for kernel in (13, 9, 5)), x)
    p5 = net.block(net.block(net.block(x, 512, act=leaky), 1024, 3, act=leaky), 512, act=leaky)
    p4 = five(net.join(net.block(maps[3], 256, act=leaky), net.double(net.block(p5, 256, act=leaky))), 256)
    p3 = five(net.join(net.block(maps[2], 128, act=leaky), net.double(net.block(p4, 128, act=leaky))), 128)
    heads = [net.block(net.block(p3, 256, 3, act=leaky), 255, act="")]
    p4 = five(net.join(net.block(p3, 256, 3, stride=2, act=leaky), p4), 256)
    heads.append(net.block(net.block(p4, 512, 3, act=leaky), 255, act=""))
    p5 = five(net.join(net.block(p4, 512, 3, stride=2, act=leaky), p5), 512)
    heads.append(net.block(net.block(p5, 1024, 3, act=leaky), 255, act=""))
    for head in heads[:-1]:
        net.program.add_output(head)
    return heads[-1]


def classifier(name: str, width: float) -> Grow:
    """Make a backbone of the compiler's own, with its classifier."""
    made = load_backbone(name, width)
    assert isinstance(made, Backbone), made

    def grow(net: Layers, x: str) -> str:
        return made.classifier(net, made.features(net, x)[-1], 1000)

    return grow
