"""What training for integers wins back where rounding spoils a network: `... quantization_aware OUT.json [SEED ...]`.

    python -m tests.benchmarks.quantization_aware OUT.json        about five minutes on two busy cores

A small network with depthwise layers learns Fashion-MNIST (tests/benchmarks/fashion.py). Its filters are then made
uneven: every filter between two convolutions is multiplied by a power of two, and the weights that read it are
divided by that. Floats compute the same as before, bit for bit, but one scale for a whole layer (QASYMM8, as on the
rk3399) leaves few steps to the small filters.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import yaml

from compiler.frontends.onnx_file import load_onnx
from compiler.ir import Conv, Program, model_bytes
from tests.benchmarks import fashion
from tests.benchmarks.fashion import Course, train

SEEDS, OCTAVES = (1, 2), 7
TRAINED, JUDGED, EPOCHS = 1000, 1000, 2
TARGET = "rk3399"
_PLAIN = {"ptq": {"equalize": False}}
_COURSE = {"epochs": EPOCHS, "batch": 50, "learning_rate": 0.001, "keep": "last"}
WAYS: dict[str, list[object]] = {
    "ptq": [_PLAIN],
    "ptq, filters evened out": [{"ptq": {"equalize": True}}],
    "finetune, ptq": ["fold-batchnorm", {"finetune": _COURSE}, _PLAIN],
    "finetune in integers, ptq": ["fold-batchnorm", {"finetune": {**_COURSE, "fake_quantize": "int8"}}, _PLAIN],
}


def main() -> None:
    """Train, spoil, build each recipe, and write the figures."""
    lines: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for seed in map(int, sys.argv[2:] or SEEDS):
            model = folder / f"clothes_{seed}.onnx"
            train(model, Course(seed, 10_000, 3, "ReLU"))
            uneven(model, seed)
            for name, passes in WAYS.items():
                line = {"seed": seed, "way": name, **_built(folder, model, passes, seed)}
                print(" ".join(f"{key} {value}" for key, value in line.items()), flush=True)
                lines.append(line)
    Path(sys.argv[1]).write_text(json.dumps(lines, indent=1) + "\n", "utf-8")


def uneven(file: Path, seed: int) -> None:
    """Multiply filters by powers of two, and divide the weights that read them by the same."""
    program, rng = load_onnx(file, {}).program, np.random.default_rng(seed)
    for first in program.each(Conv):
        (bend,) = program.readers(first.y)[:1]
        (reader,) = program.readers(bend.y)[:1]
        second = program.producer(reader.y, Conv)
        if bend.op_type == "Relu" and second is not None:
            _multiply(program, first, second, rng)
    file.write_bytes(model_bytes(program))


def _multiply(program: Program, first: Conv, second: Conv, rng: np.random.Generator) -> None:
    """Scale one pair of layers."""
    made, read, bias = program.consts(first.w, second.w, *first.bias) or [None, None, None]
    assert made is not None and read is not None and bias is not None
    factor = np.exp2(rng.integers(0, OCTAVES + 1, len(made))).astype(np.float32)
    program.give_const(first, Conv.W, made * factor[:, None, None, None])
    program.give_const(first, Conv.B, bias * factor)
    shape = (1, -1, 1, 1) if second.group == 1 else (-1, 1, 1, 1)
    program.give_const(second, Conv.W, read / factor.reshape(shape))


def _built(folder: Path, model: Path, passes: list[object], seed: int) -> dict[str, object]:
    """Build a recipe and read the figures of its report."""
    recipe = {
        "version": 1,
        "product": "clothes",
        "model": {"onnx": str(model)},
        "data": {
            "calibration": _clothes("train", 64),
            "train": _clothes("train", TRAINED),
            "validation": _clothes("t10k", JUDGED),
            "preprocess": {"scale": 1 / 255},
        },
        "evaluate": {"metric": "top1", "decode": "scores"},
        "target": TARGET,
        "passes": passes,
        "seed": seed,
    }
    file = folder / "recipe.yaml"
    file.write_text(yaml.safe_dump(recipe), "utf-8")
    command = [sys.executable, "-m", "compiler", "build", str(file), "--out", str(folder / "out"), "--no-cache"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stdout + done.stderr)
    report = json.loads((folder / "out" / "clothes" / TARGET / "report.json").read_text("utf-8"))
    last = [step for step in report["passes"] if step["name"] == "ptq"][-1]
    top1 = {"float": report["source"]["accuracy"]["top1"], "integers": report["result"]["accuracy"]["top1"]}
    return {**top1, "sqnr_db": last["fidelity"]["sqnr_db"]}


def _clothes(part: str, count: int) -> dict[str, object]:
    """Point a recipe at photographs."""
    return {"python": f"{fashion.__file__}:clothes", "args": {"part": part, "first": 0, "count": count}}


if __name__ == "__main__":
    main()
