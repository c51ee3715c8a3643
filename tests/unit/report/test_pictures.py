"""Pictures in a report: they stand inside the page, are told in words too, and stay small."""

import base64
import io
import re

import numpy as np
import PIL.Image
import pytest
from pydantic import ValidationError

from compiler.analysis.pictures import Picture, draw_scene, draw_sheet, in_groups, photograph_on
from compiler.analysis.regions import Scene
from compiler.report import BuildReport, from_json, to_html, to_json, to_markdown

RNG = np.random.default_rng(0)


def picture(title: str = "stem") -> Picture:
    sheet, columns, width, height = draw_sheet(RNG.normal(size=(5, 8, 12)))
    return Picture(
        title=title,
        caption="5 feature maps",
        scene=sheet,
        scene_alt="a photograph",
        sheet=sheet,
        sheet_alt=f"maps of {title}",
        columns=columns,
        width=width,
        height=height,
        groups=((1, 0), (2,), (3, 4)),
        marked=(1, 2, 3),
    )


def with_pictures(report: BuildReport, *pictures: Picture) -> BuildReport:
    step = report.passes[0].model_copy(update={"pictures": pictures})
    return report.model_copy(update={"passes": (step, *report.passes[1:])})


def pixels(png: str) -> np.ndarray:
    return np.asarray(PIL.Image.open(io.BytesIO(base64.b64decode(png))))


def test_a_page_holds_its_pictures_and_says_what_they_show(full_report: BuildReport) -> None:
    text = to_html(with_pictures(full_report, picture(), picture("next")))
    assert re.findall(r'(?:src="|url\()(.{10})', text) == ["data:image"] * 4
    assert 'alt="a photograph"' in text
    assert 'role="img" aria-label="maps of next"' in text
    assert text.count('<i class="kept"') == 6
    assert text.count('<span class="cluster">') == 6


def test_the_summary_links_to_the_picture_in_the_page(full_report: BuildReport) -> None:
    report = with_pictures(full_report, picture(), picture("n[x](y)"))
    ids = re.findall(r'id="([^"]+)"', to_html(report))
    links = re.findall(r"\(report\.html#([^)]+)\)", to_markdown(report))
    assert len(links) == 2
    assert set(links) <= set(ids)


def test_a_picture_survives_the_json(full_report: BuildReport) -> None:
    report = with_pictures(full_report, picture())
    assert from_json(to_json(report)) == report


def test_a_picture_that_is_no_base64_is_refused() -> None:
    with pytest.raises(ValidationError):
        Picture.model_validate(picture().model_dump() | {"sheet": ");} body {display: none"})


@pytest.mark.parametrize("count", [1, 32, 512, 3000])
def test_a_sheet_stays_small_however_many_maps_there_are(count: int) -> None:
    sheet, columns, width, height = draw_sheet(RNG.normal(size=(count, 80, 160)))
    assert columns * columns >= count
    assert max(width, height) <= 64
    assert len(sheet) < 250_000


def test_a_map_runs_from_black_to_white_and_a_constant_one_is_black() -> None:
    slope = np.tile(np.linspace(-3, 5, 40), (40, 1))
    sheet, _, width, _ = draw_sheet(np.stack([slope, np.full((40, 40), 7.0)]))
    shown = pixels(sheet)
    assert shown[0, 0] == 0
    assert shown[0, width - 1] == 255
    assert not shown[:, width:].any()


def test_padding_is_cut_off_and_boxes_are_drawn_on_the_photograph() -> None:
    image = np.full((1, 3, 64, 64), 0.5)
    image[:, :, 20:30, 10:30] = 0.6
    boxes, content = np.array([[10.0, 20, 30, 30]]), np.array([0.0, 16, 64, 48])
    scene = Scene({"x": image}, boxes, content, (64, 64))
    assert photograph_on(scene, np.zeros((5, 8, 8))).shape == (5, 4, 8)
    shown = pixels(draw_scene(scene))
    assert shown.shape == (32, 64)
    assert (shown[4, 10:30] == 255).all()
    assert (shown[3, 10:30] == 0).all()


def test_clusters_come_by_size_with_what_is_kept_first_and_what_had_to_stay_last() -> None:
    assert in_groups((0, 1, 1, -1, 2, 1), (0, 3, 4, 5)) == ((5, 1, 2), (0,), (4,), (3,))
