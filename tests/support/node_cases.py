"""ONNX's own operator cases: one small model each, with inputs and the outputs that ONNX expects."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from compiler.ir import Array
from compiler.reference import RefusedError, Session


@dataclass(frozen=True)
class NodeCase:
    """A model, its inputs by name, and the outputs to expect."""

    name: str
    model: onnx.ModelProto
    feeds: dict[str, Array]
    expected: dict[str, Array]


@cache
def node_cases() -> tuple[NodeCase, ...]:
    """Collect the cases whose inputs and outputs are plain tensors of numbers, by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        found = [case for item in collect_testcases(cast(Any, None)) for case in _plain(item)]
    return tuple(sorted(found, key=lambda case: case.name))


def frozen(case: NodeCase) -> onnx.ModelProto:
    """Make every input but the first a constant, so that passes have something to work with."""
    return _freeze(case, list(case.feeds)[1:])


def all_frozen(case: NodeCase) -> onnx.ModelProto:
    """Make every input a constant and read each output through a node, so that all can be folded."""
    model = _freeze(case, list(case.feeds))
    for value in model.graph.output:
        inner = f"{value.name}_folded"
        for node in model.graph.node:
            node.output[:] = [inner if name == value.name else name for name in node.output]
            node.input[:] = [inner if name == value.name else name for name in node.input]
        model.graph.node.append(onnx.helper.make_node("Identity", [inner], [value.name], name=f"{value.name}_kept"))
    return model


def compute(model: onnx.ModelProto, feeds: dict[str, Array]) -> dict[str, Array] | None:
    """Run a model in ONNX Runtime, else in ONNX's reference implementation; None when neither can."""
    names = [value.name for value in model.graph.output]
    try:
        return Session(model.SerializeToString(), is_optimised=False).run_as_declared(feeds)
    except RefusedError:
        pass
    try:
        values = cast(list[Any], cast(Any, ReferenceEvaluator(model)).run(None, feeds))
    except Exception:  # noqa: BLE001 - the reference implementation raises whatever numpy does
        return None
    return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}


def _plain(item: Any) -> Iterator[NodeCase]:
    """Keep a case whose data are arrays of numbers."""
    inputs, outputs = item.data_sets[0]
    kinds = {value.type.WhichOneof("value") for value in (*item.model.graph.input, *item.model.graph.output)}
    if kinds != {"tensor_type"} or not all(
        isinstance(value, np.ndarray) and value.dtype.kind not in "OSU" for value in (*inputs, *outputs)
    ):
        return
    feeds = dict(zip([value.name for value in item.model.graph.input], inputs, strict=False))
    expected = dict(zip([value.name for value in item.model.graph.output], outputs, strict=False))
    yield NodeCase(item.name, item.model, feeds, expected)


def _freeze(case: NodeCase, names: list[str]) -> onnx.ModelProto:
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    kept = [value for value in model.graph.input if value.name not in names]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    for name in names:
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(case.feeds[name]), name))
    return model
