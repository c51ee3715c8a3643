"""Error against rank of factorised layers: `python -m tests.benchmarks.rank_curves OUT.json`.

Takes trained layers: the costliest 3x3 convolutions of the quickstart detector, the 4x4 transposed convolutions of the
drone recipe's small pose network, and the 5x5 layers of a small autoencoder that is trained here. Per scheme and rank:
what the rank leaves out of the weights, and how far each layer's outputs are off on validation images, none of which
the fit saw. `cost` is the share of the layer's multiplications that remain.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from compiler.analysis.covariance import Covariance, diagonal_blocks, input_covariances
from compiler.analysis.kernel_pair import kernel_pair
from compiler.analysis.low_rank import Stack, spectrum
from compiler.contracts import Sample
from compiler.frontends.onnx_file import load_onnx
from compiler.frontends.source import load_source
from compiler.inputs import calibration
from compiler.ir import Program, refresh_types
from compiler.recipe import load_recipe
from compiler.rewrites.factorize_conv import Convolution, Scheme, cores, factorize, parts, unfold
from compiler.rewrites.try_factorize import convolution, convolutions, output_errors, unfit
from tests.benchmarks.autoencoder import train
from tests.support.steps import apply

RECIPES = Path(__file__).parents[2] / "recipes"
CASES = (("quickstart/recipe.yaml", "Conv", 3), ("drone-gesture/small.yaml", "ConvTranspose", 4))
SCHEMES: tuple[Scheme, ...] = ("channel", "kernel-channel", "kernel", "kernel-3x3")
SHARES = (0.125, 0.25, 0.375, 0.5, 0.75, 1.0)
LAYERS, IMAGES = 3, 16


def main() -> None:
    """Print a line per layer, scheme and rank, and write them all."""
    lines: list[Mapping[str, object]] = []
    for network, program, fit, unseen, layers in _networks():
        seen = input_covariances(program, [op.x for op in layers], fit)
        for op in layers:
            for scheme in SCHEMES:
                if unfit(program, op, scheme, 1) is None:
                    lines += _curve(network, program, op, scheme, (seen[op.x], unseen))
    Path(sys.argv[1]).write_text("[\n" + ",\n".join(map(json.dumps, lines)) + "\n]\n", "utf-8")


def _networks() -> Iterator[tuple[str, Program, Sequence[Sample], Sequence[Sample], list[Convolution]]]:
    """Give each network, the images that a fit may see, others, and the layers to factorise."""
    for recipe, kind, kernel in CASES:
        loaded = load_recipe(RECIPES / recipe)
        program = apply("fold-batchnorm", load_source(loaded).program).program
        data = loaded.recipe.data
        held = data.model_copy(update={"calibration": data.validation})
        own, other = (calibration(loaded.recipe.model_copy(update={"data": each}), program) for each in (data, held))
        assert own is not None and other is not None
        fit = list(islice(own(), IMAGES))
        yield recipe.split("/")[0], program, fit, list(islice(other(), IMAGES)), _costliest(program, kind, kernel)
    file = Path(sys.argv[1]).with_suffix(".onnx")
    known, unseen = ([{"image": each} for each in pieces] for pieces in train(file, IMAGES))
    program = load_onnx(file, {}).program
    file.unlink()
    layers = [op for op in convolutions(program) if (program.shape(op.w) or ())[2:] == (5, 5)]
    yield "autoencoder", program, known, unseen, layers


def _curve(
    network: str, program: Program, op: Convolution, scheme: Scheme, data: tuple[Covariance, Iterable[Sample]]
) -> Iterator[Mapping[str, object]]:
    """Give a line for each rank of a scheme."""
    covariance, unseen = data
    weight = program.const(op.w)
    assert weight is not None
    matrices = unfold(op, weight, scheme)
    plain = spectrum(matrices)
    aware = spectrum(matrices, diagonal_blocks(covariance, len(matrices))) if scheme == "channel" else None
    for rank in _ranks(scheme, plain.full_rank):
        pair = kernel_pair(cores(op, weight), rank) if scheme == "kernel-3x3" else plain
        ways = {"weights": pair.factors(rank)} | ({} if aware is None else {"outputs": aware.factors(rank)})
        line: dict[str, object] = {"network": network, "layer": op.name, "operator": op.op_type, "scheme": scheme}
        line |= {"rank": rank, "full": plain.full_rank, "cost": _cost(program, op, scheme, ways["weights"])}
        line["weights_left_out"] = round(pair.error(rank), 4)
        for way, factors in ways.items():
            errors = output_errors(program, {op.name: parts(op, weight, scheme, factors)}, unseen)
            line[f"output_error_fit_{way}"] = round(errors[op.name], 4)
        print(" ".join(f"{key} {value}" for key, value in line.items()), flush=True)
        yield line


def _ranks(scheme: Scheme, full: int) -> list[int]:
    """Choose ranks: few kernels a channel one by one, the rest by shares; two 3x3 below their least full rank, too."""
    if scheme == "kernel-channel":
        return [rank for rank in (1, 2, 3, 4, 6, 9, 12, 16) if rank < full] + [full]
    shares = (1 / 18, 1 / 9, 2 / 9, *SHARES[2:]) if scheme == "kernel-3x3" else SHARES
    return sorted({max(1, int(full * share)) for share in shares})


def _cost(program: Program, op: Convolution, scheme: Scheme, factors: tuple[Stack, Stack]) -> float:
    """Tell which share of a layer's multiplications its two factors need."""
    weight, twin = program.const(op.w), program.clone()
    assert weight is not None
    before = _macs(program, [op])
    second = convolution(twin, twin.op(op.name))
    factorize(twin, second, *parts(op, weight, scheme, factors))
    refresh_types(twin)
    first = twin.producer(second.x)
    assert first is not None
    return round(_macs(twin, [convolution(twin, first), second]) / before, 3)


def _macs(program: Program, layers: list[Convolution]) -> int:
    """Count multiplications: each weight once for each place of the output, or of a transposed one's input."""
    total = 0
    for op in layers:
        places = program.shape(op.y if op.op_type == "Conv" else op.x)
        weight = program.shape(op.w)
        assert places is not None and weight is not None
        total += int(np.prod(places[2:]) * np.prod(weight))
    return total


def _costliest(program: Program, kind: str, kernel: int) -> list[Convolution]:
    """Find the layers of a kind with the most weights, the largest last."""

    def size(op: Convolution) -> tuple[int, str]:
        return int(np.prod(program.shape(op.w) or ())), op.name

    fit = [
        op for op in convolutions(program) if op.op_type == kind and (program.shape(op.w) or ())[2:] == (kernel,) * 2
    ]
    return sorted(fit, key=size)[-LAYERS:]


if __name__ == "__main__":
    main()
