"""Scans that a scanner or an export cut into several series."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.domain.patient import Patient
from calciscope.read.study import open_study
from tests.read.make_dicom import Series, enhanced, phantom, save

HU = phantom((12, 8, 10))
WHOLE = Series(HU)


def uid(number):
    return f"1.2.826.0.1.{number}"


def parts(folder, chosen, series=WHOLE, each=None):
    """Write the series cut into parts, one list of slice indices each, renumbered as series of their own."""
    for number, indices in enumerate(chosen):

        def own(k, number=number, indices=indices):
            place = indices.index(k) if k in indices else 0
            told = {
                "SeriesInstanceUID": uid(number),
                "SOPInstanceUID": f"{uid(number)}.{k}",
                "InstanceNumber": place + 1,
            }
            return {**told, "SeriesNumber": 2 + number, **(each(number) if each else {})}

        skipped = tuple(k for k in range(series.hu.shape[series.order[0]]) if k not in indices)
        series.but(each=own).write(folder, skip=skipped, prefix=f"part{number}")


def read(folder):
    study = open_study([folder], Patient())
    assert not study.refused
    return study


def alone(folder):
    study = read(folder)
    assert not study.unused
    (series,) = study.series
    return series


def cut(*ends):
    return [list(range(a, b)) for a, b in zip((0, *ends), (*ends, 12), strict=True)]


@pytest.fixture(scope="module")
def unsplit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    WHOLE.write(folder)
    return alone(folder).volume


@pytest.mark.parametrize("chosen", [cut(6), cut(3, 7), cut(1), cut(11), cut(2, 4, 6, 8, 10)], ids=str)
@pytest.mark.parametrize("flips", [(), (0,)])
def test_a_stack_cut_into_series_is_one_volume(tmp_path, unsplit, chosen, flips):
    parts(tmp_path, chosen, WHOLE.but(flips=flips))
    series = alone(tmp_path)
    assert np.array_equal(series.volume.hu, unsplit.hu)
    assert series.volume.geometry == unsplit.geometry
    assert series.info.acquisition.missing_slices == ()
    assert f"read from {len(chosen)} series that are one stack" in series.info.acquisition.notes
    assert series.info.acquisition.increment == unsplit.acquisition.increment


@settings(max_examples=20)
@given(st.sets(st.integers(1, 11), max_size=4))
def test_wherever_it_is_cut(tmp_path_factory, unsplit, ends):
    folder = tmp_path_factory.mktemp("cut")
    parts(folder, cut(*sorted(ends)))
    volume = alone(folder).volume
    assert np.array_equal(volume.hu, unsplit.hu)
    assert volume.geometry == unsplit.geometry


def test_a_tilted_and_a_coronal_stack_join_as_well(tmp_path):
    tilt = np.array([[1, 0, 0], [0, np.cos(0.2), -np.sin(0.2)], [0, np.sin(0.2), np.cos(0.2)]])
    for name, series in {
        "turned": WHOLE.but(matrix=tilt),
        "coronal": Series(phantom((8, 12, 10)), order=(1, 0, 2)),
    }.items():
        series.write(tmp_path / name / "whole")
        parts(tmp_path / name / "cut", cut(5), series)
        one, other = (alone(tmp_path / name / how).volume for how in ("whole", "cut"))
        assert np.array_equal(one.hu, other.hu)
        assert one.geometry == other.geometry


def test_multi_frame_images_join(tmp_path, unsplit):
    tmp_path.joinpath("e").mkdir()
    for number, (a, b) in enumerate([(0, 5), (5, 12)]):
        origin = (-30.0, -40.0, 100.0 + 3 * a)
        save(enhanced(Series(HU[a:b], origin=origin, uid=uid(number))), tmp_path / "e" / f"{number}.dcm")
    volume = alone(tmp_path / "e").volume
    assert np.array_equal(volume.hu, HU)
    assert volume.geometry == unsplit.geometry


def test_interleaved_halves_of_a_contiguous_stack_are_one(tmp_path, unsplit):
    parts(tmp_path, [list(range(0, 12, 2)), list(range(1, 12, 2))])
    volume = alone(tmp_path).volume
    assert np.array_equal(volume.hu, unsplit.hu)
    assert volume.geometry == unsplit.geometry


def test_interleaved_thirds_whose_numbers_run_through_are_one(tmp_path):
    thick = WHOLE.but(header={"SliceThickness": "9"})
    for number in range(3):
        numbered = thick.but(
            each=lambda k, number=number: {"SeriesInstanceUID": uid(number), "SOPInstanceUID": f"{uid(number)}.{k}"}
        )
        numbered.write(tmp_path, skip=tuple(k for k in range(12) if k % 3 != number), prefix=f"p{number}")
    assert np.array_equal(alone(tmp_path).volume.hu, HU)


def test_a_repeat_half_an_increment_further_on_stays_apart(tmp_path):
    series = WHOLE.but(header={"SliceThickness": "6"})
    parts(tmp_path, [list(range(0, 12, 2)), list(range(1, 12, 2))], series)
    study = read(tmp_path)
    assert len(study.series) == len(study.unused) == 1
    assert study.series[0].volume.hu.shape == (6, 8, 10)


def test_a_repeat_of_the_same_place_stays_apart_also_beside_a_continuation(tmp_path):
    parts(tmp_path, [list(range(0, 6)), list(range(6, 12))])
    again = WHOLE.but(hu=phantom((12, 8, 10), 3), uid=uid(9), each=lambda k: {"SOPInstanceUID": f"1.7.{k}"})
    again.write(tmp_path, skip=tuple(range(6, 12)), prefix="again")
    study = read(tmp_path)
    # Two parts could lead to the upper half: which, nothing says.
    shapes = [one.volume.hu.shape[0] for one in study.series] + [one.geometry.shape[0] for one in study.unused]
    assert sorted(shapes) == [6, 6, 6]


@pytest.mark.parametrize(
    "different",
    [
        {"ConvolutionKernel": "B70f"},
        {"KVP": "100"},
        {"SliceThickness": "5"},
        {"ContrastBolusAgent": "Iohexol", "ContrastBolusRoute": "IV"},
        {"FrameOfReferenceUID": "1.2.3.99"},
        {"FrameOfReferenceUID": ""},
        {"SeriesDescription": "Abdomen"},
        {"BodyPartExamined": "ABDOMEN"},
        {"PixelSpacing": ["0.9", "0.9"]},
        {"StudyInstanceUID": "1.2.3.98"},
        {"ImageType": ["DERIVED", "PRIMARY", "MPR"]},
        {"Manufacturer": "GE MEDICAL SYSTEMS"},
        {"TemporalPositionIdentifier": 2},
        {"NominalPercentageOfCardiacPhase": 70.0},
    ],
    ids=lambda header: next(iter(header)),
)
def test_what_was_acquired_otherwise_stays_apart(tmp_path, different):
    parts(tmp_path, cut(6), each=lambda number: different if number else {})
    study = read(tmp_path)
    assert len(study.series) + len(study.unused) == 2


@pytest.mark.parametrize("names", ["Thorax 3.0 (1/2),Thorax 3.0 (2/2)", "CHEST_A,Chest b", ",1"])
def test_parts_of_one_description_join_whatever_counts_them(tmp_path, names):
    parts(tmp_path, cut(6), each=lambda number: {"SeriesDescription": names.split(",")[number]})
    assert alone(tmp_path).volume.hu.shape == (12, 8, 10)


def test_parts_without_a_frame_of_reference_join_where_they_fit(tmp_path):
    parts(tmp_path, cut(4, 8), each=lambda number: {"FrameOfReferenceUID": None})
    assert np.array_equal(alone(tmp_path).volume.hu, HU)


@pytest.mark.parametrize("moved", [(0.0, 0.0, 1.0), (0.0, 0.0, -3.0), (0.7, 0.0, 0.0), (0.0, -2.4, 0.0)])
def test_a_part_that_does_not_continue_stays_apart(tmp_path, moved):
    WHOLE.but(hu=HU[:6], uid=uid(1)).write(tmp_path, prefix="a")
    origin = tuple(np.add((-30.0, -40.0, 118.0), moved))
    WHOLE.but(hu=HU[6:], uid=uid(2), origin=origin, each=lambda k: {"SOPInstanceUID": f"1.7.{k}"}).write(
        tmp_path, prefix="b"
    )
    study = read(tmp_path)
    assert len(study.series) + len(study.unused) == 2


def test_other_rescaling_does_not_keep_parts_apart(tmp_path):
    WHOLE.but(hu=HU[:6], uid=uid(1)).write(tmp_path, prefix="a")
    other = WHOLE.but(hu=HU[6:], uid=uid(2), origin=(-30.0, -40.0, 118.0), intercept=0, signed=True)
    other.but(each=lambda k: {"SOPInstanceUID": f"1.7.{k}"}).write(tmp_path, prefix="b")
    assert np.array_equal(alone(tmp_path).volume.hu, HU)


def test_two_lone_slices_are_no_stack(tmp_path):
    for number, z in enumerate((100.0, 300.0)):
        WHOLE.but(hu=HU[:1], uid=uid(number), origin=(-30.0, -40.0, z), header={"SeriesNumber": number}).write(
            tmp_path, prefix=f"s{number}"
        )
    study = open_study([tmp_path], Patient())
    assert not study.series
    assert "one slice is not a volume" in study.refused[0].why
