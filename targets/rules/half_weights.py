"""Weights in FP16 for a parser that expects FP32."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.target import Target


class HalfWeights(Rule):
    """The file holds FP16 weights where the target wants FP32 ones and a switch when building.

    The parser of TensorRT 8.2 reads some FP16 constants as FP32 and handles others in slow ways; version 8.4 is the
    first to take them as they are. Keep the file in FP32: the fp16 pass then asks the builder for FP16.
    """

    code = Code("T049", "half-weights", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield one finding that counts the constants."""
        half = target.precisions.get("fp16")
        if "half-weights" not in target.table.rules or half is None or half.carrier != "builder":
            return
        found = [name for name in program.constants if str(program.type(name).dtype) == "float16"]
        if found:
            yield Diagnostic(
                self.code,
                f"constants are in FP16 ({len(found)}, {found[0]} first), and {target.name} wants FP32 in the file",
                help="export the model in FP32 and use the fp16 pass",
            )
