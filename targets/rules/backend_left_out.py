"""A precision that only some of the target's backends have."""

from collections.abc import Iterator

from compiler.analysis.cost import PRECISION_KEY
from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.operator_table import one_of
from compiler.target import Target


class BackendLeftOut(Rule):
    """FP16 is asked for, and one of the target's backends has no FP16.

    A board may run a network on its GPU or on its CPU, from the same program. With FP16 the choice is gone, and the
    network cannot be tried on the other one. Nor is it sure to be faster; measure first.
    """

    code = Code("T048", "backend-left-out", Severity.WARNING)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield one finding when FP16 leaves a backend out."""
        backends = target.table.backends
        lacking = [name for name, types in backends.items() if "float16" not in types]
        if lacking and program.metadata.get(PRECISION_KEY) == "fp16":
            kept = [name for name in backends if name not in lacking]
            yield Diagnostic(
                self.code,
                f"FP16 on {target.name} runs on {one_of(kept)} only; {one_of(lacking)} has none",
                help="measure FP16 against FP32 on the board before you keep it",
            )
