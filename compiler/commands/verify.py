"""`compress verify`."""

from collections.abc import Iterator
from pathlib import Path

from compiler.artifact import read_manifest, verify_artifact
from compiler.commands.output import FINE, say, show_findings, status_of, status_of_failure
from compiler.diagnostic import CompressError, Diagnostic


def verify_command(artifact: Path, output: str) -> int:
    """Check an artifact and return the exit status."""
    try:
        findings = (*verify_artifact(artifact),)
        if status_of(findings) == FINE:
            findings = (*findings, *_of_the_kit(artifact))
    except CompressError as error:
        show_findings(error.diagnostics, output)
        return status_of_failure(error.diagnostics)
    if findings or output == "json":
        show_findings(findings, output)
    if status_of(findings) == FINE and output == "text":
        say(f"{artifact}: every file is as it was built, and the self-test passes")
    return status_of_failure(findings) if status_of(findings) else FINE


def _of_the_kit(artifact: Path) -> Iterator[Diagnostic]:
    """Let the runtime's own emitter try its kit."""
    from compiler.registry import emitter_for

    manifest = read_manifest(artifact)
    emitter = emitter_for(manifest.runtime)
    if emitter is not None:
        yield from emitter.verify(artifact, manifest)
