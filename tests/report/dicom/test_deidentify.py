"""Headers under a pseudonym: what stays, what is made anew, and that a checker accepts the objects."""

from dataclasses import replace

from calciscope.report import deidentify as whole
from calciscope.report.dicom import deidentify, write
from calciscope.report.pseudonyms import Pseudonyms
from tests import outside
from tests.report.dicom import make

UNDER = Pseudonyms(b"k" * 32, "STUDY 7")


def test_another_secret_gives_other_uids(tmp_path):
    made = make.made(tmp_path / "ct")
    keys = (b"1" * 32, b"2" * 32)
    one, two = (deidentify.origin(made.seen.origin, Pseudonyms(key, "A")).headers[0] for key in keys)
    assert one.SOPInstanceUID != two.SOPInstanceUID
    source = made.seen.origin.headers[0]
    assert source.PatientID == "P1"
    assert {one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID}.isdisjoint(
        {source.StudyInstanceUID, source.SeriesInstanceUID, source.FrameOfReferenceUID}
    )
    assert deidentify.stamp(made.assessment, UNDER).key != made.stamp.key


def test_only_what_is_listed_stays(tmp_path):
    made = make.made(tmp_path / "ct", header={**make.HEADER, "PatientAge": "080Y", "OtherPatientIDs": "X-1"})
    kept = deidentify.header(made.seen.origin.headers[0], UNDER)
    assert not {"PatientAge", "OtherPatientIDs", "StudyDescription"} & {one.keyword for one in kept}
    assert kept.ImagePositionPatient == made.seen.origin.headers[0].ImagePositionPatient


def test_dciodvfy_accepts_them(tmp_path):
    made = make.made(tmp_path / "ct")
    seen = replace(made.seen, origin=deidentify.origin(made.seen.origin, UNDER))
    clean = whole.assessment(made.assessment, UNDER)
    stamp = deidentify.stamp(clean, UNDER)
    done = write.write(
        clean, [seen], ("seg", "sr", "key-images"), tmp_path / "out", stamp, finish=deidentify.sealed
    )  # fmt: skip
    assert {path.name: outside.errors(path) for path in done.paths} == {path.name: set() for path in done.paths}


def test_people_without_a_number_are_not_one(tmp_path):
    names = set()
    for study in ("1.2.3", "1.2.4"):
        made = make.made(tmp_path / study)
        source = made.seen.origin.headers[0]
        source.PatientID, source.StudyInstanceUID = "", study
        names.add(str(deidentify.header(source, Pseudonyms(b"k" * 32)).PatientID))
    assert len(names) == 2
