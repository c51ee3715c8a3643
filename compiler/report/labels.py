"""How a report writes numbers, shapes and names, wherever a person reads them."""

import math
import re
from collections.abc import Sequence

ABSENT = "–"
SAME = "same"
SIZE_NOTE = "1 MB is 1,000,000 bytes"

_MINUS = "−"
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def count(value: int) -> str:
    """Write a whole number: 6,006,646."""
    return f"{value:,}"


def macs(value: int) -> str:
    """Write multiply-accumulates: 6.51 GMAC."""
    return _scaled(value, 1000, ("MAC", "kMAC", "MMAC", "GMAC", "TMAC"))


def size(value: int) -> str:
    """Write a size: 24.0 MB, in powers of ten, as recipes count their budget."""
    return _scaled(value, 1000, ("bytes", "kB", "MB", "GB", "TB"))


def milliseconds(value: float | None) -> str:
    """Write a latency: 49.5 ms."""
    return ABSENT if value is None else f"{_three_digits(value)} ms"


def duration(seconds: float) -> str:
    """Write how long something took: 0.42 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def metric(value: float | None) -> str:
    """Write an accuracy: 0.8513."""
    return ABSENT if value is None else f"{value:.4f}".replace("-", _MINUS)


def difference(before: float | None, after: float | None) -> str:
    """Write what was gained or lost: +0.0042."""
    if before is None or after is None:
        return ABSENT
    text = f"{after - before:+.4f}"
    return "0" if float(text) == 0 else text.replace("-", _MINUS)


def percent(before: float | None, after: float | None) -> str:
    """Write a change as a share of what was there: −72.4 %."""
    if before is None or after is None or before <= 0:
        return ABSENT
    if before == after:
        return SAME
    change = 100 * (after / before - 1)
    return "under 0.1 %" if abs(change) < 0.05 else f"{change:+.1f} %".replace("-", _MINUS)


def factor(before: float | None, after: float | None, less: str, more: str) -> str:
    """Write a change as a factor: "3.62 × smaller", in the caller's words for less and more."""
    if before is None or after is None or before <= 0 or after <= 0:
        return ABSENT
    if before == after:
        return SAME
    ratio, word = (before / after, less) if after < before else (after / before, more)
    if is_negligible(before, after):
        return "about the same"
    return f"{_three_digits(ratio)} × {word}"


def is_negligible(before: float, after: float) -> bool:
    """Tell whether two figures differ by less than half a percent, which no reader should take for a gain."""
    return abs(after - before) < 0.005 * before


def fidelity(sqnr_db: float | None, max_abs_error: float | None, agreement: float | None = None) -> str:
    """Write how near the outputs are to the source's, and how many results are the same."""
    if max_abs_error is None:
        return "outputs are not finite"
    if max_abs_error == 0:
        return "identical"
    noise = "" if sqnr_db is None else f"{sqnr_db:.1f} dB, "
    same = "" if agreement is None else f", {agreement:.1%} of results agree"
    return f"{noise}off by {max_abs_error:.2g} at most{same}".replace("-", _MINUS)


def shape(dims: Sequence[int] | None) -> str:
    """Write a weight's shape: 64 × 32 × 3 × 3."""
    if dims is None:
        return "none"
    return " × ".join(str(dim) for dim in dims) or "scalar"


def plural(number: int, noun: str) -> str:
    """Write a number with its noun: "1 layer", "2 layers"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def visible(text: str) -> str:
    r"""Write control characters and marks of writing direction as escapes, so that none can act: \n, \u202e."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def _scaled(value: int, step: int, units: Sequence[str]) -> str:
    number = float(value)
    for unit in units[:-1]:
        if abs(number) < step - 0.5:
            return f"{value:,} {unit}" if unit == units[0] else f"{_three_digits(number)} {unit}"
        number /= step
    return f"{_three_digits(number)} {units[-1]}"


def _three_digits(value: float) -> str:
    """Keep three significant digits, and all of those before the point."""
    if value == 0:
        return "0"
    if abs(value) < 1000:
        value = float(f"{value:.3g}")
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(decimals, 4)}f}".replace("-", _MINUS)
