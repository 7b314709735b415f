"""Stated and measured findings at one site become one, and a disagreement is said."""

from datetime import date

from calciscope.domain.assessment import Measure, Validity
from calciscope.domain.patient import StatedFinding
from calciscope.interpret import load
from calciscope.interpret.merge import merge
from tests.interpret.make import measured, patient

CORONARY = "artery.coronary"


def agatston(value, validity=Validity.VALID):
    return Measure(value=value, unit="1", method="agatston", preset="standard", validity=validity)


def places(sites, *findings):
    return merge(sites, patient(*findings), load())


def test_a_stated_finding_becomes_a_site_with_valid_stated_measures():
    (place,) = places((), ("ureter.left", {"diameter": 6.0, "location": "distal"}))
    (member,) = place.members
    assert place.stated
    assert member.stated
    assert member.values == {"diameter": 6.0, "location": "distal"}
    assert member.measures["diameter"] == Measure(value=6.0, unit="mm", method="stated")
    assert "location" not in member.measures


def test_several_undated_findings_at_a_site_are_judged_one_by_one():
    (place,) = places((), ("lung.nodule", {"diameter": 4.0}), ("lung.nodule", {"diameter": 14.0}))
    assert [member.values["diameter"] for member in place.members] == [4.0, 14.0]


def test_the_newest_date_holds_and_earlier_values_stay_visible():
    (place,) = places(
        (),
        StatedFinding(CORONARY, {"agatston": 350.0}, date(2024, 1, 1)),
        StatedFinding(CORONARY, {"agatston": 100.0}, date(2019, 5, 6)),
    )
    assert [member.values["agatston"] for member in place.members] == [350.0]
    assert place.members[0].measures["agatston"].why == "as of 2024-01-01"
    assert place.earlier["agatston_2019-05-06"].value == 100.0


def test_an_undated_finding_is_of_today():
    (place,) = places(
        (), StatedFinding(CORONARY, {"agatston": 350.0}, date(2024, 1, 1)), (CORONARY, {"agatston": 400.0})
    )
    assert [member.values["agatston"] for member in place.members] == [400.0]
    assert "agatston_2024-01-01" in place.earlier


def test_the_image_speaks_where_both_give_a_number_and_both_are_shown():
    image = measured(CORONARY, measures={"agatston": agatston(120.0)}, values={"agatston": 120.0}, rollup=True)
    (place,) = places((image,), (CORONARY, {"agatston": 450.0, "extent": "mild"}))
    (member,) = place.members
    assert place.stated
    assert place.rollup
    assert not member.stated, "the image is what is judged"
    assert member.values == {"agatston": 120.0, "extent": "mild"}
    assert member.measures["agatston"].value == 120.0
    assert member.measures["agatston_stated"].value == 450.0
    assert "disagrees with 120 measured in the image" in member.measures["agatston_stated"].why


def test_numbers_that_agree_are_said_to_agree():
    image = measured(CORONARY, measures={"agatston": agatston(120.0)}, values={"agatston": 120.0})
    (place,) = places((image,), (CORONARY, {"agatston": 130.0}))
    assert place.members[0].measures["agatston_stated"].why.endswith("the image agrees and is used")


def test_a_stated_number_is_used_where_the_image_gives_none():
    image = measured(CORONARY, measures={"agatston": agatston(None, Validity.REFUSED)}, values={"diameter": 3.0})
    (place,) = places((image,), (CORONARY, {"agatston": 130.0}))
    assert place.members[0].values == {"diameter": 3.0, "agatston": 130.0}
    assert "this one is used" in place.members[0].measures["agatston_stated"].why


def test_places_keep_their_order_measured_first():
    found = places((measured("spleen"), measured("liver")), ("kidney.left", {}), ("liver", {}))
    assert [place.site for place in found] == ["spleen", "liver", "kidney.left"]
    assert [place.stated for place in found] == [False, True, True]
