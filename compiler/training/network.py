"""The network in training: its weights by key, and its values on the way back into the program."""

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor, fx

from compiler.analysis.zeros import ZEROS_KEY
from compiler.ir import Program, ProgramView
from compiler.lowering import Kind, Weight, lower, lowered
from compiler.lowering.dtypes import to_array
from compiler.rewrites.write_values import Value, write_values
from compiler.target import QuantScheme
from compiler.training.fake_quantize import round_within, tensors_to_round

State = dict[str, Tensor]


def lower_for_training(program: ProgramView, extra: Iterable[str], batchnorm: str) -> fx.GraphModule:
    """Make a teacher's or student's module. Raises CompressError naming every layer without a lowering."""
    return lower(program, extra=tuple(extra), norms="frozen" if batchnorm == "frozen" else "train")


def lower_student(
    program: Program, extra: tuple[str, ...], batchnorm: str, scheme: QuantScheme | None
) -> fx.GraphModule:
    """Make the student's module; with a scheme it rounds as integers would. Raises CompressError as above."""
    if scheme is None:
        return lower_for_training(program, extra, batchnorm)
    rounded = tensors_to_round(program, scheme)
    module = lower_for_training(program, dict.fromkeys((*extra, *rounded)), batchnorm)
    round_within(module, program, scheme, tuple(dict.fromkeys((*program.outputs, *extra))))
    return module


def state_of(module: fx.GraphModule) -> State:
    """Copy every weight and running statistic to the CPU, by key."""
    state = module.state_dict()
    return {weight.key: state[weight.key].detach().cpu().clone() for weight in lowered(module).weights}


@torch.no_grad()
def load_state(module: fx.GraphModule, values: Mapping[str, Tensor]) -> None:
    """Set every weight and running statistic."""
    state = module.state_dict()
    for key, value in values.items():
        state[key].copy_(value)


def decayed_keys(module: fx.GraphModule) -> frozenset[str]:
    """Name the weights that decay: filters and matrices, no biases, normalisations or slopes."""
    return frozenset(weight.key for weight in lowered(module).weights if _is_matrix(module, weight))


def _is_matrix(module: fx.GraphModule, weight: Weight) -> bool:
    if weight.kind is not Kind.PARAMETER or weight.readers[0][1] > 1:
        return False
    return module.get_parameter(weight.key).ndim > 1


def masks_of(program: ProgramView, module: fx.GraphModule) -> State:
    """Mark the weights that are not zero, of layers in which an earlier pass set weights to zero on purpose."""
    if ZEROS_KEY not in program.metadata:
        return {}
    keys = [weight.key for weight in lowered(module).weights if _is_matrix(module, weight)]
    marks = {key: (module.get_parameter(key).detach() != 0).float() for key in keys}
    return {key: mark for key, mark in marks.items() if not bool(mark.all())}


@torch.no_grad()
def keep_zeros(module: fx.GraphModule, masks: Mapping[str, Tensor]) -> None:
    """Set the weights to zero again that a step moved away from it."""
    for key, mask in masks.items():
        module.get_parameter(key).mul_(mask)


def values_of(weights: Iterable[Weight], state: Mapping[str, Tensor], program: ProgramView) -> tuple[Value, ...]:
    """Bring a state into the element types of the program's constants."""
    found: list[Value] = []
    for weight in weights:
        before = program.const(weight.tensor)
        assert before is not None
        found.append(Value(weight.readers, to_array(state[weight.key], np.dtype(before.dtype))))
    return tuple(found)


def with_values(program: Program, values: Iterable[Value]) -> Program:
    """Copy a program and give the copy other values."""
    twin = program.clone()
    write_values(twin, tuple(values))
    return twin
