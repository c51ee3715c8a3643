"""Recipes that cannot be built: the right code, at a place, and nothing written."""

from pathlib import Path

import pytest

from tests.bad_input.networks import save, sound
from tests.bad_input.refusals import FOUND, UNREADABLE, check_manners, recipe_for, refused, refused_as_json
from tests.support.commands import compress, files_under

GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "recipes").glob("*.yaml"))

PASSES = {
    "[level-prun]": ("R006", UNREADABLE),
    "[ptq]": ("P006", FOUND),
    "[int8]": ("R006", UNREADABLE),
    "['']": ("R002", UNREADABLE),
    "[../../etc/passwd]": ("R006", UNREADABLE),
    "[__init__]": ("R006", UNREADABLE),
    "[level-prune]": ("R005", UNREADABLE),
    "[{level-prune: {level: 1}}]": ("R010", UNREADABLE),
    "[{level-prune: {level: -0.1}}]": ("R010", UNREADABLE),
    "[{level-prune: {level: .nan}}]": ("R014", UNREADABLE),
    "[{level-prune: {level: '0.5'}}]": ("R002", UNREADABLE),
    "[{level-prune: {levl: 0.5}}]": ("R003", UNREADABLE),
    "[{level-prune: {level: 0.5, criterion: best}}]": ("R010", UNREADABLE),
    "[{level-prune: {level: 0.5, scope: galactic}}]": ("R010", UNREADABLE),
    "[{level-prune: {level: 0.5, only: [conv_z]}}]": ("P001", FOUND),
    "[{level-prune: {level: 0.5, skip: ['stage9.*']}}]": ("P001", FOUND),
    "[{level-prune: {level: 0.5, levels: {conv_z: 0.2}}}]": ("P001", FOUND),
    "[{level-prune: {level: 0.5, levels: {Conv: 1}}}]": ("R010", UNREADABLE),
    "[{level-prune: {level: 0.5, levels: [Conv]}}]": ("R002", UNREADABLE),
    "[{fp16: {speed: 2}}]": ("R003", UNREADABLE),
}

TARGETS = {
    "target: tx3": ("R007", UNREADABLE),
    "target: [tx2, ../tx2]": ("R007", UNREADABLE),
    "target: ''": ("R007", UNREADABLE),
    "seed: 0": ("P010", FOUND),
}

OPTIONS = {
    "a set of what is already read": (["--set", "extends=base.yaml"], "R009", UNREADABLE),
    "a set without a value": (["--set", "seed"], "R009", UNREADABLE),
    "a set of an unknown key": (["--set", "sead=1"], "R009", UNREADABLE),
    "a set below a value": (["--set", "seed.deep=1"], "R002", UNREADABLE),
    "a set that is no YAML": (["--set", "seed=["], "R001", UNREADABLE),
    "a set of the wrong kind": (["--set", "seed=many"], "R002", UNREADABLE),
    "a set past the end": (["--set", "passes.7.fp16.x=1"], "R009", UNREADABLE),
    "a set of another product": (["--set", "product=../../escape"], "R017", UNREADABLE),
    "an unknown target": (["--target", "tx9"], "R007", UNREADABLE),
    "one unknown target of two": (["--target", "host", "--target", "tx9"], "R007", UNREADABLE),
    "out on a file": (["--out", "model.onnx"], "E012", FOUND),
    "out under a file": (["--out", "model.onnx/deeper"], "E012", FOUND),
    "out on a device": (["--out", "/dev/null"], "E012", FOUND),
    "out with a NUL": (["--set", "seed=1", "--out", "a" * 300], "E012", FOUND),
}

CONTENTS = {
    "binary": (b"\x80\x81\xfe\xff\x00", "R012"),
    "an image": (b"\x89PNG\r\n\x1a\n" + bytes(100), "R012"),
    "UTF-16": (b"\xff\xfev\x00e\x00r\x00", "R012"),
    "Latin-1": (b"product: caf\xe9\n", "R012"),
    "zeros": (b"\0" * 100, "R001"),
    "nothing": (b"", "R016"),
    "deep": (b"[" * 5000, "R013"),
    "an alias of itself": (b"a: &a [*a]\n", "R014"),
    "a key twice": (b"version: 1\nversion: 1\n", "R004"),
    "an escape": (b"model: \x1b[31mred\n", "R001"),
    "a command": (b"!!python/object/apply:os.system [true]\n", "R014"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path, sound())
    recipe_for(tmp_path)
    return tmp_path


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_every_faulty_recipe_of_the_loader_is_refused_by_the_commands(golden: Path, tmp_path: Path) -> None:
    for command in ("build", "lint"):
        said = compress(command, golden, cwd=tmp_path)
        check_manners(said)
        assert said.status == (UNREADABLE if command == "build" else FOUND), said
        assert "error[" in said.out + said.err
    assert not files_under(tmp_path)


@pytest.mark.parametrize("passes", PASSES)
def test_a_faulty_pass_is_refused(folder: Path, passes: str) -> None:
    code, status = PASSES[passes]
    recipe_for(folder, rest=f"passes: {passes}")
    said = refused(folder, "build", "recipe.yaml", code=code, status=status)
    assert "recipe.yaml:5:" in said.err
    refused(folder, "lint", "recipe.yaml", code=code, status=FOUND)
    refused_as_json(folder, "build", "recipe.yaml", code=code, status=status)


@pytest.mark.parametrize("line", TARGETS)
def test_a_faulty_target_is_refused(folder: Path, line: str) -> None:
    code, status = TARGETS[line]
    (folder / "recipe.yaml").write_text(f"version: 1\nproduct: bad\nmodel: {{onnx: model.onnx}}\n{line}\n")
    refused(folder, "build", "recipe.yaml", code=code, status=status)
    refused(folder, "lint", "recipe.yaml", code=code, status=FOUND)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_faulty_option_is_refused(folder: Path, name: str) -> None:
    options, code, status = OPTIONS[name]
    refused(folder, "build", "recipe.yaml", *options, code=code, status=status)
    refused_as_json(folder, "build", "recipe.yaml", *options, code=code, status=status)


@pytest.mark.parametrize(("content", "code"), CONTENTS.values(), ids=CONTENTS)
def test_a_recipe_that_is_no_recipe_is_refused(folder: Path, content: bytes, code: str) -> None:
    (folder / "recipe.yaml").write_bytes(content)
    refused(folder, "build", "recipe.yaml", code=code, status=UNREADABLE)
    refused(folder, "lint", "recipe.yaml", code=code, status=FOUND)
    refused(folder, "lock", "recipe.yaml", code=code, status=UNREADABLE)


def test_a_recipe_that_is_a_folder_or_missing_is_refused(folder: Path) -> None:
    (folder / "inner").mkdir()
    for name in ("inner", "nowhere.yaml", "nowhere/recipe.yaml", "recipe.yaml/recipe.yaml", "x" * 300):
        refused(folder, "build", name, code="R011", status=UNREADABLE)


def test_an_unknown_code_is_refused_before_any_work(folder: Path) -> None:
    recipe_for(folder, rest='allow: [{code: T999, because: "no reason"}]')
    said = refused(folder, "build", "recipe.yaml", code="R019", status=UNREADABLE)
    assert "recipe.yaml:5:16" in said.err
    assert "running" not in said.err
    refused(folder, "lint", "recipe.yaml", code="R019", status=FOUND)


def test_a_target_of_the_command_line_is_not_blamed_on_the_recipe(folder: Path) -> None:
    said = refused(folder, "build", "recipe.yaml", "--target", "tx9", code="R007", status=UNREADABLE)
    assert "recipe.yaml" not in said.err


def test_a_structure_lock_is_only_for_torch(folder: Path) -> None:
    refused(folder, "lock", "recipe.yaml", code="M019", status=UNREADABLE)
