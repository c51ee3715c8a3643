"""What starting the command costs, told by what gets imported."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import RECIPES

HEAVY = {"torch", "onnxsim", "sklearn", "scipy", "onnxruntime", "PIL", "pycocotools", "sympy"}
LIGHT_ONLY = HEAVY | {"onnx", "onnx_graphsurgeon", "numpy", "jinja2", "yaml", "rich"}
DUMP = """
import contextlib, io, json, sys
sys.argv = ["compress", *sys.argv[1:]]
from compiler import many
from compiler.cli import main
many.cores = lambda: 1  # what other processes import would not show
status = None
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    try:
        main()
    except SystemExit as end:
        status = end.code
print(json.dumps([status, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def imported(*args: str) -> set[str]:
    """Run a command in a fresh process and list the packages that it imported."""
    said = subprocess.run([sys.executable, "-c", DUMP, *args], capture_output=True, text=True, check=True)
    status, names = json.loads(said.stdout)
    assert status == 0, args
    return set(names)


def test_help_imports_nothing_heavy() -> None:
    assert imported("--help") & {*LIGHT_ONLY, "pydantic"} == set()


@pytest.mark.parametrize("command", ["build", "lint", "inspect"])
def test_the_help_of_a_command_imports_nothing_of_its_work(command: str) -> None:
    assert imported(command, "--help") & LIGHT_ONLY == set()


@pytest.mark.parametrize(
    "args",
    [
        ["lint", str(RECIPES)],
        ["lint", str(RECIPES / "quickstart/detector.onnx"), "--target", "tx2"],
        ["inspect", str(RECIPES / "quickstart/detector.onnx")],
        ["inspect", str(RECIPES / "quickstart/detector.onnx"), "--groups"],
        ["targets"],
        ["passes"],
        ["explain", "T012"],
        ["schema"],
    ],
    ids=" ".join,
)
def test_what_needs_no_data_imports_no_runtime_and_no_framework(args: list[str]) -> None:
    assert imported(*args) & HEAVY == set()


def test_building_an_onnx_model_needs_no_torch(plain: Path, tmp_path: Path) -> None:
    found = imported("build", str(plain / "recipe.yaml"), "--target", "host", "--out", str(tmp_path))
    assert found & {"torch", "onnxsim", "sklearn", "sympy"} == set()
