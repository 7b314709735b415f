"""One assessment is about one person, and nobody is named."""

import numpy as np
import pytest

from calciscope.domain.patient import Patient
from calciscope.read.study import open_study
from tests.read.make_dicom import Series, phantom

IDS = ("ZQ-4711", "ZQ-0815")


@pytest.fixture
def two(tmp_path):
    for seed, name in enumerate(IDS):
        Series(phantom(seed=seed), patient=name, study=f"1.{seed + 1}").write(tmp_path, prefix=f"s{seed}")
    return tmp_path


def test_several_patients_are_refused_with_a_line_each(two):
    study = open_study([two], Patient())
    assert not study.series
    assert [line.why.split(" in the")[0] for line in study.refused] == ["patient 1 of 2", "patient 2 of 2"]
    assert all("--patient-id" in line.why and "5 more files" in line.input for line in study.refused)


@pytest.mark.parametrize("seed", [0, 1])
def test_patient_id_chooses(two, seed):
    study = open_study([two], Patient(), patient_id=IDS[seed])
    assert np.array_equal(study.series[0].volume.hu, phantom(seed=seed))
    (refusal,) = study.refused
    assert "another patient" in refusal.why


def test_a_patient_id_that_fits_nobody_is_said_without_repeating_it(two):
    study = open_study([two], Patient(), patient_id="XX-1")
    assert not study.series
    (refusal,) = study.refused
    assert "check it" in refusal.why
    assert "XX-1" not in refusal.why


@pytest.mark.parametrize("asked", [None, *IDS, "XX-1"])
def test_no_identifier_appears_anywhere(two, asked):
    Series(phantom(), patient=IDS[0], study="1.1", header={"SeriesDescription": f"Chest {IDS[0]} Doe"}).write(
        two, prefix="named"
    )
    assert not any(word in repr(open_study([two], Patient(), patient_id=asked)) for word in (*IDS, "Doe"))


def test_without_ids_names_tell_patients_apart(tmp_path):
    for seed, name in enumerate(("A^B", "C^D")):
        header = {"PatientID": "", "PatientName": name}
        Series(phantom(seed=seed), header=header).write(tmp_path, prefix=f"s{seed}")
    assert len(open_study([tmp_path], Patient()).refused) == 2


def test_two_examinations_of_one_patient_belong_together(tmp_path):
    Series(phantom(), study="1.1").write(tmp_path, prefix="a")
    Series(phantom(seed=2), study="1.2", frame="1.6", origin=(-30, -40, 900)).write(tmp_path, prefix="b")
    study = open_study([tmp_path], Patient())
    assert not study.refused
    assert len(study.series) == 2
