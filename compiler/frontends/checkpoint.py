"""Load a checkpoint's tensors, of torch or safetensors, into a module: plain tensors only, and every one must fit."""

import pickle
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from numpy.typing import NDArray

from compiler.diagnostic import CompressError, Diagnostic, nearest
from compiler.frontends.codes import CHECKPOINT_MISMATCH, CHECKPOINT_MISSING, CHECKPOINT_UNREADABLE
from compiler.frontends.user_code import reason, shown_path

_WRAPPERS = ("state_dict", "model")
_SAFE = ".safetensors"
_SHOWN = 3


def load_checkpoint(module: Any, path: Path) -> None:
    """Load the state dictionary in `path` into `module`, strictly."""
    state = _read_state(path)
    own = cast(Mapping[str, Any], module.state_dict())
    for name in sorted(own.keys() & state.keys()):
        expected, found = tuple(own[name].shape), tuple(state[name].shape)
        if expected != found:
            raise _mismatch(path, f"{name} has the shape {list(found)}, the module's has {list(expected)}", None)
    result = module.load_state_dict(state, strict=False)
    missing, unexpected = list(result.missing_keys), list(result.unexpected_keys)
    if missing or unexpected:
        raise _mismatch(path, *_describe(missing, unexpected))


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Read a checkpoint as arrays of 32-bit floats by name; integers such as counters stay as they are."""
    import torch

    state = _read_state(path)
    floats = {name: value.detach().to(torch.float32) for name, value in state.items() if value.is_floating_point()}
    return {name: floats.get(name, value).numpy() for name, value in state.items()}


def _read_state(path: Path) -> dict[str, Any]:
    import torch

    if not path.is_file():
        raise CompressError(
            Diagnostic(
                CHECKPOINT_MISSING,
                f"there is no checkpoint {shown_path(path)}",
                help="correct the path, counted from the recipe's folder, or leave it out to go without stored weights",
            )
        )
    try:
        if path.suffix == _SAFE:
            return _read_safe(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        unsafe = re.search(r"GLOBAL (\S+)", str(error))
        why = reason(error) if unsafe is None else f"it holds a {unsafe[1]} beside plain tensors"
        raise _unreadable(path, why) from error
    except Exception as error:
        raise _unreadable(path, reason(error)) from error
    state = _unwrap(content)
    if not isinstance(state, Mapping):
        raise _unreadable(path, f"it holds a {type(state).__name__}, not a dictionary of tensors")
    named = {str(name): value for name, value in cast(Mapping[object, Any], state).items()}
    foreign = next((name for name, value in named.items() if not isinstance(value, torch.Tensor)), None)
    if foreign is not None:
        raise _unreadable(path, f"its entry {foreign} is a {type(named[foreign]).__name__}, not a tensor")
    return named


def _read_safe(path: Path) -> dict[str, Any]:
    """Read a safetensors file: a list of tensors, which can hold nothing else."""
    from safetensors.torch import load

    return dict(load(path.read_bytes()))


def _unwrap(content: object) -> object:
    if not isinstance(content, Mapping):
        return content
    entries = cast(Mapping[object, object], content)
    return next((entries[key] for key in _WRAPPERS if isinstance(entries.get(key), Mapping)), entries)


def _describe(missing: Sequence[str], unexpected: Sequence[str]) -> tuple[str, str | None]:
    faults = ((missing, "lacks"), (unexpected, "holds the unknown"))
    message = " and ".join(f"{verb} {_first(names)}" for names, verb in faults if names)
    near = nearest(missing[0], unexpected, limit=1) if missing else ()
    return message, f"the nearest to {missing[0]} is {near[0]}" if near else None


def _first(names: Sequence[str]) -> str:
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _mismatch(path: Path, why: str, near: str | None) -> CompressError:
    advice = "check the factory's arguments, or rename the checkpoint's keys"
    return CompressError(
        Diagnostic(
            CHECKPOINT_MISMATCH,
            f"the checkpoint {shown_path(path)} does not fit the module: {why}",
            help=advice if near is None else f"{advice}: {near}",
        )
    )


def _unreadable(path: Path, why: str) -> CompressError:
    return CompressError(
        Diagnostic(
            CHECKPOINT_UNREADABLE,
            f"the checkpoint {shown_path(path)} is no state dictionary: {why}",
            help="save model.state_dict() with torch.save or as safetensors, and name that file",
        )
    )
