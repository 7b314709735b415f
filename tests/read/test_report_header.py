"""Day, age and sex above a report."""

from datetime import date

import pytest
from pydicom import Dataset

from calciscope.read import report_header
from calciscope.read.text import of_text, read_report
from tests.read.test_text import fhir, structured_report


def header(**values):
    data = Dataset()
    for key, value in values.items():
        setattr(data, key, value)
    return report_header.of_dicom(data)


@pytest.mark.parametrize(
    ("values", "age"),
    [
        ({"PatientAge": "062Y"}, 62.0),
        ({"PatientAge": "006M"}, 0.5),
        ({"PatientAge": "sixty"}, None),
        ({"PatientBirthDate": "19580601", "StudyDate": "20200512"}, 61.0),
        ({"PatientBirthDate": "19580501", "StudyDate": "20200512"}, 62.0),
        ({"PatientBirthDate": "20200502", "StudyDate": "20200512"}, pytest.approx(10 / 365.25)),
        ({"PatientBirthDate": "20210101", "StudyDate": "20200512"}, None),
        ({"PatientBirthDate": "19580501"}, None),
    ],
)
def test_age(values, age):
    assert header(**values).age == age


def test_sex_and_day():
    assert header(PatientSex="F").sex == "female"
    assert header(PatientSex="O").sex == "unknown"
    assert header(StudyDate="20200512", ContentDate="20200601").on == date(2020, 5, 12)
    assert header(ContentDate="20200601").on == date(2020, 6, 1)
    assert header(StudyDate="20209999").on is None
    assert "2020" not in repr(header(StudyDate="20200512"))


@pytest.mark.parametrize(
    ("line", "on"),
    [
        ("Date of examination: 2020-05-12", date(2020, 5, 12)),
        ("EXAM DATE: May 12, 2020", date(2020, 5, 12)),
        ("Study date: 12th May 2020", date(2020, 5, 12)),
        ("Date: 12.05.2020", date(2020, 5, 12)),
        ("Date of service: 05/22/2020", date(2020, 5, 22)),
        ("Date: 22/05/2020", date(2020, 5, 22)),
        ("Date: 05/12/2020", None),
        ("Date: 2020-13-45", None),
        ("Comparison: CT of 2019-01-01", None),
        ("Date: XXXX", None),
    ],
)
def test_the_day_of_a_text(line, on):
    assert of_text(f"CT ABDOMEN\n{line}\nFINDINGS: Gallstones.").header.on == on


def test_the_day_of_a_fhir_report(tmp_path):
    day = date(2020, 5, 12)
    for values in ({"effectiveDateTime": "2020-05-12T10:00:00Z", "issued": "2020-06-01"}, {"issued": "2020-05-12"},
                   {"effectivePeriod": {"start": "2020-05-12"}}):  # fmt: skip
        assert read_report(fhir(tmp_path / "a.json", conclusion="Gallstones.", **values)).header.on == day
    assert read_report(fhir(tmp_path / "a.json", conclusion="Gallstones.", effectiveDateTime=3)).header.on is None


def test_a_structured_report_has_its_header(tmp_path):
    assert read_report(structured_report(tmp_path / "sr.dcm")).header.on is None
    path = structured_report(tmp_path / "sr.dcm", StudyDate="20200512", PatientAge="062Y", PatientSex="F")
    found = read_report(path).header
    assert (found.on, found.age, found.sex) == (date(2020, 5, 12), 62.0, "female")
