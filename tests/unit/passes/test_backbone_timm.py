"""A backbone that a library exported is grafted, checked and refused like the compiler's own."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from compiler.build import Options, build
from compiler.codes.passes import BACKBONE_UNSEEN, LIBRARY_MISSING
from compiler.contracts import Context, Log
from compiler.diagnostic import CompressError, Severity
from compiler.frontends.timm_backbone import Backbones
from compiler.ir import Array, Program, parse_program, refresh_types, verify
from compiler.lint import lint
from compiler.rewrites.grow import Grower, blank
from passes.backbone_swap import BackboneSwap
from tests.support.running import outputs_of
from tests.support.steps import target

QUICKSTART = Path(__file__).parents[3] / "recipes" / "quickstart"
NETWORK = """
g (float[1,3,32,32] x) => (float[1,4,4,4] y) <float[6,3,3,3] w, float[6,6,3,3] v, float[4,6,1,1] h>
{
   [one] a = Conv <pads: ints = [1, 1, 1, 1], strides: ints = [4, 4]> (x, w)
   [one_act] b = Relu (a)
   [two] c = Conv <pads: ints = [1, 1, 1, 1], strides: ints = [2, 2]> (b, v)
   [two_act] d = Relu (c)
   [head] y = Conv (d, h)
}
"""
PIECE = """
piece (float[1,3,32,32] image) => (float[1,5,8,8] s1, float[1,7,4,4] s2, float[1,9,2,2] s3)
   <float[5,3,4,4] k1, float[7,5,2,2] k2, float[9,7,2,2] k3>
{
   [stem] x = Conv <strides: ints = [4, 4]> (image, k1)
   [act] s1 = OPERATOR (x)
   [body] s2 = Conv <strides: ints = [2, 2]> (s1, k2)
   [end] s3 = Conv <strides: ints = [2, 2]> (s2, k3)
}
"""


def parsed(text: str) -> Program:
    program = parse_program(text)
    refresh_types(program)
    return program


def piece(operator: str = "Relu") -> Program:
    return parsed(PIECE.replace("OPERATOR", operator))


def context(found: Program | None, *, on: str = "host", is_stand_in: bool = False) -> Context:
    def give(name: str, shape: tuple[int, ...], opset: int, state: Mapping[str, Array] | None) -> Program | None:
        assert (name, shape, opset, state) == ("tiny", (1, 3, 32, 32), parse_program(NETWORK).opset, None)
        return found

    return Context(target(on), np.random.default_rng(0), is_stand_in=is_stand_in, backbones=give)


def recipe(folder: Path, name: str) -> Path:
    folder.joinpath("recipe.yaml").write_text(
        f"version: 1\nproduct: a\nmodel: {{onnx: {QUICKSTART}/detector.onnx}}\ntarget: host\n"
        f"passes:\n  - backbone-swap: {{to: '{name}'}}\n"
    )
    return folder / "recipe.yaml"


def test_a_graft_computes_what_the_exported_network_computes() -> None:
    source, twin = piece(), parsed(NETWORK)
    ends = Grower(twin, blank, "backbone.").graft(source, "x")
    for end in ends:
        twin.add_output(end)
    feeds = {"x": np.random.default_rng(3).normal(0, 1, (1, 3, 32, 32)).astype(np.float32)}
    expected, found = outputs_of(source, {"image": feeds["x"]}), outputs_of(twin, feeds)
    for end, name in zip(ends, source.outputs, strict=True):
        assert np.array_equal(found[end], expected[name])


def test_the_stage_of_the_cuts_size_is_used_and_later_ones_go() -> None:
    program = parsed(NETWORK)
    todo, given = BackboneSwap.model_validate({"to": "timm:tiny"}), context(piece())
    assert not list(todo.check(program, given.target))
    decision = todo.decide(program, given)
    todo.rewrite(program, decision, Log())
    refresh_types(program)
    assert verify(program) == []
    assert {tensor: (hang.stage, hang.channels) for tensor, hang in decision.hangs.items()} == {"d": (1, (6, 7))}
    assert [op.name for op in program.each()] == ["backbone.stem", "backbone.act", "backbone.body", "head"]
    assert program.shape("y") == (1, 4, 4, 4)


def test_an_operator_that_the_target_lacks_is_refused_with_what_it_can_run() -> None:
    todo = BackboneSwap.model_validate({"to": "timm:tiny"})
    with pytest.raises(CompressError, match="timm:tiny: rk3399 has no Erf") as caught:
        todo.decide(parsed(NETWORK), context(piece("Erf"), on="rk3399", is_stand_in=True))
    assert "mobilenet-v2" in (caught.value.diagnostics[0].help or "")


def test_of_a_refused_and_an_own_candidate_the_own_one_is_kept() -> None:
    todo = BackboneSwap.model_validate({"candidates": ["timm:tiny", "mobilenet-v1"], "end": "narrow"})
    decision = todo.decide(parsed(NETWORK), context(piece("Erf"), on="rk3399", is_stand_in=True))
    assert decision.backbone == "mobilenet-v1"
    assert decision.tried["timm:tiny"].why_not == "rk3399 has no Erf"


def test_a_width_is_refused_before_anything_is_exported() -> None:
    todo = BackboneSwap.model_validate({"to": "timm:tiny", "width": 0.5})
    said = [item.message for item in todo.check(parsed(NETWORK), target("host"))]
    assert said == ["timm:tiny: timm's backbones have no width to choose; name one of another size"]


def test_lint_leaves_a_backbone_alone_that_it_does_not_know_and_says_so(tmp_path: Path) -> None:
    found = lint([recipe(tmp_path, "timm:resnet18")], cache=tmp_path / "empty").findings
    told = [item for item in found if item.code == BACKBONE_UNSEEN]
    assert [(item.severity, item.span.line if item.span else 0) for item in told] == [(Severity.NOTE, 6)]
    assert "timm:resnet18" in told[0].message
    assert not [item for item in found if item.severity in (Severity.WARNING, Severity.ERROR)]


def test_lint_compares_the_candidates_that_it_knows() -> None:
    todo, log = BackboneSwap.model_validate({"candidates": ["timm:tiny", "mobilenet-v2"]}), Log()
    program = parsed(NETWORK)
    decision = todo.decide(program, context(None, is_stand_in=True))
    todo.rewrite(program, decision, log)
    assert decision.backbone == "mobilenet-v2"
    assert [item.code for item in log.forecasts] == [BACKBONE_UNSEEN]


@pytest.mark.skipif(find_spec("timm") is not None, reason="timm is installed here")
def test_a_build_without_the_extra_says_what_to_install_at_the_recipes_line(tmp_path: Path) -> None:
    path = recipe(tmp_path, "timm:mobilenetv2_100")
    with pytest.raises(CompressError) as caught:
        list(build(path, Options(out=tmp_path / "out", is_caching=False)))
    found = caught.value.diagnostics[0]
    assert (found.code, found.message) == (LIBRARY_MISSING, "timm is not installed")
    assert found.span is not None and (found.span.file, found.span.line) == (str(path), 6)
    assert 'pip install "compress[timm]"' in (found.help or "")
    assert "mobilenet-v2" in (found.help or "")
    assert not (tmp_path / "out").exists()


def test_nothing_is_kept_where_nothing_was_built(tmp_path: Path) -> None:
    assert Backbones(0, tmp_path).kept("resnet18", (1, 3, 32, 32), 13) is None
