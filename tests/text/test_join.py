"""Report and image at one place: joined, and told where they disagree."""

from dataclasses import replace

import pytest

pytest.importorskip("spacy", reason="the text extra is not installed")

from calciscope import reports
from calciscope.domain.assessment import Finding, Judgement, Measure
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.patient import Patient
from calciscope.interpret import rules
from calciscope.read.text import of_text
from tests.read.test_text import structured_report
from tests.studies import run, series

DEPOSIT = object()


def told(text):
    return reports.of(of_text(text))


def seen(*paths):
    # Only how many deposits there are counts here.
    return tuple(MeasuredSite(site=path, placed=(DEPOSIT,)) for path in paths)  # type: ignore[arg-type]


def sites(text, *paths):
    stated = told(text).beside(Patient(), seen(*paths), rules.load())
    return [one.site for one in stated.patient.findings], [one.site for one in stated.doubts]


@pytest.mark.parametrize(
    ("text", "paths", "expected"),
    [
        ("Renal stone.", ["kidney.left"], ["kidney.left"]),
        ("Renal stone.", ["kidney.left", "kidney.right"], []),
        ("A 5 mm renal stone.", ["kidney.left", "kidney.right"], ["kidney"]),
        ("Aortic calcification.", ["artery.aorta.arch"], ["artery.aorta.arch"]),
        ("Stone in the left kidney.", ["kidney.left"], ["kidney.left"]),
        ("Gallstones.", ["kidney.left"], ["gallbladder"]),
    ],
)
def test_a_report_means_the_place_that_the_image_shows(text, paths, expected):
    assert sites(text, *paths)[0] == expected


def test_the_image_answers_what_the_report_calls_possible():
    assert sites("Possible gallstone.", "gallbladder") == ([], [])
    assert sites("Possible gallstone.") == ([], ["gallbladder"])


def differ(text, *paths, searched=(), findings=()):
    found = told(text).disagreements(seen(*paths), findings, frozenset(searched) or frozenset({"brain"}), rules.load())
    return [(one.site, one.image) for one in found]


def test_denied_and_seen():
    assert differ("No renal calculi.", "kidney.left") == [("kidney.left", "1 deposit found")]
    assert differ("No renal calculi.", "kidney.left", "kidney.right") == [("kidney", "2 deposits found")]
    assert differ("No stone in the right kidney.", "kidney.left") == []
    assert differ("Noncalcified nodule in the lung.", "lung.nodule") == []


def test_affirmed_and_not_seen_counts_where_the_image_shows_the_place():
    assert [one[0] for one in differ("Gallstones.", searched=("gallbladder",))] == ["gallbladder"]
    assert differ("Gallstones.", searched=("kidney",)) == []
    assert differ("Gallstones.", "gallbladder", searched=("gallbladder",)) == []
    assert differ("Coronary calcium score: 0.", searched=("artery.coronary",)) == []


def test_numbers_that_differ():
    def measure(value, why=None):
        return Measure(value=value, unit="mm", method="x", why=why)

    why = "stated in the report; it disagrees with 3 measured in the image, which is used"
    finding = Finding(
        site="kidney.left",
        label="left kidney",
        kind=Judgement(value="lithiasis"),
        seriousness=Judgement(value="monitor"),
        measures={"diameter": measure(3.0), "diameter_stated": measure(9.0, why)},
    )
    found = told("Renal stone.").disagreements(seen("kidney.left"), [finding], frozenset({"kidney"}), rules.load())
    assert [(one.report, one.image) for one in found] == [("diameter 9", "diameter 3")]


def test_assess_takes_reports_with_images(tmp_path):
    series().write(tmp_path / "study")
    (tmp_path / "report.txt").write_text("Possible gallstone. Calcified node in the neck.")
    (tmp_path / "foreign.txt").write_text("Nachweis einer Verkalkung in der Niere und keine Steine in der Blase")
    ran = run("assess", tmp_path / "study", tmp_path / "report.txt", tmp_path / "foreign.txt", out=tmp_path / "out")
    assert ran.code == 0, ran.err
    assert [one["site"] for one in ran.data["mentions"]] == ["gallbladder", "node.neck"]
    assert {"gallbladder", "node.neck"} <= {one["site"] for one in ran.data["findings"]}
    assert len(ran.deposits) == 3
    assert "report.txt" in ran.data["provenance"]["inputs"]
    assert "is in German" in next(one["why"] for one in ran.data["refused"] if one["input"] == "foreign.txt")
    assert "What the report says" in ran.page


def test_assess_takes_a_report_alone(tmp_path):
    (tmp_path / "report.txt").write_text("A 12 mm calculus in the left ureter.")
    ran = run("assess", tmp_path / "report.txt", out=tmp_path / "out")
    assert ran.code == 0, ran.err
    assert ran.finding("ureter.left")["measures"]["diameter"]["value"] == 12.0


@pytest.mark.parametrize(
    ("text", "category", "differs"),
    [
        ("Agatston score: 95.", "CAC-DRS 2018 A2; CAC-DRS 2018 N2", True),
        ("Agatston score: 95.", "CAC-DRS 2018 A1; CAC-DRS 2018 N2", False),
        ("Coronary calcification. CAC-DRS A1/N1.", "CAC-DRS 2018 A2", True),
        ("Coronary calcification. CAC-DRS A2/N1.", "CAC-DRS 2018 A2", False),
    ],
)
def test_another_class_of_a_score(text, category, differs):
    score = Measure(value=105.0, unit="1", method="x", category=category)
    measures = {"agatston": score}
    if "Agatston" in text:
        measures["agatston_stated"] = score.model_copy(update={"value": 95.0, "why": "stated in the report"})
    finding = Finding(
        site="artery.coronary",
        label="coronary arteries",
        kind=Judgement(value="dystrophic"),
        seriousness=Judgement(value="significant"),
        measures=measures,
    )
    found = told(text).disagreements(seen(), [finding], frozenset({"brain"}), rules.load())
    assert bool(found) is differs
    assert all("A1" in one.report and "A2" in one.image for one in found)


def test_the_report_of_another_patient_is_not_used():
    mine, other = of_text("Renal stone."), of_text("Gallstones.")
    one = reports.of(replace(mine, name="mine", owner="me"))
    both = replace(
        one,
        texts=(*one.texts, replace(other, name="other", owner="somebody")),
        mentions=(*one.mentions, *reports.of(replace(other, name="other")).mentions),
    )
    kept = both.of_patient(frozenset({"me"}))
    assert [text.name for text in kept.texts] == ["mine"]
    assert [mention.site for mention in kept.mentions] == ["kidney"]
    assert "another patient" in kept.refused[0].why
    assert not both.of_patient(frozenset()).mentions
    assert one.of_patient(frozenset()) is one


def test_reports_in_a_folder_are_read_and_a_licence_is_not(tmp_path):
    structured_report(tmp_path / "sr.dcm")
    (tmp_path / "report.txt").write_text("FINDINGS: Gallstones.")
    (tmp_path / "LICENSE.txt").write_text("You may copy these stones.")
    (tmp_path / "notes.json").write_text("{}")
    assert [path.name for path in reports.among([tmp_path])] == ["report.txt", "sr.dcm"]
    assert reports.among([tmp_path / "LICENSE.txt"])
