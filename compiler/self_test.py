"""The self-test of an artifact: an input on which the board's outputs can be compared with ours."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from compiler.artifact.check import difference
from compiler.codes.plan import UNSTEADY_TEST
from compiler.contracts import Sample
from compiler.diagnostic import Diagnostic
from compiler.ir import Array, Program, model_bytes
from compiler.reference import Session, nudged

_BLURS = 10
"""How much further apart than rounding alone puts them two right sets of outputs can lie."""


@dataclass(frozen=True)
class SelfTest:
    """An input, what the emitted network makes of it on this machine, and how far rounding moves that."""

    inputs: Sample
    outputs: Sample
    blur: float
    """The largest move of any output, as a share of its range, when the inputs move by rounding alone."""

    def is_steady(self, tolerance: float) -> bool:
        """Tell whether a right network passes with a tolerance."""
        return _BLURS * self.blur <= tolerance


def choose_self_test(program: Program, candidates: Iterable[Sample], tolerance: float) -> SelfTest:
    """Take the first input that decides within the tolerance, else the one that decides best.

    A detector that finds nothing in a picture puts out next to zero everywhere, and there every rounding is large:
    its test would fail on a board where all is well.
    """
    session = Session(model_bytes(program))
    if any(op.op_type == "QuantizeLinear" for op in program.each()):
        # Integers swallow rounding or turn it into a whole step: there is nothing to learn from nudged inputs.
        inputs = _on_steps(program, next(iter(candidates)))
        return SelfTest(inputs, session.run_as_declared(inputs), 0.0)
    tried: list[SelfTest] = []
    for inputs in candidates:
        outputs = session.run_as_declared(inputs)
        again = session.run_as_declared(nudged(inputs))
        blur = max((difference(again[name], value) for name, value in outputs.items()), default=0.0)
        tried.append(SelfTest(inputs, outputs, blur))
        if tried[-1].is_steady(tolerance):
            break
    return min(tried, key=lambda test: 0.0 if test.is_steady(tolerance) else test.blur)


def _on_steps(program: Program, inputs: Sample) -> Sample:
    """Move inputs that become integers at once onto the values that these stand for.

    Halfway between two steps runtimes round in different ways. Pictures have 256 values, so that one that is halfway
    comes often, and a deep network makes much of little.
    """
    return {name: _stepped(value, _grid(program, name)) for name, value in inputs.items()}


def _grid(program: Program, tensor: str) -> tuple[Array, Array] | None:
    """Find the scale and the zero point by which a tensor becomes integers, if only its axes are turned before."""
    for reader in program.readers(tensor):
        if reader.op_type == "QuantizeLinear":
            scale, zero = program.const(reader.input(1)), program.const(reader.input(2))
            return None if scale is None or zero is None or scale.size > 1 else (scale, zero)
        if reader.op_type == "Transpose":
            return _grid(program, reader.y)
    return None


def _stepped(value: Array, grid: tuple[Array, Array] | None) -> Array:
    """Bring floating-point values to whole steps, within those that the integers have."""
    if grid is None:
        return value
    scale, zero = grid
    ends = np.iinfo(zero.dtype)
    steps = np.clip(np.rint(value / scale.reshape(())), int(ends.min) - int(zero), int(ends.max) - int(zero))
    return (steps * scale.reshape(())).astype(value.dtype)


def unsteady_finding(test: SelfTest, tolerance: float) -> list[Diagnostic]:
    """Warn where no input decides."""
    if test.is_steady(tolerance):
        return []
    said = (
        f"the self-test may fail on a board where all is well: on every picture at hand rounding moves the outputs by "
        f"up to {test.blur:.2g} of their range, and the test allows {tolerance:.2g}"
    )
    return [Diagnostic(UNSTEADY_TEST, said, "add calibration pictures in which the network finds something")]
