"""Print what a training step of a lowered network costs beside the torch module that it was exported from.

`python -m tests.benchmarks.training_step [--batch 8] [--rounds 15] [--size 224] [--compile]`. One step is forward,
backward and SGD. Steps of both run by turns, so that whatever else the machine does meets both; the ratio is of the
medians.
"""

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from compiler.frontends.onnx_file import load_model
from compiler.frontends.torch_factory import export_factory
from compiler.lowering import lower

HERE = Path(__file__).parent
NETWORKS: dict[str, tuple[Path, dict[str, int]]] = {
    "ResNet-18": (HERE / "resnet18.py", {}),
    "YOLOv7-tiny": (HERE.parents[1] / "recipes" / "models" / "yolov7_tiny.py", {"num_classes": 1}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--compile", action="store_true", help="measure torch.compile too; needs a C++ compiler")
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    name = torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} CPU threads"
    print(f"torch {torch.__version__} on {name}, batch {options.batch} at {options.size} px, {options.rounds} rounds")
    print(
        f"{'network':14}{'kind':20}{'ms a step':>10}{'of native':>11}{'MB kept':>9}" + "   peak MB" * (device == "cuda")
    )
    for network, (file, arguments) in NETWORKS.items():
        native, lowered = _pair(file, arguments, options.size)
        kinds = {"native": native, "lowered": lowered}
        if options.compile:
            kinds |= {
                "native, compiled": cast(nn.Module, torch.compile(native)),
                "lowered, compiled": cast(nn.Module, torch.compile(lowered)),
            }
        images = torch.rand(options.batch, 3, options.size, options.size, device=device)
        _report(network, {kind: module.to(device).train() for kind, module in kinds.items()}, images, options.rounds)


def _pair(file: Path, arguments: dict[str, int], size: int) -> tuple[nn.Module, nn.Module]:
    """Build the torch module, and lower its export with the very same weights."""
    inputs = {"images": (1, 3, size, size)}
    model = export_factory(f"{file.name}:build", file.parent, arguments, None, inputs, 7)
    lowered = lower(load_model(model, inputs, file.stem).program)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    source = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(source)
    native = cast(Callable[..., nn.Module], source.build)(**arguments)
    weights = {name: value for name, value in lowered.state_dict().items() if not name.startswith("constants.")}
    native.load_state_dict(weights, strict=False)  # torch also counts batches, which ONNX does not know
    assert weights.keys() <= native.state_dict().keys()
    return native, lowered


def _report(network: str, modules: dict[str, nn.Module], images: Tensor, rounds: int) -> None:
    """Measure by turns and print a line for each kind."""
    steps = {kind: _step(module, images) for kind, module in modules.items()}
    for step in steps.values():
        for _ in range(3):  # compilation, the allocator's first blocks, the choice of kernels
            step()
    seconds: dict[str, list[float]] = {kind: [] for kind in steps}
    for _ in range(rounds):
        for kind, step in steps.items():
            seconds[kind].append(_timed(step))
    native = statistics.median(seconds["native"])
    for kind, module in modules.items():
        median = statistics.median(seconds[kind])
        kept = f"{_kept_mb(module, images):9.1f}" if "compiled" not in kind else " " * 9
        print(f"{network:14}{kind:20}{1e3 * median:10.1f}{median / native:11.3f}{kept}{_peak(steps[kind])}", flush=True)


def _step(module: nn.Module, images: Tensor) -> Callable[[], None]:
    """Make one step of training: outputs drawn to zero."""
    optimiser = torch.optim.SGD(module.parameters(), 1e-6, momentum=0.9)

    def step() -> None:
        loss = torch.stack([value.square().mean() for value in _values(module(images))]).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def _values(made: object) -> Iterable[Tensor]:
    """See a tensor, a tuple or a dictionary as tensors."""
    if isinstance(made, Tensor):
        return [made]
    return cast(dict[str, Tensor], made).values() if isinstance(made, dict) else cast(tuple[Tensor, ...], made)


def _timed(step: Callable[[], None]) -> float:
    _wait()
    started = time.perf_counter()
    step()
    _wait()
    return time.perf_counter() - started


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _kept_mb(module: nn.Module, images: Tensor) -> float:
    """Add up the memory that the forward pass keeps for the backward one."""
    kept: dict[int, int] = {}

    def note(value: Tensor) -> Tensor:
        kept[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
        return value

    with torch.autograd.graph.saved_tensors_hooks(note, lambda value: value):
        made = list(_values(module(images)))
    assert made
    return sum(kept.values()) / 1e6


def _peak(step: Callable[[], None]) -> str:
    """Take the largest allocation during a step, where the device counts it."""
    if not torch.cuda.is_available():
        return ""
    torch.cuda.reset_peak_memory_stats()
    step()
    _wait()
    return f"{torch.cuda.max_memory_allocated() / 1e6:10.1f}"


if __name__ == "__main__":
    main()
