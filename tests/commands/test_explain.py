"""``calciscope explain``: one report, several, tables, standard input, patients, and bad input."""

import io
import json
import re

import pytest

pytest.importorskip("spacy", reason="the text extra is not installed")

from calciscope.commands import explain as command
from calciscope.domain.assessment import Assessment
from calciscope.read.text import of_text
from tests.read.test_text import packed, structured_report
from tests.studies import run

REPORT = """HISTORY: History of gallstones.
FINDINGS: There is a 6 mm calculus in the distal left ureter. No right renal calculi.
Possible calcified fibroid. Mother has kidney stones.
IMPRESSION: Left ureteral stone."""


@pytest.fixture
def report(tmp_path):
    path = tmp_path / "report.txt"
    path.write_text(REPORT, encoding="utf-8")
    return path


def test_json_is_the_assessment_with_its_mentions(report):
    ran = run("explain", report, "--json")
    assert ran.code == 0, ran.err
    found = Assessment.model_validate_json(ran.out)
    assert found.seriousness == "significant"
    said = [(one.site, one.laterality, one.assertion) for one in found.mentions]
    assert said == [
        ("gallbladder", None, "historical"),
        ("ureter", "left", "affirmed"),
        ("kidney", "right", "negated"),
        ("uterus", None, "possible"),
        ("kidney", None, "other"),
        ("ureter", "left", "affirmed"),
    ]
    assert all(REPORT[one.start : one.end] == one.text for one in found.mentions)
    assert {one.site for one in found.findings} == {"ureter.left", "uterus"}


def test_findings_are_interpreted_as_any_others(report):
    found = json.loads(run("explain", report, "--json").out)
    ureter = next(one for one in found["findings"] if one["site"] == "ureter.left")
    assert ureter["stated"]
    assert ureter["measures"]["diameter"]["value"] == 6.0
    assert ureter["seriousness"]["reasons"]
    assert found["unknowns"]
    assert found["advice"]


def test_what_is_only_possible_is_to_be_reviewed(report):
    found = json.loads(run("explain", report, "--json").out)
    uterus = next(one for one in found["findings"] if one["site"] == "uterus")
    assert uterus["review"]
    assert uterus["confidence"] == 0.5
    assert "Possible calcified fibroid" in uterus["alternatives"][0]["why"]
    assert "not sure of: uterus" in found["answer"]


def test_the_text_is_shown_with_its_mentions_marked(report):
    shown = run("explain", report).out
    assert "6 mm [calculus]2 in the distal left ureter" in shown
    assert re.search(r"3\s+calculi\s+kidney\s+right\s+negated\s+renal, No", shown)


def test_the_page_marks_every_mention(report, tmp_path):
    assert run("explain", report, "--out", tmp_path / "out").code == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("<mark class=") == 6
    assert '<mark class="negated"' in page
    assert json.loads((tmp_path / "out" / "assessment.json").read_text())["mentions"]


def test_a_text_cannot_write_into_the_page(tmp_path):
    (tmp_path / "a.txt").write_text("Renal stone. <script>alert(1)</script>")
    run("explain", tmp_path / "a.txt", "--out", tmp_path / "out")
    assert "<script>" not in (tmp_path / "out" / "report.html").read_text()


def test_signs_that_steer_a_terminal_are_not_printed(tmp_path):
    (tmp_path / "a.txt").write_text("Renal stone \x1b[31m in the kidney, and more words after that.")
    assert "\x1b" not in run("explain", tmp_path / "a.txt").out


def test_several_files_give_a_line_each_and_bad_ones_are_told(report, tmp_path):
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "b.txt").write_text("No gallstones.")
    ran = run("explain", report, tmp_path / "empty.txt", tmp_path / "b.txt")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [line["report"] for line in lines] == ["report.txt", "b.txt"]
    assert ran.code == 0
    assert ran.err.splitlines() == ["calciscope: empty.txt: is empty; give a report text"]


def test_a_table_gives_a_line_each(tmp_path):
    path = tmp_path / "k.csv"
    path.write_text("n,words\nA,Renal stone.\nB,Calcification du rein avec une lithiase de la vessie et des uretères\n")
    ran = run("explain", path, "--text-column", "words", "--id-column", "n")
    first, second = (json.loads(line) for line in ran.out.splitlines())
    assert (first["report"], first["mentions"][0]["site"]) == ("A", "kidney")
    assert second == {"report": "B", "refused": "B: is in French, not in English; give an English text"}


def test_standard_input(monkeypatch):
    monkeypatch.setattr("calciscope.read.text.read_stream", lambda _: of_text("Gallstones."))
    assert json.loads(run("explain", "-", "--json").out)["mentions"][0]["site"] == "gallbladder"


def test_the_patient_counts(report, tmp_path):
    (tmp_path / "p.yaml").write_text("symptoms: [fever]\n")
    found = json.loads(run("explain", report, "--patient", tmp_path / "p.yaml", "--json").out)
    assert found["seriousness"] == "urgent"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The lungs are clear.", "The report does not speak of calcification or stones, which is not an all-clear."),
        ("No renal calculi.", "The report says that there is no calcification or stone in: kidney."),
        ("History of gallstones.", "The report speaks only of earlier calcium or stones: “History of gallstones”."),
        ("Mother had gallstones.", "The report speaks only of somebody else's calcium or stones: "),
        ("Possible 12 mm stone in the left ureter.", "If what the report calls possible is confirmed: significant"),
        ("Coronary calcium score: 0.", "Normal: "),
    ],
)
def test_the_answer(tmp_path, text, answer):
    (tmp_path / "a.txt").write_text(text)
    assert json.loads(run("explain", tmp_path / "a.txt", "--json").out)["answer"].startswith(answer)


def test_for_a_patient_it_says_what_the_report_says_first(report):
    shown = " ".join(run("explain", report, "--for", "patient").out.split())
    assert shown.startswith("What the report says")
    assert "It says that there is no calcium or stone in the right kidney: “No right renal calculi”." in shown
    assert "What is usually done next" in shown
    assert "What to ask your doctor" in shown


def test_a_patient_is_told_nothing_that_the_report_does_not_support(tmp_path):
    (tmp_path / "a.txt").write_text("No renal stones. Possible gallstone.")
    shown = run("explain", tmp_path / "a.txt", "--for", "patient").out
    assert "was found" not in shown
    assert "The report is not sure about the gallbladder" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("k.csv",), "--text-column NAME"),
        (("a.txt", "--id-column", "x"), "--id-column needs --text-column"),
        (("-", "-"), "can be read once"),
        (("a.txt", "--guidelines", "uk"), "--guidelines is esc or us"),
        (("a.txt", "b.txt", "--patient", "p.yaml"), "one report"),
        (("a.txt", "b.txt", "--out", "o"), "one report"),
        (("a.txt", "--for", "nurse"), "--for is clinician or patient"),
    ],
)
def test_wrong_use(arguments, why):
    ran = run("explain", *arguments)
    assert ran.code == 2
    assert why in " ".join(ran.err.replace("│", " ").split())


BAD = [
    (b"", "is empty"),
    (b"\0\1\2" * 99, "is not text"),
    (b"calcified node. " * 700_000, "is larger than 1 MB"),
    (b"Nachweis einer Verkalkung in der Niere und keine Steine in der Blase", "is in German"),
    ("Кальцинаты в почках, камни в мочевом пузыре".encode(), "is in another script"),
]


@pytest.mark.parametrize(("content", "why"), BAD)
def test_bad_input_on_standard_input_is_one_line(monkeypatch, content, why):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    ran = run("explain", "-")
    assert ran.code == 3
    assert ran.err.count("\n") == 1
    assert why in ran.err


@pytest.mark.parametrize(("content", "why"), BAD)
def test_bad_input_stops_no_other_report(tmp_path, content, why):
    (tmp_path / "a.txt").write_bytes(content)
    (tmp_path / "b.txt").write_text("FINDINGS: Gallstones.")
    ran = run("assess", tmp_path / "a.txt", tmp_path / "b.txt", out=tmp_path / "out")
    assert ran.code == 0
    assert [one["site"] for one in ran.data["findings"]] == ["gallbladder"]
    assert [(one["input"], why in one["why"]) for one in ran.data["refused"]] == [("a.txt", True)]
    ran = run("explain", tmp_path / "a.txt", tmp_path / "b.txt")
    assert (ran.code, ran.err.count("\n")) == (0, 1)
    assert json.loads(ran.out.splitlines()[-1])["report"] == "b.txt"


@pytest.mark.parametrize(("content", "why"), BAD)
def test_bad_input_is_one_line(tmp_path, content, why):
    (tmp_path / "a.txt").write_bytes(content)
    ran = run("explain", tmp_path / "a.txt")
    assert ran.code == 3
    assert ran.err.count("\n") == 1
    assert ran.err.startswith(f"calciscope: a.txt: {why}")


def test_every_option_is_documented():
    assert command.explain.__doc__


def test_a_folder_of_reports_is_a_line_each_and_what_is_none_is_left_out(tmp_path):
    (tmp_path / "a.txt").write_text("FINDINGS: Gallstones.")
    (tmp_path / "b.txt").write_text("Der Patient hat keine Verkalkung und einen Nierenstein.")
    (tmp_path / "c.csv").write_text("x,y")
    ran = run("explain", tmp_path)
    assert ran.code == 0
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [line["report"] for line in lines] == ["a.txt", "b.txt"]
    assert "German" in lines[1]["refused"]
    (tmp_path / "empty").mkdir()
    assert "holds no report" in run("explain", tmp_path / "empty").err


def test_a_zip_of_reports_is_a_line_each(tmp_path):
    path = packed(tmp_path / "a.zip", structured_report(tmp_path / "sr.dcm"), report="FINDINGS: Gallstones.", b="")
    ran = run("explain", path)
    assert ran.code == 0
    assert [json.loads(line)["report"] for line in ran.out.splitlines()] == ["sr.dcm", "report.txt"]
    assert ran.err.splitlines() == ["calciscope: b.txt: is empty; give a report text"]
    (tmp_path / "whole").mkdir()
    path.rename(tmp_path / "whole" / "a.zip")
    assert run("explain", tmp_path / "whole").out == ran.out


def test_a_zip_without_a_report_and_a_bad_one(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no report")
    assert "none.zip: holds no report" in run("explain", packed(tmp_path / "none.zip", tmp_path / "a.png")).err
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 and no more")
    ran = run("explain", tmp_path / "bad.zip")
    assert (ran.code, "bad.zip: the ZIP is damaged" in ran.err) == (3, True)


def test_age_and_sex_of_a_header_count(tmp_path):
    path = structured_report(tmp_path / "sr.dcm", PatientAge="062Y", PatientSex="F")
    found = json.loads(run("explain", path, "--json").out)["patient_facts"]
    assert [(one["key"], one["value"], one["text"], one["used"]) for one in found] == [
        ("age", 62.0, "DICOM header", True),
        ("sex", "female", "DICOM header", True),
    ]


def test_an_empty_cell_of_a_table_is_told(tmp_path):
    (tmp_path / "t.csv").write_text('id,text\n1,Gallstones.\n2,""\n')
    lines = run("explain", tmp_path / "t.csv", "--text-column", "text", "--id-column", "id").out.splitlines()
    assert json.loads(lines[1]) == {"report": "2", "refused": "2: is empty; give a report text"}


def test_what_the_report_says_of_the_patient_is_shown(tmp_path):
    (tmp_path / "r.txt").write_text("INDICATION: 62-year-old woman, fever.\nFINDINGS: Stone in the left ureter.")
    (tmp_path / "p.yaml").write_text("age: 45\nsymptoms: []\n")
    assert "from the report: 62 years, female, fever" in run("explain", tmp_path / "r.txt").out
    ran = run("explain", tmp_path / "r.txt", "--patient", tmp_path / "p.yaml", "--out", tmp_path / "o")
    assert "report, not used: 62 years: the patient file says 45 years, which is used" in ran.out
    assert "Report and patient file disagree about: age, fever; the patient file is used." in ran.out
    assert "the patient file says 45 years" in (tmp_path / "o" / "report.html").read_text()


def test_a_patient_reads_of_what_is_not_explained(tmp_path):
    (tmp_path / "r.txt").write_text("Total Agatston score: 0. A 2 cm noncalcified nodule in the left lower lobe.")
    out = " ".join(run("explain", tmp_path / "r.txt", "--for", "patient").out.split())
    assert "It gives a calcium score for the coronary arteries: “Total Agatston score: 0”." in out
    assert "something that holds no calcium: “noncalcified nodule" in out
    assert "Only calcium and stones are explained here." in out
