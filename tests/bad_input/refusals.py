"""What every refusal has in common: a status, a code, no traceback, nothing written, no sign that acts."""

from pathlib import Path

from tests.support.commands import Said, compress, files_under

FINE, FOUND, UNREADABLE = 0, 1, 2


def refused(folder: Path, *args: str, code: str, status: int) -> Said:
    """Run a command in a folder that must refuse, and check all that any refusal must keep."""
    before = files_under(folder)
    said = compress(*args, cwd=folder)
    check_manners(said)
    assert f"error[{code}]" in said.err + said.out, said.err + said.out
    assert said.status == status, said.err
    assert files_under(folder) == before
    return said


def refused_as_json(folder: Path, *args: str, code: str, status: int) -> Said:
    """Do the same with `--format json`: one document on standard output, with the code in it."""
    before = files_under(folder)
    said = compress(*args, "--format", "json", cwd=folder)
    check_manners(said)
    found = [item for item in said.json()["findings"] if item["code"] == code]
    assert found and all(item["message"] for item in found), said.out
    assert said.status == status
    assert files_under(folder) == before
    return said


def check_manners(said: Said) -> None:
    """No traceback, no plea of guilt, and only signs that print."""
    text = said.out + said.err
    assert "Traceback" not in text, text
    assert "fault of compress itself" not in text, text
    strange = {char for char in text if not char.isprintable() and char != "\n"}
    assert not strange, strange


def recipe_for(folder: Path, model: str = "{onnx: model.onnx}", rest: str = "passes: [fp16]") -> Path:
    """Write a recipe beside a model."""
    path = folder / "recipe.yaml"
    path.write_text(f"version: 1\nproduct: bad\nmodel: {model}\ntarget: tx2\n{rest}\n", "utf-8")
    return path
