"""Pictures at the borders of a scan, overviews, words and print rules: what holds for any deposit."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from calciscope.domain.assessment import Measure, Seriousness, Validity
from calciscope.domain.deposit import PlacedDeposit
from calciscope.domain.image import Geometry, Volume
from calciscope.domain.site import paths, within
from calciscope.report import csv, html, text
from calciscope.report.pictures import choose, crops, overview, window_of
from tests.report.make import assessment, deposit, placed, record, volume

SHAPE = (30, 60, 80)
corners = st.tuples(*(st.integers(0, size - 1) for size in SHAPE))


def decode(uri):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))


def points(path):
    return np.array([[float(v) for v in pair.split()] for pair in re.findall(r"[\d.-]+ [\d.-]+", path)])


def box(corner, size=(2, 3, 4), name="box", site="kidney.left"):
    """A deposit from a corner on, as far as the scan goes."""
    high = tuple(min(c + s, limit) for c, s, limit in zip(corner, size, SHAPE, strict=True))
    return placed(site, low=corner, high=high, identifier=name)


def rules_of(page, media):
    """What the style of the page says for a medium."""
    style = BeautifulSoup(page, "html.parser").find("style").text
    return style[style.index(media) :]


@settings(max_examples=25)
@given(corners)
def test_an_outline_stays_within_its_picture_and_is_as_large_as_the_deposit(corner):
    item = box(corner)
    size = np.ptp(item.deposit.voxels, axis=0) + 1
    spacing = volume().geometry.spacing
    for axis, picture in enumerate(crops(volume(), [item])["box"].planes):
        outline = points(picture.outline)
        assert outline.min() >= -1
        assert np.all(outline.max(axis=0) <= [picture.width, picture.height])
        rows, columns = (i for i in range(3) if i != axis)
        shown = outline.max(axis=0) - outline.min(axis=0)
        expected = np.array([size[columns] * spacing[columns], size[rows] * spacing[rows]]) * picture.scale_mm
        assert shown == pytest.approx(expected, abs=2.0)


@settings(max_examples=15)
@given(corners, corners)
def test_others_are_outlined_where_they_lie_in_the_plane_and_only_there(corner, other):
    item, neighbour = box(corner), box(other, name="other", site="liver")
    alone = crops(volume(), [item])["box"].planes
    for axis, (picture, single) in enumerate(zip(crops(volume(), [item, neighbour])["box"].planes, alone, strict=True)):
        assert picture.outline == single.outline
        assert picture.png == single.png
        assert single.others == ""
        planes, counts = np.unique(item.deposit.voxels[:, axis], return_counts=True)
        if planes[counts.argmax()] not in neighbour.deposit.voxels[:, axis]:
            assert picture.others == ""


def test_two_deposits_in_one_plane_see_each_other():
    made = crops(volume(), [box((10, 20, 30), name="a"), box((10, 30, 40), name="b", site="liver")])
    assert made["a"].planes[0].others
    assert made["b"].planes[0].others


def test_a_scan_thinner_than_a_picture_is_drawn_whole():
    hu = np.full((1, 20, 20), 40, np.int16)
    thin = Volume(hu, Geometry(hu.shape, (5.0, 1.0, 1.0)))
    item = placed(low=(0, 9, 9), high=(1, 11, 11))
    for picture in crops(thin, [item])["s1-d1"].planes:
        assert decode(picture.png).shape == (picture.height, picture.width)
    shown = overview(thin, [item], "s1")
    assert decode(shown.png).shape == (shown.height, shown.width)


def test_a_large_deposit_gets_a_larger_field_with_room_around_it():
    item = placed(low=(5, 2, 2), high=(7, 58, 78))
    small, large = (crops(volume(), [one])["s1-d1"].planes[0] for one in (placed(), item))
    assert large.scale_mm < small.scale_mm
    assert np.ptp(points(large.outline)[:, 0]) == pytest.approx(76 * large.scale_mm, abs=2.0)


@settings(max_examples=25)
@given(st.lists(corners, max_size=6), st.integers(60, 600))
def test_every_deposit_has_its_marker_in_the_overview(places, height):
    items = [box(corner, (1, 1, 1), f"d{number}") for number, corner in enumerate(places)]
    shown = overview(volume(), items, "s7", height=height)
    assert shown.series == "s7"
    assert [one.deposit for one in shown.markers] == [one.deposit.id for one in items]
    for marker, (z, _, x) in zip(shown.markers, places, strict=True):
        assert marker.x / shown.width == pytest.approx((x + 0.5) / SHAPE[2], abs=1.5 / shown.width)
        assert marker.y / shown.height == pytest.approx(1 - (z + 0.5) / SHAPE[0], abs=1.5 / shown.height)


@given(st.integers(2, 200), st.integers(2, 200), st.floats(0.3, 5.0))
def test_an_overview_keeps_the_shape_of_the_body_and_fits(slices, columns, step):
    hu = np.zeros((slices, 2, columns), np.int16)
    shown = overview(Volume(hu, Geometry(hu.shape, (step, 1.0, 0.8))), [], "s1", height=200)
    assert shown.height <= 200
    assert shown.width <= 400
    tall, wide = slices * step, columns * 0.8
    scale = min(200 / tall, 400 / wide)
    assert (shown.width, shown.height) == (max(1, round(wide * scale)), max(1, round(tall * scale)))


@given(st.lists(st.tuples(st.sampled_from(["kidney.left", "liver", "spleen"]), st.integers(1, 9)), max_size=12))
def test_each_site_shows_its_largest_and_only_one_in_three_planes(what):
    items = [placed(site, low=(0, 0, 0), high=(1, 1, n), identifier=f"d{i}") for i, (site, n) in enumerate(what)]
    chosen = choose(items, per_site=2)
    for site in {site for site, _ in what}:
        sizes = sorted((n for path, n in what if path == site), reverse=True)
        mine = [(one.deposit.volume_mm3 / 3.0, main) for one, main in chosen if one.placement.site == site]
        assert [n for n, _ in mine] == sizes[:2]
        assert [main for _, main in mine] == [True, False][: len(mine)]


@pytest.mark.parametrize(("peak", "window"), [(500.0, "soft tissue"), (700.0, "soft tissue"), (701.0, "wide")])
def test_a_dense_deposit_is_shown_in_a_wide_window_and_the_lung_in_its_own(peak, window):
    one = replace(deposit(), hu=np.full(48, peak, np.float32))
    assert window_of(PlacedDeposit(one, placed().placement)) == window
    assert window_of(PlacedDeposit(one, placed("lung.left").placement)) == "lung"
    assert window_of(PlacedDeposit(one, placed("lungfish").placement)) == window


@given(st.floats(-1e9, 1e9))
def test_a_number_is_read_back_as_what_it_was(value):
    shown = text.number(value)
    if shown == "<0.01":
        assert 0 < value < 0.01
    else:
        assert float(shown.replace(",", "")) == pytest.approx(value, abs=0.51 if abs(value) >= 100 else 0.051)


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_larger_number_is_never_shown_as_a_smaller_one(one, other):
    low, high = (float(text.number(v).replace(",", "").replace("<0.01", "0.005")) for v in sorted((one, other)))
    assert low <= high


@pytest.mark.parametrize(
    ("unit", "key", "shown"),
    [
        ("1", "count", "12"),
        ("mm3", "volume", "12 mm³"),
        ("mm2", "area", "12 mm²"),
        ("[hnsf'U]", "peak", "12 HU"),
        ("mg", "mass", "12 mg"),
    ],
)
def test_units_are_printed_as_people_write_them(unit, key, shown):
    assert text.value(Measure(value=12.0, unit=unit, method="m"), key) == shown
    assert text.value(Measure(value=None, unit=unit, method="m", validity=Validity.REFUSED), key) == "refused"


def test_only_an_agatston_score_hides_its_fraction():
    assert text.value(Measure(value=0.25, unit="mg", method="m"), "mass") == "0.25 mg"
    assert text.value(Measure(value=1.0, unit="1", method="m"), "agatston") == "1"


@given(st.sampled_from(paths()))
def test_the_score_is_shown_for_the_heart_and_arteries_only(path):
    assert text.scored(path) is (path.split(".")[0] in ("heart", "artery"))
    assert not text.scored(f"{path.split('.')[0]}s")
    assert within(path, path)


@given(st.text(max_size=12))
def test_no_cell_of_the_table_starts_a_formula(name):
    cell = csv._cell(name)
    assert cell.removeprefix("'") == name.removeprefix("'")
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


@given(st.tuples(*[st.floats(-1e4, 1e4)] * 3))
def test_points_in_the_table_are_lists_that_a_program_reads(point):
    cell = csv._cell(record(center_mm=point).center_mm)
    assert json.loads(cell) == list(point)


@pytest.mark.parametrize("level", list(Seriousness))
def test_the_page_wears_the_colour_of_its_level_and_points_at_it(level):
    page = BeautifulSoup(html.render(assessment(seriousness=level)), "html.parser")
    assert f"level-{level}" in page.find("header")["class"]
    assert [one.text for one in page.select(".scale .here b")] == [level.value]


def test_nothing_is_torn_apart_in_print_and_colours_stay():
    printed = rules_of(html.render(assessment()), "@media print")
    for part in ("figure", "tr", "li"):
        assert re.search(rf"[^}}]*\b{part}\b[^{{}}]*{{[^}}]*break-inside:\s*avoid", printed)
    assert re.search(r"h2, h3[^{]*{[^}]*break-after:\s*avoid", printed)
    assert re.search(r"\.badge[^{]*{[^}]*print-color-adjust:\s*exact", printed)


def test_pictures_of_a_row_fit_the_width_of_the_paper():
    printed = rules_of(html.render(assessment()), "@media print")
    margin = float(re.search(r"@page\s*{[^}]*margin:\s*(\d+)mm", html.render(assessment()))[1])
    width = float(re.search(r"\.pictures figure\s*{\s*width:\s*(\d+)mm", printed)[1])
    assert 3 * width < 210 - 2 * margin
