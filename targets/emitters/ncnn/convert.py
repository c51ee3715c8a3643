"""Convert a program into ncnn's own files, by the converter pnnx."""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from compiler.codes.conversion import CONVERSION_REFUSED, FORM_NOT_CONVERTIBLE
from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import Op, Program, ProgramView, model_bytes
from targets.emitters.ncnn.tools import converter

_SHOWS_BATCH = frozenset({"AveragePool", "Conv", "ConvTranspose", "GlobalAveragePool", "GlobalMaxPool", "MaxPool"})
"""Operators by which the converter sees that the first axis is the batch, which ncnn leaves out."""
_MOST_SECONDS = 600


@dataclass(frozen=True)
class Converted:
    """The network as ncnn reads it."""

    layers: str
    weights: bytes


def convert(program: Program, *, halves: bool) -> Converted:
    """Convert, with weights in 16 or 32 bits. Raises CompressError where the converter gives up."""
    faults = [*_faults(program)]
    if faults:
        raise CompressError(*faults)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "net.onnx").write_bytes(_with_plain_names(model_bytes(prepared(program))))
        said = _run([str(converter()), "net.onnx", f"fp16={int(halves)}"], folder)
        layers, weights = folder / "net.ncnn.param", folder / "net.ncnn.bin"
        if not layers.is_file() or not weights.is_file():
            raise _refused(f"pnnx wrote no network for ncnn: {_last_line(said)}")
        return Converted(layers.read_text("utf-8"), weights.read_bytes())


def _faults(program: ProgramView) -> Iterator[Diagnostic]:
    """Yield what ncnn has no form for."""
    for name in program.inputs:
        shape, kind = program.shape(name), program.type(name)
        if shape is None or len(shape) < 2 or shape[0] != 1 or kind.dtype != np.float32:
            said = f"input {name!a} is {kind}; ncnn takes one image at a time, as 32-bit floats"
            yield Diagnostic(FORM_NOT_CONVERTIBLE, said, "give the input a first axis of 1 and at least one more axis")
    for name in program.outputs:
        if name in program.inputs or program.is_constant(name):
            said = f"output {name!a} is an input or a constant, and no layer computes it"
            yield Diagnostic(FORM_NOT_CONVERTIBLE, said, "leave this output out of the network")


def prepared(program: Program) -> Program:
    """Write what the converter misreads in other words, exactly, in a copy."""
    twin = program.clone()
    _lead(twin)
    _pad_by_convolution(twin)
    _slice_behind_batch(twin)
    return twin


def _lead(twin: Program) -> None:
    """Send images that the first layer does not show the batch of through one that multiplies by 1."""
    for name in twin.inputs:
        shape, readers = twin.shape(name), twin.readers(name)
        if shape is None or len(shape) != 4 or all(op.op_type in _SHOWS_BATCH for op in readers):
            continue
        ones = twin.add_constant("ones", np.ones((shape[1], 1, 1, 1), np.float32))
        same = twin.fresh("same")
        twin.set_type(same, twin.type(name))
        for op in readers:
            for slot in (slot for slot, tensor in enumerate(op.inputs) if tensor == name):
                twin.set_input(op, slot, same)
        twin.add("Conv", [name, ones], [same], {"group": shape[1]}, name=twin.fresh_node("same"))


def _pad_by_convolution(twin: Program) -> None:
    """Turn zeros around images, and empty channels, into a convolution by 1: the converter leaves many a Pad over."""
    for op in twin.each():
        shape, pads = twin.shape(op.x), _zero_pads(twin, op) if op.op_type == "Pad" else None
        if pads is None or shape is None or len(shape) != 4 or pads[0] or pads[4]:
            continue
        channels, (first, last) = shape[1], (pads[1], pads[5])
        by_itself = first == last == 0
        ones = np.ones((channels, 1)) if by_itself else np.pad(np.eye(channels), ((first, last), (0, 0)))
        weight = twin.add_constant("ones", ones.astype(np.float32)[:, :, None, None])
        twin.retype(op, "Conv", [op.x, weight])
        twin.set_attribute(op, "group", channels if by_itself else 1)
        twin.set_attribute(op, "pads", [*pads[2:4], *pads[6:8]])


def _slice_behind_batch(twin: Program) -> None:
    """Leave the batch out of what a Slice names, where it takes all of it: ncnn crashes on it."""
    for op in twin.each():
        parts = twin.consts(*op.inputs[1:]) if op.op_type == "Slice" and "" not in op.inputs else None
        if parts is None:
            continue
        starts, ends, *rest = parts
        axes = rest[0] if rest else np.arange(starts.size)
        is_batch = (axes == 0) & (starts == 0) & (ends >= 1)
        if is_batch.any() and not is_batch.all():
            for slot, part in enumerate((starts, ends, axes, *rest[1:]), 1):
                twin.give_const(op, slot, part[~is_batch].astype(np.int64))


def _zero_pads(program: ProgramView, op: Op) -> list[int] | None:
    """Read the pads of a Pad that adds zeros on all axes' ends, or None."""
    value = program.const(op.input(2)) if op.has(2) else None
    if op.text("mode", "constant") != "constant" or op.has(3) or (op.has(2) and (value is None or value.any())):
        return None
    pads = program.const(op.input(1)) if op.has(1) else None
    found = [] if pads is None else [int(pad) for pad in pads.ravel()]
    return found if len(found) == 8 and min(found) >= 0 else None


def _with_plain_names(data: bytes) -> bytes:
    """Call all tensors and layers by numbers: no name of a user's gets into the converter or its files."""
    model = onnx.load_from_string(data)
    names: dict[str, str] = {"": ""}
    for index, node in enumerate(model.graph.node):
        node.name = f"n{index}"
        for tensors in (node.input, node.output):
            tensors[:] = [names.setdefault(tensor, f"t{len(names)}") for tensor in tensors]
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        value.name = names.setdefault(value.name, f"t{len(names)}")
    del model.graph.value_info[:], model.metadata_props[:]
    model.graph.name = "net"
    return model.SerializeToString(deterministic=True)


def _run(line: list[str], folder: Path) -> str:
    """Run the converter and return what it said; it also ends with 0 when it failed."""
    try:
        done = subprocess.run(line, cwd=folder, capture_output=True, timeout=_MOST_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise _refused(f"pnnx was still busy after {_MOST_SECONDS} s") from error
    except OSError as error:
        raise _refused(f"pnnx cannot be started: {error.strerror}") from error
    said = (done.stdout + done.stderr).decode(errors="replace")
    if done.returncode < 0:
        raise _refused(f"pnnx crashed (signal {-done.returncode}): {_last_line(said)}")
    return said


def _last_line(said: str) -> str:
    """Pick what was said last, in characters that show."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return re.sub(r"[^ -~]", "?", lines[-1])[:200] if lines else "it said nothing"


def _refused(message: str) -> CompressError:
    return CompressError(Diagnostic(CONVERSION_REFUSED, message, "see `compress targets` for other runtimes"))
