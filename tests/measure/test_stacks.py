"""Contiguous, overlapping, gapped, unequal and incomplete stacks: from DICOM files to the number and what it says."""

from __future__ import annotations

import numpy as np
import pytest

from calciscope.domain.assessment import Validity
from calciscope.domain.patient import Patient
from calciscope.measure.numbers import Region, Scan, numbers
from calciscope.measure.presets import preset, presets
from calciscope.measure.voxels.slabs import averaged, slabs
from calciscope.read.study import open_study
from tests.read.make_dicom import Series, enhanced, save

VALID, ADJUSTED, REFUSED = Validity.VALID, Validity.ADJUSTED, Validity.REFUSED
HEADER = {"SeriesDescription": "CaScore gated", "CalciumScoringMassFactorPatient": 0.75}
SLICES, FIRST = 16, 5


def stack(increment, thickness, slices=3, hu=400, **changes):
    """A block of 4 x 4 pixels of half a millimetre in soft tissue, as many slices high, and how thick they are."""
    image = np.full((SLICES, 20, 20), 40, dtype=np.int16)
    image[FIRST : FIRST + slices, 8:12, 8:12] = hu
    image[:, 0, 0] = -1000
    header = {**HEADER, "SliceThickness": None if thickness is None else f"{thickness:g}"}
    return Series(image, spacing=(increment, 0.5, 0.5), header=header | changes.pop("header", {}), **changes)


def scored(folder, name="standard"):
    """Every number of what reaches 130 HU."""
    (series,) = open_study([folder], Patient()).series
    scan = Scan.of(series.volume, preset(name))
    voxels = np.argwhere(series.volume.hu >= 130)
    return numbers(Region.of_mask(voxels, series.volume.hu[tuple(voxels.T)], scan), scan).measures


@pytest.mark.parametrize(
    ("increment", "thickness", "slices", "agatston", "validity", "says"),
    [
        (3.0, 3.0, 3, 48.0, VALID, None),
        (2.5, 2.5, 4, 160 / 3, VALID, None),
        (3.0, 3.04, 3, 48.0, VALID, None),
        (1.5, 1.5, 6, 48.0, ADJUSTED, "slices of 1.5 mm are thinner than the reference 3 mm"),
        (
            1.5,
            3.0,
            6,
            48.0,
            ADJUSTED,
            "slices overlap (1.5 mm apart, 3 mm thick), the score is scaled by the increment",
        ),
        (0.625, 1.25, 8, 80 / 3, ADJUSTED, "slices overlap (0.625 mm apart, 1.25 mm thick)"),
        (5.0, 5.0, 3, 80.0, ADJUSTED, "only a class is supported"),
        (5.0, 3.0, 3, 80.0, ADJUSTED, "there are gaps between slices (5 mm apart, 3 mm thick)"),
        (10.0, 3.0, 2, 320 / 3, ADJUSTED, "there are gaps between slices (10 mm apart, 3 mm thick)"),
        (3.0, None, 3, 48.0, ADJUSTED, "the slice thickness is not known and was taken as the increment, 3 mm"),
        (8.0, 8.0, 3, None, REFUSED, "slices of 8 mm average calcium with what lies around it"),
        (3.0, 6.0, 3, None, REFUSED, "slices of 6 mm"),
    ],
)
def test_increment_and_thickness(tmp_path, increment, thickness, slices, agatston, validity, says):
    stack(increment, thickness, slices).write(tmp_path)
    got = scored(tmp_path)
    assert got["agatston"].value == (None if agatston is None else pytest.approx(agatston, rel=1e-12))
    assert got["agatston"].validity is validity
    assert says is None or says in got["agatston"].why
    assert (got["agatston"].why is None) is (says is None)
    # A slice stands for its increment, whatever its thickness: gaps are filled and overlaps counted once.
    assert got["volume"].value == pytest.approx(slices * 16 * 0.25 * increment, rel=1e-12)
    assert got["mass"].value == pytest.approx(slices * 16 * 0.25 * increment * 400 * 0.75 / 1000, rel=1e-12)
    assert got["volume"].validity is not REFUSED


def test_positions_decide_and_not_what_the_header_says_of_spacing(tmp_path):
    stack(1.5, 3.0, 6, header={"SpacingBetweenSlices": "3"}).write(tmp_path)
    assert scored(tmp_path)["agatston"].value == 48.0


def test_a_preset_that_scales_by_thickness_does(tmp_path):
    stack(3.0, 2.0).write(tmp_path)
    by_thickness = [name for name, rule in presets().items() if rule.scaling == "thickness"]
    assert by_thickness
    for name in by_thickness:
        assert scored(tmp_path, name)["agatston"].value == pytest.approx(3 * 4 * 4 * 2 / 3, rel=0.04)  # some round


def test_unequal_spacing_is_resampled_and_adjusts(tmp_path):
    heights = np.cumsum([0, *[3.0, 3.0, 5.0, 3.0, 3.0, 4.2, 3.0, 3.0, 3.0, 3.9, 3.0, 3.0, 5.1, 3.0, 3.0]])
    series = stack(3.0, 3.0, slices=6)
    series.but(each=lambda k: {"ImagePositionPatient": ["-30", "-40", f"{heights[k]:.3f}"]}).write(tmp_path)
    got = scored(tmp_path)["agatston"]
    assert got.validity is ADJUSTED
    assert "voxels are not the acquired ones (slices lie 3.00 to 5.10 mm apart: resampled to" in got.why
    # Six slices reach over 3 + 3 + 4.2 + 3 + 3 mm and half an increment each side.
    assert got.value == pytest.approx(16 * (19.2 + 3) / 3, rel=0.15)


def test_thin_slices_that_a_preset_averages_say_so_and_are_thin_no_more(tmp_path):
    stack(1.0, 1.0, slices=6).write(tmp_path)
    (series,) = open_study([tmp_path], Patient()).series
    (rule,) = (one for one in presets().values() if one.average_mm)
    how = slabs(series.volume, rule)
    scan = Scan.of(averaged(series.volume, how), rule)
    voxels = np.argwhere(scan.volume.hu >= 130)
    got = numbers(Region.of_mask(voxels, scan.volume.hu[tuple(voxels.T)], scan), scan).measures["agatston"]
    # The six slices of 400 HU among tissue of 40 HU fill one slab of three, two thirds of the next and a third of one.
    assert got.value == 4 * (4 + 2 + 1)
    assert got.validity is ADJUSTED
    assert "voxels are not the acquired ones (3 slices each of 1 mm were averaged to 3 mm" in got.why
    assert "thinner" not in got.why


def test_positions_that_are_off_by_a_little_are_equal(tmp_path):
    series = stack(3.0, 3.0)
    off = np.random.default_rng(3).uniform(-0.1, 0.1, SLICES)
    series.but(each=lambda k: {"ImagePositionPatient": ["-30", "-40", f"{3 * k + off[k]:.3f}"]}).write(tmp_path)
    got = scored(tmp_path)["agatston"]
    assert got.validity is VALID
    assert got.value == pytest.approx(48.0, rel=0.01)


def test_a_tilted_gantry_is_straightened_and_adjusts(tmp_path):
    series = stack(3.0, 3.0)
    shear = [f"{-40 + 0.4 * k:.3f}" for k in range(SLICES)]
    series.but(each=lambda k: {"ImagePositionPatient": ["-30", shear[k], f"{3 * k}"]}).write(tmp_path)
    got = scored(tmp_path)["agatston"]
    assert got.validity is ADJUSTED
    assert "voxels are not the acquired ones (gantry tilt of 7.6 degrees" in got.why


@pytest.mark.parametrize(("missing", "validity"), [((6,), REFUSED), ((8,), REFUSED), ((4,), REFUSED), ((11,), VALID)])
def test_a_slice_that_is_missing_in_or_beside_the_calcium_refuses(tmp_path, missing, validity):
    stack(3.0, 3.0).write(tmp_path, skip=missing)
    got = scored(tmp_path)["agatston"]
    assert got.validity is validity
    assert (got.value is None) is (validity is REFUSED)
    assert validity is VALID or "slices are missing inside or next to this deposit" in got.why


def test_one_scan_in_two_series_is_as_valid_as_in_one(tmp_path):
    halves = stack(3.0, 3.0).but(each=lambda k: {"SeriesInstanceUID": f"1.2.9.{1 + (k > 6)}"})
    halves.write(tmp_path)
    got = scored(tmp_path)["agatston"]
    assert (got.value, got.validity, got.why) == (48.0, VALID, None)


def test_an_enhanced_image_brings_thickness_and_mass_factor_in_its_groups(tmp_path):
    series = stack(1.5, 3.0, 6, hu=450)
    image = enhanced(series)
    shared = image.SharedFunctionalGroupsSequence[0]
    shared.CTXRayDetailsSequence[0].CalciumScoringMassFactorPatient = 0.75
    shared.CTXRayDetailsSequence[0].KVP = 130.0
    image.CardiacSynchronizationTechnique = "PROSPECTIVE"
    image.SeriesDescription = "CaSc"
    image.Manufacturer = "SIEMENS"
    save(image, tmp_path / "a.dcm")
    got = scored(tmp_path)
    assert got["agatston"].value == 48.0
    assert "slices overlap (1.5 mm apart, 3 mm thick)" in got["agatston"].why
    assert "the threshold is 133 HU, that of 100 mg/cm3 hydroxyapatite at 130 kV by the mass factor 0.75" in (
        got["agatston"].why
    )
    assert got["mass"].value == pytest.approx(6 * 16 * 0.25 * 1.5 * 450 * 0.75 / 1000)
