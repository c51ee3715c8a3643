"""Where a network is cut to take its backbone off."""

from collections.abc import Sequence

import numpy as np

from compiler.analysis.stages import Cut, backbone_end, find_cut
from compiler.codes.passes import CUT_UNFIT
from compiler.diagnostic import Diagnostic, did_you_mean
from compiler.ir import ProgramView
from passes.backbones.swapping import image


def cut_off(program: ProgramView, wanted: Sequence[str]) -> Cut | Diagnostic:
    """Find the old backbone, or say why there is none to replace."""
    advice = "run `compress inspect --stages` to see where the network can be cut, and name tensors by `cut`"
    known = {tensor for op in program.each() for tensor in op.outputs}
    for name in wanted:
        if name not in known:
            return Diagnostic(CUT_UNFIT, f"cut: there is no tensor {name}", did_you_mean(name, known) or advice)
    found = None if wanted else backbone_end(program)
    if not wanted and found is None:
        return Diagnostic(CUT_UNFIT, "the network's maps never shrink, so no backbone was found", advice)
    cut = find_cut(program, tuple(wanted) or (found or "",))
    stray = [name for name in cut.border if wanted and name not in wanted]
    if stray:
        said = f"the rest of the network also reads {', '.join(stray[:4])}"
        return Diagnostic(CUT_UNFIT, said, "name these tensors in `cut` too")
    for name in cut.border:
        shape, kind = program.shape(name), program.type(name).dtype
        if shape is None or len(shape) != 4 or shape[0] != 1 or kind != np.float32 or program.is_output(name):
            said = f"{name} is an output, or no map [1, channels, height, width] of 32-bit floats"
            return Diagnostic(CUT_UNFIT, said, advice)
    if image(program) is None:
        return Diagnostic(CUT_UNFIT, "the network has no single image input of 3 channels and batch 1", advice)
    return cut
