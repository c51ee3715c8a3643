"""Reading targets: what the shipped ones say, and what a wrong file is told."""

import subprocess
import sys
from pathlib import Path

import pytest
from shipped_targets import HERE, ROOT, RULES, RUNTIMES, load, rule

from compiler.diagnostic import CompressError
from compiler.ir.text import parse_program
from compiler.target import load_target

PROFILE = (HERE / "narrow.yaml").read_text()
TABLE = (HERE / "narrow_table.yaml").read_text()


def complaint(tmp_path: Path, profile: str, table: str) -> str:
    """Load two wrong texts and return the first thing said about them."""
    (tmp_path / "profile.yaml").write_text(profile)
    (tmp_path / "table.yaml").write_text(table)
    with pytest.raises(CompressError) as error:
        load_target(tmp_path / "profile.yaml", tmp_path / "table.yaml")
    found = error.value.diagnostics[0]
    assert found.code.id == "T099"
    assert found.span is not None
    line = "" if found.span.line is None else f":{found.span.line}"
    return f"{Path(found.span.file).stem}{line}: {found.message}"


def test_tx2_builds_fp16_on_the_board_and_has_no_int8() -> None:
    tx2 = load("tx2")
    assert tx2.precisions["fp16"].carrier == "builder"
    assert tx2.supports("fp16")
    assert not tx2.supports("int8")
    assert tx2.precisions["int8"].because
    assert tx2.precisions["int8"].help
    assert (tx2.opset, tx2.opsets.oldest, tx2.opsets.newest) == (13, 7, 13)
    assert (tx2.channel_multiple.floor, tx2.channel_multiple.prefer) == (2, 8)


def test_every_shipped_target_can_be_built_for() -> None:
    assert all(load(name).emitter_ready for name in RUNTIMES)


@pytest.mark.parametrize("name", sorted(RUNTIMES))
def test_shipped_target_is_complete(name: str) -> None:
    target = load(name)
    assert target.name == name
    assert set(target.cost.classes) >= {"conv", "depthwise", "grouped", "deconv", "gemm", "other"}
    usable = {precision for precision in target.precisions if target.supports(precision)}
    assert set(target.test_tolerance) == usable
    assert all(usable <= set(cost.ms_per_gmac) for cost in target.cost.classes.values() if cost.ms_per_gmac)
    asked = {slug for row in target.ops.values() for slug in row.rules} | set(target.table.rules)
    assert asked <= {rule(slug).code.slug for slug in RULES}
    assert all(row.help for row in target.ops.values() if not row.supported)


def test_host_has_a_row_for_each_operator_of_onnx() -> None:
    import onnx

    names = {schema.name for schema in onnx.defs.get_all_schemas_with_history() if schema.domain == ""}
    rows = load("host").ops
    assert names <= set(rows)
    assert {name for name, row in rows.items() if not row.supported} == {"ImageDecoder", "SwiGLU"}


def test_rows_share_what_their_key_joins() -> None:
    ops = load("tx2").ops
    assert ops["Sin"] is ops["Cos"]
    assert ops["Sin"].types == ("float32", "float16")


@pytest.mark.parametrize(
    ("profile", "table", "said"),
    [
        (f"{PROFILE}name: again\n", TABLE, "profile:11: the key name stands twice"),
        (f"{PROFILE}colour: red\n", TABLE, "profile: colour: Extra inputs are not permitted"),
        (PROFILE.replace("opset: 13", "opset: many"), TABLE, "profile: opset: Input should be a valid integer"),
        (
            PROFILE.replace("runtime: narrow", "runtime: wide"),
            TABLE,
            "table: the table is for narrow, the profile for wide",
        ),
        ("[1, 2]", TABLE, "profile: the file is not a mapping"),
        ("a: ]", TABLE, "profile:1: did not find expected node content"),
        ("a: \0", TABLE, "profile: no YAML in UTF-8"),
        (PROFILE, f"{TABLE}  Conv, Gemm: {{}}\n", "table: Conv has two rows"),
        (PROFILE, f"{TABLE}  Gemm: yes\n", "table: the row of Gemm is not a mapping"),
        (PROFILE, TABLE.split("operators:")[0], "table: operators must be a mapping"),
        (
            PROFILE,
            f"{TABLE}  Gemm: {{limits: [{{rank: [2], source: hearsay}}]}}\n",
            "table: Value error, sources not",
        ),
        (
            PROFILE,
            f"{TABLE}  Gemm: {{limits: [{{ranks: [2]}}]}}\n",
            "table: operators.Gemm.limits.0: Unable to extract",
        ),
        (
            PROFILE,
            f"{TABLE}  Gemm: {{limits: [{{rank: [2], kind: odd}}]}}\n",
            "table: operators.Gemm.limits.0.rank.kind",
        ),
    ],
)
def test_a_wrong_file_is_told_where(tmp_path: Path, profile: str, table: str, said: str) -> None:
    assert complaint(tmp_path, profile, table).startswith(said)


def test_a_table_says_only_what_differs_from_the_one_it_extends() -> None:
    old, new = load("xavier-nx"), load("orin-nano")
    assert (new.runtime, new.opsets.newest, old.opsets.newest) == ("tensorrt-8.5", 17, 13)
    assert new.ops["Einsum"] == old.ops["Einsum"]
    assert new.ops.keys() == old.ops.keys()
    added = {name for name, row in new.ops.items() if row.supported and not old.ops[name].supported}
    assert added == {
        "GridSample", "HardSwish", "MeanVarianceNormalization", "Mod", "NonZero", "OneHot", "RandomNormal",
        "RandomNormalLike", "RoiAlign", "Shrink", "Trilu", "Xor",
    }  # fmt: skip
    assert new.table.sources.keys() > old.table.sources.keys()
    assert new.precisions["int8"].scheme == old.precisions["int8"].scheme


@pytest.mark.parametrize(
    ("extends", "said", "help_"),
    [
        ("narrov", "there is no operator table `narrov` beside this one", "did you mean narrow?"),
        ("table", "the tables extend each other: table, table", None),
        ("other", "the tables extend each other: table, other, table", None),
        ("[a, b]", "it names one operator table", None),
    ],
)
def test_a_table_that_extends_nothing_or_itself_is_refused(
    tmp_path: Path, extends: str, said: str, help_: str | None
) -> None:
    (tmp_path / "profile.yaml").write_text(PROFILE)
    (tmp_path / "table.yaml").write_text(f"{TABLE}extends: {extends}\n")
    (tmp_path / "narrow.yaml").write_text(TABLE)
    (tmp_path / "other.yaml").write_text(f"extends: table\n{TABLE}")
    with pytest.raises(CompressError) as error:
        load_target(tmp_path / "profile.yaml", tmp_path / "table.yaml")
    found = error.value.diagnostics[0]
    assert (found.code.id, found.message, found.help) == ("T099", f"extends: {said}", help_)


def test_a_profile_that_names_an_unknown_scheme_is_told_which_there_are(tmp_path: Path) -> None:
    text = (ROOT / "targets/profiles/xavier-nx.yaml").read_text().replace("tensorrt-int8", "tensorrt-int4")
    (tmp_path / "profile.yaml").write_text(text)
    with pytest.raises(CompressError, match="no scheme `tensorrt-int4`"):
        load_target(tmp_path / "profile.yaml", ROOT / "targets/operators/tensorrt-8.2.yaml")


def test_a_missing_file_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(CompressError, match="No such file"):
        load_target(tmp_path / "none.yaml", HERE / "narrow_table.yaml")


def test_reading_a_target_imports_neither_onnx_nor_numpy() -> None:
    code = "import sys, compiler.target; sys.exit(bool({'onnx', 'numpy', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_rule_that_no_row_asks_for_stays_quiet() -> None:
    program = parse_program("g (float[1,4] x) => (float[1,4] y) <float[4,4] w> { [bare] y = Gemm (x, w) }")
    assert not list(rule("gemm_without_bias").check(program, load("rk3399")))
    assert list(rule("gemm_without_bias").check(program, load("tx2")))
