"""Same inputs, same bytes: wherever, and however often, a recipe is built."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.commands import compress, files_under

_TIMES = re.compile(r'>took [^<]+<|aria-label="Time to build">.*?</table>', re.DOTALL)


def test_two_builds_differ_in_their_timing_only(built: Path, plain: Path, tmp_path: Path) -> None:
    assert compress("build", plain / "recipe.yaml", "--out", tmp_path).status == 0
    _compare(built / "tx2", tmp_path / "quickstart/tx2")


def test_neither_folder_nor_hash_seed_nor_order_of_targets_matters(built: Path, plain: Path, tmp_path: Path) -> None:
    """The recipe lies elsewhere, the command runs elsewhere, and Python hashes by another seed."""
    shutil.copytree(plain, tmp_path / "products" / "second")
    here = tmp_path / "products"
    command = "from compiler.cli import main; main()"
    args = ["build", "second/recipe.yaml", "--target", "host", "--target", "tx2", "--out", "../out"]
    environment = {**os.environ, "PYTHONHASHSEED": "4242", "TZ": "Pacific/Apia", "LC_ALL": "C"}
    subprocess.run([sys.executable, "-c", command, *args], cwd=here, env=environment, check=True, capture_output=True)
    for target in ("tx2", "host"):
        _compare(built / target, tmp_path / "out/quickstart" / target)


def test_a_build_writes_into_its_own_folder_only(quickstart: Path, tmp_path: Path) -> None:
    before = files_under(quickstart)
    assert compress("build", quickstart / "recipe.yaml", "--out", tmp_path / "out").status == 0
    assert files_under(quickstart) == before
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["quickstart"]
    assert [path.name for path in (tmp_path / "out/quickstart").iterdir()] == ["tx2"]


def test_the_seed_is_part_of_the_input(built: Path, plain: Path, tmp_path: Path) -> None:
    options = ("--set", "seed=8", "--out", tmp_path)
    assert compress("build", plain / "recipe.yaml", *options).status == 0
    digests = [
        json.loads((folder / "report.json").read_text())["digests"]
        for folder in (built / "tx2", tmp_path / "quickstart/tx2")
    ]
    assert digests[0]["recipe"] != digests[1]["recipe"]
    assert digests[0]["model"] == digests[1]["model"]


def _compare(one: Path, other: Path) -> None:
    """Compare two artifacts; of report.json the timing and of report.html the times are left out."""
    first, second = files_under(one), files_under(other)
    assert first.keys() == second.keys()
    assert [name for name in first if _settled(name, first[name]) != _settled(name, second[name])] == []


def _settled(name: str, content: bytes | str) -> object:
    """Take the times out of a file."""
    if isinstance(content, str):
        return content
    if name == "report.json":
        document: dict[str, Any] = json.loads(content)
        return {key: value for key, value in document.items() if key != "timing"}
    return _TIMES.sub("", content.decode()) if name == "report.html" else content
