"""The files as outside checks read them: the names of the contract, the schema, a page that holds together."""

import json
import re
from itertools import pairwise

import html5lib
import pytest
from bs4 import BeautifulSoup
from jsonschema import Draft202012Validator

from calciscope.domain.assessment import Kind, Seriousness, schema
from calciscope.report import csv
from calciscope.report.text import number
from tests.studies import run, series

TOP = (
    *("schema_version", "answer", "seriousness", "findings", "unknowns", "advice", "acquisition", "refused"),
    *("sources", "rejected", "mentions", "patient_facts", "disagreements", "provenance", "disclaimer"),
)
FINDING = (
    *("site", "label", "rollup", "deposits", "measures", "kind", "seriousness", "advice", "confidence", "review"),
    *("alternatives", "stated"),
)
MEASURE = ("value", "unit", "interval", "category", "method", "preset", "validity", "why")
DEPOSIT = (
    *("id", "series", "site", "confidence", "center_mm", "center_index", "extent_mm", "volume_mm3", "voxels"),
    *("peak_hu", "mean_hu", "rejected_as"),
)
PROVENANCE = ("inputs", "versions", "knowledge", "anatomy", "preset", "guidelines", "corrections")
HOSTILE = "<script>alert(1)</script>\"'&<img src=http://evil.example/x>"


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Hostile headers, a hostile patient file and a hostile correction, assessed with rejected candidates."""
    folder = tmp_path_factory.mktemp("contract")
    header = {"SeriesDescription": HOSTILE[:60], "ConvolutionKernel": "<b>k</b>", "ContrastBolusAgent": "Iodine"}
    series(header=header).write(folder / "<i>study")
    (folder / "<u>bad.nii").write_text("no image")
    patient = {
        "age": 61,
        "sex": "female",
        "conditions": [HOSTILE],
        "<em>key</em>": 1,
        "labs": {"calcium": "9.5 mg/dL"},
        "findings": [
            {"site": "artery.coronary.lad", "agatston": 120},
            {"site": "artery.coronary.rca", "agatston": 0},
            {"site": "scar", "pattern": HOSTILE},
        ],
    }
    (folder / "p.json").write_text(json.dumps(patient))
    inputs = ("assess", folder / "<i>study", folder / "<u>bad.nii", "--patient", folder / "p.json")
    first = run(*inputs, out=folder / "first")
    moves = [{"deposit": first.deposits[0]["id"], "action": "move", "to": "kidney.left", "by": HOSTILE, "why": HOSTILE}]
    (folder / "m.json").write_text(json.dumps(moves))
    done = run(*inputs, "--corrections", folder / "m.json", "--debug-anatomy", out=folder / "out")
    assert done.code == 0, done.err
    return done


@pytest.fixture(scope="module")
def page(ran):
    return BeautifulSoup(ran.page, "html.parser")


def test_debugging_the_anatomy_draws_it(ran):
    index = ran.folder / "anatomy" / "index.html"
    shown = {image["src"] for image in BeautifulSoup(index.read_text(encoding="utf-8"), "html.parser").find_all("img")}
    assert shown == {file.name for file in index.parent.glob("*.png")}
    assert any("-structure-" in name for name in shown)
    assert HOSTILE not in index.read_text(encoding="utf-8")
    assert str(index) in ran.out


def test_the_json_follows_the_published_schema(ran):
    published = schema()
    Draft202012Validator.check_schema(published)
    assert [error.message for error in Draft202012Validator(published).iter_errors(ran.data)] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.pop("answer"),
        lambda data: data.update(extra=1),
        lambda data: data.update(seriousness="dire"),
        lambda data: data["findings"][0].pop("site"),
        lambda data: data["acquisition"][0].update(slices="many"),
    ],
)
def test_the_schema_refuses_what_is_not_an_assessment(ran, spoil):
    data = ran.data
    spoil(data)
    assert list(Draft202012Validator(schema()).iter_errors(data))


def test_the_names_are_those_of_the_contract(ran):
    data = ran.data
    assert list(data) == list(TOP)
    assert set(PROVENANCE) < set(data["provenance"])
    for finding in data["findings"]:
        assert list(finding) == list(FINDING)
        for measure in finding["measures"].values():
            assert list(measure) == list(MEASURE)
        for key in ("kind", "seriousness"):
            assert list(finding[key]) == ["value", "reasons", "alternatives", "between"]
        for deposit in finding["deposits"]:
            assert set(DEPOSIT) < set(deposit)
    assert all(list(one) == ["input", "would_change"] for one in data["unknowns"])
    assert all(list(one) == ["input", "why"] for one in data["refused"])
    assert {"id", "used", "why"} < set(data["acquisition"][0])
    assert data["refused"]
    assert data["unknowns"]


def test_a_finding_a_site_and_the_highest_seriousness_on_top(ran):
    data = ran.data
    sites = [finding["site"] for finding in data["findings"]]
    assert len(set(sites)) == len(sites)
    levels = [Seriousness(finding["seriousness"]["value"]).rank for finding in data["findings"]]
    assert Seriousness(data["seriousness"]).rank == max(levels)
    assert all(f["kind"]["value"] is None or Kind(f["kind"]["value"]) for f in data["findings"])
    for finding in data["findings"]:
        assert not (finding["rollup"] and finding["deposits"])
        assert all(deposit["site"] == finding["site"] for deposit in finding["deposits"])


def test_a_value_is_null_exactly_where_it_is_refused(ran):
    measures = [m for finding in ran.data["findings"] for m in finding["measures"].values()]
    assert {"valid", "refused"} <= {m["validity"] for m in measures}
    for measure in measures:
        assert (measure["value"] is None) is (measure["validity"] == "refused")
        assert measure["validity"] == "valid" or measure["why"]
        assert measure["unit"]
        assert measure["method"]


def test_every_reason_has_a_source_that_is_listed(ran):
    data = ran.data
    listed = {source["id"] for source in data["sources"]}
    reasons = [r for f in data["findings"] for key in ("kind", "seriousness") for r in f[key]["reasons"]]
    assert reasons
    assert {reason["source"] for reason in reasons} <= listed
    assert all(source["citation"] for source in data["sources"])


def test_the_table_holds_the_deposits_of_the_json_under_the_same_names(ran):
    names = list(ran.rows[0])
    assert set(DEPOSIT) < set(names)
    assert names == list(csv.COLUMNS)
    assert names == [name for name in ran.deposits[0] if name != "alternatives"]
    everything = [*(d for f in ran.data["findings"] for d in f["deposits"]), *ran.data["rejected"]]
    assert [row["id"] for row in ran.rows] == [deposit["id"] for deposit in everything]
    for row, deposit in zip(ran.rows, everything, strict=True):
        for key in ("center_mm", "center_index", "extent_mm"):
            assert json.loads(row[key]) == deposit[key]
        for key in ("volume_mm3", "voxels", "peak_hu", "mean_hu"):
            assert float(row[key]) == pytest.approx(deposit[key], rel=1e-5)
        assert row["rejected_as"] == (deposit["rejected_as"] or "")


def test_the_page_is_html_that_a_strict_parser_takes(ran):
    parser = html5lib.HTMLParser(strict=False)
    parser.parse(ran.page)
    assert [code for _, code, _ in parser.errors] == []


def test_ids_are_unique_and_links_lead_somewhere(page):
    ids = [tag["id"] for tag in page.find_all(id=True)]
    assert len(set(ids)) == len(ids)
    targets = [link["href"].removeprefix("#") for link in page.find_all("a")]
    assert targets
    assert set(targets) <= set(ids)


def test_pictures_say_what_they_are_and_tables_have_heads(page):
    pictures = page.find_all("svg")
    assert pictures
    assert all(one.get("role") == "img" and one.get("aria-label") for one in pictures)
    assert all(one.figcaption and one.figcaption.text.strip() for one in page.find_all("figure"))
    assert not page.find_all("img", alt=False)
    for table in page.find_all("table"):
        heads = table.thead.find_all("th")
        assert all(len(row.find_all("td")) == len(heads) for row in table.tbody.find_all("tr", recursive=False))
    assert page.html["lang"] == "en"
    assert page.title.text.strip()


def test_the_headings_are_a_hierarchy(page):
    levels = [int(tag.name[1]) for tag in page.find_all(re.compile(r"^h[1-6]$"))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))


def test_nothing_is_fetched_and_nothing_runs(page, ran):
    assert not page.find_all(["script", "link", "iframe", "object", "embed", "form", "base", "img"])
    for tag in page.find_all(True):
        assert not [name for name in tag.attrs if name.lower().startswith("on")]
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            assert tag.get(name, "#").startswith(("#", "data:image/png;base64,"))
    assert not re.search(r"@import|url\(|expression\(", page.find("style").text)
    policy = page.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_hostile_words_are_shown_as_words(page, ran):
    assert "<script" not in ran.page
    assert "evil.example" not in [tag.get("src", "") for tag in page.find_all(True)]
    assert not page.find_all(["em", "u", "i"])
    shown = page.text
    for words in ("<script>alert(1)</script>", "<i>study", "<u>bad.nii", "<em>key</em>", "kernel <b>k</b>"):
        assert words in shown, words


def test_the_page_shows_what_the_json_says(page, ran):
    data = ran.data
    assert page.h1.text == data["answer"]
    assert data["disclaimer"] in page.text
    for finding in data["findings"]:
        section = page.find("section", id=finding["site"])
        assert section.find("span", class_="badge").text == finding["seriousness"]["value"]
        assert (finding["kind"]["value"] or "no calcification") in section.text
        for measure in finding["measures"].values():
            assert measure["method"] in section.text
            assert measure["value"] is None or number(measure["value"]) in section.text
            for part in (measure["why"] or "").split("; "):
                assert part in section.text
        for key in ("kind", "seriousness"):
            assert all(reason["statement"] in section.text for reason in finding[key]["reasons"])
        assert all(deposit["id"] in section.text for deposit in finding["deposits"])
    for use in data["acquisition"]:
        assert use["why"] in page.text
    for name in (data["provenance"]["calciscope"], data["provenance"]["preset"], data["provenance"]["guidelines"]):
        assert name in page.text


def test_each_site_with_deposits_has_its_largest_one_in_three_planes(page, ran):
    for finding in ran.data["findings"]:
        if not finding["deposits"]:
            continue
        largest = max(finding["deposits"], key=lambda deposit: deposit["volume_mm3"])["id"]
        labels = [svg["aria-label"] for svg in page.find("section", id=finding["site"]).find_all("svg")]
        assert {f"{plane} section of {largest}" for plane in ("axial", "coronal", "sagittal")} <= set(labels)
