"""report.json holds what the contract says, and nothing that a reader would trip over."""

import json
import math
from pathlib import Path

import pytest
from pydantic import ValidationError

from compiler.diagnostic import Code, Diagnostic, Severity, Span
from compiler.report import BuildReport, Costs, Fidelity, Measured, Where, from_json, to_finding, to_json

_CODE = Code("T014", "odd-channels", Severity.WARNING)


def test_a_full_report_reads_back_as_it_was(full_report: BuildReport) -> None:
    assert from_json(to_json(full_report)) == full_report


def test_a_bare_report_reads_back_as_it_was(bare_report: BuildReport) -> None:
    assert from_json(to_json(bare_report)) == bare_report


def test_the_top_level_holds_the_keys_of_the_contract_in_its_order(full_report: BuildReport) -> None:
    assert list(json.loads(to_json(full_report))) == [
        "schema_version",
        "product",
        "target",
        "tool",
        "digests",
        "source",
        "passes",
        "result",
        "findings",
        "artifact",
        "timing",
    ]


def test_a_pass_holds_the_keys_of_the_contract_and_its_seconds_stand_in_timing(full_report: BuildReport) -> None:
    report = json.loads(to_json(full_report))
    prune = report["passes"][1]
    wanted = {
        "name",
        "options",
        "decision",
        "changed",
        "skipped",
        "findings",
        "before",
        "after",
        "fidelity",
        "accuracy",
    }
    assert wanted <= set(prune)
    assert "seconds" not in prune
    assert report["timing"]["passes"][1]["seconds"] == 305.2


def test_accuracy_is_left_out_where_nothing_was_evaluated(full_report: BuildReport, bare_report: BuildReport) -> None:
    assert "accuracy" not in json.loads(to_json(bare_report))["source"]
    assert "accuracy" not in json.loads(to_json(full_report))["passes"][0]


def test_library_and_file_order_does_not_change_the_bytes(full_report: BuildReport) -> None:
    data = full_report.model_dump(mode="json")
    data["tool"]["libraries"] = dict(reversed(data["tool"]["libraries"].items()))
    data["artifact"]["files"] = dict(reversed(data["artifact"]["files"].items()))
    assert to_json(BuildReport.model_validate(data)) == to_json(full_report)


def test_measured_numbers_that_differ_past_the_sixth_digit_give_equal_reports() -> None:
    assert Fidelity(sqnr_db=31.41592653, max_abs_error=0.1) == Fidelity(sqnr_db=31.41592654, max_abs_error=0.1)


def test_counts_keep_every_digit(full_report: BuildReport) -> None:
    budget = json.loads(to_json(full_report))["result"]["budget"]
    assert budget[1]["value"] == 592_114


def test_numbers_that_are_not_finite_become_null(full_report: BuildReport) -> None:
    costs = Costs(parameters=1, macs=1, executed_macs=1, bytes=1, predicted_ms=math.inf)
    step = full_report.passes[1].model_dump()
    step |= {"decision": {"scale": {"conv": math.nan}}, "fidelity": {"sqnr_db": -math.inf, "max_abs_error": math.nan}}
    source = Measured(**costs.model_dump(), accuracy={"ap50": math.nan})
    report = BuildReport.model_validate(full_report.model_dump() | {"passes": [step], "source": source})
    text = to_json(report)
    assert "NaN" not in text
    assert "Infinity" not in text
    assert from_json(text) == report


def test_decisions_keep_every_digit_so_that_they_replay(full_report: BuildReport) -> None:
    step = full_report.passes[1].model_dump() | {"decision": {"scale": 0.00392156862745098}}
    report = BuildReport.model_validate(full_report.model_dump() | {"passes": [step]})
    assert json.loads(to_json(report))["passes"][0]["decision"] == {"scale": 0.00392156862745098}


@pytest.mark.parametrize("path", ["/home/recipe.yaml", "C:\\recipes\\a.yaml"])
def test_an_absolute_path_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match="absolute"):
        Where(file=path)


def test_a_finding_names_its_file_from_the_recipes_folder(tmp_path: Path) -> None:
    span = Span(str(tmp_path / "base" / "detector.yaml"), 3, 7)
    found = to_finding(Diagnostic(_CODE, "odd", "even it out", span, "conv1 (Conv)"), tmp_path / "products")
    assert found.where == Where(file="../base/detector.yaml", line=3, column=7, layer="conv1 (Conv)")
    assert (found.code, found.severity, found.help) == ("T014", Severity.WARNING, "even it out")


def test_a_finding_without_a_place_has_none(tmp_path: Path) -> None:
    assert to_finding(Diagnostic(_CODE, "odd"), tmp_path).where == Where()
