"""A change is a change where it is more than both measurements are sure of."""

import pytest

from calciscope.compare.change import change_of, changes_of, state_of, zero
from calciscope.compare.fitness import differences
from calciscope.compare.model import State
from calciscope.domain.assessment import Assessment, Measure, Provenance, SeriesUse, Seriousness, Validity


def number(value, low=None, high=None, **more):
    span = None if low is None else (low, high)
    return Measure(value=value, unit="mm3", interval=span, method="m", **more)


@pytest.mark.parametrize(
    ("old", "new", "state"),
    [
        (number(100.0, 80, 120), number(115.0, 105, 125), State.STABLE),
        (number(100.0, 90, 110), number(115.0, 105, 125), State.GROWN),
        (number(100.0, 90, 110), number(130.0, 120, 140), State.GROWN),
        (number(100.0, 90, 110), number(70.0, 60, 80), State.SMALLER),
        (number(100.0), number(115.0), State.STABLE),
        (number(100.0), number(150.0), State.GROWN),
        (number(0.0), number(0.0), State.STABLE),
        (number(0.0), number(20.0), State.GROWN),
        (None, number(20.0), State.UNCLEAR),
    ],
)
def test_the_state_follows_the_intervals(old, new, state):
    assert change_of("volume", old, new, 1.0).state is state


def test_rates_need_years_and_a_percentage_something_to_be_of():
    made = change_of("volume", number(100.0), number(160.0), 3.0)
    assert (made.change, made.percent, made.per_year, made.percent_per_year) == (60.0, 60.0, 20.0, 20.0)
    undated = change_of("volume", number(100.0), number(160.0), None)
    assert (undated.change, undated.per_year) == (60.0, None)
    assert change_of("volume", number(0.0), number(9.0), 1.0).percent is None


def test_a_refused_value_gives_no_change_and_says_at_which_date():
    refused = Measure(value=None, unit="1", method="m", validity=Validity.REFUSED, why="contrast")
    made = change_of("agatston", refused, number(9.0), 1.0)
    assert (made.change, made.validity) == (None, Validity.REFUSED)
    assert "old date" in made.why


def test_volume_that_grows_without_mass_is_blur():
    wide, narrow = number(200.0, 190, 210), number(100.0, 90, 110)
    assert (
        state_of(changes_of({"volume": narrow, "mass": narrow}, {"volume": wide, "mass": wide}, 1, ())) is State.GROWN
    )
    assert (
        state_of(changes_of({"volume": narrow, "mass": narrow}, {"volume": wide, "mass": narrow}, 1, ()))
        is State.STABLE
    )
    assert state_of({}) is State.UNCLEAR


def test_what_is_not_there_is_0_of_what_can_be_measured():
    assert {k: m.value for k, m in zero({"volume": number(3.0, 2, 4), "sphericity": number(1.0)}).items()} == {
        "volume": 0
    }


def scan(preset="standard", **changes):
    use = {
        "id": "s", "label": "s", "used": True, "uses": ("find", "score"), "why": "", "modality": "CT", "slices": 50,
        "spacing_mm": (3.0, 0.5, 0.5), "slice_thickness_mm": 3.0, "kvp": 120.0, "kernel": "Qr36", "contrast": "none",
    }  # fmt: skip
    made = Provenance(calciscope="1", created="", anatomy="embedded", preset=preset, guidelines="esc")
    acquisition = (SeriesUse(**{**use, **changes}),)
    return Assessment(answer="", seriousness=Seriousness.NONE, provenance=made, acquisition=acquisition)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({}, {}, {}),
        ({"kvp": 100.0}, {}, {"voltage": "adjusted"}),
        ({"slice_thickness_mm": 2.5}, {}, {"thickness": "adjusted"}),
        ({"slice_thickness_mm": 1.0}, {}, {"thickness": "adjusted", "thickness.double": "refused"}),
        ({"spacing_mm": (1.5, 0.5, 0.5)}, {}, {"increment": "adjusted"}),
        ({"kernel": "Br64"}, {}, {"kernel": "adjusted"}),
        ({}, {"contrast": "given"}, {"contrast": "refused"}),
        ({"contrast": "given"}, {"contrast": "given"}, {"contrast.both": "refused"}),
        ({"kvp": None}, {}, {"unknown": "adjusted"}),
    ],
)
def test_differences_of_the_scans(old, new, said):
    assert {one.id: one.validity for one in differences(scan(**old), scan(**new))} == said


def test_differences_say_which_scan_reads_higher():
    (one,) = differences(scan(kvp=100.0), scan())
    assert "100 and 120 kV" in one.why
    assert "the old scan reads higher" in one.errs
    (two,) = differences(scan(), scan(slice_thickness_mm=2.5))
    assert "the new scan reads higher" in two.errs


def test_other_presets_cannot_be_compared():
    (one,) = differences(scan(), scan(preset="mesa"))
    assert one.id == "preset"
    made = change_of("agatston", number(9.0), number(10.0), 1.0, (one,))
    assert made.validity is Validity.REFUSED
    assert change_of("diameter", number(9.0), number(10.0), 1.0, (one,)).change == 1.0
