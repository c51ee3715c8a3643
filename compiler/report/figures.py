"""Numbers that may stand in a report: finite, and with as many digits as two builds agree on."""

import math
from collections.abc import Mapping, Sequence
from typing import SupportsFloat, cast

_DIGITS = 6


def figure(value: SupportsFloat | None) -> float | None:
    """Return a measured number with six significant digits, or None for what JSON cannot hold: NaN and infinities.

    The digits after the sixth depend on the order of a sum, so on the machine's threads. A whole number is a count
    and keeps every digit.
    """
    if value is None:
        return None
    number = float(value)
    if not math.isfinite(number):
        return None
    return number if number.is_integer() else float(f"{number:.{_DIGITS}g}")


def finite_within(value: object) -> object:
    """Return JSON-like data with None in the place of every number that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite_within(item) for key, item in cast(Mapping[object, object], value).items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [finite_within(item) for item in cast(Sequence[object], value)]
    return value
