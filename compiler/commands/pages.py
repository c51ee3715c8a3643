"""Manual pages as text: of a code, a pass and a target, wrapped for the terminal."""

import inspect
import json
import shutil
import textwrap
from collections.abc import Iterator

from pydantic.fields import FieldInfo

from compiler.contracts import Effect, Pass
from compiler.diagnostic import Code
from compiler.target import CostModel, Target

_WIDEST = 100
OUTPUTS = {Effect.EXACT: "stay the same", Effect.LOSSY: "change"}
"""What a pass does to the outputs of a network, in words."""


def code_page(code: Code) -> str:
    """Write a code's manual."""
    body = "\n\n".join(_wrapped(part) for part in inspect.cleandoc(code.manual).split("\n\n"))
    return f"{code.id} {code.slug} ({code.severity.value})\n\n{body}\n"


def summary(kind: type[Pass]) -> str:
    """Return the first sentence of a pass's manual."""
    return inspect.cleandoc(kind.__doc__ or "").partition("\n")[0]


def pass_page(kind: type[Pass]) -> str:
    """Write a pass's manual: its docstring, what it does to the outputs, its options."""
    lines = [
        kind.slug(),
        "",
        inspect.cleandoc(kind.__doc__ or ""),
        "",
        f"The network's outputs {OUTPUTS[kind.effect]}.",
    ]
    if kind.model_fields:
        lines += ["", "options"]
        lines += [_wrapped(_option(name, info), 2) for name, info in kind.model_fields.items()]
    return "\n".join(lines) + "\n"


def target_page(target: Target) -> str:
    """Write a target's page: board, precisions, latency model and operators, each figure with its source."""
    return "\n".join((*_board(target), *_precisions(target), *_latency(target), *_operators(target))) + "\n"


def _board(target: Target) -> Iterator[str]:
    yield f"{target.name}: {target.board.name}"
    yield f"runtime {target.runtime}, opset {target.opset}"
    if not target.emitter_ready:
        yield f"cannot be built for yet: {target.emitter_note or 'its emitter is still to come'}"
    yield from ("", "board") if target.board.facts else ()
    for name, fact in target.board.facts.items():
        yield from _stated(f"{name}: {fact.value}", fact.source)


def _precisions(target: Target) -> Iterator[str]:
    yield from ("", "precisions")
    for name, entry in target.precisions.items():
        state = f"{'yes' if entry.supported else 'no'}{f', {entry.because}' if entry.because else ''}"
        yield from _stated(f"{name}: {state}", entry.source)


def _latency(target: Target) -> Iterator[str]:
    yield from ("", "latency model: a layer takes its least time, or longer when its arithmetic or memory does")
    yield from _model(target.cost)
    for name, other in target.cost.others.items():
        yield from ("", f"latency model {name}")
        yield from _model(other)


def _model(model: CostModel) -> Iterator[str]:
    """Write one latency model: what it stands for, how far off it is, and its coefficients."""
    error = model.error
    off = "no measurement stands behind it"
    if error is not None:
        off = f"half of {error.points} held-out times within {error.median:.1%}, nine of ten within {error.p90:.1%}"
    yield _wrapped(f"stands for {model.stands_for}; {off}", 2)
    if error is not None:
        yield _wrapped(f"held out: {error.held_out}", 6)
    for name, kind in model.classes.items():
        rates = ", ".join(f"{precision} {rate:g}" for precision, rate in kind.ms_per_gmac.items())
        speed = ", ".join(f"{precision} {gbps:g}" for precision, gbps in kind.gbps.items())
        start = f"{kind.launch_ms:g} ms to start, and " if kind.launch_ms else ""
        facts = [f"at least {kind.floor_ms:g} ms", rates and f"ms per GMAC: {rates}", speed and f"GB/s: {speed}"]
        yield _wrapped(f"{name}: {start}{'; '.join(filter(None, facts))}", 2)
    yield from _stated(_wrapped(model.caveat, 2) if model.caveat else "", model.source)


def _operators(target: Target) -> Iterator[str]:
    good = sorted(name for name, row in target.ops.items() if row.supported)
    bad = sorted(name for name, row in target.ops.items() if not row.supported)
    for title, names in (("operators", good), ("not supported", bad)):
        if names:
            yield from ("", f"{title} ({len(names)})", _wrapped(" ".join(names), 2))


def _stated(text: str, source: str | None) -> Iterator[str]:
    """Yield a fact, and under it where it comes from."""
    if text:
        yield _wrapped(text, 2)
    if source:
        yield _wrapped(f"source: {source}", 6)


def _option(name: str, info: FieldInfo) -> str:
    """Write an option with its default as a recipe would."""
    if info.is_required():
        return f"{name}: {info.description or ''} (required)"
    value = info.get_default(call_default_factory=True)
    is_none = value is None or value in ((), {})
    written = "none" if is_none else value if isinstance(value, str) else json.dumps(value, default=str)
    return f"{name}: {info.description or ''} (default {written})"


def _wrapped(text: str, indent: int = 0) -> str:
    """Wrap a paragraph to the terminal; its further lines are indented by four more."""
    width = max(min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST), 40)
    first, rest = " " * indent, " " * (indent + 4 if indent else 0)
    wrapper = textwrap.TextWrapper(width, first, rest, break_long_words=False, break_on_hyphens=False)
    return wrapper.fill(text)
