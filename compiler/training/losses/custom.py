"""A loss of the user's own: a function in a file or package, with its faults told at its own lines."""

import contextlib
import hashlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from compiler.diagnostic import CompressError, Diagnostic, Span
from compiler.frontends.factory_spec import factory_source, parse_spec
from compiler.frontends.user_code import blamed_on_user, find_function, importing_beside, shown_path
from compiler.training.batches import Batch
from compiler.training.codes import LOSS_FAILED

Loss = Callable[[Mapping[str, Tensor], Batch], Tensor]


def load_loss(written: str, folder: Path) -> Loss:
    """Find the function that a recipe names; it takes the outputs by name and the batch, and returns one number."""
    spec = parse_spec(written)
    source = factory_source(written, folder)
    with importing_beside(source) if spec.is_file else contextlib.nullcontext():
        function = find_function(spec, source)

    def loss(outputs: Mapping[str, Tensor], batch: Batch) -> Tensor:
        # What the function prints may not come between the lines of a JSON report.
        said = f"the loss {spec.function} failed"
        with contextlib.redirect_stdout(sys.stderr), blamed_on_user(LOSS_FAILED, said, source):
            value = function(outputs, batch)
        fault = _fault(value)
        if fault is None and isinstance(value, Tensor):
            return value.reshape(())
        advice = "return one number computed from the outputs by torch, such as a mean"
        said = f"the loss {spec.function} returns {fault}"
        raise CompressError(Diagnostic(LOSS_FAILED, said, advice, Span(shown_path(source))))

    return loss


def source_digest(written: str, folder: Path) -> str:
    """Hash the function's file and its neighbours, any of which it may import."""
    source = factory_source(written, folder)
    sha = hashlib.sha256()
    for path in sorted({source, *source.parent.glob("*.py")}):
        sha.update(f"{path.name}\0".encode() + path.read_bytes())
    return sha.hexdigest()


def _fault(value: object) -> str | None:
    """Say what a loss returned in place of one number, or None."""
    if not isinstance(value, Tensor):
        return f"a {type(value).__name__}"
    if value.numel() != 1:
        return f"a tensor of shape {list(value.shape)}"
    return None if value.requires_grad else "a number that does not depend on the network's outputs"
