"""Run a network in ONNX Runtime on this machine: the reference for what it computes."""

import importlib
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from compiler.ir import Array
from compiler.many import cores

_REFUSALS = (
    "Fail",
    "InvalidArgument",
    "InvalidGraph",
    "InvalidProtobuf",
    "NotImplemented",
    "RuntimeException",
    "EPFail",
    "NoSuchFile",
)


class RefusedError(RuntimeError):
    """ONNX Runtime cannot load or run a model; the text is its first line of explanation."""


class Session:
    """A loaded model. Holds the model once; each run holds one batch."""

    def __init__(self, model: bytes, *, is_optimised: bool = True) -> None:
        """Load a serialised model. Raises RefusedError."""
        import onnxruntime

        runtime = cast(Any, onnxruntime)
        levels = runtime.GraphOptimizationLevel
        options = runtime.SessionOptions()
        options.graph_optimization_level = levels.ORT_ENABLE_ALL if is_optimised else levels.ORT_DISABLE_ALL
        options.log_severity_level = 4
        # Threads that wait for the next run must not keep a core busy meanwhile: most runs are short, and far between.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if cores() == 1:  # ONNX Runtime counts the machine's cores, and its threads would take turns on this one
            options.intra_op_num_threads = 1
        try:
            self._session = runtime.InferenceSession(model, options, ["CPUExecutionProvider"])
        except _refusals() as error:
            raise RefusedError(_first_line(error)) from error
        self._binding: Any = None
        self._kept: dict[str, Array] = {}

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Compute every output by name; halves at the borders of a network are met with 32-bit floats.

        So a network whose inputs and outputs are in half precision can be compared with others. Raises RefusedError.
        """
        return _widened(self.run_as_declared(self._narrowed(feeds)))

    def rerun(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Compute what `run` does, into arrays that the next call writes over. Raises RefusedError.

        Asking for fresh memory for every inner tensor of every image may take longer than to compute them.
        """
        feeds = self._narrowed(feeds)
        if self._binding is None:
            found = self.run_as_declared(feeds)
            self._bind(found)
            return _widened(found)
        held = {name: np.asarray(value, order="C") for name, value in feeds.items()}
        try:
            for name, value in held.items():
                self._binding.bind_cpu_input(name, value)
            for item in self._session.get_outputs():
                if item.name not in self._kept:
                    self._binding.bind_output(item.name)  # else it would have to be of the last run's shape
            self._session.run_with_iobinding(self._binding)
        except _refusals() as error:
            raise RefusedError(_first_line(error)) from error
        fresh = zip(self._session.get_outputs(), self._binding.get_outputs(), strict=True)
        return _widened(
            {item.name: self._kept[item.name] if item.name in self._kept else value.numpy() for item, value in fresh}
        )

    def _bind(self, found: Mapping[str, Array]) -> None:
        """Hold an array for each output whose shape is known beforehand; ONNX Runtime makes the others anew."""
        self._binding = self._session.io_binding()
        for item in self._session.get_outputs():
            value = found[item.name]
            if tuple(item.shape) != value.shape or item.type != "tensor(float)" or not value.size:
                self._binding.bind_output(item.name)
                continue
            kept = self._kept[item.name] = np.empty(value.shape, np.float32)
            self._binding.bind_output(item.name, "cpu", 0, kept.dtype, kept.shape, kept.ctypes.data)

    def _narrowed(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Round 32-bit floats for inputs that are declared in half precision."""
        narrow = {item.name for item in self._session.get_inputs() if item.type == "tensor(float16)"}
        return {name: _half(value) if name in narrow else value for name, value in feeds.items()}

    def run_as_declared(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Compute every output by name, with the types that the model declares. Raises RefusedError."""
        names = [item.name for item in self._session.get_outputs()]
        try:
            values = self._session.run(names, {name: np.asarray(value, order="C") for name, value in feeds.items()})
        except _refusals() as error:
            raise RefusedError(_first_line(error)) from error
        return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}


def _widened(found: Mapping[str, Array]) -> dict[str, Array]:
    return {name: value.astype(np.float32) if value.dtype == np.float16 else value for name, value in found.items()}


def _half(value: Array) -> Array:
    """Round 32-bit floats to 16 bits; what is too large becomes infinite, as on a board."""
    with np.errstate(over="ignore"):
        return value.astype(np.float16) if value.dtype == np.float32 else value


_ROUNDINGS = 4


def nudged(feeds: Mapping[str, Array]) -> dict[str, Array]:
    """Move every floating-point number up or down by four roundings of 32 bits, the same way each time.

    What a network makes of that shows how far its outputs are determined at all: one that multiplies rounding, or
    whose outputs are next to nothing, cannot be told from an equal one any more closely.
    """
    rng = np.random.default_rng(0)
    moved = dict(feeds)
    for name, value in feeds.items():
        if np.issubdtype(value.dtype, np.floating):
            step = _ROUNDINGS * np.finfo(np.float32).eps
            moved[name] = (value * (1 + rng.choice((-step, step), value.shape))).astype(value.dtype)
    return moved


def random_feeds(
    inputs: Mapping[str, tuple[np.dtype[np.generic], tuple[int, ...]]], rng: np.random.Generator
) -> dict[str, Array]:
    """Make a random value in [0, 1) for every input, given its element type and shape."""
    return {name: rng.random(shape).astype(dtype) for name, (dtype, shape) in inputs.items()}


def _refusals() -> tuple[type[Exception], ...]:
    """List the exceptions that ONNX Runtime throws; they share no class of its own."""
    state = cast(Any, importlib.import_module("onnxruntime.capi.onnxruntime_pybind11_state"))
    return (*(getattr(state, name) for name in _REFUSALS), RuntimeError, ValueError)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
