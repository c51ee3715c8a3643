"""Write whole networks in half precision, inputs and outputs too: `python -m tests.benchmarks.half_zoo FILE.onnx ...`.

Prints for each the signal-to-noise ratio of its outputs on two random inputs, once checker and ONNX Runtime took it.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx

from compiler.contracts import Context, Log
from compiler.frontends.onnx_file import load_onnx
from compiler.inputs import random_sample
from compiler.ir import Array, model_bytes
from compiler.reference import Session
from compiler.registry import load_named_target, load_pass
from tests.benchmarks.quantization_networks import cleaned


def main() -> None:
    """Go through the files; one that fails ends the run with its error."""
    for file in map(Path, sys.argv[1:]):
        program = cleaned(load_onnx(file, {}).program)
        samples = [random_sample(program, np.random.default_rng(seed)) for seed in range(2)]
        exact = Session(model_bytes(program))
        context = Context(load_named_target("host"), np.random.default_rng(7), lambda kept=samples: iter(kept))
        todo = load_pass("fp16").model_validate({"arithmetic": "half", "io": "half"})
        wanted, log = [exact.run(sample) for sample in samples], Log()
        todo.rewrite(program, todo.decide(program, context), log)
        model = onnx.load_from_string(model_bytes(program))
        onnx.checker.check_model(model)
        half = Session(model.SerializeToString())
        casts = sum(node.op_type == "Cast" for node in model.graph.node)
        quiet = _decibels(wanted, [half.run(sample) for sample in samples])
        print(
            f"{file.parent.name}/{file.name}: {quiet:.1f} dB, {casts} casts, {len(log.skipped)} layers in 32 bits",
            flush=True,
        )


def _decibels(wanted: Sequence[Mapping[str, Array]], found: Sequence[Mapping[str, Array]]) -> float:
    signal = noise = 0.0
    for one, other in zip(wanted, found, strict=True):
        for name, value in one.items():
            signal += float(np.square(value, dtype=np.float64).sum())
            noise += float(np.square(value.astype(np.float64) - other[name]).sum())
    return 10 * float(np.log10(signal / max(noise, 1e-300)))


if __name__ == "__main__":
    main()
