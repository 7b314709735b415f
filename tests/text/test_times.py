"""Reports of another day than the images."""

from dataclasses import replace
from datetime import date

import pytest

pytest.importorskip("spacy", reason="the text extra is not installed")

from calciscope import reports
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.patient import Patient
from calciscope.interpret import rules
from calciscope.read.report_header import ReportHeader
from calciscope.read.text import of_text
from calciscope.text import times
from tests.read.test_text import packed, structured_report
from tests.studies import run, series

TODAY, THEN = date(2021, 3, 4), date(2019, 5, 2)


def told(text, on=None, imaged=TODAY):
    report = replace(of_text(text), name="old.txt", header=ReportHeader(on))
    return reports.of(report).on([imaged, None])


def stated(told, *paths, searched=()):
    seen = [MeasuredSite(site=path, placed=(object(),)) for path in paths]  # type: ignore[arg-type]
    return told.beside(Patient(), seen, rules.load(), frozenset(searched))


@pytest.mark.parametrize(
    ("days", "said"), [(1, "1 days"), (60, "60 days"), (92, "3 months"), (700, "23 months"), (1100, "3 years")]
)
def test_a_time_in_the_unit_in_which_people_say_it(days, said):
    assert times.span(days) == said


def test_a_report_of_another_day_is_told():
    (note,) = told("Renal stone.", THEN).refused
    assert note.used
    assert note.why.startswith("is of an examination 22 months before the images")
    assert "2 months after the images" in told("Renal stone.", date(2021, 5, 4)).refused[0].why
    assert not told("Renal stone.", date(2021, 3, 3)).refused
    assert not told("Renal stone.").refused
    assert not told("Renal stone.", THEN, imaged=None).refused


def test_an_older_report_adds_what_the_images_do_not_show_as_of_its_day():
    old = told("Gallstones. Stone in the left kidney. Thyroid calcification. Possible ureteral stone.", THEN)
    found = stated(old, "kidney.left", searched=("gallbladder",))
    assert [(one.site, one.on) for one in found.patient.findings] == [("thyroid", THEN)]
    assert not found.doubts


def test_an_older_report_and_the_images_do_not_disagree():
    text = "No stone in the left kidney. Gallstones."
    seen = [MeasuredSite(site="kidney.left", placed=(object(),))]  # type: ignore[arg-type]
    for on, places in ((THEN, []), (TODAY, ["kidney.left", "gallbladder"])):
        differing = told(text, on).disagreements(seen, (), frozenset({"gallbladder", "kidney"}), rules.load())
        assert [one.site for one in differing] == places


def test_a_change_that_an_older_report_tells_is_that_until_its_day():
    text = "Calcified granuloma in the right upper lobe, increased."
    (mention,) = told(text, THEN).mentions
    assert mention.attributes["change_as_of"] == "2019-05-02"
    assert "said" not in stated(told(text, THEN)).patient.findings[0].values
    (mention,) = told(text, TODAY).mentions
    assert "change_as_of" not in mention.attributes
    assert stated(told(text, TODAY)).patient.findings[0].values["said"] == "growing nodule"


def test_of_an_older_report_what_lasts_is_known_of_the_patient():
    text = (
        "HISTORY: 60-year-old woman with known diabetes and fever.\nFINDINGS: Thyroid calcification. No hydronephrosis."
    )
    then = stated(told(text, THEN))
    assert (then.patient.age, then.patient.sex, then.patient.denied) == (None, "female", ())
    assert not then.patient.symptoms
    assert {one.why for one in then.facts if not one.used} == {"the report is older than the images"}
    assert stated(told(text, TODAY)).patient.age == 60.0


def test_assess_tells_of_an_old_report_in_a_zip(tmp_path):
    images = series()
    images.write(tmp_path / "study")
    report = structured_report(tmp_path / "sr.dcm", StudyDate="19900101", PatientAge="031Y", PatientID=images.patient)
    path = packed(tmp_path / "study" / "a.zip", report)
    report.unlink()
    ran = run("assess", tmp_path / "study", out=tmp_path / "out")
    assert ran.code == 0, ran.err
    why = [one["why"] for one in ran.data["refused"] if one["input"] == "sr.dcm"]
    assert path.exists()
    assert len(why) == 1
    assert "before the images" in why[0]
    assert ran.finding("kidney.left")["measures"]["diameter"]["why"] == "as of 1990-01-01"
    assert [(one["key"], one["used"]) for one in ran.data["patient_facts"]] == [("age", False)]
