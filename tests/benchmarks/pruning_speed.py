"""Time level-prune beside Torch-Pruning on ResNet-50, half of every layer by L1, in one run.

    pip install --no-deps --target /tmp/peers torchvision==0.28.0 torch-pruning==1.6.1
    PYTHONPATH=$PWD:/tmp/peers python -m tests.benchmarks.pruning_speed

Each runs three times, in turns; the first run, which is the only one that a user sees, and the fastest are shown, in
processor seconds, as machines have other work too. Ours is decide and rewrite on the program as loaded; theirs is the
making of the pruner, which traces the network, and its one step. Both leave the classifier's outputs alone. Set
OMP_NUM_THREADS=1 for times of one thread.
"""

import copy
import importlib
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from compiler.analysis.cost import count_parameters
from compiler.contracts import Context, Log
from compiler.frontends.onnx_file import load_onnx
from compiler.ir import Program
from compiler.registry import load_pass
from tests.benchmarks.peers import make_network, write_network
from tests.support.steps import target

NETWORK, SIDE, LEVEL, RUNS = "tv/resnet50", 224, 0.5, 3


def main() -> None:
    """Print both times, their ratio, and what both leave."""
    with tempfile.TemporaryDirectory() as folder:
        write_network(NETWORK, SIDE, Path(folder))
        program = load_onnx(Path(folder, "kept.onnx"), {}).program
    network = make_network(NETWORK)
    rounds = [(_ours(program), _theirs(network)) for _ in range(RUNS)]
    ours, theirs = ([results[who] for results in rounds] for who in (0, 1))
    print(f"{'':16}{'first':>9}{'fastest':>9}   parameters left")
    for name, results in (("level-prune", ours), ("Torch-Pruning", theirs)):
        print(f"{name:16}{results[0][0]:8.3f}s{min(results)[0]:8.3f}s   {results[0][1]:.2%}")
    print(f"{'ratio':16}{ours[0][0] / theirs[0][0]:9.3f}{min(ours)[0] / min(theirs)[0]:9.3f}   (aim: 0.1 or less)")


def _ours(program: Program) -> tuple[float, float]:
    twin = program.clone()
    todo = load_pass("level-prune").model_validate({"level": LEVEL, "channel_multiple": 1})
    context = Context(target("host"), np.random.default_rng(0))
    started = time.process_time()
    todo.rewrite(twin, todo.decide(twin, context), Log())
    taken = time.process_time() - started
    return taken, count_parameters(twin)[0] / count_parameters(program)[0]


def _theirs(network: Any) -> tuple[float, float]:
    import torch

    pruning: Any = importlib.import_module("torch_pruning")
    twin: Any = copy.deepcopy(network)
    before = _count(twin)
    started = time.process_time()
    pruner = pruning.pruner.MagnitudePruner(
        twin,
        torch.randn(1, 3, SIDE, SIDE),
        importance=pruning.importance.MagnitudeImportance(p=1),
        pruning_ratio=LEVEL,
        ignored_layers=[twin.fc],
    )
    pruner.step()
    return time.process_time() - started, _count(twin) / before


def _count(network: Any) -> int:
    """Count parameters as deployed, where a normalisation is its convolution's bias."""
    import torch

    norms = sum(m.num_features for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d))
    return sum(parameter.numel() for parameter in network.parameters()) - norms


if __name__ == "__main__":
    main()
