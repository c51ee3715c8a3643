"""What a build says about itself: data first, then the text made from it."""

from compiler.report.finding import to_finding
from compiler.report.json_text import from_json, to_json
from compiler.report.model import (
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

__all__ = [
    "Artifact",
    "BudgetLine",
    "BuildReport",
    "Costs",
    "Digests",
    "Fidelity",
    "Finding",
    "Lap",
    "LayerChange",
    "Measured",
    "PassReport",
    "Result",
    "SkippedLayer",
    "Timing",
    "Tool",
    "Where",
    "from_json",
    "to_finding",
    "to_json",
]
