"""A torch factory as a model source: find it, build the module, and export it to ONNX with every layer kept."""

import contextlib
import io
import warnings
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, cast

import onnx

from compiler.frontends.checkpoint import load_checkpoint
from compiler.frontends.factory_spec import factory_source, parse_spec
from compiler.frontends.modernise import modernised
from compiler.frontends.module_export import OPSET, export_module
from compiler.frontends.onnx_checks import check_graph
from compiler.frontends.structure import structure_digest, write_structure
from compiler.frontends.user_code import call_factory, importing_beside, repeatable
from compiler.ir import from_model, to_model

__all__ = ["OPSET", "export_factory", "factory_source", "lock_text", "silence"]


def export_factory(  # noqa: PLR0913, PLR0917 - what a recipe says of its model
    spec: str,
    folder: Path,
    args: Mapping[str, object],
    checkpoint: Path | None,
    inputs: Mapping[str, tuple[int, ...]],
    seed: int,
) -> onnx.ModelProto:
    """Build the module that `spec` names, load the checkpoint, and return it as ONNX in inference form.

    The factory runs under `seed`, and leaves the random generators as they were. The same call gives the same bytes.
    """
    source = factory_source(spec, folder)
    parsed = parse_spec(spec)
    # A module found on the path imports its neighbours through its package, as everywhere.
    beside = importing_beside(source) if parsed.is_file else contextlib.nullcontext()
    with repeatable(seed), silence(), beside:
        module = call_factory(parsed, source, args)
        if checkpoint is not None:
            load_checkpoint(module, checkpoint)
        return export_module(module.eval(), inputs, source)


def lock_text(
    spec: str, folder: Path, args: Mapping[str, object], inputs: Mapping[str, tuple[int, ...]], seed: int
) -> str:
    """Return the structure lock of a factory: its graph without weights, under the digest of its source.

    Shape computations are folded first, as a build does on loading: lint must see the graph that a build starts from.
    """
    exported = export_factory(spec, folder, args, None, inputs, seed)
    folded, _ = modernised(check_graph(exported, spec), spec)
    model = to_model(from_model(folded))
    return write_structure(model, structure_digest(factory_source(spec, folder), args, inputs, OPSET))


@contextlib.contextmanager
def silence() -> Generator[None]:
    """Keep the exporter's warnings and the user's prints off the terminal, where a JSON report may be written."""
    import torch

    # On a failure the exporter prints the whole graph from C++, past sys.stdout. It turns that log on itself at each
    # export, so turning it off is not enough: the switch must stay where it is.
    exporter = cast(Any, torch)._C
    switch = exporter._jit_set_onnx_log_enabled
    exporter._jit_set_onnx_log_enabled = _leave
    try:
        out, err = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
        with warnings.catch_warnings(), out, err:
            warnings.simplefilter("ignore")
            yield
    finally:
        exporter._jit_set_onnx_log_enabled = switch


def _leave(*_: object) -> None:
    """Leave the exporter's log as it is."""
