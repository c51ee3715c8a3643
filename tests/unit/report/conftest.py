"""Reports to write: one with next to nothing, and one with everything and names of the test's choice."""

from collections.abc import Callable, Iterator

import pytest

from compiler.contracts import Effect
from compiler.diagnostic import Severity
from compiler.report import (
    Artifact,
    BudgetLine,
    BuildReport,
    Costs,
    Digests,
    Fidelity,
    Finding,
    Lap,
    LayerChange,
    Measured,
    PassReport,
    Result,
    SkippedLayer,
    Timing,
    Tool,
    Where,
)

_BEFORE = Costs(
    parameters=6_006_646, macs=6_510_000_000, executed_macs=6_510_000_000, bytes=24_026_584, predicted_ms=49.5
)
_PRUNED = Costs(parameters=592_114, macs=812_400_000, executed_macs=900_000_000, bytes=2_368_456, predicted_ms=17.31)
_HALVED = _PRUNED.model_copy(update={"bytes": 1_184_228, "predicted_ms": 12.08})


@pytest.fixture
def bare_report() -> BuildReport:
    """Hold only what every report must say."""
    costs = Costs(parameters=0, macs=0, executed_macs=0, bytes=0).model_dump()
    return BuildReport(
        product="p", target="t", tool=Tool(version="0"), source=Measured(**costs), result=Result(**costs)
    )


@pytest.fixture
def full_report() -> BuildReport:
    """Fill every field, as a build of a detector would."""
    return _full("", 24)


@pytest.fixture
def report_with() -> Callable[[str, int], BuildReport]:
    """Make a full report whose every text ends in the given one, with that many layers."""
    return _full


def _full(end: str, layers: int) -> BuildReport:
    names = [f"backbone/stage{index // 6}/conv{index % 6}{end}" for index in range(layers)]
    return BuildReport(
        product=f"barn-camera{end}",
        target=f"tx2{end}",
        tool=Tool(version=f"0.1.0{end}", libraries={"torch": f"2.6.0{end}", f"onnx{end}": "1.18.0"}),
        digests=Digests(recipe="1f" * 32, model="a0" * 32, data=None, artifact="c7" * 32),
        source=Measured(**_BEFORE.model_dump(), accuracy={f"ap50{end}": 0.8513}),
        passes=tuple(_passes(names, end)),
        result=Result(**_HALVED.model_dump(), accuracy={f"ap50{end}": 0.83921234}, budget=tuple(_budget(end))),
        findings=(_finding("T014", Severity.WARNING, names[1], end), _finding("R002", Severity.NOTE, None, end)),
        artifact=Artifact(
            runtime=f"tensorrt-8.2{end}",
            files={"model.onnx": "0c" * 32, f"README.md{end}": "5d" * 32, "expected/input.npz": "77" * 32},
            run=(f"sh build.sh{end}", "sh time.sh --runs 200"),
        ),
        timing=Timing(
            total_seconds=312.4,
            stages=(Lap(name=f"load{end}", seconds=1.91), Lap(name="emit", seconds=0.4)),
            passes=(Lap(name="fold-batchnorm", seconds=0.03), Lap(name="level-prune", seconds=305.2)),
        ),
    )


def _budget(end: str) -> Iterator[BudgetLine]:
    yield BudgetLine(name="latency_ms", limit=25, value=12.08, met=True)
    yield BudgetLine(name="parameters", limit=500_000, value=592_114, met=False)
    yield BudgetLine(name=f"accuracy_drop{end}", limit=0.06)


def _passes(names: list[str], end: str) -> Iterator[PassReport]:
    yield PassReport(
        name=f"fold-batchnorm{end}",
        effect=Effect.EXACT,
        changed=tuple(names),
        skipped=(SkippedLayer(layer=f"late{end}", why=f"its input does not come from a Conv{end}"),),
        before=_BEFORE,
        after=_BEFORE,
        fidelity=Fidelity(sqnr_db=None, max_abs_error=0),
    )
    yield PassReport(
        name=f"level-prune{end}",
        options={"level": 0.7, f"criterion{end}": f"cluster{end}"},
        decision={"kept": {name: list(range(24)) for name in names}, f"seed{end}": 7, "drift": {f"mean{end}": [0.5]}},
        effect=Effect.LOSSY,
        changed=tuple(names),
        skipped=tuple(
            SkippedLayer(layer=f"detect{index}{end}", why=f"its filters reach an output{end}") for index in range(3)
        ),
        findings=(_finding("P031", Severity.WARNING, names[0], end),),
        before=_BEFORE,
        after=_PRUNED,
        fidelity=Fidelity(sqnr_db=9.25, max_abs_error=1.75),
        accuracy={f"ap50{end}": 0.41},
        layers=tuple(
            LayerChange(layer=name, op_type="Conv", before=(32, 16, 3, 3), after=(24, 12, 3, 3)) for name in names
        ),
    )
    yield PassReport(name=f"fp16{end}", effect=Effect.LOSSY, before=_PRUNED, after=_HALVED)


def _finding(code: str, severity: Severity, layer: str | None, end: str) -> Finding:
    return Finding(
        code=f"{code}{end}",
        severity=severity,
        message=f"24 channels are no multiple of the 32 that this target prefers{end}",
        help=f"round the kept filters up{end}",
        where=Where(file=f"recipe.yaml{end}", line=12, column=5, layer=layer),
    )
