"""Error against rank of factorised layers: `python -m tests.benchmarks.rank_curves OUT.json`.

Takes the costliest 3x3 convolutions of the quickstart detector and the transposed convolutions of the drone recipe's
small pose network, both trained. For each share of the full rank: what the rank leaves out of the weights, and how far
the layer's outputs are off on 8 calibration images with factors fitted to the weights or to what the layer puts out.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import numpy as np

from compiler.analysis.covariance import diagonal_blocks, input_covariances
from compiler.analysis.low_rank import spectrum
from compiler.contracts import Sample
from compiler.frontends.source import load_source
from compiler.inputs import calibration
from compiler.ir import Array, Program
from compiler.recipe import load_recipe
from compiler.rewrites.factorize_conv import Convolution, parts, unfold
from compiler.rewrites.try_factorize import convolutions, output_errors
from tests.support.steps import apply

RECIPES = Path(__file__).parents[2] / "recipes"
CASES = (("quickstart/recipe.yaml", "Conv", 3), ("drone-gesture/small.yaml", "ConvTranspose", 4))
SHARES = (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0)
LAYERS, IMAGES, FITTED = 3, 8, 16


def main() -> None:
    """Print a line per layer and share, and write them all."""
    lines = [line for case in CASES for line in _curves(*case)]
    Path(sys.argv[1]).write_text(json.dumps(lines, indent=1) + "\n", "utf-8")


def _curves(recipe: str, kind: str, kernel: int) -> Iterator[Mapping[str, object]]:
    loaded = load_recipe(RECIPES / recipe)
    program = apply("fold-batchnorm", load_source(loaded).program).program
    images = calibration(loaded.recipe, program)
    assert images is not None
    chosen = sorted((op for op in convolutions(program) if _fits(program, op, kind, kernel)), key=_weights(program))
    seen = input_covariances(program, [op.x for op in chosen[-LAYERS:]], islice(images(), FITTED))
    for op in chosen[-LAYERS:]:
        weight = program.const(op.w)
        assert weight is not None
        matrices = unfold(op, weight, "channel")
        plain = spectrum(matrices)
        aware = spectrum(matrices, diagonal_blocks(seen[op.x], len(matrices)))
        for share in SHARES:
            rank = max(1, int(plain.full_rank * share))
            found = {
                way: output_errors(program, {op.name: parts(op, weight, "channel", strong.factors(rank))}, _few(images))
                for way, strong in (("weights", plain), ("outputs", aware))
            }
            line = {
                "layer": op.name,
                "rank": rank,
                "full": plain.full_rank,
                "weights_left_out": round(plain.error(rank), 4),
                **{f"output_error_fit_{way}": round(errors[op.name], 4) for way, errors in found.items()},
            }
            print(" ".join(f"{key} {value}" for key, value in line.items()), flush=True)
            yield line


def _few(images: Callable[[], Iterator[Sample]]) -> Iterator[Mapping[str, Array]]:
    return islice(images(), IMAGES)


def _fits(program: Program, op: Convolution, kind: str, kernel: int) -> bool:
    shape = program.shape(op.w)
    return op.op_type == kind and shape is not None and shape[2:] == (kernel, kernel)


def _weights(program: Program) -> Callable[[Convolution], tuple[int, str]]:
    return lambda op: (int(np.prod(program.shape(op.w) or ())), op.name)


if __name__ == "__main__":
    main()
