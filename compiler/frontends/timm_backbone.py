"""Feature backbones of timm as programs: built without pretrained weights, exported at one input size, and kept."""

import hashlib
import importlib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
import onnx
import onnx.version_converter

from compiler.codes.passes import LIBRARY_MISSING, WEIGHTS_UNFIT
from compiler.diagnostic import CompressError, Diagnostic, did_you_mean
from compiler.frontends.cache import fetch, keep, key_of_backbone
from compiler.frontends.codes import BACKBONE_UNFIT, BACKBONE_UNKNOWN, EXPORT_UNSUPPORTED
from compiler.frontends.compare import TOLERANCE, worst_error
from compiler.frontends.module_export import OPSET, export_module
from compiler.frontends.onnx_file import load_model
from compiler.frontends.torch_factory import silence
from compiler.frontends.user_code import reason, repeatable
from compiler.ir import Array, Program, to_model

_Facts: TypeAlias = dict[str, object]


class Backbones:
    """Gives a backbone by name, image shape and opset, as a program with one output for each stage.

    What was made once in this process, or lies in the folder of kept networks, is not made again.
    """

    def __init__(self, seed: int, cache: Path | None) -> None:
        self._seed = seed
        self._cache = cache
        self._made: dict[str, Program] = {}

    def kept(
        self, name: str, shape: tuple[int, ...], opset: int, state: Mapping[str, Array] | None = None
    ) -> Program | None:
        """Give what was made before, without importing timm or torch; None where nothing was."""
        if _timm_version() is None:
            return None
        key = key_of_backbone(self._facts(name, shape, opset, state))
        if key not in self._made and self._cache is not None:
            found = fetch(self._cache, key)
            if found is not None:
                self._made[key] = load_model(found, {}, name).program
        return self._made.get(key)

    def make(self, name: str, shape: tuple[int, ...], opset: int, state: Mapping[str, Array] | None = None) -> Program:
        """Give a backbone, exported if it was not before. Raises CompressError; never downloads anything."""
        found = self.kept(name, shape, opset, state)
        if found is not None:
            return found
        made = _exported(name, shape, opset, state, self._seed)
        key = key_of_backbone(self._facts(name, shape, opset, state))
        self._made[key] = made
        if self._cache is not None:
            keep(self._cache, key, to_model(made))
        return made

    def _facts(self, name: str, shape: tuple[int, ...], opset: int, state: Mapping[str, Array] | None) -> _Facts:
        """List all that an export depends on."""
        weights = None if state is None else _digest(state)
        timm = _timm_version()
        return {
            "timm": timm, "name": name, "shape": shape, "opset": opset, "seed": self._seed, "weights": weights
        }  # fmt: skip


def _timm_version() -> str | None:
    """Tell the installed version without importing timm."""
    try:
        return version("timm")
    except PackageNotFoundError:
        return None


def _digest(state: Mapping[str, Array]) -> str:
    whole = hashlib.sha256()
    for name in sorted(state):
        whole.update(f"{name} {state[name].dtype} {state[name].shape}\n".encode())
        whole.update(np.ascontiguousarray(state[name]).tobytes())
    return whole.hexdigest()


def _exported(name: str, shape: tuple[int, ...], opset: int, state: Mapping[str, Array] | None, seed: int) -> Program:
    """Let timm build the backbone, and export it."""
    with repeatable(seed), silence():
        timm = _imported()
        module = _created(timm, name)
        if state is not None:
            _fill(module, state, name)
        model = export_module(module.eval(), {"image": shape}, Path(timm.__file__))
    model = to_model(load_model(model, {}, name).program)
    program = load_model(_raised(model, opset, name), {}, name).program
    _check_maps(program, module, name)
    return program


def _imported() -> Any:
    """Import timm, or say how to install it."""
    advice = 'run `pip install "compress[timm]"`'
    try:
        return importlib.import_module("timm")
    except ModuleNotFoundError as error:
        said = "timm is not installed" if error.name == "timm" else f"timm needs {error.name}, which is not installed"
        raise CompressError(Diagnostic(LIBRARY_MISSING, said, advice)) from error
    except Exception as error:
        said = f"timm is installed and cannot be imported: {reason(error)}"
        advice = "install timm, torch and torchvision in versions that fit each other"
        raise CompressError(Diagnostic(LIBRARY_MISSING, said, advice)) from error


def _created(timm: Any, name: str) -> Any:
    """Build the network that returns the last map of each stage."""
    if not timm.is_model(name):
        known = cast("list[str]", timm.list_models())
        said = f"timm {timm.__version__} has no {name}"
        near = did_you_mean(name, known) or "list the names with timm.list_models()"
        raise CompressError(Diagnostic(BACKBONE_UNKNOWN, said, near))
    try:
        return timm.create_model(name, pretrained=False, features_only=True, exportable=True)
    except Exception as error:
        said = f"timm cannot make {name} give its stages' maps: {reason(error)}"
        raise CompressError(Diagnostic(BACKBONE_UNFIT, said, "choose another backbone")) from error


def _fill(module: Any, state: Mapping[str, Array], name: str) -> None:
    """Load a state dictionary: of the whole network or of the stages alone, every parameter of which must fit."""
    import torch

    # timm writes `stages.0.x` of the whole network as `stages_0.x`, or behind `model.`, where only stages are wanted.
    offered = {new: old for old in state for new in (f"model.{old}", old.replace(".", "_", 1), old)}
    filled: dict[str, Any] = {}
    for key, value in module.state_dict().items():
        found = state.get(offered.get(key, ""))
        if found is None and key.endswith("num_batches_tracked"):
            filled[key] = value
        elif found is None:
            raise CompressError(Diagnostic(WEIGHTS_UNFIT, f"the weights lack {key}, which timm:{name} needs"))
        elif found.shape != tuple(value.shape):
            said = f"the weights have {key} as {list(found.shape)}; timm:{name} needs {list(value.shape)}"
            raise CompressError(Diagnostic(WEIGHTS_UNFIT, said))
        else:
            filled[key] = torch.from_numpy(np.array(found)).to(value.dtype)
    module.load_state_dict(filled)


def _raised(model: onnx.ModelProto, opset: int, name: str) -> onnx.ModelProto:
    """Bring an export to the opset of the network that it joins; its outputs must stay what they were."""
    if opset <= OPSET:
        return model
    try:
        raised = onnx.version_converter.convert_version(model, opset)
        error = worst_error(model, raised)
    except (RuntimeError, ValueError) as fault:
        why = reason(fault)
    else:
        if error <= TOLERANCE:
            return raised
        why = f"its outputs would change by {error:.3g} of their range"
    said = f"timm:{name} cannot be brought to opset {opset}, which the network uses: {why}"
    raise CompressError(Diagnostic(BACKBONE_UNFIT, said, f"export the network with opset {OPSET}"))


def _check_maps(program: Program, module: Any, name: str) -> None:
    """Insist on maps [1, channels, height, width] as outputs, and on plain operators."""
    shapes = [program.shape(output) for output in program.outputs]
    channels = list(module.feature_info.channels())
    if [shape[1] if shape is not None and len(shape) == 4 else None for shape in shapes] != channels:
        said = f"timm:{name} gives no maps of the form [1, channels, height, width]"
        raise CompressError(Diagnostic(BACKBONE_UNFIT, said, "choose a convolutional backbone"))
    for op in program.each():
        if op.domain or any(isinstance(value, onnx.GraphProto) for value in op.attributes.values()):
            said = f"timm:{name} is exported with the operator {op.op_type}, which is no plain operator of ONNX"
            raise CompressError(Diagnostic(EXPORT_UNSUPPORTED, said, "choose another backbone", layer=op.name))
