"""`compress verify`."""

from pathlib import Path

from compiler.artifact import verify_artifact
from compiler.commands.output import FINE, say, show_findings, status_of, status_of_failure
from compiler.diagnostic import CompressError


def verify_command(artifact: Path, output: str) -> int:
    """Check an artifact and return the exit status."""
    try:
        findings = tuple(verify_artifact(artifact))
    except CompressError as error:
        show_findings(error.diagnostics, output)
        return status_of_failure(error.diagnostics)
    if findings or output == "json":
        show_findings(findings, output)
    if not findings and output == "text":
        say(f"{artifact}: every file is as it was built, and the self-test passes")
    return status_of_failure(findings) if status_of(findings) else FINE
