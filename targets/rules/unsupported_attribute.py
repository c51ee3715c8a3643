"""An attribute with a value that the target's operator does not take."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.operator_table import AttributeLimit, Scalar, attribute_values, one_of
from compiler.target import Target


class UnsupportedAttribute(Rule):
    """An attribute says something that the runtime's version of the operator does not do.

    The operator itself works; one of its modes does not. Where the message says that the model is accepted and computed
    wrongly, nothing on the board would tell you. Choose a value that the message lists, or rewrite as the help says.
    """

    code = Code("T007", "unsupported-attribute", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each attribute outside its limits."""
        for op, limit in target.each_limit(program, AttributeLimit):
            fault = _fault(attribute_values(op, limit.attribute), limit, target.name)
            if fault is not None:
                yield self.at(op, limit.explain(fault), help=limit.help)


def _fault(found: tuple[Scalar, ...] | None, limit: AttributeLimit, name: str) -> str | None:
    """Say what is wrong with an attribute's values, or None."""
    if found is None:
        return f"{limit.attribute} is not stated, and {name} needs it" if limit.is_required else None
    if limit.is_forbidden:
        return f"{limit.attribute} is stated, and {name} cannot read it"
    for value in found:
        if limit.allowed is not None and value not in limit.allowed:
            return f"{limit.attribute} is {value}, and {name} takes {one_of(limit.allowed)}"
        if limit.at_most is not None and float(value) > limit.at_most:
            return f"{limit.attribute} {value} is more than the {limit.at_most:g} that {name} takes"
        if limit.at_least is not None and float(value) < limit.at_least:
            return f"{limit.attribute} {value} is less than the {limit.at_least:g} that {name} takes"
    return None
