"""Backbones of timm: which names ask for them, and how their exports come to a swap."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec

from compiler.codes.passes import BACKBONE_UNSEEN, LIBRARY_MISSING
from compiler.contracts import Context
from compiler.diagnostic import CompressError, Diagnostic, nearest
from compiler.ir import Array, Program, ProgramView
from passes.backbones.catalogue import NAMES
from passes.backbones.swapping import image

_MARK = "timm:"


def is_foreign(name: str) -> bool:
    """Tell whether a name is one of timm's."""
    return name.startswith(_MARK)


def exported(
    program: ProgramView, names: Iterable[str], context: Context, state: Mapping[str, Array] | None = None
) -> dict[str, Program]:
    """Get timm's backbones among these, by name, for the network's image; lint misses those never built here."""
    found: dict[str, Program] = {}
    place = image(program)
    shape = program.shape(place or "")
    for name in filter(is_foreign, names):
        assert shape is not None
        made = None
        if context.backbones is not None:
            with _own_ones_named(name):
                made = context.backbones(name.removeprefix(_MARK), shape, program.opset, state)
        if made is not None:
            found[name] = made
    return found


@contextmanager
def _own_ones_named(name: str) -> Generator[None]:
    """Where timm is missing, name the compiler's own backbones too, which need nothing."""
    try:
        yield
    except CompressError as error:
        advice = f"or choose a backbone that needs nothing installed: {_own_ones(name)}"
        raise CompressError(
            *(
                replace(item, help=f"{item.help}, {advice}") if item.code == LIBRARY_MISSING else item
                for item in error.diagnostics
            )
        ) from error


def _own_ones(name: str) -> str:
    """List the own backbones whose names are nearest."""
    return ", ".join(nearest(name.removeprefix(_MARK), NAMES) or NAMES[:3])


def unseen(names: Sequence[str]) -> Diagnostic:
    """Say that lint does not know a backbone's layers."""
    said = f"lint does not know the layers of {', '.join(names)}: it loads neither timm nor torch"
    if find_spec("timm") is not None:
        return Diagnostic(BACKBONE_UNSEEN, said, "build the recipe once, and lint knows them from then on")
    advice = f'run `pip install "compress[timm]"` where you build, or choose {_own_ones(names[0])}'
    return Diagnostic(BACKBONE_UNSEEN, f"{said}, and timm is not installed here", advice)
