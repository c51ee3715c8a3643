"""Plugins by name, with packages made for the test and installed by their metadata alone."""

import subprocess
import sys
from pathlib import Path

import pytest

from compiler import registry
from compiler.diagnostic import CompressError, Diagnostic, Severity

BLUR = '''
from compiler.contracts import Effect, Log, Pass


class AcmeBlur(Pass):
    """Blur."""

    effect = Effect.LOSSY

    def rewrite(self, program, decision, log: Log) -> None:
        """Do nothing."""
'''
RULE = '''
from compiler.contracts import Rule
from compiler.diagnostic import Code, Severity


class AcmeTooRound(Rule):
    """A layer is too round."""

    code = Code("T990", "acme-too-round", Severity.WARNING)

    def check(self, program, target):
        """Find none."""
        yield from ()
'''
EMITTER = '''
from compiler.contracts import Emitter


class AcmeEmitter(Emitter):
    """Writes nothing."""

    runtimes = ("acme-1.0",)

    def emit(self, emission, folder) -> None:
        """Write nothing."""
'''


def install(folder: Path, dist: str, entry_points: str, files: dict[str, str]) -> None:
    info = folder / f"{dist}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.split(".")[0].startswith("acme")]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path


def fault(found: CompressError) -> Diagnostic:
    (finding,) = found.diagnostics
    return finding


def test_pass_of_another_package_is_listed_and_loaded(site: Path) -> None:
    files = {"acme_p/__init__.py": "", "acme_p/acme_blur.py": BLUR, "acme_p/_hidden.py": "", "acme_p/sub/x.py": ""}
    install(site, "acme", "[compress.passes]\nacme = acme_p\n", files)
    names = registry.pass_names()
    assert "acme-blur" in names
    assert not {"-hidden", "hidden", "x", "sub"} & set(names)
    assert list(names) == sorted(names)
    assert registry.load_pass("acme-blur").slug() == "acme-blur"


def test_listing_imports_no_plugin_and_nothing_heavy(site: Path) -> None:
    install(
        site, "acme", "[compress.passes]\nacme = acme_q.deep\n", {"acme_q/__init__.py": "1 / 0", "acme_q/deep/p.py": ""}
    )
    script = (
        "import sys; from compiler import registry; names = registry.pass_names(), registry.target_names();"
        "assert 'p' in names[0] and 'tx2' in names[1], names;"
        "heavy = {'passes', 'targets', 'acme_q', 'numpy', 'onnx', 'torch', 'pydantic', 'yaml'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    environment = {"PYTHONPATH": str(site)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_name_owned_twice_names_both_owners(site: Path) -> None:
    install(site, "acme", "[compress.passes]\na = acme_p\n", {"acme_p/acme_blur.py": BLUR})
    install(site, "acme_two", "[compress.passes]\nb = acme_r\n", {"acme_r/acme_blur.py": BLUR})
    with pytest.raises(CompressError) as caught:
        registry.pass_names()
    assert fault(caught.value).code.id == "R020"
    assert fault(caught.value).message == ("the pass `acme-blur` is offered by acme (acme_p) and by acme_two (acme_r)")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import nowhere_at_all", "fails to import: ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("raise SystemExit(3)", "fails to import: SystemExit: 3"),
        ("def (", "fails to import: SyntaxError: "),
        ("Other = 1", "has no class AcmeBlur"),
        ("class AcmeBlur: pass", "holds AcmeBlur, which is not a subclass of Pass"),
        (
            "from compiler.contracts import Pass\nclass AcmeBlur(Pass): pass",
            "holds AcmeBlur, which does not define rewrite",
        ),
    ],
)
def test_broken_plugin_is_named_with_its_owner(site: Path, text: str, reason: str) -> None:
    install(site, "acme", "[compress.passes]\na = acme_p\n", {"acme_p/acme_blur.py": text})
    with pytest.raises(CompressError) as caught:
        registry.load_pass("acme-blur")
    assert fault(caught.value).code.id == "R021"
    assert fault(caught.value).message.startswith(f"plugin `acme-blur` of acme (acme_p): acme_p.acme_blur {reason}")


def test_package_that_is_gone_is_named(site: Path) -> None:
    install(site, "acme", "[compress.passes]\na = acme_gone.passes\n", {})
    with pytest.raises(CompressError) as caught:
        registry.pass_names()
    assert "acme (acme_gone.passes)" in fault(caught.value).message


def test_unknown_names_come_with_the_nearest() -> None:
    with pytest.raises(CompressError) as caught:
        registry.load_pass("level-prun")
    assert fault(caught.value).code.id == "R006"
    assert "level-prune" in str(fault(caught.value).help)
    with pytest.raises(CompressError) as caught:
        registry.load_named_target("tx3")
    assert (fault(caught.value).code.id, fault(caught.value).help) == ("R007", "did you mean tx2?")


def test_repeat_is_no_pass() -> None:
    with pytest.raises(CompressError) as caught:
        registry.load_pass("repeat")
    assert fault(caught.value).code.id == "R006"


def test_target_is_its_profile_and_its_runtimes_table() -> None:
    profile, operators = registry.target_files("tx2")
    assert (profile.name, operators.name) == ("tx2.yaml", "tensorrt-8.2.yaml")
    assert registry.load_named_target("tx2").name == "tx2"


def test_target_without_an_operator_table_is_told_in_its_profile(site: Path) -> None:
    files = {"acme_t/profiles/acme.yaml": "name: acme\nruntime: acme-9\n"}
    install(site, "acme", "[compress.targets]\na = acme_t\n", files)
    with pytest.raises(CompressError) as caught:
        registry.target_files("acme")
    assert fault(caught.value).code.id == "R022"
    assert str(fault(caught.value).span).endswith("acme.yaml:2:10")


def test_target_package_brings_rules_emitters_and_codes(site: Path) -> None:
    files = {
        "acme_t/rules/acme_too_round.py": RULE,
        "acme_t/emitters/acme/emitter.py": EMITTER,
        "acme_t/__init__.py": "",
    }
    install(site, "acme", "[compress.targets]\na = acme_t\n", files)
    assert "T990" in [rule.code.id for rule in registry.rules()]
    assert type(registry.emitter_for("acme-1.0")).__name__ == "AcmeEmitter"
    assert registry.emitter_for("acme-2.0") is None
    assert registry.emitter_for("nothing") is None
    assert registry.codes()["T990"].manual == "A layer is too round."


@pytest.mark.parametrize("runtime", ["tensorrt-8.2", "onnxruntime", "acl-19.05"])
def test_builtin_runtime_has_an_emitter(runtime: str) -> None:
    assert registry.emitter_for(runtime) is not None


def test_code_defined_twice_is_an_error(site: Path) -> None:
    text = "from compiler.diagnostic import Code, Severity\nX = Code('R001', 'acme', Severity.NOTE)\n"
    install(site, "acme", "[compress.targets]\na = acme_t\n", {"acme_t/_codes.py": text})
    with pytest.raises(CompressError) as caught:
        registry.codes()
    assert "R001 acme and R001 yaml-syntax share an identifier or a slug" in {
        finding.message for finding in caught.value.diagnostics
    }


def test_every_code_has_a_manual_and_the_form_of_a_code() -> None:
    for code in registry.codes().values():
        assert code.id[0] in "RMPLTE", code
        assert len(code.id) == 4, code
        assert code.id[1:].isdecimal(), code
        assert len(code.manual) > 40, code
        assert code.slug == code.slug.lower(), code


def test_code_is_found_by_identifier_and_by_slug() -> None:
    assert registry.find_code("R004") == registry.find_code("duplicate-key") == registry.find_code("r004")
    assert registry.find_code("R004").severity is Severity.ERROR
    with pytest.raises(CompressError) as caught:
        registry.find_code("duplicate-kee")
    assert fault(caught.value).help == "did you mean duplicate-key?"
