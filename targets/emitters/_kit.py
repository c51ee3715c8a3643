"""What every kit has in common: the model, the self-test, the manifest, and scripts made from templates."""

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import JsonValue

from compiler.artifact import MODEL, Manifest, TensorSpec, expected_input, expected_output, seal
from compiler.contracts import Emission
from compiler.ir import Array
from compiler.target import Target

_SHARED = Path(__file__).parent / "templates"
_FRAGMENTS = frozenset({"board.sh.j2"})
"""Templates that only others include."""


def write_network(emission: Emission, model: bytes, folder: Path) -> None:
    """Write the model and its self-test; files are numbered, so no name of a tensor reaches a path."""
    (folder / MODEL).write_bytes(model)
    (folder / "expected").mkdir()
    for index, array in enumerate(_in_order(emission.program.inputs, emission.test_inputs)):
        np.save(folder / expected_input(index), array)
    for index, array in enumerate(_in_order(emission.program.outputs, emission.test_outputs)):
        np.save(folder / expected_output(index), array)


def write_manifest(emission: Emission, folder: Path, precision: str, makes: tuple[str, ...] = ()) -> Manifest:
    """Write the manifest over all files that are in the folder."""
    program = emission.program
    manifest = Manifest(
        product=emission.product,
        target=emission.target.name,
        runtime=emission.target.runtime,
        precision=precision,
        inputs=_specs(program.inputs, emission.test_inputs),
        outputs=_specs(program.outputs, emission.test_outputs),
        preprocess=cast("dict[str, JsonValue]", json.loads(json.dumps(dict(emission.preprocess), allow_nan=False))),
        versions=dict(emission.versions),
        tolerance=_tolerance(emission.target, precision),
        makes=makes,
    )
    return seal(folder, manifest)


def write_scripts(templates: Path, values: Mapping[str, object], folder: Path) -> None:
    """Render each template of a kit into the folder; what a shell or Python runs is made executable."""
    environment = Environment(
        loader=FileSystemLoader([templates, _SHARED]),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - shell and Python text, not HTML: values pass `plain` and `quote`
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        comment_start_string="<#",  # the usual one is the shell's length of a variable
        comment_end_string="#>",
    )
    environment.filters.update(quote=shlex.quote, plain=plain)
    for template in sorted(path.name for path in templates.glob("*.j2")):
        if template in _FRAGMENTS:
            continue
        path = folder / template.removesuffix(".j2")
        path.write_text(environment.get_template(template).render(values), encoding="utf-8")
        if path.suffix in {".sh", ".py"}:
            path.chmod(path.stat().st_mode | 0o111)


def plain(text: str) -> str:
    """Reduce a name to characters that mean nothing to a shell, to Python, to Markdown or to JSON."""
    return re.sub(r"[^A-Za-z0-9 .+-]", "_", text) or "_"


def _tolerance(target: Target, precision: str) -> dict[str, float]:
    """Take the profile's tolerances, which have to cover the precision in use."""
    assert precision in target.test_tolerance, f"{target.name} has no test_tolerance for {precision}"
    return dict(sorted(target.test_tolerance.items()))


def _in_order(names: tuple[str, ...], arrays: Mapping[str, Array]) -> list[Array]:
    """List arrays in the order of the graph's inputs or outputs, each in one piece; a number keeps its rank of 0."""
    return [np.asarray(arrays[name], order="C") for name in names]


def _specs(names: tuple[str, ...], arrays: Mapping[str, Array]) -> tuple[TensorSpec, ...]:
    """Describe tensors by the arrays of the self-test."""
    return tuple(TensorSpec(name=name, dtype=arrays[name].dtype.name, shape=arrays[name].shape) for name in names)
