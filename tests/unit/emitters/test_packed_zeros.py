"""Weights that are mostly zeros, packed in the model file of ONNX Runtime's kit: smaller, and the same once loaded."""

import importlib
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
import onnx
import onnx.checker
import pytest
from kits import emission

from compiler.artifact import verify_artifact
from compiler.frontends.onnx_file import load_onnx
from compiler.ir import Array, Program, model_bytes
from compiler.reference import Session
from targets.emitters._pack import packed, unpacked
from targets.emitters.onnxruntime import OnnxruntimeEmitter
from tests.support.prunable import prunable
from tests.support.steps import apply, target

Steps: TypeAlias = tuple[tuple[str, dict[str, object]], ...]
_FULL: Steps = ()
_INTEGERS: Steps = (("ptq", {}),)
_STORED_HALF: Steps = (("fp16", {}),)
_HALF: Steps = (("fp16", {"arithmetic": "half"}),)


def pruned(level: float, then: Steps = ()) -> Program:
    program = apply("weight-prune", prunable(), {"level": level}, on="host").program
    for name, options in then:
        program = apply(name, program, options, on="host").program
    return program


def weights_once_loaded(model: bytes, names: dict[str, str]) -> dict[str, bytes]:
    """Let ONNX Runtime itself show what the readers of weights are given."""
    shown = onnx.load_from_string(model)
    known = {value.name for value in shown.graph.output}
    types = {value.name: value for value in shown.graph.value_info}
    shown.graph.output.extend(types[name] for name in names.values() if name not in known)
    found = Session(shown.SerializeToString()).run_as_declared({"x": np.zeros((1, 3, 8, 8), _input_type(shown))})
    return {plain: found[name].tobytes() for plain, name in names.items()}


def _input_type(model: onnx.ModelProto) -> np.dtype[np.generic]:
    return onnx.helper.tensor_dtype_to_np_dtype(model.graph.input[0].type.tensor_type.elem_type)


def replaced(before: Program, after: Program) -> dict[str, str]:
    """Find, for each weight that was packed, the tensor that its reader has now."""
    return {
        old: new
        for op in before.each()
        for old, new in zip(op.inputs, after.op(op.name).inputs, strict=True)
        if old != new
    }


@pytest.mark.parametrize("then", [_FULL, _INTEGERS, _STORED_HALF, _HALF], ids=["fp32", "int8", "fp16", "half"])
def test_loaded_weights_and_outputs_are_the_same_bit_for_bit(then: Steps) -> None:
    program = pruned(0.8, then)
    twin = packed(program)
    plain, small = model_bytes(program), model_bytes(twin)
    names = replaced(program, twin)
    assert len(names) == 2
    assert len(small) < 0.6 * len(plain)
    assert small == model_bytes(packed(program))
    onnx.checker.check_model(onnx.load_from_string(small), full_check=True)
    for name, data in weights_once_loaded(small, names).items():
        value = program.const(name)
        assert value is not None
        assert data == np.ascontiguousarray(value).tobytes()
    feeds = {"x": np.random.default_rng(0).random((1, 3, 8, 8)).astype(np.float32)}
    one, two = Session(plain).run(feeds), Session(small).run(feeds)
    assert {name: value.tobytes() for name, value in one.items()} == {
        name: value.tobytes() for name, value in two.items()
    }


def test_nothing_of_the_unpacking_is_left_once_the_model_is_loaded(tmp_path: Path) -> None:
    runtime = cast(Any, importlib.import_module("onnxruntime"))
    options = runtime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "loaded.onnx")
    model = model_bytes(packed(pruned(0.8)))
    runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    kinds = {node.op_type for node in onnx.load(tmp_path / "loaded.onnx").graph.node}
    assert "BitShift" in {node.op_type for node in onnx.load_from_string(model).graph.node}
    assert not kinds & {"BitShift", "Mod", "CumSum", "Gather", "Slice"}


def test_a_negative_zero_keeps_its_sign_and_an_empty_weight_stays_empty() -> None:
    program = pruned(0.8)
    first, second = (np.zeros(shape, np.float32) for shape in ((61, 7, 5, 5), (61, 61, 5, 5)))
    first[0, 0, 0, :2] = [-0.0, np.nan]
    program.give_const(program.op("odd"), 1, first)
    program.give_const(program.op("large"), 1, second)
    twin = packed(program)
    names = replaced(program, twin)
    found = weights_once_loaded(model_bytes(twin), names)
    assert [found[program.op(layer).input(1)] for layer in ("odd", "large")] == [first.tobytes(), second.tobytes()]


@pytest.mark.parametrize("level", [0, 0.01])
def test_dense_weights_stay_as_they_are(level: float) -> None:
    program = pruned(level)
    assert model_bytes(packed(program)) == model_bytes(program)


def test_a_network_that_no_pass_pruned_stays_as_it_is() -> None:
    program = prunable()
    program.give_const(program.op("large"), 1, np.zeros((61, 61, 5, 5), np.float32))
    assert model_bytes(packed(program)) == model_bytes(program)


@pytest.mark.parametrize("then", [_FULL, _INTEGERS, _HALF], ids=["fp32", "int8", "half"])
def test_unpacking_gives_the_network_back(then: Steps) -> None:
    program = pruned(0.8, then)
    back = unpacked(packed(program))
    assert [op.op_type for op in back.each()] == [op.op_type for op in program.each()]
    assert _weights(back) == _weights(program)
    assert unpacked(program) is program


def test_bytes_are_packed_by_the_byte_that_stands_for_zero() -> None:
    program = apply("ptq", pruned(0.8), {}, on="rk3399").program
    twin = packed(program)
    assert len(model_bytes(twin)) < 0.7 * len(model_bytes(program))
    assert _weights(unpacked(twin)) == _weights(program)


def test_a_kit_verifies_and_its_model_is_read_back_as_it_was(tmp_path: Path) -> None:
    program = pruned(0.9, _INTEGERS)
    OnnxruntimeEmitter().emit(emission(target("host"), program), tmp_path)
    assert (tmp_path / "model.onnx").stat().st_size < len(model_bytes(program))
    assert list(verify_artifact(tmp_path)) == []
    back = load_onnx(tmp_path / "model.onnx", {}).program
    assert [op.op_type for op in back.each()] == [op.op_type for op in program.each()]
    assert _weights(back) == _weights(program)


def _weights(program: Program) -> dict[str, list[bytes]]:
    values: dict[str, list[Array]] = {op.name: program.consts(*op.inputs[1:2]) or [] for op in program.each()}
    return {name: [np.ascontiguousarray(value).tobytes() for value in found] for name, found in values.items()}
