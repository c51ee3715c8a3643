"""ONNX's own operator cases compute the same through torch, or are refused for a listed reason."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnx.shape_inference
import pytest
import torch

from compiler.diagnostic import CompressError
from compiler.ir import Array, from_model, refresh_types
from compiler.lowering import lower, lowered
from compiler.lowering.codes import NOT_CONSTANT
from compiler.lowering.dtypes import to_tensor
from tests.support.every_case import Case, every_case, with_constants

LIST = Path(__file__).with_name("lowering_refusals.txt")
SHARDS = 6
UNREADABLE = "the program cannot hold it: shape inference or the reader refuses the model"
_NAME = re.compile(r"its input \d+ is")


@pytest.mark.parametrize("number", range(SHARDS))
def test_an_operator_computes_what_onnx_expects_or_is_refused_as_listed(number: int) -> None:
    cases = every_case()[number::SHARDS]
    listed, names = _listed(), {case.name for case in cases}
    found = {case.name: reason for case in cases if (reason := _outcome(case)) is not None}
    assert found == {name: reason for name, reason in listed.items() if name in names}


def test_the_list_of_refusals_counts_right(update_golden: bool) -> None:  # noqa: FBT001 - a fixture
    if update_golden:
        found = {case.name: reason for case in every_case() if (reason := _outcome(case)) is not None}
        LIST.write_text(_text(found), "utf-8")
    listed = _listed()
    assert LIST.read_text("utf-8") == _text(listed)
    assert set(listed) <= {case.name for case in every_case()}


def _listed() -> dict[str, str]:
    """Read the list: a reason with its number of cases, then their names, indented."""
    found, reason = dict[str, str](), ""
    for line in LIST.read_text("utf-8").splitlines():
        if line.startswith("    "):
            found[line.strip()] = reason
        else:
            reason = line.rpartition(": ")[0]
    return found


def _text(listed: dict[str, str]) -> str:
    """Write the list."""
    total = len(every_case())
    lines = [f"{total} cases, {total - len(listed)} pass, refused: {len(listed)}"]
    for reason in sorted(set(listed.values())):
        names = sorted(name for name, why in listed.items() if why == reason)
        lines += [f"{reason}: {len(names)}", *(f"    {name}" for name in names)]
    return "\n".join(lines) + "\n"


def _outcome(case: Case) -> str | None:
    """Tell why a case is refused, or None when it passes.

    What steers an operator has to be constant, so inputs are made constants as far as needed; a case that passes as
    it is must also pass with all inputs but the first made constants, weights then being parameters.
    """
    names, reason = list(case.feeds), ""
    for constants in ([], names[1:], names):
        made = _attempt(case, constants)
        if made is None:
            return None if constants else _attempt(case, names[1:])
        reason = made
        if NOT_CONSTANT.id not in made:
            break
    return reason.removeprefix(f"{NOT_CONSTANT.id} ")


def _attempt(case: Case, constants: list[str]) -> str | None:
    """Lower and run; return the reason of a refusal."""
    try:
        program = from_model(with_constants(case, constants))
        refresh_types(program)
    except (KeyError, TypeError, onnx.shape_inference.InferenceError):
        return UNREADABLE
    if "" not in program.opsets:
        return UNREADABLE
    try:
        module = lower(program).eval()
    except CompressError as refusal:
        first = refusal.diagnostics[0]
        said = _NAME.sub("an input is", first.message)
        return f"{NOT_CONSTANT.id} {said}" if first.code == NOT_CONSTANT else said
    fed = {name: value for name, value in case.feeds.items() if value is not None}
    with torch.no_grad():
        made = module(*(to_tensor(fed[name]) for name in lowered(module).inputs))
    faults = list(_faults(case, made))
    assert faults == [], f"{case.name} with {constants} constant"
    return None


def _faults(case: Case, made: dict[str, torch.Tensor]) -> Iterator[str]:
    """Compare what came out at the case's own tolerance; 16-bit floats may differ by two roundings."""
    for name, expected in case.expected.items():
        assert expected is not None
        value = made[name]
        if str(value.dtype).removeprefix("torch.") != expected.dtype.name:
            yield f"{name} is {value.dtype} instead of {expected.dtype}"
        elif tuple(value.shape) != expected.shape:
            yield f"{name} has shape {tuple(value.shape)} instead of {expected.shape}"
        elif not _is_close(case, value, expected):
            yield f"{name} is {value} instead of {expected}"


def _is_close(case: Case, value: torch.Tensor, expected: Array) -> bool:
    if not value.is_floating_point():
        return bool(torch.equal(value, to_tensor(expected)))
    relative = max(case.relative, 2 * torch.finfo(value.dtype).eps if value.dtype.itemsize == 2 else 0.0)
    wide = expected.astype(np.float64)
    return bool(np.allclose(value.double().numpy(), wide, relative, case.absolute, equal_nan=True))
