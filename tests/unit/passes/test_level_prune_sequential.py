"""The sequential order: a layer is looked at as the pruning before it has left it."""

import numpy as np

from compiler.analysis.channels import find_channels
from compiler.analysis.criteria import ClusterOptions, choose_scenes, map_features
from compiler.contracts import Context, Log
from compiler.ir import Program, parse_program, refresh_types
from compiler.rewrites.look_again import masked
from passes.decisions.kept import Kept
from passes.level_prune import LevelPrune
from tests.support.masking import masked as independently_masked
from tests.support.running import distance, outputs_of
from tests.support.steps import target
from tests.unit.analysis.test_cluster import scenes

NETWORK = """
g (float[1,3,8,8] x) => (float[1,2,8,8] y)
   <float[8,3,3,3] w, float[8,4,3,3] v, float[8] b, float[2,8,1,1] u>
{
   [first] a = Conv <pads: ints = [1, 1, 1, 1]> (x, w, b)
   [act] r = Relu (a)
   [second] c = Conv <group: int = 2, pads: ints = [1, 1, 1, 1]> (r, v)
   [last] d = Relu (c)
   [head] y = Conv (d, u)
}
"""


def network() -> Program:
    program = parse_program(NETWORK)
    rng = np.random.default_rng(6)
    for name in program.constants:
        value = program.const(name)
        assert value is not None
        program.replace_constant(name, rng.normal(size=value.shape).astype(np.float32))
    return program


def decide(program: Program, order: str) -> Kept:
    todo = LevelPrune.model_validate(
        {"level": 0.5, "criterion": "cluster", "cluster": {"order": order}, "channel_multiple": 1}
    )
    return todo.decide(program, Context(target(), np.random.default_rng(0), scenes=lambda: scenes(1, 2)))


def test_the_first_layer_is_seen_as_it_is_and_the_second_as_the_first_was_pruned() -> None:
    program = network()
    once, stepwise = decide(program, "one-shot"), decide(program, "sequential")
    assert stepwise.kept["first"] == once.kept["first"]
    half = program.clone()
    only = LevelPrune(level=0.5, channel_multiple=1)
    only.rewrite(half, Kept(kept={"first": once.kept["first"]}), Log())
    refresh_types(half)
    assert decide(half, "one-shot").clusters["second"] == stepwise.clusters["second"]
    assert once.clusters["second"] != stepwise.clusters["second"]


def test_looking_again_sees_what_the_cut_network_computes() -> None:
    program, options = network(), ClusterOptions()
    channels = find_channels(program)
    kept = decide(program, "one-shot").kept
    labels = channels.labels_of(channels.filters["first"].ids)
    gone = np.unique(np.delete(labels, list(kept["first"])))
    hidden = masked(program, channels, gone)
    assert distance(outputs_of(independently_masked(program, {"first": kept["first"]})), outputs_of(hidden)) < 1e-6
    again = map_features(hidden, ["second"], choose_scenes(scenes(1), options), options)["second"]
    before = map_features(program, ["second"], choose_scenes(scenes(1), options), options)["second"]
    assert np.abs(again - before).max() > 0.01
