"""Load the network that a recipe names: with its weights for a build, or its structure alone for lint."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import onnx

from compiler.codes.lint import UNWRITABLE_PATH
from compiler.diagnostic import CompressError, Diagnostic, Span
from compiler.frontends import onnx_codes
from compiler.frontends.cache import fetch, keep, key_of
from compiler.frontends.input_layout import with_channels_first
from compiler.frontends.onnx_file import Loaded, load_model, load_onnx
from compiler.recipe import LoadedRecipe

OPSET = 13


def load_source(loaded: LoadedRecipe, cache: Path | None = None) -> Loaded:
    """Load a recipe's network with its weights. Raises CompressError at the recipe's line.

    With a folder for kept networks, one that was exported or folded before is taken from there.
    """
    return with_channels_first(loaded, _with_weights(loaded, cache))


def load_structure(loaded: LoadedRecipe, cache: Path | None = None) -> Loaded:
    """Load what lint needs of a recipe's network: from its structure lock where that is up to date.

    The lock saves importing torch; weights are then stand-ins. Without a good lock the network is exported.
    """
    return with_channels_first(loaded, _without_weights(loaded, cache))


def _with_weights(loaded: LoadedRecipe, cache: Path | None) -> Loaded:
    """Load the network as it is in its file, or as torch exports it."""
    model = loaded.recipe.model
    if model.onnx is not None:
        return _load_file(loaded, model.onnx, cache)
    assert model.torch is not None
    key = None if cache is None else key_of(model, _folder(loaded), loaded.recipe.seed)
    if cache is None or key is None:
        return load_model(_exported(loaded), model.inputs, model.torch)
    exported = fetch(cache, key)
    if exported is None:
        exported = _exported(loaded)
        keep(cache, key, exported)
    return load_model(exported, model.inputs, model.torch)


def _without_weights(loaded: LoadedRecipe, cache: Path | None) -> Loaded:
    """Load the network from its structure lock, else as a build does."""
    model = loaded.recipe.model
    lock = _lock(loaded)
    if model.onnx is not None or not lock.is_file():
        found = _with_weights(loaded, cache)
        return found if model.onnx is not None else _with_note(found, loaded, "is missing")
    from compiler.frontends import structure
    from compiler.frontends.torch_factory import factory_source

    assert model.torch is not None
    current = structure.structure_digest(factory_source(model.torch, _folder(loaded)), model.args, model.inputs, OPSET)
    text = lock.read_text("utf-8", errors="replace")
    if structure.recorded_digest(text) != current:
        structure.read_structure(text)  # damage is refused, where mere age is helped
        return _with_note(_with_weights(loaded, cache), loaded, "does not match the model any more")
    return _from_lock(text, tuple(model.inputs.items()), model.torch)


@lru_cache(maxsize=1)
def _from_lock(text: str, inputs: tuple[tuple[str, tuple[int, ...]], ...], name: str) -> Loaded:
    """Load a locked structure, once for the variants of a product, which are linted in a row and share it."""
    from compiler.frontends import structure

    proto, _ = structure.read_structure(text)
    return load_model(proto, dict(inputs), name, structure.stand_in_weights(proto))


def lock_structure(loaded: LoadedRecipe) -> Path:
    """Write the structure lock of a recipe's torch network, and return where it is."""
    from compiler.frontends.torch_factory import lock_text

    model = loaded.recipe.model
    if model.torch is None:
        said = "only a network from a torch factory needs a structure lock; an ONNX file is read as it is"
        raise CompressError(Diagnostic(onnx_codes.NO_LOCK_NEEDED, said, span=loaded.at("model")))
    text = lock_text(model.torch, _folder(loaded), model.args, model.inputs, loaded.recipe.seed)
    path = structure_path(loaded.path)
    try:
        path.write_text(text, "utf-8", newline="\n")
    except OSError as error:
        said = f"cannot write {path}: {(error.strerror or 'the system refuses').lower()}"
        raise CompressError(Diagnostic(UNWRITABLE_PATH, said, span=Span(str(path)))) from error
    return path


def structure_path(recipe: Path) -> Path:
    """Name the structure lock that belongs to a recipe file."""
    return recipe.parent / ("structure.onnx.txt" if recipe.stem == "recipe" else f"{recipe.stem}.structure.onnx.txt")


def _lock(loaded: LoadedRecipe) -> Path:
    """Find the structure lock: a recipe's own, else that of the recipe it extends which names the network."""
    own, span = structure_path(loaded.path), loaded.at("model", "torch")
    base = None if span is None else structure_path(Path(span.file))
    return own if own.is_file() or base is None or not base.is_file() else base


def _exported(loaded: LoadedRecipe) -> onnx.ModelProto:
    """Let torch build and export the network."""
    from compiler.frontends.torch_factory import export_factory

    model = loaded.recipe.model
    assert model.torch is not None
    return export_factory(model.torch, _folder(loaded), model.args, model.checkpoint, model.inputs, loaded.recipe.seed)


def _load_file(loaded: LoadedRecipe, path: Path, cache: Path | None) -> Loaded:
    """Load an ONNX file and let its faults point at the recipe's line."""
    written = loaded.text_at("model", "onnx") or str(path)
    try:
        return load_onnx(path, loaded.recipe.model.inputs, written, cache)
    except CompressError as error:
        places = {onnx_codes.WRONG_INPUT: loaded.key_at("model", "inputs")}
        file = loaded.at("model", "onnx")
        raise CompressError(
            *(replace(item, span=item.span or places.get(item.code) or file) for item in error.diagnostics)
        ) from error


def _with_note(found: Loaded, loaded: LoadedRecipe, state: str) -> Loaded:
    """Say that lint had to import torch, and how to spare it that."""
    said = f"the structure lock {_lock(loaded).name} {state}, so torch had to export the network"
    advice = f"run `compress lock {loaded.path.name}` and check the file in"
    note = Diagnostic(onnx_codes.STALE_LOCK, said, advice, loaded.at("model", "torch"))
    return Loaded(found.program, (*found.findings, note))


def _folder(loaded: LoadedRecipe) -> Path:
    """Tell what the factory's path counts from: the file that names it."""
    span = loaded.at("model", "torch")
    return Path(span.file).parent if span is not None and Path(span.file).is_file() else loaded.path.parent
