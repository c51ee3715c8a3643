"""Writes the kit for a board that has ncnn: the network in its own form, a self-test and what times it."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from compiler.analysis.cost import PRECISION_KEY
from compiler.artifact import Manifest
from compiler.codes.artifact import PROGRAM_NOT_RUN
from compiler.codes.conversion import NETWORK_RAN
from compiler.contracts import Emission, Emitter
from compiler.diagnostic import CompressError, Diagnostic
from targets.emitters import _kit
from targets.emitters.ncnn.convert import convert
from targets.emitters.ncnn.host import run_kit
from targets.emitters.ncnn.tools import missing_findings, missing_packages, package_versions

_TEMPLATES = Path(__file__).parent / "templates"
_MAKES = ("measurement.json",)
_NETWORK = ("model.param", "model.bin")


class NcnnEmitter(Emitter):
    """Writes a kit that runs with numpy and ncnn's Python package, whose network any program on ncnn can load.

    pnnx converts, and can misread a network without a word: the build runs the converted network in ncnn on this
    machine, and stops where it computes something else than ONNX Runtime. Weights are stored in 32 bits unless the
    recipe asks for `fp16`; numbers are computed in 32 bits either way.
    """

    runtimes: ClassVar[tuple[str, ...]] = ("ncnn",)

    def missing(self) -> Iterator[Diagnostic]:
        """Yield the packages that are not installed."""
        yield from missing_findings()

    def emit(self, emission: Emission, folder: Path) -> None:
        """Write the runtime's files into an empty folder."""
        absent = [*self.missing()]
        if absent:
            raise CompressError(*absent)
        precision = emission.program.metadata.get(PRECISION_KEY, "fp32")
        network = convert(emission.program, halves=precision == "fp16")
        _kit.write_network(emission, self.model(emission.program), folder)
        for name, data in zip(_NETWORK, (network.layers.encode(), network.weights), strict=True):
            (folder / name).write_bytes(data)
        _kit.write_scripts(_TEMPLATES, _values(emission), folder)
        known = replace(emission, versions={**emission.versions, **package_versions()})
        ran = run_kit(folder, _kit.write_manifest(known, folder, precision, _MAKES))
        if ran.findings:
            raise CompressError(*ran.findings)

    def verify(self, folder: Path, manifest: Manifest) -> Iterator[Diagnostic]:
        """Run the converted network in ncnn on this machine, where it is installed, by a script of our own."""
        if missing_packages():
            yield replace(next(missing_findings()), code=PROGRAM_NOT_RUN)
            return
        with tempfile.TemporaryDirectory() as name:
            twin = Path(name)
            for file in (*_NETWORK, "manifest.json"):
                shutil.copyfile(folder / file, twin / file)
            shutil.copytree(folder / "expected", twin / "expected")
            _kit.write_scripts(_TEMPLATES, _blank(manifest), twin)
            ran = run_kit(twin, manifest)
        yield from ran.findings
        if not ran.findings:
            said = f"the network ran in ncnn on this machine: off by {ran.worst:.2g} of an output's range at most"
            yield Diagnostic(NETWORK_RAN, said, "run it on the board as well: an Arm processor has kernels of its own")


def _values(emission: Emission) -> dict[str, object]:
    """Collect what the templates may say."""
    board = emission.target.board
    tree = board.facts.get("device_tree")
    return {
        "product": emission.product,
        "target": emission.target.name,
        "board": board.name,
        "device_tree": "" if tree is None else str(tree.value),
        "halves": emission.program.metadata.get(PRECISION_KEY) == "fp16",
    }


def _blank(manifest: Manifest) -> dict[str, object]:
    """Stand in for what only the texts around the self-test say."""
    return {"product": manifest.product, "target": manifest.target, "board": "", "device_tree": "", "halves": False}
