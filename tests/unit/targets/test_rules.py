"""Every rule against its golden file: programs in ONNX text, and what the rule finds in them for a target."""

import re

import pytest
from shipped_targets import ROOT, RULES, load, rule

from compiler.diagnostic import Diagnostic
from compiler.ir.text import parse_program

GOLDEN = ROOT / "tests" / "golden" / "rules"


def render(found: Diagnostic) -> str:
    layer = f" {found.layer}" if found.layer else ""
    advice = f"\n  help: {found.help}" if found.help else ""
    return f"{found.severity}[{found.code.id}]{layer}: {found.message}{advice}"


def replay(slug: str, golden: str) -> str:
    """Run the programs of a golden file and write the file that this gives."""
    head, *sections = re.split(r"^# target: ", golden, flags=re.MULTILINE)
    written = [head]
    for section in sections:
        name, rest = section.split("\n", 1)
        text = rest.split("# finds\n")[0]
        found = [render(item) for item in rule(slug).check(parse_program(text), load(name))]
        written.append(f"{name}\n{text}# finds\n" + "".join(f"{line}\n" for line in found))
    return "# target: ".join(written)


@pytest.mark.parametrize("slug", RULES)
def test_rule_finds_what_its_golden_file_says(slug: str) -> None:
    golden = (GOLDEN / f"{slug}.txt").read_text()
    assert replay(slug, golden) == golden


@pytest.mark.parametrize("slug", RULES)
def test_golden_file_has_a_layer_or_program_that_passes(slug: str) -> None:
    golden = (GOLDEN / f"{slug}.txt").read_text()
    layers = re.findall(r"^ +\[(\w+)\]", golden, flags=re.MULTILINE)
    errors = re.findall(r"^(?:error|warning|note)\[T\d{3}\]", golden, flags=re.MULTILINE)
    empty = re.findall(r"# finds\n(?:# target|\Z)", golden)
    assert errors
    assert len(layers) > len(errors) or empty or slug == "padded_detections"


def test_codes_are_unique_and_slugs_match_files() -> None:
    codes = {slug: rule(slug).code for slug in RULES}
    assert len({code.id for code in codes.values()}) == len(codes)
    assert all(code.slug == slug.replace("_", "-") for slug, code in codes.items())
    assert all(re.fullmatch(r"T0\d\d", code.id) for code in codes.values())


def test_messages_keep_to_the_house_style() -> None:
    lines = [line for path in GOLDEN.glob("*.txt") for line in path.read_text().splitlines()]
    messages = [line.split(": ", 1)[1] for line in lines if re.match(r"(error|warning|note)\[", line)]
    advice = [line.split(": ", 1)[1] for line in lines if line.startswith("  help: ")]
    assert messages
    assert not [text for text in (*messages, *advice) if text.endswith(".") or re.match(r"[A-Z][a-z]+ ", text)]
