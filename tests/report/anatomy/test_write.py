"""The folder of pictures: everything is there, bounded, named, and nothing of the patient or of an earlier run."""

import re
from dataclasses import replace

import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from calciscope.domain.deposit import PlacedDeposit, Placement
from calciscope.report import anatomy as pictures
from calciscope.report.anatomy import Scan, draw
from calciscope.report.anatomy.section import View
from tests.place.make import anatomy, box, deposit, tube, volume

MASKS = {
    "liver": (box(20, 30, 15, 6), 0.9),
    "lung_left": (box(30, 30, 45, 4), 0.95),
    "bone": (box(10, 45, 30, 3), 0.9),
}


def scan(rejected=3, name="s1"):
    kept = PlacedDeposit(deposit((20, 30, 15)), Placement("liver", 0.9, "made", "liver"))
    others = [deposit((10, 10 + n % 40, 10), name=f"s1-r{n}", rejected_as="noise") for n in range(rejected)]
    body = anatomy(MASKS, [tube("ureter_left", [[30, 30, 40], [10, 30, 40]])], landmarks=[("carina", 60.0)])
    others.append(deposit((30, 40, 30), half=2, name="s1-r99", rejected_as="costal_cartilage"))
    return Scan(name, volume(), body, (kept,), tuple(others))


def page(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html5lib")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("out") / "anatomy"
    pictures.write([scan()], path)
    return path


def test_every_structure_curve_landmark_and_reason_has_a_picture(folder):
    names = sorted(file.name for file in folder.glob("*.png"))
    for part in (
        "overview-axial",
        "overview-coronal",
        "overview-sagittal",
        "structure-1-liver",
        "structure-2-lung_left",
        "structure-3-bone",
        "structures-1",
        "curves-1",
        "landmarks-1",
        "rejected-noise-1",
        "rejected-costal_cartilage-1",
    ):
        assert f"series-s1-{part}.png" in names


def test_the_page_links_every_picture_and_nothing_else(folder):
    soup = page(folder / "index.html")
    shown = {image["src"] for image in soup.find_all("img")}
    assert shown == {file.name for file in folder.glob("*.png")}
    assert {link["href"] for link in soup.select("a[href$=png]")} == shown
    titles = [title.text for title in soup.find_all("h3")]
    assert "Structures (3)" in titles
    assert "Rejected as noise (3)" in titles
    assert not soup.find_all("script")
    for link in soup.select("nav a"):
        assert soup.find(id=link["href"][1:]) is not None


def test_pictures_are_plain_and_of_bounded_size(folder):
    for file in folder.glob("*.png"):
        with Image.open(file) as image:
            assert image.info == {}
            assert max(image.size) < 2600
            assert image.mode == "RGB"


def test_what_is_left_out_is_counted(tmp_path):
    many = pictures.MOST_OF_A_REASON + 7
    text = pictures.write([scan(rejected=many)], tmp_path).read_text(encoding="utf-8")
    assert f"Rejected as noise ({many})" in text
    assert "7 more are not shown" in text
    sheets = list(tmp_path.glob("series-s1-rejected-noise-*.png"))
    assert len(sheets) == -(-pictures.MOST_OF_A_REASON // 24)


def test_an_earlier_run_leaves_nothing_behind_and_other_files_stay(tmp_path):
    (tmp_path / "series-other-structure-1-liver.png").write_bytes(b"old")
    (tmp_path / "mine.png").write_bytes(b"keep")
    pictures.write([scan()], tmp_path)
    assert not (tmp_path / "series-other-structure-1-liver.png").exists()
    assert (tmp_path / "mine.png").read_bytes() == b"keep"


def test_names_of_another_program_cannot_break_out(tmp_path):
    named = "../<b>x</b>"
    body = anatomy({named: (box(20, 30, 30), 0.5)})
    made = pictures.write([replace(scan(), anatomy=body)], tmp_path / "a")
    assert not list(tmp_path.glob("*.png"))
    soup = page(made)
    assert not soup.find_all("b")
    assert any(re.fullmatch(r"series-s1-structure-1-b-x-b\.png", file.name) for file in (tmp_path / "a").iterdir())


def test_an_empty_anatomy_has_a_page(tmp_path):
    bare = Scan("s1", volume(), anatomy({}), (), ())
    soup = page(pictures.write([bare], tmp_path))
    assert "Structures (0)" in [title.text for title in soup.find_all("h3")]


def test_reasons_are_grouped_and_the_largest_comes_first():
    rejected = [deposit((5, 5, 5), name="a", rejected_as="noise"), deposit(name="b", half=3, rejected_as="noise")]
    groups = draw.by_reason([*rejected, deposit(name="c", rejected_as="bone")])
    assert {reason: [one.id for one in items] for reason, items in groups.items()} == {
        "bone": ["c"],
        "noise": ["b", "a"],
    }


@pytest.mark.parametrize(
    ("name", "region", "window"),
    [
        ("lung_left", "chest", "lung"),
        ("bone", "abdomen", "wide"),
        ("pineal", None, "brain"),
        ("liver", "abdomen", "soft tissue"),
        ("parotid_gland_left", "head", "brain"),
        ("unheard_of", "abdomen", "soft tissue"),
    ],
)
def test_each_structure_has_a_fitting_window(name, region, window):
    assert draw.window(name, anatomy({}, region=region), 10.0) == window


def test_a_structure_is_cut_through_a_voxel_of_its_own(monkeypatch):
    """The centre of a ring lies outside of it; the picture must not."""
    seen: list[View] = []
    body = anatomy({})
    ring = np.zeros(body.labels.shape, dtype=np.uint8)
    ring[20, 20:41, 20:41] = 1
    ring[20, 24:37, 24:37] = 0
    body = replace(body, labels=ring, structures=anatomy(MASKS).structures)
    original = draw.Section
    monkeypatch.setattr(draw, "Section", lambda volume, view: seen.append(view) or original(volume, view))
    draw.structure(
        replace(scan(), anatomy=body), body.structures["liver"], (slice(20, 21), slice(20, 41), slice(20, 41))
    )
    assert all(ring[tuple(int(v) for v in view.centre)] == 1 for view in seen)
    assert [view.axis for view in seen] == [0, 1, 2]
