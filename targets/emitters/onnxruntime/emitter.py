"""Writes the kit for a machine that has ONNX Runtime: the model, a self-test and a short text."""

from pathlib import Path
from typing import ClassVar

from compiler.contracts import Emission, Emitter
from compiler.ir import Program, ProgramView, model_bytes
from targets.emitters import _kit
from targets.emitters._pack import packed

_TEMPLATES = Path(__file__).parent / "templates"
_MAKES = ("measurement.json",)


class OnnxruntimeEmitter(Emitter):
    """Writes a kit that runs with numpy and ONNX Runtime alone.

    The runtime computes in the number format of the file, so a wish for FP16 in a board's builder changes nothing.
    Weights that `weight-prune` set to zero are left out of the file where that makes it smaller.
    """

    runtimes: ClassVar[tuple[str, ...]] = ("onnxruntime",)

    def model(self, program: Program) -> bytes:
        """Serialise a program as the artifact's `model.onnx` holds it."""
        return model_bytes(packed(program))

    def emit(self, emission: Emission, folder: Path) -> None:
        """Write the runtime's files into an empty folder."""
        _kit.write_network(emission, self.model(emission.program), folder)
        _kit.write_scripts(_TEMPLATES, {"product": emission.product}, folder)
        _kit.write_manifest(emission, folder, _precision(emission.program), _MAKES)


def _precision(program: ProgramView) -> str:
    """Tell the number format that the graph itself holds."""
    return "int8" if any(op.op_type == "DequantizeLinear" for op in program.each()) else "fp32"
