"""A board made of shell scripts: enough of a Jetson for the kit's own scripts to run for real."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

_TRTEXEC = r"""#!/bin/sh
echo "&&&& RUNNING TensorRT.trtexec [TensorRT v$FAKE_VERSION] # $0 $*"
[ "$1" = --help ] && exit 0
printf '%s\n' "$@" >"$FAKE_ARGUMENTS"
echo "[11/22/2026-10:00:00] [I] Compute Capability: $FAKE_CAPABILITY"
for argument; do
    case $argument in
        --onnx=*) model=${argument#*=} ;;
        --saveEngine=*) cp "$model" "${argument#*=}" ;;
        --timingCacheFile=*) echo cache >>"${argument#*=}" ;;
    esac
done
cat "$FAKE_LOG"
exit "$FAKE_STATUS"
"""

SUMMARY = """\
[11/22/2026-10:00:09] [I] === Trace details ===
[11/22/2026-10:00:09] [I] Average on 100 runs - GPU latency: 9.5 ms - Host latency: 9.9 ms (end to end 9.95 ms, enqueue 3.1 ms)
[11/22/2026-10:00:09] [I]
[11/22/2026-10:00:09] [I] === Performance summary ===
[11/22/2026-10:00:09] [I] Throughput: 101.25 qps
[11/22/2026-10:00:09] [I] Latency: min = 9.7 ms, max = 12.5 ms, mean = 9.93 ms, median = 9.875 ms, percentile(99%) = 12.25 ms
[11/22/2026-10:00:09] [I] End-to-End Host Latency: min = 9.71 ms, max = 12.6 ms, mean = 9.95 ms, median = 9.885 ms, percentile(99%) = 12.3 ms
[11/22/2026-10:00:09] [I] Enqueue Time: min = 2.9 ms, max = 5.1 ms, mean = 3.2 ms, median = 3.1 ms, percentile(99%) = 4.9 ms
[11/22/2026-10:00:09] [I] H2D Latency: min = 0.25 ms, max = 0.4 ms, mean = 0.27 ms, median = 0.26 ms, percentile(99%) = 0.39 ms
[11/22/2026-10:00:09] [I] GPU Compute Time: min = 9.25 ms, max = 12 ms, mean = 9.5 ms, median = 9.4375 ms, percentile(99%) = 11.75 ms
[11/22/2026-10:00:09] [I] D2H Latency: min = 4.95911e-05 ms, max = 0.12 ms, mean = 0.1 ms, median = 0.11 ms, percentile(99%) = 0.12 ms
[11/22/2026-10:00:09] [I] Total Host Walltime: 10.0148 s
[11/22/2026-10:00:09] [I] Total GPU Compute Time: 9.633 s
[11/22/2026-10:00:09] [I] Explanations of the performance metrics are printed in the verbose logs.
[11/22/2026-10:00:09] [I]
&&&& PASSED TensorRT.trtexec [TensorRT v8201] # trtexec
"""  # noqa: E501 - the tool's own line lengths


@dataclass
class Jetson:
    """A folder of stand-in commands and device files; its fields are what a test varies."""

    folder: Path
    version: str = "8201"
    machine: str = "aarch64"
    model: str = "quill\0"
    compatible: str = "nvidia,p2597-0000+p3310-1000\0nvidia,quill\0nvidia,tegra186\0"
    capability: str = "6.2"
    power_mode: str = "MAXN"
    gpu_khz: tuple[str, str] = ("1300500", "1300500")
    status: int = 0
    log: str = SUMMARY
    variables: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def arguments(self) -> list[str]:
        """What the last real call of trtexec was given."""
        return (self.folder / "arguments").read_text().splitlines()

    def run(self, script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a script of a kit on this board, from another folder than its own."""
        tree, clock = self.folder / "device-tree", self.folder / "devfreq" / "17000000.gp10b"
        for folder in (self.folder / "bin", tree, clock):
            folder.mkdir(parents=True, exist_ok=True)
        self._command("trtexec", _TRTEXEC)
        self._command("uname", f"#!/bin/sh\necho {self.machine}\n")
        self._command("nvpmodel", f"#!/bin/sh\nprintf 'NV Power Mode: {self.power_mode}\\n0\\n'\n")
        (tree / "model").write_text(self.model)
        (tree / "compatible").write_text(self.compatible)
        for name, value in zip(("min_freq", "max_freq"), self.gpu_khz, strict=True):
            (clock / name).write_text(f"{value}\n")
        (self.folder / "release").write_text("# R32 (release), REVISION: 7.1, GCID: 29818004, BOARD: t186ref\n")
        (self.folder / "log").write_text(self.log)
        environment = {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "DEVICE_TREE": str(tree),
            "DEVFREQ": str(clock.parent),
            "TEGRA_RELEASE": str(self.folder / "release"),
            "FAKE_VERSION": self.version,
            "FAKE_CAPABILITY": self.capability,
            "FAKE_ARGUMENTS": str(self.folder / "arguments"),
            "FAKE_LOG": str(self.folder / "log"),
            "FAKE_STATUS": str(self.status),
        }
        return subprocess.run(
            [str(script), *arguments],
            env=environment | self.variables,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def _command(self, name: str, text: str) -> None:
        """Put a stand-in on the board's search path."""
        path = self.folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)
