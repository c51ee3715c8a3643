"""Run `compress` in this process, as the installed command would, and keep what it says."""

import contextlib
import io
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from compiler.cli import app
from compiler.commands.guard import guarded

RECIPES = Path(__file__).parents[2] / "recipes"


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        """Read the standard output as the one JSON document that it must be."""
        return json.loads(self.out, parse_constant=_refuse)


def compress(*args: str | Path, cwd: Path | None = None) -> Said:
    """Run a command, in a folder if one is given."""
    out, err = io.StringIO(), io.StringIO()
    here = contextlib.nullcontext() if cwd is None else contextlib.chdir(cwd)
    status: object = None
    with here, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            guarded(partial(app, [str(arg) for arg in args]))
        except SystemExit as end:
            status = end.code
    assert isinstance(status, int)
    return Said(status, out.getvalue(), err.getvalue())


def files_under(folder: Path) -> dict[str, bytes | str]:
    """Read all that is under a folder; links and folders show as such."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() and not path.is_symlink() else "other"
        for path in sorted(folder.rglob("*"))
    }


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")
