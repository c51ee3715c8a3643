"""Write a build report as one HTML page that needs no script, no network and no other file."""

from compiler.report import choice, labels, summary
from compiler.report.model import Artifact, BuildReport


def to_html(report: BuildReport) -> str:
    """Write the page that a person reads and prints."""
    import jinja2  # lint imports this module with its package and never writes a page

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("compiler.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_show,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = {"labels": labels, "summary": summary, "choice": choice, "seconds_of": _seconds_of, "guide": _guide}
    return environment.get_template("report.html.j2", globals=words).render(report=report)


def _show(value: object) -> object:
    """Make the control characters of names visible; what a macro made has been through here before."""
    return labels.visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _seconds_of(report: BuildReport, index: int) -> float | None:
    """Find how long a pass took, where the report says."""
    laps = report.timing.passes
    return laps[index].seconds if index < len(laps) else None


def _guide(artifact: Artifact) -> str | None:
    """Find the file of the kit that tells a person what to do."""
    return next((path for path in artifact.files if path.lower().startswith("readme")), None)
