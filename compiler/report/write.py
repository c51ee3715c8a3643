"""Write the three forms of a build report into a folder."""

from pathlib import Path

from compiler.report.html import to_html
from compiler.report.json_text import to_json
from compiler.report.markdown import to_markdown
from compiler.report.model import BuildReport


def write_reports(report: BuildReport, folder: Path) -> None:
    """Write report.json, report.md and report.html; of these the page alone shows the timing."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"report.json": to_json(report), "report.md": to_markdown(report), "report.html": to_html(report)}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
