"""Patient, stated finding, study, measured site: what is told and what is kept apart."""

from collections.abc import Mapping
from dataclasses import FrozenInstanceError, fields, replace
from datetime import date

import numpy as np
import pytest

from calciscope.domain.assessment import Alternative, Measure, Validity
from calciscope.domain.image import Acquisition, Geometry, Volume
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.patient import Patient, StatedFinding
from calciscope.domain.study import Refusal, Series, SeriesInfo, Study
from tests.report.make import deposit, placed


def info(name="s1", **changes):
    values = {
        "id": name,
        "label": "series 1",
        "acquisition": Acquisition(kvp=120.0),
        "geometry": Geometry((2, 3, 4), (3.0, 1.0, 1.0)),
        "files": 2,
        "uses": frozenset({"find", "score"}),
        "why": "thin and standard kernel",
        "digest": "0" * 8,
    }
    return SeriesInfo(**{**values, **changes})


def test_nothing_told_is_not_the_same_as_told_nothing():
    silent, told = Patient(), Patient(conditions=(), medications=())
    assert silent.conditions is None
    assert told.conditions == ()
    assert silent != told


def test_a_patient_of_whom_nothing_is_known():
    nobody = Patient()
    assert nobody.sex == "unknown"
    assert nobody.findings == ()
    assert dict(nobody.labs) == dict(nobody.function) == {}
    assert all(getattr(nobody, name) is None for name in ("age", "height", "weight", "systolic", "diastolic"))


def test_two_patients_share_no_laboratory_values():
    one, other = Patient(), Patient()
    assert one.labs == other.labs
    with pytest.raises(TypeError):
        one.labs["calcium"] = 9.0
    assert "calcium" not in other.labs


def test_a_patient_is_frozen():
    with pytest.raises(FrozenInstanceError):
        Patient().age = 60.0
    assert replace(Patient(), age=60.0).age == 60.0


def test_a_patient_holds_no_name():
    assert not {field.name for field in fields(Patient)} & {"name", "id", "patient_id", "birth_date", "address"}


def test_a_stated_finding_has_a_site_and_may_have_values_and_a_day():
    bare = StatedFinding("kidney.left")
    assert isinstance(bare.values, Mapping)
    assert dict(bare.values) == {}
    assert bare.on is None
    full = StatedFinding("kidney.left", {"diameter": 6.0, "pattern": "rim"}, date(2024, 2, 29))
    assert full.values["diameter"] == 6.0
    assert full.on.isoformat() == "2024-02-29"
    assert full != bare
    assert StatedFinding("kidney.left") == bare


def test_a_study_without_images_is_a_study():
    study = Study(Patient(age=70.0))
    assert study.series == study.unused == study.refused == study.inputs == ()
    assert study.patient.age == 70.0


def test_a_study_keeps_what_was_used_apart_from_what_was_not():
    volume = Volume(np.zeros((2, 3, 4), np.int16), Geometry((2, 3, 4), (3.0, 1.0, 1.0)))
    study = Study(
        Patient(),
        series=(Series(info(), volume),),
        unused=(info("s2", uses=frozenset(), why="thicker than series 1"),),
        refused=(Refusal("notes.txt", "not an image"),),
    )
    assert [series.info.id for series in study.series] == ["s1"]
    assert [series.id for series in study.unused] == ["s2"]
    assert not study.unused[0].uses
    assert study.refused[0].why == "not an image"


def test_series_with_voxels_are_compared_by_identity():
    # Comparing arrays element by element would raise; two series are the same only if they are the same object.
    volume = Volume(np.zeros((2, 3, 4), np.int16), Geometry((2, 3, 4), (3.0, 1.0, 1.0)))
    one, other = Series(info(), volume), Series(info(), volume)
    assert one != other
    assert len({one, other}) == 2
    assert one.info == other.info


def test_refusals_and_series_are_values():
    assert Refusal("a", "b") == Refusal("a", "b")
    assert info() != info(why="another")
    with pytest.raises(FrozenInstanceError):
        info().why = "changed"


def test_a_measured_site_starts_empty_and_sure():
    site = MeasuredSite("liver")
    assert site.placed == ()
    assert site.alternatives == ()
    assert (site.confidence, site.rollup, site.stated, site.review) == (1.0, False, False, False)
    assert dict(site.measures) == dict(site.values) == dict(site.deposit_agatston) == {}
    with pytest.raises(TypeError):
        site.values["diameter"] = 4.0


def test_a_measured_site_keeps_numbers_for_readers_and_for_rules():
    refused = Measure(value=None, unit="1", method="agatston", validity=Validity.REFUSED, why="contrast")
    site = MeasuredSite(
        "kidney.left",
        (placed(),),
        {"agatston": refused, "diameter": Measure(value=6.0, unit="mm", method="longest axis")},
        {"diameter": 6.0},
        alternatives=(Alternative(value="ureter.left", why="near"),),
    )
    assert "agatston" in site.measures
    assert "agatston" not in site.values
    assert site.values["diameter"] == site.measures["diameter"].value
    assert site.placed[0].deposit.id == "s1-d1"


def test_peak_and_mean_are_those_of_the_voxels():
    bright = replace(deposit(), hu=np.array([100.0, 200.0, 600.0], np.float32))
    assert bright.peak_hu == 600.0
    assert bright.mean_hu == pytest.approx(300.0)
    assert isinstance(bright.peak_hu, float)


def test_deposits_are_compared_by_identity_and_carry_no_shared_context():
    one, other = deposit(), deposit()
    assert one != other
    one.context["fat"] = 0.4
    assert "fat" not in other.context
