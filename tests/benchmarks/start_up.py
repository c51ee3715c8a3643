"""How long the commands of a product's CI take, and which heavy libraries they import.

Prints, for `compress --help` and `compress lint recipes/`, the best and the median wall time of several fresh
processes, and the modules imported. Run: python tests/benchmarks/start_up.py [runs]
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = (
    "torch",
    "onnxsim",
    "sklearn",
    "scipy",
    "onnxruntime",
    "PIL",
    "pycocotools",
    "networkx",
    "jinja2",
    "onnx",
    "numpy",
)
COMMANDS = (("--help",), ("lint", "recipes/"), ("lint", "recipes/quickstart/recipe.yaml"))


def seconds(arguments: tuple[str, ...]) -> float:
    """Time one fresh process."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "compiler", *arguments]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - started


def imported(arguments: tuple[str, ...]) -> tuple[int, list[str]]:
    """Count the modules that a command imports, and name the heavy ones."""
    command = [sys.executable, "-X", "importtime", "-m", "compiler", *arguments]
    found = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stderr
    names = {line.rsplit("|", 1)[-1].strip() for line in found.splitlines() if line.startswith("import time:")}
    return len(names), [name for name in HEAVY if name in names]


def main() -> None:
    """Print one line per command."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    for arguments in COMMANDS:
        times = [seconds(arguments) for _ in range(runs)]
        count, heavy = imported(arguments)
        title = "compress " + " ".join(arguments)
        print(f"{title:45} best {min(times):.2f} s, median {statistics.median(times):.2f} s, {count} modules, {heavy}")


if __name__ == "__main__":
    main()
