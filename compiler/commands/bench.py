"""`compress bench`: time an artifact on a board through ssh, or here, and set the time beside the prediction."""

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from compiler.analysis.prediction import predictions
from compiler.artifact import MODEL, Manifest, read_manifest, verify_artifact
from compiler.codes.latency import NOT_MEASURED
from compiler.commands.output import FINE, say, show_findings, status_of_failure, write_json
from compiler.diagnostic import CompressError, Diagnostic, Severity
from compiler.measurement import read_measurement, setup_of
from compiler.registry import load_named_target
from compiler.report import OnBoard, from_json, write_reports

_FILE = "measurement.json"
_KITS = (("./build_engine.sh", "./bench.sh"), ("./run.sh",), ("python3 infer.py",))
"""What a kit is run by, in order; the first whose scripts the artifact has."""
_SCRIPT = "infer.py"
_HERE = "host"
"""The target that is this machine."""


def bench_command(artifact: Path, host: str | None, config: Path | None, arguments: str, output: str) -> int:
    """Measure, read the measurement back, complete the report, and return the exit status."""
    try:
        manifest = read_manifest(artifact)
        if host is not None:
            ssh = ("ssh", *(() if config is None else ("-F", str(config))), "-o", "BatchMode=yes", "--", host)
            _measure(artifact, manifest, ssh, arguments)
        elif manifest.target.removesuffix("-calibrated") == _HERE:
            _measure_here(artifact, manifest, arguments)
        elif not (artifact / _FILE).exists():
            raise _stopped(*_not_here(artifact, manifest))
        found = _beside(artifact, manifest)
    except CompressError as error:
        show_findings(error.diagnostics, output)
        return status_of_failure(error.diagnostics)
    if output == "json":
        write_json(found.model_dump(mode="json"))
    else:
        name = f"{manifest.target}, {found.setup}" if found.setup else manifest.target
        say(f"measured {found.ms:.2f} ms; {found.predicted_ms:.2f} ms predicted ({name}), off by {found.error:+.1%}")
        file = artifact / _FILE
        say(f"wrote {file}; `compress calibrate {manifest.target} {file}` fits the profile to it")
    return FINE


def _measure_here(artifact: Path, manifest: Manifest, arguments: str) -> None:
    """Run the kit on this machine, if its files are those that were built, and keep what it measured."""
    faults = [item for item in verify_artifact(artifact) if item.severity is Severity.ERROR]
    if faults:
        raise CompressError(*faults)
    if _SCRIPT not in manifest.files:
        raise _stopped(f"{artifact} has no {_SCRIPT} that times it", "build it again for the target host")
    line = [sys.executable, "-P", str((artifact / _SCRIPT).resolve()), *_words(arguments)]
    done = subprocess.run(line, check=False, stdout=subprocess.PIPE)
    if not done.stdout:
        raise _stopped(f"{_SCRIPT} failed here (status {done.returncode})", "see what it said above")
    (artifact / _FILE).write_text(_own_measurement(manifest, done.stdout), "utf-8")


def _not_here(artifact: Path, manifest: Manifest) -> tuple[str, str]:
    """Say that a board's kit cannot be timed on this machine, and what to do."""
    lines = " and ".join(_kit(artifact, manifest))
    said = f"the kit is for {manifest.target}, not for this machine, and no {_FILE} lies in its folder yet"
    return said, f"give --ssh user@board; or run {lines} on the board yourself and copy {_FILE} into {artifact}"


def _kit(artifact: Path, manifest: Manifest) -> tuple[str, ...]:
    """Tell what times an artifact."""
    kit = next((kit for kit in _KITS if all(_script(line) in manifest.files for line in kit)), None)
    if kit is None:
        raise _stopped(f"{artifact} has no script that times it", "build it for a board")
    return kit


def _words(arguments: str) -> list[str]:
    """Tell the options for the kit apart."""
    try:
        return shlex.split(arguments)
    except ValueError as error:
        raise _stopped(f"the options for the kit cannot be told apart: {error}", "close every quote") from error


def _measure(artifact: Path, manifest: Manifest, ssh: Sequence[str], arguments: str) -> None:
    """Copy the artifact to a fresh folder on the board, run its kit there, and bring the measurement back."""
    kit, options = _kit(artifact, manifest), shlex.join(_words(arguments))
    place = _ask(ssh, "mktemp -d", "ssh could not make a folder there").decode().strip()
    if not place.startswith("/"):
        raise _stopped(f"the board named {place!r} as its new folder, which is no path", "see what its shell prints")
    where = shlex.quote(place)
    try:
        _send(artifact, manifest, ssh, f"tar -C {where} -xf -")
        for line in kit[:-1]:
            _ask(ssh, f"cd {where} && {line}", f"`{line}` failed on the board")
        last = f"{kit[-1]} {options}".strip()
        said = _ask(ssh, f"cd {where} && {last}", f"`{last}` failed on the board")
        if kit[-1].startswith("python3"):
            text = _own_measurement(manifest, said)
        else:
            text = _ask(ssh, f"cat {where}/{_FILE}", "the kit wrote no measurement").decode()
    finally:
        subprocess.run([*ssh, f"rm -rf -- {where}"], check=False)
    (artifact / _FILE).write_text(text, "utf-8")


def _script(line: str) -> str:
    """Name the file that a line runs."""
    return line.rsplit(maxsplit=1)[-1].removeprefix("./")


def _send(artifact: Path, manifest: Manifest, ssh: Sequence[str], unpack: str) -> None:
    """Send the files that the manifest lists, and the manifest itself."""
    packed = subprocess.run(
        [shutil.which("tar") or "tar", "-C", str(artifact), "-cf", "-", "--", "manifest.json", *manifest.files],
        capture_output=True,
        check=False,
    )
    if packed.returncode:
        raise _stopped(f"{artifact} could not be packed: {packed.stderr.decode(errors='replace').strip()}", None)
    if subprocess.run([*ssh, unpack], input=packed.stdout, check=False, stdout=subprocess.DEVNULL).returncode:
        raise _stopped("the artifact could not be copied", "see that the board has tar and room for it")


def _ask(ssh: Sequence[str], command: str, fault: str) -> bytes:
    """Run a command on the board; what it complains of goes to standard error as it comes."""
    try:
        done = subprocess.run([*ssh, command], check=False, stdout=subprocess.PIPE)
    except OSError as error:
        raise _stopped(f"ssh cannot be started: {error.strerror}", "install OpenSSH's client") from error
    if done.returncode:
        sys.stderr.write(done.stdout.decode(errors="replace"))
        raise _stopped(f"{fault} (status {done.returncode})", "see what ssh and the kit said above")
    return done.stdout


def _own_measurement(manifest: Manifest, said: bytes) -> str:
    """Make a measurement of what a kit prints that writes none itself."""
    try:
        run = json.loads(said)
    except ValueError as error:
        raise _stopped("the kit printed no JSON document", None) from error
    document = {"schema_version": 1, "target": manifest.target, "model_sha256": manifest.files.get(MODEL), "run": run}
    return json.dumps(document, indent=2) + "\n"


def _beside(artifact: Path, manifest: Manifest) -> OnBoard:
    """Set the measurement beside the prediction for its circumstances, and complete the report that has one."""
    item = read_measurement(artifact / _FILE)
    model = load_named_target(manifest.target.removesuffix("-calibrated")).cost
    setup = setup_of(item, model.others)
    predicted = next(found for found in predictions(item.program, model) if found.setup == setup)
    found = OnBoard(
        ms=item.ms,
        backend=item.backend,
        setup=setup,
        predicted_ms=predicted.ms,
        error=predicted.ms / item.ms - 1,
    )
    report = artifact / "report.json"
    if report.is_file():
        old = from_json(report.read_text("utf-8"))
        write_reports(old.model_copy(update={"result": old.result.model_copy(update={"on_board": found})}), artifact)
    return found


def _stopped(message: str, advice: str | None) -> CompressError:
    return CompressError(Diagnostic(NOT_MEASURED, message, advice))
