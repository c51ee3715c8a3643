"""Look at layers with the channels gone that earlier decisions removed: for the sequential cluster criterion."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from compiler.analysis.channels import Channels, Ids
from compiler.analysis.criteria import ClusterOptions, Look, choose_scenes, map_features
from compiler.analysis.makeup import mark
from compiler.analysis.readers import lost, readers_of
from compiler.analysis.regions import Scene
from compiler.ir import Program, ProgramView, from_model, to_model


def look_again(
    program: ProgramView, channels: Channels, scenes: Callable[[], Iterator[Scene]], options: ClusterOptions
) -> Look:
    """Make a function that computes layers' features with some units masked, on the images that the criterion takes.

    One forward run per call and image; memory is one image's activations and a second copy of the weights.
    """

    def look(layers: Sequence[str], gone: Ids) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
        twin = masked(program, channels, gone)
        return map_features(twin, layers, choose_scenes(scenes(), options), options)

    return look


def masked(program: ProgramView, channels: Channels, gone: Ids) -> Program:
    """Copy a network and set to zero the weights that read some units, whatever these carry."""
    twin, marked = from_model(to_model(program)), mark(channels, gone)
    for reader in readers_of(program, channels, marked):
        op = twin.op(reader.layer)
        weight = program.const(program.op(reader.layer).input(reader.use.slot))
        assert weight is not None
        blocks = reader.blocks(weight)
        blocks.reshape(-1, *blocks.shape[2:])[lost(reader, marked)] = 0
        twin.give_const(op, reader.use.slot, reader.weight(blocks, weight))
    return twin
