"""Weights for a new backbone, read from a state dictionary."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from compiler.codes.passes import WEIGHTS_UNFIT
from compiler.contracts import Context
from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import Array, ProgramView
from compiler.rewrites.grow import Role, blank
from passes.backbones.foreign import exported, is_foreign
from passes.backbones.swapping import Swapped, alone, features


def with_weights(program: ProgramView, made: Swapped, file: Path, context: Context) -> Swapped:
    """Read the checkpoint and hold it against the backbone. Raises CompressError."""
    assert context.tensors is not None
    state = context.tensors(file)
    if is_foreign(made.backbone):
        source = exported(program, [made.backbone], context, state)[made.backbone]
        return made.model_copy(update={"source": source, "weights_sha256": _digest(state)})
    wanted: dict[str, tuple[int, ...]] = {}

    def note(name: str, shape: tuple[int, ...], role: Role) -> Array:
        wanted[name] = shape
        return blank(name, shape, role)

    alone(program, features(made), note)
    for name, shape in wanted.items():
        found = state[name].shape if name in state else None
        if found != shape:
            said = f"{file} {'lacks ' + name if found is None else f'has {name} as {list(found)}'}"
            raise CompressError(Diagnostic(WEIGHTS_UNFIT, f"{said}; {made.backbone} needs {list(shape)}"))
    weights = {name: np.asarray(state[name], np.float32) for name in wanted}
    return made.model_copy(update={"weights": weights, "weights_sha256": _digest(weights)})


def _digest(state: Mapping[str, Array]) -> str:
    return hashlib.sha256(b"".join(np.asarray(state[name]).tobytes() for name in sorted(state))).hexdigest()
