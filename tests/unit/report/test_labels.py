"""Numbers read as an engineer writes them."""

import pytest

from compiler.report import labels


def test_the_four_figures_read_as_in_a_data_sheet() -> None:
    assert labels.count(6_006_646) == "6,006,646"
    assert labels.macs(6_510_000_000) == "6.51 GMAC"
    assert labels.size(24_026_584) == "24.0 MB"
    assert labels.milliseconds(49.5) == "49.5 ms"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 MAC"), (999, "999 MAC"), (1000, "1.00 kMAC"), (999_700, "1.00 MMAC"), (27_400_000, "27.4 MMAC")],
)
def test_multiply_accumulates_take_the_unit_that_fits(value: int, text: str) -> None:
    assert labels.macs(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0.00 s"), (0.42, "0.42 s"), (12.34, "12.3 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations_take_the_unit_that_fits(seconds: float, text: str) -> None:
    assert labels.duration(seconds) == text


def test_changes_read_as_shares_and_as_factors() -> None:
    assert labels.percent(100, 27.6) == "−72.4 %"
    assert labels.percent(4, 5) == "+25.0 %"
    assert labels.percent(4, 4) == "same"
    assert labels.factor(36.2, 10, "smaller", "larger") == "3.62 × smaller"
    assert labels.factor(10, 12, "smaller", "larger") == "1.20 × larger"
    assert labels.difference(0.85, 0.8379) == "−0.0121"
    assert labels.difference(0.85, 0.85) == "0"


def test_nothing_to_compare_reads_as_absent() -> None:
    absent = [labels.percent(0, 3), labels.percent(None, 3), labels.factor(3, 0, "a", "b"), labels.difference(None, 1)]
    assert absent == [labels.ABSENT] * 4


def test_fidelity_tells_identical_outputs_from_outputs_that_are_not_numbers() -> None:
    assert labels.fidelity(None, 0) == "identical"
    assert labels.fidelity(None, None) == "outputs are not finite"
    assert labels.fidelity(34.21, 0.0123) == "34.2 dB, off by 0.012 at most"


def test_control_characters_and_writing_direction_show_instead_of_acting() -> None:
    assert labels.visible("a\nb\x00\u202ec é 漢") == "a\\nb\\x00\\u202ec é 漢"
