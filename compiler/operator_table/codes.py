"""Codes of what can be wrong with a target's files."""

from compiler.diagnostic import Code, Severity

BAD_TARGET_FILE = Code(
    "T099",
    "bad-target-file",
    Severity.ERROR,
    "A target profile or an operator table does not say what this version reads: a key is unknown, missing or double, "
    "or a value has the wrong type. The message names the place.",
)
