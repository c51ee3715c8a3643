"""A browser shows the report without a complaint, and nothing sticks out sideways, on a phone or a desk."""

import html
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from compiler.analysis.pictures import Picture, draw_sheet
from compiler.contracts import Effect
from compiler.report import BuildReport, Costs, LayerChange, Measured, PassReport, Result, Tool, to_html

_BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_WIDTHS = (380, 1280)
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")
_QUIET = ("--disable-component-update", "--no-first-run", "--enable-logging=stderr", "--virtual-time-budget=5000")
_MEASURE = """
<script>
onload = () => {
  const frames = [...document.querySelectorAll("iframe")];
  const roots = frames.map(frame => frame.contentDocument.documentElement);
  document.body.append("overhang:" + roots.map(root => root.scrollWidth - root.clientWidth).join(","));
};
</script>
"""


@pytest.mark.skipif(_BROWSER is None, reason="no Chromium here")
def test_the_page_fits_a_phone_and_a_desk_and_the_console_stays_empty(tmp_path: Path) -> None:
    page = html.escape(to_html(_report()).replace("<details>", "<details open>"))
    frames = (f'<iframe srcdoc="{page}" style="border:0;width:{width}px;height:900px"></iframe>' for width in _WIDTHS)
    outer = tmp_path / "outer.html"
    outer.write_text(f"<!doctype html><meta charset=utf-8><body>{''.join(frames)}{_MEASURE}", encoding="utf-8")
    command = [str(_BROWSER), *_FLAGS, *_QUIET, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", outer.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    measured = re.search(r"overhang:([-\d,]+)<", done.stdout)
    assert measured is not None
    assert measured[1] == "0,0"


def _report() -> BuildReport:
    costs = Costs(parameters=6_006_646, macs=6_510_000_000, executed_macs=1, bytes=24_026_584, predicted_ms=49.5)
    layer = "a_very_long_name_without_a_single_place_to_break_it_" * 4
    sheet, columns, width, height = draw_sheet(np.random.default_rng(0).normal(size=(200, 40, 60)))
    picture = Picture(
        title=layer,
        caption=layer,
        scene=sheet,
        sheet=sheet,
        sheet_alt=layer,
        columns=columns,
        width=width,
        height=height,
        groups=(tuple(range(100)), *((number,) for number in range(100, 200))),
        marked=(0, *range(100, 200)),
    )
    step = PassReport(
        name=layer,
        options={layer: layer},
        decision={"kept": {layer: [0, 1, 2]}, layer: layer},
        effect=Effect.LOSSY,
        changed=(layer,),
        before=costs,
        after=costs,
        layers=(LayerChange(layer=layer, op_type="Conv", before=(4096, 4096, 3, 3), after=(3, 4096, 3, 3)),),
        pictures=(picture,),
    )
    return BuildReport(
        product=layer,
        target=layer,
        tool=Tool(version="0.1.0", libraries={layer: layer}),
        source=Measured(**costs.model_dump(), accuracy={layer: 0.5}),
        passes=(step,),
        result=Result(**costs.model_dump()),
    )
