"""Every pass does what its golden files show, and each file proves itself sound, true to its effect and stable."""

from pathlib import Path

import pytest

from compiler.contracts import Effect
from compiler.ir import digest, parse_program, refresh_types, verify
from compiler.registry import load_pass, pass_names
from tests.support.golden import read_golden
from tests.support.masking import masked
from tests.support.running import ROUNDING, distance, outputs_of
from tests.support.steps import apply

FOLDER = Path(__file__).parents[2] / "golden" / "passes"
FILES = sorted(FOLDER.glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_pass_does_what_its_golden_file_shows(path: Path, update_golden: bool) -> None:  # noqa: FBT001 - a fixture
    golden = read_golden(path)
    found, applied = golden.run()
    if update_golden:
        path.write_text(found, "utf-8")
    else:
        assert found == golden.expected
    before, after = golden.program(), applied.program
    assert verify(before) == [] == verify(after)
    assert applied.is_changed == (digest(before) != digest(after))
    if load_pass(golden.pass_name).effect is not Effect.EXACT or not applied.is_changed:
        return
    assert distance(outputs_of(before), outputs_of(after)) < ROUNDING
    assert not apply(golden.pass_name, after, golden.options, on=golden.on).is_changed


@pytest.mark.parametrize(
    "path", sorted(FOLDER.glob("level_prune*.txt")), ids=lambda path: str(getattr(path, "stem", ""))
)
def test_a_pruned_network_equals_the_masked_one(path: Path) -> None:
    golden = read_golden(path)
    before = golden.program()
    applied = apply("level-prune", before, golden.options, on=golden.on)
    hidden = masked(before, getattr(applied.decision, "kept", {}))
    refresh_types(hidden)
    assert distance(outputs_of(hidden), outputs_of(applied.program)) < ROUNDING


def test_every_pass_has_a_golden_file() -> None:
    shown = {read_golden(path).pass_name for path in FILES}
    assert shown == set(pass_names())


def test_extra_outputs_of_an_old_normalisation_mean_that_it_trains() -> None:
    program = parse_program("""
    g (float[2,2,4,4] x) => (y)
       <float[2,2,1,1] w, float[2] s, float[2] t, float[2] m, float[2] v>
    { [conv] c = Conv (x, w)  [norm] y, mean, var, saved_mean, saved_var = BatchNormalization (c, s, t, m, v) }
    """)
    applied = apply("fold-batchnorm", program)
    assert not applied.is_changed
    assert [skip.why for skip in applied.log.skipped] == ["it normalises by its batch's own statistics"]
