"""What becomes of removed channels: constant ones are absorbed, and those like another merged, without loss."""

from collections.abc import Iterator

import numpy as np
import pytest
from pydantic import ValidationError

from compiler.analysis.channels import find_channels
from compiler.analysis.regions import Scene
from compiler.contracts import Context, Log, Sample
from compiler.diagnostic import CompressError
from compiler.ir import Program, parse_program, refresh_types, verify
from passes.decisions.kept import Kept
from passes.level_prune import LevelPrune
from tests.support.running import distance, outputs_of
from tests.support.steps import apply, target

READERS = {
    "conv": "<float[3,4,3,3] u> {[first] a = Conv (x, w, b) [act] r = LeakyRelu (a) [read] y = Conv (r, u)}",
    "biased": "<float[3,4,3,3] u, float[3] c> {[first] r = Conv (x, w, b) [read] y = Conv (r, u, c)}",
    "grouped": "<float[4,2,3,3] u> {[first] r = Conv (x, w, b) [read] y = Conv <group: int = 2> (r, u)}",
    "deconv": "<float[4,3,1,1] u> {[first] r = Conv (x, w, b) [read] y = ConvTranspose (r, u)}",
    "deconv_phases": """<float[4,3,2,2] u>
        {[first] r = Conv (x, w, b) [read] y = ConvTranspose <strides: ints = [2, 2]> (r, u)}""",
    "gemm": """<float[3,256] u, float[3] c>
        {[first] r = Conv (x, w, b) [flat] f = Flatten (r)
         [read] y = Gemm <alpha: float = 0.5, beta: float = 2.0, transB: int = 1> (f, u, c)}""",
    "gemm_plain": """<float[256,3] u> {[first] r = Conv (x, w, b) [flat] f = Flatten (r) [read] y = Gemm (f, u)}""",
    "matmul": """<float[256,3] u, float[3] c>
        {[first] r = Conv (x, w, b) [flat] f = Flatten (r) [read] m = MatMul (f, u) [add] y = Add (c, m)}""",
    "gate": """<float[4,4,1,1] g, float[3,4,1,1] u>
        {[first] r = Conv (x, w, b) [pool] p = GlobalAveragePool (r) [squeeze] q = Conv (p, g) [sig] s = Sigmoid (q)
         [mul] t = Mul (r, s) [read] y = Conv (t, u)}""",
}
RNG = np.random.default_rng(5)


def network(reader: str) -> Program:
    """Make a layer of four filters, two of which are dead and carry a bias, and something that reads it."""
    text = f"g (float[1,2,8,8] x) => (float y) <float[4,2,1,1] w, float[4] b> {READERS[reader]}"
    program = parse_program(text.replace("> <", ", "))
    for name in program.constants:
        value = program.const(name)
        assert value is not None
        # One value for all taps: then each phase of the window adds up to the same, and the mean is exact.
        drawn = np.ones(value.shape) if (reader, name) == ("deconv_phases", "u") else RNG.normal(size=value.shape)
        program.replace_constant(name, drawn.astype(np.float32))
    weight = program.const("w")
    assert weight is not None
    alive = weight.copy()
    alive[[1, 3]] = 0
    program.replace_constant("w", alive)
    refresh_types(program)
    return program


def images(count: int = 3) -> Iterator[Sample]:
    rng = np.random.default_rng(9)
    for _ in range(count):
        yield {"x": rng.normal(size=(1, 2, 8, 8)).astype(np.float32)}


def context(count: int = 3, *, is_stand_in: bool = False) -> Context:
    def scenes() -> Iterator[Scene]:
        for sample in images(count):
            yield Scene(dict(sample), np.array([[1.0, 1, 5, 5]]), np.array([0, 0, 8.0, 8.0]), (8, 8))

    rng = np.random.default_rng(0)
    return Context(target(), rng, None if is_stand_in else lambda: images(count), scenes, is_stand_in)


def prune(program: Program, todo: LevelPrune, where: Context) -> tuple[Program, Kept]:
    decision, twin = todo.decide(program, where), program.clone()
    replayed = Kept.model_validate_json(decision.model_dump_json())
    todo.rewrite(twin, replayed, Log())
    refresh_types(twin)
    assert verify(twin) == []
    return twin, replayed


@pytest.mark.parametrize("reader", [name for name in READERS if name != "gate"])
def test_a_constant_channel_is_absorbed_without_any_loss(reader: str) -> None:
    program = network(reader)
    dropped, _ = prune(program, _level(removed="drop"), context())
    absorbed, decision = prune(program, _level(removed="absorb"), context())
    assert decision.kept["first"] == (0, 2)
    assert distance(outputs_of(program), outputs_of(absorbed)) < 1e-5
    assert distance(outputs_of(program), outputs_of(dropped)) > 1e-3


def test_every_reader_of_a_gated_channel_absorbs_its_mean() -> None:
    program = network("gate")
    absorbed, decision = prune(program, _level(removed="absorb"), context())
    dropped, _ = prune(program, _level(removed="drop"), context())
    assert set(decision.absorbed) == {"squeeze", "read"}
    whole = outputs_of(program)
    assert distance(whole, outputs_of(absorbed)) < distance(whole, outputs_of(dropped))


@pytest.mark.parametrize("reader", ["biased", "grouped", "deconv", "gemm", "matmul"])
def test_a_channel_that_is_a_line_of_another_is_merged_without_any_loss(reader: str) -> None:
    program = network(reader)
    weight, bias = program.const("w"), program.const("b")
    assert weight is not None
    assert bias is not None
    twins, shift = weight.copy(), bias.copy()
    twins[[1, 3]], shift[[1, 3]] = -1.5 * weight[[0, 2]], 2 * bias[[0, 2]]
    program.replace_constant("w", twins)
    program.replace_constant("b", shift)
    whole = Kept(kept={"first": (0, 2)}, clusters={"first": (0, 0, 1, 1)})
    todo = _level(criterion="cluster", removed="merge")
    decision = todo.made_up(program, find_channels(program), context(), whole)
    twin = program.clone()
    todo.rewrite(twin, decision, Log())
    refresh_types(twin)
    assert distance(outputs_of(program), outputs_of(twin)) < 1e-5


@pytest.mark.parametrize("reader", READERS)
def test_lint_sees_the_network_that_a_build_will_make(reader: str) -> None:
    for options in ({"removed": "absorb"}, {"removed": "merge", "criterion": "cluster"}):
        shapes: list[dict[str, object]] = []
        for is_stand_in in (True, False):
            pruned, _ = prune(network(reader), _level(**options), context(is_stand_in=is_stand_in))
            shapes.append({op.name: [pruned.shape(name) for name in op.inputs if name] for op in pruned.each()})
        assert shapes[0] == shapes[1]


def test_nothing_can_be_absorbed_without_images() -> None:
    with pytest.raises(CompressError) as caught:
        prune(network("conv"), _level(removed="absorb"), context(0))
    assert caught.value.diagnostics[0].code.id == "P026"


def test_merging_needs_clusters() -> None:
    with pytest.raises(ValidationError, match="needs `criterion: cluster`"):
        _level(removed="merge")


def _level(**options: object) -> LevelPrune:
    return LevelPrune.model_validate({"level": 0.5, "channel_multiple": 1} | options)


def test_what_is_added_to_a_channel_before_a_head_outlives_the_channel() -> None:
    """Implicit knowledge, as YOLOv7 has it: y = m (u (r + a) + b). Only r goes with a pruned filter."""
    program = parse_program("""
    g (float[1,3,8,8] x) => (float[1,6,8,8] y)
       <float[8,3,1,1] w, float[1,8,1,1] a, float[6,8,1,1] u, float[6] b, float[1,6,1,1] m>
    {
       [first] c = Conv (x, w)
       [act] r = LeakyRelu (c)
       [know] s = Add (a, r)
       [head] t = Conv (s, u, b)
       [more] y = Mul (t, m)
    }
    """)
    for name in program.constants:
        value = program.const(name)
        assert value is not None
        program.replace_constant(name, RNG.normal(size=value.shape).astype(np.float32))
    ready = apply("fold-affine", program).program
    pruned, decision = prune(ready, _level(), context())
    weight = program.const("w")
    assert weight is not None
    silent = np.zeros_like(weight)
    silent[list(decision.kept["first"])] = weight[list(decision.kept["first"])]
    program.replace_constant("w", silent)
    assert distance(outputs_of(program), outputs_of(pruned)) < 1e-5
