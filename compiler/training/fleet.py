"""The processes that train together: one alone, or those that torchrun started, joined by Lightning Fabric."""

import os
from importlib import import_module
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from compiler.diagnostic import CompressError, Diagnostic
from compiler.training.codes import NO_DEVICE, NO_LAUNCHER
from compiler.training.launch import world_size
from compiler.training.options import TrainingOptions


class Fleet(Protocol):
    """What training needs of the processes that it runs in."""

    rank: int
    world: int
    device: torch.device

    def join(self, module: nn.Module) -> nn.Module:
        """Wrap a module so that gradients are averaged over the processes."""
        ...

    def mean(self, value: Tensor) -> Tensor:
        """Average a number over the processes."""
        ...

    def tell(self, value: Any) -> Any:
        """Give every process what the first one has."""
        ...


class _Alone:
    """One process."""

    rank, world = 0, 1

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def join(self, module: nn.Module) -> nn.Module:
        """Take the module as it is."""
        return module

    def mean(self, value: Tensor) -> Tensor:
        """Take the number as it is."""
        return value

    def tell(self, value: Any) -> Any:
        """Take the value as it is."""
        return value


class _Joined:
    """Several processes on one or more machines."""

    def __init__(self, fabric: Any) -> None:
        self._fabric = fabric
        self.rank, self.world = int(fabric.global_rank), int(fabric.world_size)
        self.device = cast("torch.device", fabric.device)

    def join(self, module: nn.Module) -> nn.Module:
        """Average gradients after each backward step."""
        return self._fabric.setup_module(module, move_to_device=False)

    def mean(self, value: Tensor) -> Tensor:
        """Average over all processes."""
        return self._fabric.all_reduce(value.detach().clone(), reduce_op="mean")

    def tell(self, value: Any) -> Any:
        """Send from the first process."""
        return self._fabric.broadcast(value, src=0)


def make_fleet(options: TrainingOptions) -> Fleet:
    """Find out where to train and who else does. Raises CompressError where the recipe asks for what is not there."""
    has_gpu = torch.cuda.is_available()
    if options.device == "cuda" and not has_gpu:
        advice = "write `device: auto`, or build on a machine with one"
        raise CompressError(Diagnostic(NO_DEVICE, "`device: cuda`, and torch finds no GPU on this machine", advice))
    kind = "cuda" if has_gpu and options.device != "cpu" else "cpu"
    if options.mixed_precision == "fp16" and kind == "cpu":
        advice = "write `mixed_precision: auto`, or bf16"
        raise CompressError(Diagnostic(NO_DEVICE, "`mixed_precision: fp16` needs a GPU, and this is a CPU", advice))
    return _Alone(torch.device(kind)) if world_size() == 1 else _joined(kind)


def _joined(kind: str) -> Fleet:
    """Join the processes that torchrun started."""
    try:
        fabric_module: Any = import_module("lightning_fabric")
    except ImportError as error:
        said = f"{world_size()} processes were started together, and lightning-fabric is not installed"
        raise CompressError(Diagnostic(NO_LAUNCHER, said, "run `pip install compress[distributed]`")) from error
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    fabric = fabric_module.Fabric(accelerator=kind, devices=local, num_nodes=world_size() // local, strategy="ddp")
    fabric.launch()
    return _Joined(fabric)
