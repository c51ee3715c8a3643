"""What is fitted for each board: the form of its model, where the search starts, and which points it never sees."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from compiler.target import ClassCost, CostModel
from tests.benchmarks.latency.int8_pairs import gains
from tests.benchmarks.latency.points import Point

CLASSES = ("stem", "pointwise", "conv3x3", "conv", "depthwise", "grouped", "deconv", "gemm", "copy", "other")
POINTWISE = ("Elu", "HardSigmoid", "HardSwish", "LeakyRelu", "PRelu", "Selu", "Sigmoid", "Softplus")


@dataclass(frozen=True)
class Setup:
    """One latency model to fit."""

    board: str
    name: str
    stands_for: str
    held_out: str
    """Which points the fit never sees, in words."""
    is_held_out: Callable[[Point], bool]
    start: Mapping[str, float]
    """Where the coefficients start: `floor`, `launch`, `bandwidth`, per class ms/GMAC, and `image`, what the stem takes
    longer to start because it waits for the image; the fit holds on to that, weakly."""
    half: Mapping[str, float]
    """By class, FP16's rate relative to FP32's, to start from; classes that are not named keep FP32's. `dense` stands
    for all convolutions without groups."""
    alias: Mapping[str, str] = field(default_factory=dict[str, str])
    """Classes that share the coefficients of another, for want of points."""
    reference: str = ""
    """The series whose times are meant; others may differ by a factor."""
    unfused: tuple[str, ...] = ()
    copies: Mapping[str, str] = field(default_factory=dict[str, str])
    zero_insertion: bool = False
    most: tuple[float, float] = (0.1, 0.25)
    """What the median and nine of ten held-out errors may be at most."""
    integers: float | None = None
    """INT8's rate relative to FP32's in every class, for want of points of the board's own runtime."""
    hold: float = 0.15
    """How strongly coefficients hold on to where they start, against a point's error of 1; chosen by leaving out each
    family of the fitted points in turn."""

    def template(self) -> CostModel:
        """Make a model of this form, to sort layers into classes and to count what they move."""
        return CostModel.model_validate(
            {
                "classes": {name: ClassCost(floor_ms=0) for name in CLASSES},
                "bandwidth_gbps": 1,
                "zero_insertion": self.zero_insertion,
                "copies": self.copies,
                "unfused": self.unfused,
                "source": "a template",
            }
        )


_ACL_COPIES = {"Concat": "always", "Reshape": "always", "Flatten": "always", "Squeeze": "always", "Unsqueeze": "always"}
_ACL_UNFUSED = ("Add", "Elu", "HardSigmoid", "HardSwish", "Mul", "PRelu", "Selu", "Softplus")
_ACL_START = {
    "floor": 0.02, "launch": 0.05, "bandwidth": 8, "stem": 130, "pointwise": 110, "conv3x3": 85, "conv": 105,
    "depthwise": 400, "gemm": 200,
}  # fmt: skip
_TENSORRT_START = {
    "floor": 0.05, "launch": 0.05, "bandwidth": 45, "pointwise": 6, "conv3x3": 4.5, "conv": 6, "grouped": 30,
    "depthwise": 60, "gemm": 6,
}  # fmt: skip
_TENSORRT_RATES = ("pointwise", "conv3x3", "conv", "grouped", "depthwise", "gemm")
_SLOWER = {"bandwidth": 45 / 2.3} | {name: 2.4 * _TENSORRT_START[name] for name in _TENSORRT_RATES}
"""The Jetson Nano has half of a TX2's cores, at a lower clock."""
_TENSORRT_ALIAS = {"stem": "conv", "deconv": "conv", "copy": "other"}

_NCNN_START = {
    "floor": 0.01, "launch": 0.03, "bandwidth": 5, "pointwise": 70, "conv3x3": 40, "conv": 90, "depthwise": 250,
    "gemm": 200,
}  # fmt: skip
"""Near the ACL's NEON functions on the same cores; 3x3 kernels are transformed by Winograd's method."""
_NCNN_ALIAS = {"stem": "conv", "deconv": "conv", "grouped": "conv", "copy": "other"}

SETUPS = (
    Setup(
        board="tx2",
        name="engine",
        stands_for="a TensorRT engine alone, copies to and from the GPU included, mode MAXN",
        held_out="the Inception family (4), ResNet-152 at 224x224 (2) and YOLOv4 at 512x512 (2)",
        is_held_out=lambda p: p.network.startswith("inception")
        or (p.network, p.size) in {("resnet152", 224), ("yolov4", 512)},
        start={**_TENSORRT_START, "tensorrt-3": 1.1, "tkdnn": 1.0},
        half={"dense": 0.57, "grouped": 1.0},
        hold=0.4,
        alias=_TENSORRT_ALIAS,
        reference="tensorrt-8",
        unfused=POINTWISE,
        copies={"Concat": "inner"},
    ),
    Setup(
        board="jetson-nano",
        name="engine",
        stands_for="a TensorRT engine alone, 10 W mode",
        held_out="the DenseNet family (4), ResNet-101 (1), VGG-13 (1) and YOLOv4 at 512x512 (2)",
        is_held_out=lambda p: p.network.startswith("densenet") or p.network in {"resnet101", "vgg13"} or p.size == 512,
        start={**_TENSORRT_START, **_SLOWER, "torch2trt": 1.0, "tkdnn": 1.0},
        half={"pointwise": 0.57, "conv3x3": 0.57, "conv": 0.57, "grouped": 0.6, "depthwise": 0.8},
        alias=_TENSORRT_ALIAS,
        reference="tensorrt-8",
        unfused=POINTWISE,
        copies={"Concat": "inner"},
    ),
    Setup(
        board="rk3399",
        name="opencl",
        stands_for="layers on the Mali GPU by OpenCL, at full clock",
        held_out="the MobileNet V2 family, 22 widths and sizes",
        is_held_out=lambda p: p.network.startswith("mobilenet-v2"),
        start={**_ACL_START, "floor": 0.1, "image": 1, "acl-18.05": 1.3},
        half={"pointwise": 0.7, "depthwise": 0.7, "conv3x3": 1.2, "conv": 1.2, "stem": 1.0},
        alias={"deconv": "conv", "grouped": "conv", "copy": "other"},
        reference="acl-19.08",
        unfused=_ACL_UNFUSED,
        copies=_ACL_COPIES,
        zero_insertion=True,
    ),
    Setup(
        board="rk3399",
        name="neon",
        stands_for="layers on the processor by NEON",
        held_out="the MobileNet V2 family, 22 widths and sizes",
        is_held_out=lambda p: p.network.startswith("mobilenet-v2"),
        start=_ACL_START,
        half={},
        integers=float(f"{1 / gains()['ncnn-2022-01']:.3g}"),
        alias={"deconv": "conv", "grouped": "conv", "copy": "other"},
        reference="acl-19.08",
        unfused=_ACL_UNFUSED,
        copies=_ACL_COPIES,
        zero_insertion=True,
    ),
    Setup(
        board="rk3399-ncnn",
        name="cpu",
        stands_for="the network alone on the two Cortex-A72 cores",
        held_out="MobileNet V2 and ResNet-50 on two boards (4)",
        is_held_out=lambda p: p.network in {"mobilenet-v2-1.0", "resnet50"},
        start={**_NCNN_START, "ncnn-2022": 1.0},
        half={},
        alias=_NCNN_ALIAS,
        reference="ncnn-2023",
        most=(0.21, 0.25),
        unfused=_ACL_UNFUSED,
        copies={"Concat": "always"},
    ),
)  # fmt: skip
