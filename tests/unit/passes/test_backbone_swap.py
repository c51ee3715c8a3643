"""A backbone is cut off where it ends and replaced, exactly as large as the guideline's case says."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from compiler.analysis.cost import cost
from compiler.analysis.stages import backbone_end, find_cut, find_stages
from compiler.contracts import Context, Log, Sample
from compiler.diagnostic import CompressError
from compiler.frontends.onnx_file import load_onnx
from compiler.frontends.source import load_structure
from compiler.ir import BatchNorm, Program, ProgramView, from_model, model_bytes, parse_program, refresh_types, verify
from compiler.plan import CLEAN_UPS
from compiler.recipe import load_recipe
from compiler.reference import Session
from passes.backbone_swap import BackboneSwap
from passes.backbones.swapping import Swapped
from tests.support.real_networks import without_weights
from tests.support.running import outputs_of
from tests.support.steps import apply, target

RECIPES = Path(__file__).parents[3] / "recipes"
CLASSIFIER = """
g (float[1,3,64,64] x) => (float[1,4] y)
   <float[8,3,3,3] w, float[16,8,3,3] v, float[6,16,1,1] k, float[4,6] f>
{
   [one] a = Conv <pads: ints = [1, 1, 1, 1], strides: ints = [4, 4]> (x, w)
   [one_act] b = Relu (a)
   [two] c = Conv <pads: ints = [1, 1, 1, 1], strides: ints = [8, 8]> (b, v)
   [two_act] d = Relu (c)
   [mean] m = GlobalAveragePool (d)
   [mix] e = Conv (m, k)
   [flat] n = Flatten (e)
   [head] y = Gemm <transB: int = 1> (n, f)
}
"""


def structure(name: str) -> Program:
    return load_structure(load_recipe(RECIPES / name / "recipe.yaml")).program


def cleaned(program: Program) -> Program:
    for name in CLEAN_UPS:
        program = apply(name, program, on="rk3399").program
    return program


def normalised(program: ProgramView) -> int:
    """Count normalised channels: published counts take a scale and a shift for each, deployed ones one bias."""
    values = [program.const(norm.params[0]) for norm in program.each(BatchNorm)]
    return sum(value.size for value in values if value is not None)


@pytest.mark.parametrize(
    ("options", "parameters", "macs", "executed", "reduced"),
    [
        ({"end": "widened"}, 9_569_552, 2_085_675_008, 7_118_839_808, 3_131_024),
        ({"end": "narrow"}, 5_225_232, 1_807_802_368, 6_085_992_448, 2_657_424),
    ],
)
def test_the_guidelines_case_has_its_published_size(
    options: dict[str, object], parameters: int, macs: int, executed: int, reduced: int
) -> None:
    swapped = apply("backbone-swap", structure("drone-gesture"), {"to": "mobilenet-v2", **options}, on="rk3399",
                    is_stand_in=True).program  # fmt: skip
    channels, lean = normalised(swapped), cleaned(swapped)
    found = cost(lean, target("rk3399").cost)
    assert (found.parameters + channels, found.macs, found.executed_macs) == (parameters, macs, executed)
    factored = apply("conv-factorize", lean, {"preset": "guideline"}, on="rk3399", is_stand_in=True).program
    # The guideline's three 1x1 convolutions are normalised, ours need no normalisation to start from.
    assert cost(factored, target("rk3399").cost).parameters + channels + 2 * 3 * 64 == reduced
    split = apply("deconv-split", lean, on="rk3399", is_stand_in=True).program
    after = cost(split, target("rk3399").cost)
    # One convolution for all phases of a small layer multiplies a little more, and starts three times less.
    assert macs <= after.macs == after.executed_macs < 1.2 * macs
    assert found.predicted_ms - after.predicted_ms > 230


def test_automatic_cuts_of_networks_from_elsewhere() -> None:
    """The tensors that the rest reads, for classifiers, a pose network and two detectors."""
    yolo, pose = structure("barn-camera"), structure("drone-gesture")
    resnet = from_model(*without_weights("resnet50"))
    refresh_types(resnet)
    sizes: list[list[tuple[int, ...]]] = []
    for program in (yolo, pose, resnet):
        end = backbone_end(program)
        assert end is not None
        sizes.append([(program.shape(name) or ())[1:3] for name in find_cut(program, (end,)).border])
    assert sizes == [[(128, 80), (256, 40), (256, 20)], [(2048, 8)], [(2048, 7)]]


def test_stages_are_the_last_maps_that_every_path_passes() -> None:
    pose = structure("drone-gesture")
    end = backbone_end(pose)
    assert end is not None
    found = [(stage.channels, stage.height) for stage in find_stages(pose, end)]
    assert found == [(64, 128), (256, 64), (512, 32), (1024, 16), (2048, 8)]


def test_a_head_that_makes_the_output_is_no_part_of_the_backbone() -> None:
    program = parse_program("""
    g (float[1,3,16,16] x) => (float[1,2,4,4] y) <float[8,3,3,3] w, float[2,8,1,1] h>
    {
       [body] c = Conv <pads: ints = [1, 1, 1, 1], strides: ints = [4, 4]> (x, w)
       [act] a = Relu (c)
       [head] b = Conv (a, h)
       [last] y = Sigmoid (b)
    }
    """)
    assert backbone_end(program) == "a"


@pytest.mark.parametrize(("name", "on"), [("barn-camera", "tx2"), ("drone-gesture", "tx2"), ("quickstart", "host")])
@pytest.mark.parametrize("to", ["mobilenet-v3-small", "shufflenet-v2"])
def test_detectors_and_pose_networks_take_another_backbone(name: str, on: str, to: str) -> None:
    before = structure(name)
    applied = apply("backbone-swap", before, {"to": to, "width": 0.5}, on=on, is_stand_in=True)
    assert verify(applied.program) == []
    shapes = [[program.shape(output) for output in program.outputs] for program in (before, applied.program)]
    assert shapes[0] == shapes[1]
    assert cost(applied.program, target(on).cost).macs < cost(before, target(on).cost).macs


def images() -> Iterator[Sample]:
    rng = np.random.default_rng(5)
    for _ in range(6):
        yield {"x": rng.normal(0, 1, (1, 3, 8, 8)).astype(np.float32).repeat(8, axis=2).repeat(8, axis=3)}


def context(**more: object) -> Context:
    return replace(Context(target("host"), np.random.default_rng(1)), **more)  # pyright: ignore[reportArgumentType] - by name


def swapped(options: dict[str, object], given: Context) -> tuple[Program, Swapped]:
    program = parse_program(CLASSIFIER)
    todo = BackboneSwap.model_validate({"to": "mobilenet-v2", "width": 0.2, **options})
    assert not list(todo.check(program, given.target))
    decision = todo.decide(program, given)
    todo.rewrite(program, decision, Log())
    refresh_types(program)
    return program, decision


@pytest.mark.parametrize("join", ["readers", "adapter"])
def test_a_fit_to_images_starts_nearer_to_the_old_network(join: str) -> None:
    """The classifier reads by a pool, so an adapter is added whatever `join` says; cut at `b` a convolution reads.

    Readers take no constant in, and normalised maps have a mean of zero: of a map behind a Relu little is explained so.
    """
    cut = ["b"] if join == "readers" else ["d"]
    before = parse_program(CLASSIFIER)
    errors: list[float] = []
    for fit in ("none", "images"):
        program, decision = swapped({"join": join, "fit": fit, "cut": cut}, context(calibration=images))
        assert decision.hangs[cut[0]].join == join
        gaps = [outputs_of(before, sample)["y"] - outputs_of(program, sample)["y"] for sample in images()]
        errors.append(float(np.sqrt(np.mean(np.square(gaps)))))
    assert errors[1] < (0.95 if join == "readers" else 1e-3) * errors[0]


@pytest.mark.parametrize("name", ["mobilenet-v1", "mobilenet-v3-small", "shufflenet-v1-g4", "shufflenet-v2"])
def test_the_norms_of_an_untrained_backbone_start_from_what_they_see(name: str) -> None:
    """With fixed statistics of 0 and 1 values shrink thirtyfold on the way through MobileNet V1."""
    spreads: dict[str, float] = {}
    for fit in ("none", "images"):
        program, _ = swapped({"to": name, "width": 1.0, "fit": fit, "cut": ["b"]}, context(calibration=images))
        norms = [norm.y for norm in program.each(BatchNorm)]
        session = Session(model_bytes(program, norms))
        found = [session.run(sample) for sample in images()]
        seen = [np.concatenate([values[norm] for values in found]) for norm in norms]
        spreads[fit] = float(np.median([value.std() for value in seen]))
    assert 0.8 < spreads["images"] < 1.2
    assert spreads["none"] < 0.6


@pytest.mark.parametrize(
    ("strides", "cut", "sizes", "added"),
    [
        ((4, 16), "d", ((2, 2), (4, 4)), "Conv"),
        ((2, 8), "b", ((64, 64), (32, 32)), "Resize"),
        ((4, 8), "d", None, None),
    ],
)
def test_a_map_of_another_size_is_brought_to_the_old_one(
    strides: tuple[int, int], cut: str, sizes: tuple[tuple[int, int], tuple[int, int]] | None, added: str | None
) -> None:
    one, two = strides
    text = CLASSIFIER.replace("[1,3,64,64]", "[1,3,128,128]").replace("[4, 4]", f"[{one}, {one}]")
    program = parse_program(text.replace("[8, 8]", f"[{two}, {two}]"))
    todo = BackboneSwap.model_validate({"to": "mobilenet-v2", "width": 0.2, "cut": [cut]})
    decision = todo.decide(program, context())
    hang = decision.hangs[cut]
    assert (hang.size, hang.given) == (sizes or (hang.size, hang.size))
    todo.rewrite(program, decision, Log())
    refresh_types(program)
    assert verify(program) == []
    assert [op.op_type for op in program.each() if ".size0." in op.name] == ([added] if added else [])


def test_weights_of_a_state_dictionary_are_used_by_name(tmp_path: Path) -> None:
    """A network swapped at random gives a state dictionary; the next one that loads it computes the same."""
    first, _ = swapped({"fit": "none"}, context())
    prefix = "backbone."
    state = {name.removeprefix(prefix): first.const(name) for name in first.constants if name.startswith(prefix)}
    asked: list[Path] = []

    def read(path: Path) -> dict[str, object]:
        asked.append(path)
        return {**state, "classifier.1.weight": np.zeros((10, 1280), np.float32)}

    second, decision = swapped(
        {"fit": "none", "weights": "v2.pth"}, context(tensors=read, rng=np.random.default_rng(9))
    )
    assert asked == [Path("v2.pth")]
    assert decision.weights_sha256 is not None
    same = [name for name in state if name.startswith("features") and (prefix + name) in second.constants]
    assert len(same) > 100
    for name in same:
        assert np.array_equal(second.const(prefix + name), state[name])  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("damage", "said"), [("lacks", "lacks features.0.0.weight"), ("shape", "as \\[1\\]")])
def test_a_state_dictionary_that_does_not_fit_is_refused(damage: str, said: str) -> None:
    first, _ = swapped({"fit": "none"}, context())
    state = {name.removeprefix("backbone."): first.const(name) for name in first.constants}
    if damage == "lacks":
        del state["features.0.0.weight"]
    else:
        state["features.0.0.weight"] = np.zeros(1, np.float32)

    def read(path: Path) -> dict[str, object]:
        assert path.name == "v2.pth"
        return dict(state)

    with pytest.raises(CompressError, match=said):
        swapped({"weights": "v2.pth"}, context(tensors=read))


@pytest.mark.parametrize(("cut", "said"), [(["q"], "no tensor q"), (["b", "y"], "y is an output"), (["a"], "no map")])
def test_a_cut_that_cannot_be_made_is_refused(cut: list[str], said: str) -> None:
    program = parse_program(
        CLASSIFIER.replace("[1,3,64,64] x", "[2,3,64,64] x").replace("float[1,4] y", "float[2,4] y")
    )
    todo = BackboneSwap.model_validate({"to": "mobilenet-v2", "cut": cut})
    found = " ".join(item.message for item in todo.check(program, target("host")))
    assert said in found


def test_parts_of_the_old_backbone_that_are_read_elsewhere_are_named() -> None:
    yolo = structure("barn-camera")
    end = backbone_end(yolo)
    todo = BackboneSwap.model_validate({"to": "mobilenet-v2", "cut": [end]})
    found = [item.message for item in todo.check(yolo, target("tx2"))]
    assert found == ["the rest of the network also reads backbone.stage8.merge.act, backbone.stage16.merge.act"]


def test_an_unsupported_backbone_is_refused_with_the_operator_and_others_that_run() -> None:
    todo = BackboneSwap.model_validate({"to": "mobilenet-v3-large"})
    found = list(todo.check(parse_program(CLASSIFIER), target("rk3399")))
    assert [item.message for item in found] == ["mobilenet-v3-large: rk3399 has no HardSigmoid"]
    assert "mobilenet-v2" in (found[0].help or "")


def test_of_several_candidates_the_fastest_that_runs_is_kept() -> None:
    names = ("mobilenet-v3-small", "mobilenet-v2", "mobilenet-v1")
    applied = apply("backbone-swap", structure("drone-gesture"), {"candidates": names}, on="rk3399", is_stand_in=True)
    decision = applied.decision
    assert isinstance(decision, Swapped)
    assert decision.tried["mobilenet-v3-small"].why_not == "rk3399 has no HardSigmoid"
    times = {name: item.predicted_ms for name, item in decision.tried.items() if not item.why_not}
    assert decision.backbone == min(times, key=lambda name: times[name])
    assert times[decision.backbone] == pytest.approx(cost(applied.program, target("rk3399").cost).predicted_ms)


@pytest.mark.parametrize(
    "options", [{}, {"to": "a", "candidates": ["b"]}, {"candidates": ["a", "b"], "weights": "w.pth"}]
)
def test_options_name_one_backbone_or_several(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BackboneSwap.model_validate(options)


def test_the_quickstart_detector_runs_on_another_backbone() -> None:
    program = load_onnx(RECIPES / "quickstart" / "detector.onnx", {}).program
    applied = apply("backbone-swap", program, {"to": "shufflenet-v2", "width": 0.5}, on="host")
    before, after = outputs_of(program), outputs_of(applied.program)
    assert {name: value.shape for name, value in before.items()} == {name: value.shape for name, value in after.items()}
    assert all(np.isfinite(value).all() for value in after.values())
