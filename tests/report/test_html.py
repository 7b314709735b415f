import re

import pytest
from bs4 import BeautifulSoup

from calciscope.domain.assessment import Alternative, Finding, Judgement
from calciscope.report import html
from calciscope.report.html import Footnotes, Pictures
from calciscope.report.pictures import crops, overview
from tests.report.make import assessment, placed, reason, volume


@pytest.fixture(scope="module")
def page() -> BeautifulSoup:
    items = [placed()]
    pictures = Pictures(crops(volume(), items), (overview(volume(), items, "s1"),))
    return BeautifulSoup(html.render(assessment(), pictures), "html.parser")


def test_the_answer_stands_on_top_with_its_level(page):
    assert page.find("h1").text == assessment().answer
    assert "level-incidental" in page.find("header")["class"]
    assert page.select_one(".scale .here b").text == "incidental"


def test_each_finding_shows_three_planes_with_the_outline(page):
    figures = page.select("#kidney\\.left figure")
    assert [figure.figcaption.text.split()[1].rstrip(",") for figure in figures] == ["axial", "coronal", "sagittal"]
    assert all(figure.select_one("path.outline")["d"].startswith("M") for figure in figures)


def test_the_overview_marks_the_deposit_in_the_colour_of_its_seriousness(page):
    marker = page.select_one(".overview circle")
    assert marker["class"] == ["level-incidental"]


def test_measures_show_unit_validity_and_reason(page):
    rows = {row.td.text: row for row in page.select(".measures tbody tr")}
    assert "refused" in rows["Agatston score"].text
    letter = rows["Agatston score"].sup.text
    limits = {item.sup.text: item.text for item in page.select("#kidney\\.left .limits span")}
    assert "contrast" in limits[letter]
    assert limits.keys() == {"a", "b"}
    assert "144 mm³" in rows["Volume"].text
    assert "preset standard" in rows["Volume"].text
    assert "adjusted" in rows["Largest diameter"].text


def test_reasons_cite_numbered_sources_that_exist(page):
    for link in page.select("sup a"):
        assert page.select_one(link["href"]) is not None
    listed = [item.text for item in page.select(".sources li")]
    assert any("Coll DM" in item and "doi:10.2214/x" in item for item in listed)


def test_unverified_statements_are_marked(page):
    marks = [link.text for link in page.select("#kidney\\.left .why sup a")]
    assert any(mark.endswith("u") for mark in marks)
    assert any(not mark.endswith("u") for mark in marks)


def test_what_a_rule_saw_is_shown(page):
    assert "saw diameter 6, location lower pole, conditions gout" in page.text
    assert "imaged" not in page.text


def test_what_a_reason_weighs_for_and_against_is_shown():
    weighed = reason().model_copy(update={"weights": {"lithiasis": 4.0, "metastatic": -2.0}})
    other = Alternative(value="metastatic", why="Phosphate.", total=1.5)
    finding = assessment().findings[0]
    kind = finding.kind.model_copy(update={"reasons": (weighed,), "alternatives": (other,)})
    text = html.render(assessment(findings=(finding.model_copy(update={"kind": kind}),)))
    assert "weighs for lithiasis +4, against metastatic -2" in text
    assert "metastatic (+1.5), Phosphate." in text


def test_unknowns_refusals_series_and_disclaimer_are_there(page):
    assert "fever would make it urgent" in page.text
    assert "note.dcm" in page.text
    assert "a localizer" in page.text
    assert page.find("footer").text == assessment().disclaimer
    assert page.select_one("header .disclaimer").text == assessment().disclaimer


def test_the_page_reaches_for_nothing_outside_itself(page):
    assert not page.find_all(["script", "link", "iframe", "object"])
    for tag in page.find_all(True):
        for attribute in ("src", "href"):
            if tag.has_attr(attribute):
                assert tag[attribute].startswith(("#", "data:image/png;base64,"))
    assert "url(" not in page.find("style").text
    policy = page.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    assert policy.startswith("default-src 'none'")


def test_text_from_outside_is_escaped():
    hostile = "<script>alert(1)</script>\"'&"
    series = assessment().acquisition[0].model_copy(update={"label": hostile, "kernel": hostile})
    finding = Finding(
        site="scar", label=hostile, kind=Judgement(value="dystrophic"), seriousness=Judgement(value="incidental")
    )
    page = html.render(assessment(answer=hostile, acquisition=(series,), findings=(finding,)))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 4


def test_a_report_without_images_or_findings_says_so():
    page = html.render(assessment(findings=(), acquisition=(), advice=(), unknowns=(), refused=()))
    assert "No image was given" in page
    assert "<h2>Findings</h2>" not in page


def test_the_page_prints_on_a4(page):
    assert re.search(r"@page\s*{\s*size:\s*A4", page.find("style").text)


def test_footnotes_number_in_order_of_citation():
    notes = Footnotes()
    assert [notes.mark(source) for source in ("b", "a", "b", "c")] == [1, 2, 1, 3]
    assert notes.order == ["b", "a", "c"]
