"""What a build says about itself: data first, then the text made from it."""

from compiler.report.finding import to_finding
from compiler.report.html import to_html
from compiler.report.json_text import from_json, to_json
from compiler.report.markdown import to_markdown
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
    OnBoard,
    PassReport,
    Picture,
    Predicted,
    Result,
    SkippedLayer,
    Timing,
    Tool,
    Where,
)
from compiler.report.write import write_reports

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
    "OnBoard",
    "PassReport",
    "Picture",
    "Predicted",
    "Result",
    "SkippedLayer",
    "Timing",
    "Tool",
    "Where",
    "from_json",
    "to_finding",
    "to_html",
    "to_json",
    "to_markdown",
    "write_reports",
]
