"""A constant input with values that the target's operator does not take."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import Array, ProgramView
from compiler.operator_table import ValueLimit
from compiler.target import Target


class UnsupportedValue(Rule):
    """A constant input holds a value outside what the runtime's version of the operator takes.

    Newer versions of ONNX pass settings as constant tensors where older ones had attributes, so limits on settings show
    up here. The message gives the limit and what was found.
    """

    code = Code("T008", "unsupported-value", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each constant outside its limits."""
        for op, limit in target.each_limit(program, ValueLimit):
            for slot, name in limit.value.items():
                value = program.const(op.input(slot))
                fault = None if value is None else _fault(name, value, limit, target.name)
                if fault is not None:
                    yield self.at(op, limit.explain(fault), help=limit.help)


def _fault(name: str, value: Array, limit: ValueLimit, target: str) -> str | None:
    """Say what is wrong with a constant, or None."""
    if limit.count is not None and value.size != limit.count:
        return f"{name} has {value.size} values, and {target} takes {limit.count}"
    for item in map(float, value.ravel().tolist()):
        if limit.equals is not None and item != limit.equals:
            return f"{name} is {item:g}, and {target} takes {limit.equals:g} only"
        if limit.above is not None and item <= limit.above:
            return f"{name} is {item:g}, and {target} takes more than {limit.above:g} only"
        if limit.at_most is not None and item > limit.at_most:
            return f"{name} {item:g} is more than the {limit.at_most:g} that {target} takes"
        if limit.at_least is not None and item < limit.at_least:
            return f"{name} {item:g} is less than the {limit.at_least:g} that {target} takes"
    return None
