"""The shipped targets and rules, and one made-up target, for the tests of this folder."""

from importlib import import_module
from pathlib import Path

from compiler.contracts import Rule
from compiler.target import Target, load_target

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
RULES = sorted(path.stem for path in (ROOT / "targets" / "rules").glob("[!_]*.py"))
RUNTIMES = {
    "tx2": "tensorrt-8.2", "jetson-nano": "tensorrt-8.2", "xavier-nx": "tensorrt-8.2", "host": "onnxruntime",
    "rk3399": "acl-19.05", "orin-nano": "tensorrt-8.5",
}  # fmt: skip


def load(name: str) -> Target:
    """Read a shipped target, or the made-up one."""
    if name == "narrow":
        return load_target(HERE / "narrow.yaml", HERE / "narrow_table.yaml")
    folder = ROOT / "targets"
    return load_target(folder / "profiles" / f"{name}.yaml", folder / "operators" / f"{RUNTIMES[name]}.yaml")


def rule(slug: str) -> Rule:
    """Make the rule of a file."""
    found = getattr(import_module(f"targets.rules.{slug}"), "".join(part.capitalize() for part in slug.split("_")))
    assert issubclass(found, Rule)
    return found()
