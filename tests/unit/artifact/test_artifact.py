"""Reading and verifying artifacts: whatever was done to a folder, the user reads a diagnostic."""

import json
import os
from pathlib import Path

import numpy as np
import onnx.parser
import pytest

from compiler.artifact import Manifest, TensorSpec, read_manifest, reseal, seal, verify_artifact
from compiler.artifact.check import difference
from compiler.diagnostic import CompressError

_TEXT = '<ir_version: 7, opset_import: ["" : 13]> g (float[2] x) => (float[2] y) { y = Relu (x) }'


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    folder = tmp_path / "artifact"
    (folder / "expected").mkdir(parents=True)
    model = onnx.parser.parse_model(_TEXT)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    np.save(folder / "expected/input_0.npy", np.array([-1, 2], np.float32))
    np.save(folder / "expected/output_0.npy", np.array([0, 2], np.float32))
    seal(folder, manifest())
    return folder


def manifest() -> Manifest:
    return Manifest(
        product="p",
        target="t",
        runtime="onnxruntime",
        precision="fp32",
        inputs=(TensorSpec(name="x", dtype="float32", shape=(2,)),),
        outputs=(TensorSpec(name="y", dtype="float32", shape=(2,)),),
        preprocess={"scale": 0.5},
        versions={},
        tolerance={"fp32": 0.001},
        makes=("model.engine",),
    )


def codes(folder: Path) -> list[str]:
    return [item.code.id for item in verify_artifact(folder)]


def test_whole_artifact_has_nothing_wrong(artifact: Path) -> None:
    assert codes(artifact) == []
    moved = artifact.rename(artifact.with_name("moved"))
    assert codes(moved) == []


def test_digests_are_in_order_and_leave_out_manifest_reports_and_board_files(artifact: Path) -> None:
    for name in ("report.json", "model.engine", "recipe.yaml"):
        (artifact / name).write_text(name)
    assert codes(artifact) == ["E006"]
    assert list(reseal(artifact).files) == [
        "expected/input_0.npy",
        "expected/output_0.npy",
        "model.onnx",
        "recipe.yaml",
    ]
    first = (artifact / "manifest.json").read_bytes()
    reseal(artifact)
    assert (artifact / "manifest.json").read_bytes() == first
    assert codes(artifact) == []


def test_missing_changed_and_extra_files_are_told_apart(artifact: Path) -> None:
    (artifact / "expected/input_0.npy").unlink()
    (artifact / "model.onnx").write_bytes(b"other")
    (artifact / "expected/\x1b[2J\n.npy").write_bytes(b"")
    found = [(item.code.id, item.message) for item in verify_artifact(artifact)]
    assert [code for code, _ in found] == ["E006", "E004", "E005"]
    assert "\\x1b[2J\\n.npy" in found[0][1]


def test_links_and_pipes_are_refused(artifact: Path) -> None:
    (artifact / "expected/input_0.npy").rename(artifact.parent / "input.npy")
    (artifact / "expected/input_0.npy").symlink_to(artifact.parent / "input.npy")
    (artifact / "sub").symlink_to(artifact.parent, target_is_directory=True)
    os.mkfifo(artifact / "pipe")
    assert codes(artifact) == ["E007", "E007", "E007"]


def test_linked_manifest_is_refused(artifact: Path) -> None:
    (artifact / "manifest.json").rename(artifact.parent / "manifest.json")
    (artifact / "manifest.json").symlink_to(artifact.parent / "manifest.json")
    assert codes(artifact) == ["E007"]


@pytest.mark.parametrize(
    "name", ["../model.onnx", "/etc/passwd", "a/../b", "a//b", "./a", "", "a\\b", "a\nb", "manifest.json", "c/."]
)
def test_names_that_leave_the_folder_are_refused(artifact: Path, name: str) -> None:
    data = json.loads((artifact / "manifest.json").read_text())
    data["files"][name] = "0" * 64
    (artifact / "manifest.json").write_text(json.dumps(data))
    assert codes(artifact) == ["E003"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "E002"),
        (b"{", "E002"),
        (b"[]", "E002"),
        (b"\xff\xfe", "E002"),
        (b'{"schema_version": 2}', "E002"),
        (b'{"product": "\\ud800"}', "E002"),
        (b"[" * 100_000, "E002"),
    ],
)
def test_broken_manifest_is_a_diagnostic(artifact: Path, text: bytes, code: str) -> None:
    (artifact / "manifest.json").write_bytes(text)
    assert set(codes(artifact)) == {code}


@pytest.mark.parametrize(
    ("key", "value"), [("precision", "fp16"), ("tolerance", {"fp32": -1}), ("files", {"a": "xyz"}), ("extra", 1)]
)
def test_manifest_that_contradicts_itself_is_a_diagnostic(artifact: Path, key: str, value: object) -> None:
    data = json.loads((artifact / "manifest.json").read_text()) | {key: value}
    (artifact / "manifest.json").write_text(json.dumps(data))
    assert codes(artifact) == ["E002"]


def test_absent_manifest_is_a_diagnostic(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(CompressError, match="E001"):
            read_manifest(folder)
    (tmp_path / "manifest.json").mkdir()
    with pytest.raises(CompressError, match="E002"):
        read_manifest(tmp_path)


def test_manifest_that_does_not_list_the_model_is_refused(artifact: Path) -> None:
    (artifact / "model.onnx").unlink()
    reseal(artifact)
    assert codes(artifact) == ["E004"]


def test_self_test_that_differs_says_by_how_much(artifact: Path) -> None:
    np.save(artifact / "expected/output_0.npy", np.array([0, 4], np.float32))
    reseal(artifact)
    (finding,) = verify_artifact(artifact)
    assert finding.code.id == "E010"
    assert finding.message == "output 'y' is off by 0.5 of its range, the tolerance is 0.001"


@pytest.mark.parametrize("array", [np.zeros(3, np.float32), np.zeros(2, np.float64)])
def test_self_test_of_another_shape_or_type_is_refused(artifact: Path, array: np.ndarray[tuple[int], np.dtype]) -> None:
    np.save(artifact / "expected/input_0.npy", array)
    reseal(artifact)
    assert codes(artifact) == ["E008"]


@pytest.mark.parametrize("data", [b"", b"no array", b"\x93NUMPY\x01\x00"])
def test_unreadable_array_is_refused(artifact: Path, data: bytes) -> None:
    (artifact / "expected/input_0.npy").write_bytes(data)
    reseal(artifact)
    assert codes(artifact) == ["E008"]


def test_pickled_array_is_never_loaded(artifact: Path) -> None:
    np.save(artifact / "expected/input_0.npy", np.array([{}, {}], object), allow_pickle=True)
    reseal(artifact)
    assert codes(artifact) == ["E008"]


def test_model_that_cannot_run_is_a_diagnostic(artifact: Path) -> None:
    (artifact / "model.onnx").write_bytes(b"no model")
    reseal(artifact)
    assert codes(artifact) == ["E009"]


def test_other_output_names_than_the_manifest_says_are_a_diagnostic(artifact: Path) -> None:
    other = onnx.parser.parse_model(_TEXT.replace("y)", "z)").replace("y =", "z ="))
    (artifact / "model.onnx").write_bytes(other.SerializeToString())
    reseal(artifact)
    assert codes(artifact) == ["E009"]


def test_difference_is_a_share_of_the_range() -> None:
    wanted = np.array([10, 20], np.float32)
    assert difference(np.array([10, 21], np.float32), wanted) == pytest.approx(0.1)
    assert difference(np.array([10, np.nan]), wanted) == float("inf")
    assert difference(np.array([np.nan, np.inf, 1]), np.array([np.nan, np.inf, 1])) == 0
    assert difference(np.array([5.0]), np.array([4.0])) == pytest.approx(0.25)
    assert difference(np.zeros(2), np.zeros(3)) == float("inf")
    assert difference(np.zeros(0), np.zeros(0)) == 0
