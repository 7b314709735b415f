import csv as standard_csv
import json as standard_json

from calciscope.domain.assessment import Assessment
from calciscope.report import csv, json
from tests.report.make import assessment, record


def test_the_json_is_the_assessment(tmp_path):
    written = json.write(assessment(), tmp_path / "assessment.json")
    assert Assessment.model_validate_json(written.read_text()) == assessment()
    data = standard_json.loads(written.read_text())
    assert data["findings"][0]["measures"]["agatston"]["value"] is None
    assert data["findings"][0]["deposits"][0]["center_index"] == [10, 22, 33]


def test_the_csv_has_a_row_a_deposit_under_the_record_names(tmp_path):
    written = csv.write(assessment(), tmp_path / "deposits.csv")
    with written.open(newline="") as file:
        rows = list(standard_csv.DictReader(file))
    assert len(rows) == 1
    assert list(rows[0]) == list(csv.COLUMNS)
    assert standard_json.loads(rows[0]["center_mm"]) == [33.0, 22.0, 30.0]
    assert float(rows[0]["mean_hu"]) == 480.5
    assert rows[0]["rejected_as"] == ""


def test_the_csv_lists_rejected_candidates_after_the_deposits(tmp_path):
    rejected = record(id="s1-r1", rejected_as="bone")
    written = csv.write(assessment(rejected=(rejected,)), tmp_path / "deposits.csv")
    assert written.read_text().splitlines()[2].startswith("s1-r1,")
    assert written.read_text().splitlines()[2].endswith(",bone")


def test_a_spreadsheet_does_not_run_a_name_as_a_formula(tmp_path):
    finding = assessment().findings[0].model_copy(update={"deposits": (record(placed_by="=HYPERLINK(1)"),)})
    written = csv.write(assessment(findings=(finding,)), tmp_path / "deposits.csv")
    assert ",'=HYPERLINK(1)," in written.read_text()
