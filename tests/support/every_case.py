"""All of ONNX's own operator cases, those with text, sequences or single numbers for data included."""

import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np
import onnx

from compiler.ir import Array


@dataclass(frozen=True)
class Case:
    """A model, the values that it is given and should give, and how exactly."""

    name: str
    model: onnx.ModelProto
    feeds: dict[str, Array | None]
    """None where a value is no tensor."""
    expected: dict[str, Array | None]
    relative: float
    absolute: float


@cache
def every_case() -> tuple[Case, ...]:
    """Collect the cases by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        found = [_case(item) for item in collect_testcases(cast(Any, None))]
    return tuple(sorted(found, key=lambda case: case.name))


def with_constants(case: Case, names: list[str]) -> onnx.ModelProto:
    """Copy a case's model with some inputs made constants."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    kept = [value for value in model.graph.input if value.name not in names]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    values = {name: value for name in names if (value := case.feeds[name]) is not None}
    model.graph.initializer.extend(onnx.numpy_helper.from_array(value, name) for name, value in values.items())
    return model


def _case(item: Any) -> Case:
    inputs, outputs = item.data_sets[0]
    graph = item.model.graph
    feeds = {value.name: _tensor(data) for value, data in zip(graph.input, inputs, strict=False)}
    expected = {value.name: _tensor(data) for value, data in zip(graph.output, outputs, strict=False)}
    return Case(item.name, item.model, feeds, expected, item.rtol, item.atol)


def _tensor(data: object) -> Array | None:
    """See data as an array of numbers, if it is one."""
    if isinstance(data, onnx.TensorProto):
        data = onnx.numpy_helper.to_array(data)
    if not isinstance(data, (np.ndarray, np.generic)):
        return None
    array = np.asarray(cast(Array, data))
    return None if array.dtype.kind in "OSU" else array
