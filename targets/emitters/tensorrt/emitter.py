"""Writes the kit for a Jetson board that has TensorRT 8.2 or 8.5: scripts that build, check and time an engine."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np

from compiler.analysis.cost import PRECISION_KEY
from compiler.codes.artifact import BOARD_UNKNOWN, HALF_WEIGHTS, INPUT_NOT_STATIC, OPSET_TOO_NEW
from compiler.contracts import Emission, Emitter
from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import ProgramView
from compiler.target import Target
from targets.emitters import _kit

_TEMPLATES = Path(__file__).parent / "templates"
_MAKES = ("engine.sha256", "measurement.json", "model.engine", "timing.cache")
_WORKSPACE_MB = 1024
_CHIPS = {"5.3": "tegra210", "6.2": "tegra186", "7.2": "tegra194", "8.7": "tegra234"}
"""Compute capability to the chip's name in the device tree, for every Jetson that has had TensorRT 8.2 or 8.5."""


class TensorrtEmitter(Emitter):
    """Writes the model and scripts that turn it into an engine on the board.

    An engine runs only on the kind of board and the version of TensorRT that built it, so it is built there. Weights
    stay FP32 in the file; FP16 is a flag of the builder, which keeps FP32 for the layers where that is faster. Where
    the network holds QuantizeLinear, the builder is allowed INT8 and takes the scales from there: nothing is
    calibrated on the board.
    """

    runtimes: ClassVar[tuple[str, ...]] = ("tensorrt-8.2", "tensorrt-8.5")

    def emit(self, emission: Emission, folder: Path) -> None:
        """Write the runtime's files into an empty folder."""
        findings = [*_findings(emission)]
        if findings:
            raise CompressError(*findings)
        asked = emission.program.metadata.get(PRECISION_KEY, "fp32")
        flags = (*(("int8",) if _has_pairs(emission.program) else ()), *(("fp16",) if asked == "fp16" else ()))
        precision = flags[0] if flags else "fp32"
        _kit.write_network(emission, self.model(emission.program), folder)
        _kit.write_scripts(_TEMPLATES, {**_values(emission, precision), "flags": flags}, folder)
        _kit.write_manifest(emission, folder, precision, _MAKES)


def _has_pairs(program: ProgramView) -> bool:
    """Tell whether the network itself says where 8-bit integers are."""
    return any(op.op_type == "QuantizeLinear" for op in program.each())


def _findings(emission: Emission) -> Iterator[Diagnostic]:
    """Yield what would make the board refuse or misread the model."""
    program, target = emission.program, emission.target
    if target.board.compute_capability not in _CHIPS:
        known = ", ".join(_CHIPS)
        found = target.board.compute_capability
        yield Diagnostic(BOARD_UNKNOWN, f"compute capability {found} of {target.name} is none of {known}")
    if program.opset > target.opset:
        yield Diagnostic(
            OPSET_TOO_NEW, f"opset {program.opset} is more than the {target.opset} that {target.name} reads"
        )
    for name in program.inputs:
        if program.shape(name) is None:
            yield Diagnostic(
                INPUT_NOT_STATIC, f"input {name} is {program.type(name)}", help="give its shape in the recipe"
            )
    for name in program.constants:
        if program.type(name).dtype == np.float16:
            yield Diagnostic(HALF_WEIGHTS, f"constant {name} is {program.type(name)}", help="keep weights in FP32")


def _values(emission: Emission, precision: str) -> dict[str, object]:
    """Collect what the templates may say; none of it but the product's name comes from the user."""
    target = emission.target
    assert target.board.compute_capability is not None
    return {
        "product": emission.product,
        "target": target.name,
        "board": target.board.name,
        "soc": _CHIPS[target.board.compute_capability],
        "capability": target.board.compute_capability,
        "tensorrt": target.runtime.removeprefix("tensorrt-"),
        "precision": precision,
        "has_pools": tuple(map(int, target.runtime.removeprefix("tensorrt-").split("."))) >= (8, 4),
        "power": max(target.board.power_modes, key=lambda mode: mode.gpu_mhz, default=None),
        "workspace_mb": _workspace_mb(target),
    }


def _workspace_mb(target: Target) -> int:
    """Read how much memory the builder may use for trials; trtexec's own 16 MB rules out the faster kernels."""
    fact = target.board.facts.get("workspace_mb")
    return _WORKSPACE_MB if fact is None else int(fact.value)
