"""Names that would act on a terminal, a page, a shell or a build server: they stay text."""

import json
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto

from tests.bad_input.networks import cut, insert, node, save, sound
from tests.bad_input.refusals import check_manners, recipe_for
from tests.support.commands import compress

NAMES = {
    "a newline": "conv\n::error::pwned",
    "an escape": "\x1b[31mred\x1b[0m\x07\x9b1m",
    "a title": "\x1b]0;owned\x07",
    "a page": "</script><script>alert(1)</script><img src=x onerror=alert(1)>",
    "a template": "{{ 7 * 7 }}{% raw %}${HOME}%s{0}",
    "a shell": "$(touch pwned)`touch pwned`; touch pwned; '\"",
    "a path": "../../../../etc/passwd",
    "other scripts": "слой-卷积-🦆-é",
    "a mirror": "a\u202eb\u2066c\u200f\ufeff",
    "a workflow": "%0A::warning file=x::y]]>",
    "YAML": "yes: [no, ~]\t#",
    "Markdown": "|`a`|*b*|[c](javascript:alert(1))|",
    "Rich": "[bold red]x[/bold red][link=file:///etc]",
    "a very long one": "x" * 1000,
}


def renamed(name: str) -> ModelProto:
    """Give the input, the output, the weight and the nodes a name of choice."""
    kernel = np.linspace(-1, 1, 16, dtype=np.float32).reshape(4, 4, 1, 1)
    model = cut(sound(), insert(node("Conv", "c k", "z"), constants={"k": kernel}))
    graph = model.graph
    graph.name = name
    graph.input[0].name = graph.node[0].input[0] = f"{name} in"
    graph.initializer[0].name = graph.node[0].input[1] = f"{name} w"
    graph.output[0].name = graph.node[2].output[0] = f"{name} out"
    for index, proto in enumerate(graph.node):
        proto.name = f"{name} {index}"
    return model


@pytest.fixture(params=NAMES, ids=list(NAMES))
def name(request: pytest.FixtureRequest) -> str:
    return NAMES[request.param]


def test_a_strange_name_is_built_and_stays_text(tmp_path: Path, name: str) -> None:
    save(tmp_path, renamed(name))
    recipe_for(tmp_path, rest="passes: [{level-prune: {level: 0.25, channel_multiple: 1}}, fp16]")
    said = compress("build", "recipe.yaml", "--target", "tx2", "--target", "host", cwd=tmp_path)
    check_manners(said)
    assert said.status == 0, said.err
    for target in ("tx2", "host"):
        folder = tmp_path / "build" / "bad" / target
        check_manners(compress("verify", folder))
        assert compress("verify", folder).status == 0
        report = json.loads((folder / "report.json").read_text())
        assert f"{name} 0" in report["passes"][0]["decision"]["kept"]
        for script in (*folder.glob("*.sh"), *folder.glob("*.py")):
            assert name not in script.read_text()
    assert not list(tmp_path.rglob("pwned"))


def test_a_strange_name_is_told_exactly_to_scripts_and_safely_to_people(tmp_path: Path, name: str) -> None:
    save(tmp_path, renamed(name))
    for command in (
        ["inspect", "model.onnx", "--target", "tx2"],
        ["inspect", "model.onnx", "--groups"],
        ["lint", "model.onnx", "--target", "tx2"],
    ):
        check_manners(compress(*command, cwd=tmp_path))
        said = compress(*command, "--format", "json", cwd=tmp_path)
        check_manners(said)
        assert said.json()
    for form in ("sarif", "github"):
        check_manners(compress("lint", "model.onnx", "--target", "tx2", "--format", form, cwd=tmp_path))
    layers = compress("inspect", "model.onnx", "--format", "json", cwd=tmp_path).json()["layers"]
    assert layers[0]["layer"] == f"{name} 0"


def test_a_recipe_for_strange_names_lints_clean(tmp_path: Path, name: str) -> None:
    model = renamed(name)
    path = tmp_path / f"{name.replace('/', '_')[:60]}.onnx"
    path.write_bytes(model.SerializeToString())
    check_manners(compress("init", path, "--out", "made.yaml", cwd=tmp_path))
    said = compress("lint", "made.yaml", cwd=tmp_path)
    check_manners(said)
    assert said.status == 0, said.out


def test_names_in_a_report_do_not_act_when_builds_are_compared(tmp_path: Path) -> None:
    save(tmp_path, sound())
    recipe_for(tmp_path)
    assert compress("build", "recipe.yaml", cwd=tmp_path).status == 0
    report = tmp_path / "build/bad/tx2/report.json"
    document = json.loads(report.read_text())
    document["artifact"]["files"]["\x1b[31mfile"] = "0" * 64
    document["passes"][0]["name"] = "\x9b31mpass"
    (tmp_path / "other").mkdir()
    (tmp_path / "other/report.json").write_text(json.dumps(document))
    said = compress("diff", "build/bad/tx2", "other", cwd=tmp_path)
    check_manners(said)
