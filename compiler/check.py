"""Ask every target rule about a program."""

from collections.abc import Sequence

from compiler.contracts import Rule
from compiler.diagnostic import Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.target import Target

_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def check_program(program: ProgramView, target: Target, rules: Sequence[Rule]) -> list[Diagnostic]:
    """List what a target cannot run, or runs badly: errors first, then in the order of the rules."""
    found = [item for rule in rules if not rule.is_last_resort for item in rule.check(program, target)]
    refused = {item.layer for item in found if item.severity is Severity.ERROR and item.layer is not None}
    last = [item for rule in rules if rule.is_last_resort for item in rule.check(program, target)]
    found += [item for item in last if item.layer not in refused]
    return sorted(found, key=lambda diagnostic: _ORDER[diagnostic.severity])


def has_errors(findings: Sequence[Diagnostic]) -> bool:
    """Tell whether any finding is an error."""
    return any(diagnostic.severity is Severity.ERROR for diagnostic in findings)
