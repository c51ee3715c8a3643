"""`compress inspect` and `compress diff`: figures for people and for scripts."""

from pathlib import Path

import pytest

from tests.support.commands import RECIPES, compress

DETECTOR = RECIPES / "quickstart" / "detector.onnx"


def test_the_document_adds_up() -> None:
    document = compress("inspect", DETECTOR, "--target", "tx2", "--format", "json").json()
    layers, total = document["layers"], document["total"]
    assert (document["model"], document["opset"], document["target"]) == ("detector", 13, "tx2")
    assert sum(layer["macs"] for layer in layers) == total["macs"]
    assert total["parameters"] == 219_140
    assert sum(document["operators"].values()) == len(layers)
    assert sum(layer["predicted_ms"] for layer in layers) == pytest.approx(total["predicted_ms"])
    assert document["inputs"] == {"images": {"dtype": "float32", "shape": [1, 3, 160, 160]}}


def test_without_a_target_no_time_is_shown() -> None:
    document = compress("inspect", DETECTOR, "--format", "json").json()
    assert "predicted_ms" not in document["total"]
    assert "bound" not in document["layers"][0]
    assert " ms" not in compress("inspect", DETECTOR).out


def test_each_layer_is_one_line_in_a_pipe() -> None:
    said = compress("inspect", DETECTOR, "--target", "tx2")
    line = next(line for line in said.out.splitlines() if line.split()[:1] == ["stage1_conv1"])
    assert line.split() == ["stage1_conv1", "Conv", "1x32x40x40", "4,608", "7.37", "326", "0.410", "launch"]
    assert said.err == ""


def test_builds_are_compared(tmp_path: Path) -> None:
    recipe = RECIPES / "quickstart/recipe.yaml"
    for name, level in (("one", "0.25"), ("two", "0.5")):
        passes = f"passes=[level-prune: {{level: {level}, channel_multiple: 1}}, fp16]"
        options = ("--set", passes, "--target", "host", "--out", name)
        assert compress("build", recipe, *options, cwd=tmp_path).status == 0
    folders = ("one/quickstart/host", "two/quickstart/host")
    document = compress("diff", *folders, "--format", "json", cwd=tmp_path).json()
    before, after = document["figures"]["parameters"]
    assert after < before == 123_900
    assert document["files"]["model.onnx"] == "changed"
    said = compress("diff", *folders, cwd=tmp_path)
    assert "changed: model.onnx" in said.out
    row = next(line for line in said.out.splitlines() if line.split()[:1] == ["parameters"])
    assert row.split()[1:3] == ["123,900", f"{after:,}"]
    assert row.split()[3].startswith("-")
    assert "the files are the same" in compress("diff", folders[0], folders[0], cwd=tmp_path).out
