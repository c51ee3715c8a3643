"""Quantise the quickstart detector with ours and with ONNX Runtime's own quantiser, and compare both in one run.

    python -m tests.benchmarks.quantization_peer

Prints for each: signal-to-noise ratio of the worst output against the float network on the validation images, AP50,
bytes of the model, and the median time of an inference as a ratio to the float network's, measured in turns.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from compiler.contracts import Context, Log
from compiler.data import evaluate_detector
from compiler.frontends.source import load_source
from compiler.inputs import calibration, image_input, scenes, settings_for
from compiler.ir import Array, Program, model_bytes
from compiler.pipeline import Instruments, run
from compiler.plan import clean_up_plan
from compiler.recipe import load_recipe
from compiler.reference import Session
from compiler.registry import load_named_target, load_pass

RECIPE = Path(__file__).parents[2] / "recipes" / "quickstart" / "recipe.yaml"
TURNS = 30


def main() -> None:
    """Build every variant and print the table."""
    loaded = load_recipe(RECIPE)
    recipe, target = loaded.recipe, load_named_target("host")
    context = Context(target, np.random.default_rng(7), calibration(recipe, load_source(loaded).program))
    program = run(clean_up_plan("host"), load_source(loaded).program, context, Instruments()).program
    models = {"float": model_bytes(program)}
    tried: tuple[Mapping[str, object], ...] = (
        {},
        {"rounding": "learned"},
        {"correct_bias": False},
        {"calibrate": "minmax"},
        {"calibrate": "percentile"},
    )
    for options in tried:
        models[f"ours {options or ''}"] = model_bytes(_ours(program, context, options))
    for method in ("MinMax", "Entropy", "Percentile"):
        models[f"ONNX Runtime {method}"] = _peer(program, context, method)
    name = image_input(program)
    assert name is not None and recipe.data.validation is not None and recipe.evaluate is not None
    settings = settings_for(recipe, program, name)
    stream = scenes(recipe, program)
    assert stream is not None
    feeds = [scene.feeds for scene in stream()]
    sessions = {title: Session(model) for title, model in models.items()}
    times = _times(sessions, feeds[0])
    print(f"{'':40} {'SQNR dB':>8} {'AP50':>7} {'bytes':>9} {'time':>6}")
    for title, session in sessions.items():
        found = evaluate_detector(session.run, recipe.data.validation, settings, recipe.evaluate, input_name=name)
        noise = _noise(sessions["float"], session, feeds)
        ratio = times[title] / times["float"]
        print(f"{title:40} {noise:8.2f} {found['ap50']:7.4f} {len(models[title]):9,} {ratio:6.2f}")


def _ours(program: Program, context: Context, options: Mapping[str, object]) -> Program:
    """Quantise with our pass."""
    todo, twin = load_pass("ptq").model_validate(options), program.clone()
    todo.rewrite(twin, todo.decide(twin, context), Log())
    return twin


def _peer(program: Program, context: Context, method: str) -> bytes:
    """Quantise with ONNX Runtime's tool, in the same scheme."""
    from onnxruntime import quantization

    tool = cast(Any, quantization)
    assert context.calibration is not None

    class Reader:
        """Hands out the calibration images."""

        def __init__(self, samples: Iterator[Mapping[str, Array]]) -> None:
            self.samples = samples

        def get_next(self) -> Mapping[str, Array] | None:
            return next(self.samples, None)

    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder, "float.onnx"), Path(folder, "int8.onnx")
        source.write_bytes(model_bytes(program))
        tool.quantize_static(
            str(source),
            str(result),
            Reader(iter(context.calibration())),
            quant_format=tool.QuantFormat.QDQ,
            per_channel=True,
            activation_type=tool.QuantType.QUInt8,
            weight_type=tool.QuantType.QInt8,
            calibrate_method=getattr(tool.CalibrationMethod, method),
        )
        return result.read_bytes()


def _noise(exact: Session, noisy: Session, feeds: list[dict[str, Array]]) -> float:
    """Return the worst output's signal-to-noise ratio in dB over all images."""
    signal: dict[str, float] = {}
    noise: dict[str, float] = {}
    for sample in feeds:
        wanted, found = exact.run(sample), noisy.run(sample)
        for name, value in wanted.items():
            signal[name] = signal.get(name, 0.0) + float(np.square(value).sum())
            noise[name] = noise.get(name, 0.0) + float(np.square(value - found[name]).sum())
    return min(10 * float(np.log10(signal[name] / max(noise[name], 1e-300))) for name in signal)


def _times(sessions: Mapping[str, Session], sample: Mapping[str, Array]) -> dict[str, float]:
    """Time each session in turns, so that a busy machine troubles all alike; return medians in seconds."""
    found: dict[str, list[float]] = {title: [] for title in sessions}
    for _ in range(TURNS):
        for title, session in sessions.items():
            started = time.perf_counter()
            session.run(sample)
            found[title].append(time.perf_counter() - started)
    return {title: statistics.median(values) for title, values in found.items()}


if __name__ == "__main__":
    main()
