"""Models that cannot be compressed: every command that reads one says why, and writes nothing."""

import os
from pathlib import Path

import pytest

from tests.bad_input.faulty_models import FILES, GRAPHS, prepare_files
from tests.bad_input.networks import cut, insert, node, save, sound
from tests.bad_input.refusals import FOUND, UNREADABLE, check_manners, recipe_for, refused, refused_as_json
from tests.support.commands import compress

LINT = ("lint", "model.onnx", "--target", "tx2")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inner = tmp_path / "inner"
    inner.mkdir()
    recipe_for(inner)
    return inner


@pytest.mark.parametrize(("content", "code"), FILES.values(), ids=FILES)
def test_a_file_that_is_no_model_is_refused(folder: Path, content: bytes, code: str) -> None:
    (folder / "model.onnx").write_bytes(content)
    _refused_everywhere(folder, code)


@pytest.mark.parametrize("name", GRAPHS)
def test_a_faulty_graph_is_refused(folder: Path, name: str) -> None:
    fault, code = GRAPHS[name]
    prepare_files(folder)
    save(folder, cut(sound(), fault))
    _refused_everywhere(folder, code)


def test_a_model_that_is_missing_is_refused(folder: Path) -> None:
    refused(folder, "build", "recipe.yaml", code="M001", status=UNREADABLE)
    refused(folder, "lint", "recipe.yaml", code="M001", status=FOUND)
    refused(folder, "lint", "model.onnx", code="R051", status=UNREADABLE)


@pytest.mark.parametrize("kind", ["folder", "loop", "dangling link", "pipe"])
def test_a_model_that_is_no_file_is_refused(folder: Path, kind: str) -> None:
    path = folder / "model.onnx"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(path if kind == "loop" else folder / "nowhere.onnx")
    refused(folder, "build", "recipe.yaml", code="M001", status=UNREADABLE)
    refused(folder, "inspect", "model.onnx", code="M001", status=UNREADABLE)


def test_an_endless_device_is_not_read(folder: Path) -> None:
    (folder / "model.onnx").symlink_to("/dev/zero")
    refused(folder, "build", "recipe.yaml", code="M001", status=UNREADABLE)


def test_a_refused_model_leaves_the_earlier_artifact_alone(folder: Path) -> None:
    save(folder, sound())
    assert compress("build", "recipe.yaml", cwd=folder).status == 0
    (folder / "model.onnx").write_bytes(b"")
    refused(folder, "build", "recipe.yaml", code="M002", status=UNREADABLE)
    assert compress("verify", "build/bad/tx2", cwd=folder).status == 0


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ("{y: [1, 3, 8, 8]}", "M011"),
        ("{x: [1, 3, 9, 8]}", "M011"),
        ("{x: [1, 3, 8]}", "M011"),
        ("{x: [1, 3, 8, 0]}", "R010"),
        ("{x: [1, 3, 8, -8]}", "R010"),
        ("{x: [1, 3, 8, 8.5]}", "R002"),
        ("{x: []}", "R010"),
        ("[1, 3, 8, 8]", "R002"),
        ("{x: [1, 3, 99999999999999999999, 8]}", "R013"),
    ],
)
def test_inputs_that_do_not_fit_the_model_are_refused(folder: Path, inputs: str, code: str) -> None:
    save(folder, sound())
    recipe_for(folder, f"{{onnx: model.onnx, inputs: {inputs}}}")
    said = refused(folder, "build", "recipe.yaml", code=code, status=UNREADABLE)
    assert code != "M011" or "error[M011] recipe.yaml:3:27" in said.err
    refused(folder, "lint", "recipe.yaml", code=code, status=FOUND)


def test_an_operator_that_only_its_maker_knows_is_named(folder: Path) -> None:
    model = sound()
    model.opset_import.add(domain="com.example", version=1)
    model.graph.node[1].domain, model.graph.node[1].op_type = "com.example", "Sparkle"
    save(folder, model)
    refused(folder, "build", "recipe.yaml", code="T001", status=FOUND)
    said = refused(folder, *LINT, code="T001", status=FOUND)
    assert "Sparkle" in said.out
    check_manners(compress("inspect", "model.onnx", cwd=folder))


def test_what_onnx_runtime_cannot_run_is_refused_in_its_words(folder: Path) -> None:
    save(folder, cut(sound(), insert(node("Mul", "c k", "z"), node("NonMaxSuppression", "z z", "n"))))
    check_manners(compress("build", "recipe.yaml", cwd=folder))


def _refused_everywhere(folder: Path, code: str) -> None:
    """Ask every command that reads a model."""
    refused(folder, "build", "recipe.yaml", code=code, status=UNREADABLE)
    refused_as_json(folder, "build", "recipe.yaml", code=code, status=UNREADABLE)
    refused(folder, "lint", "recipe.yaml", code=code, status=FOUND)
    refused_as_json(folder, *LINT, code=code, status=FOUND)
    refused(folder, "inspect", "model.onnx", code=code, status=UNREADABLE)
    refused(folder, "init", "model.onnx", "--out", "made.yaml", code=code, status=UNREADABLE)
