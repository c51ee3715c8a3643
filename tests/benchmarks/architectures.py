"""Prune the architectures of torchvision and timm and compare each with its masked self.

    export PYTHONPATH=$PWD:/tmp/peers        (tests/benchmarks/peers.py says how to fill /tmp/peers)
    python -m tests.benchmarks.architectures /tmp/exports                      all of architectures.txt
    python -m tests.benchmarks.architectures /tmp/exports 'shufflenet*' dpn68  those that match

The folder keeps the exported files, so that a second run needs neither peers nor torch. Each network is loaded by the
compiler's own loader, once with BatchNormalization kept and once folded by the exporter, and pruned at two levels.
`right` means that the pruned network equals the masked one to 2e-5 of its output's range; `noisy` that it is further
off, but no further than twice what ONNX Runtime's own optimisations move the masked one by; `refused` that nothing
could be pruned; `failed` that it was not even exported or loaded, or broke.
"""

import argparse
import fnmatch
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

LIST = Path(__file__).with_suffix(".txt")
LEVELS = (0.5, 0.3)
TOLERANCE = 2e-5
PATIENCE_SECONDS = 900


def main() -> None:
    """Run each network in a process of its own, and print a line for each and the totals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("patterns", nargs="*", default=["*"])
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one is not None:
        name, side = given.one.split()
        print(json.dumps(_check(name, int(side), given.folder)))
        return
    totals: Counter[str] = Counter()
    for name, side in _listed(given.patterns):
        for row in _in_a_process(name, side, given.folder):
            totals[row["verdict"]] += 1
            print(_line(row), flush=True)
    print(", ".join(f"{verdict} {count}" for verdict, count in sorted(totals.items())))


def _listed(patterns: list[str]) -> list[tuple[str, int]]:
    rows = [line.split() for line in LIST.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    networks = [(row[0], int(row[1]) if len(row) > 1 else 64) for row in rows]
    return [item for item in networks if any(fnmatch.fnmatch(item[0], pattern) for pattern in patterns)]


def _in_a_process(name: str, side: int, folder: Path) -> list[dict[str, str]]:
    command = [sys.executable, "-m", "tests.benchmarks.architectures", str(folder), "--one", f"{name} {side}"]
    failed = {"network": name, "kind": "", "verdict": "failed"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return [failed | {"note": f"it took more than {PATIENCE_SECONDS} seconds"}]
    if done.returncode != 0:
        return [failed | {"note": (done.stderr.strip().splitlines() or ["no word"])[-1]}]
    return json.loads(done.stdout.strip().splitlines()[-1])


def _check(name: str, side: int, folder: Path) -> list[dict[str, str]]:
    """Export unless the folder has it, and judge both files."""
    place = folder / f"{name.replace('/', '_')}_{side}"
    if not (place / "folded.onnx").exists():
        from tests.benchmarks.peers import write_network

        write_network(name, side, place)
    return [{"network": name, "kind": kind, **_judge(place / f"{kind}.onnx")} for kind in ("kept", "folded")]


def _judge(path: Path) -> dict[str, str]:
    """Load, prune at both levels, compare with masked."""
    from compiler.analysis.cost import count_parameters
    from compiler.diagnostic import CompressError
    from compiler.frontends.onnx_file import load_onnx
    from compiler.ir import model_bytes, verify
    from compiler.reference import Session
    from passes.decisions.kept import Kept
    from tests.support.masking import masked
    from tests.support.running import distance, feeds_for, outputs_of
    from tests.support.steps import apply

    try:
        program = load_onnx(path, {}).program
    except CompressError as error:
        return {"verdict": "failed", "note": str(error)}
    before, worst, noise, sizes, left = count_parameters(program)[0], 0.0, 0.0, [], Counter[str]()
    for level in LEVELS:
        pruned = apply("level-prune", program, {"level": level, "channel_multiple": 1})
        assert isinstance(pruned.decision, Kept)
        if problems := verify(pruned.program):
            return {"verdict": "wrong", "note": problems[0]}
        sizes.append(count_parameters(pruned.program)[0])
        hidden = masked(program, pruned.decision.kept)
        expected = outputs_of(hidden)
        worst = max(worst, distance(expected, outputs_of(pruned.program)))
        if worst > TOLERANCE:
            optimised = Session(model_bytes(hidden)).run(feeds_for(hidden))
            noise = max(noise, distance(expected, optimised))
        left = Counter(skip.why for skip in pruned.log.skipped)
    verdict = "refused" if sizes[0] == before else "right"
    if worst > TOLERANCE:
        verdict = "noisy" if worst < 2 * noise else "wrong"
    note = "; ".join(f"{count}x {why}" for why, count in left.most_common(3))
    figures = {"error": f"{worst:.1e}", "before": f"{before:,}", "after": f"{sizes[0] / before:.0%}"}
    return {"verdict": verdict, "note": note, **figures}


def _line(row: dict[str, str]) -> str:
    parts = [f"{row['network']:36}{row['kind']:8}{row['verdict']:9}"]
    parts += [f"{row.get(key, ''):>{width}}" for key, width in (("error", 9), ("before", 13), ("after", 6))]
    return "".join(parts) + f"  {row.get('note', '')}"


if __name__ == "__main__":
    main()
