"""Numbers of a site: from placed deposits to measures, values and roll-ups."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.domain.assessment import Validity
from calciscope.measure import measure, preset
from tests.measure.make import REFERENCE, anatomy, block, deposit, geometry, painted, placed, volume

STANDARD = preset("standard")
LM, LAD, LCX, RCA = (f"artery.coronary.{name}" for name in ("lm", "lad", "lcx", "rca"))


def measured(*what, scan=None, body=None, rule=STANDARD):
    shown = painted(*(one.deposit for one in what), scan=scan)
    return {one.site: one for one in measure(what, shown, body or anatomy(shown.geometry), rule)}


def a_block(name, slice_, hu, size=4, **more):
    return deposit(block(slice_, 10, 10, size, 4, hu), name=name, **more)


def test_one_deposit_in_an_artery_under_reference_conditions():
    site = measured(placed(a_block("d1", 5, 350), "artery.aorta.abdominal", 0.8))["artery.aorta.abdominal"]
    numbers = {name: one.value for name, one in site.measures.items()}
    assert numbers["agatston"] == 12.0
    assert numbers["volume"] == 12.0
    assert numbers["mass"] == pytest.approx(12.0 * 350 * 0.00075)
    assert numbers["attenuation"] == numbers["mean_hu"] == numbers["peak"] == 350.0
    assert numbers["count"] == 1.0
    # Without calcium of known density in the image the volume fraction is no measurement of its own.
    odd = {name for name, one in site.measures.items() if one.validity is not Validity.VALID}
    assert odd == {"volume_fraction_mass"}
    assert {name: one.unit for name, one in site.measures.items()} == {
        "agatston": "1", "volume": "mm3", "mass": "mg", "integrated_mass": "mg", "volume_fraction_mass": "mg",
        "diameter": "mm", "diameter_perpendicular": "mm",
        "diameter_craniocaudal": "mm", "attenuation": "HU", "mean_hu": "HU", "sd_hu": "HU", "median_hu": "HU",
        "peak": "HU", "count": "1",
    }  # fmt: skip
    assert site.measures["agatston"].preset == STANDARD.label
    assert site.values["agatston"] == 12.0
    assert site.values["peak_hu"] == 350.0
    assert site.confidence == 0.8
    assert not site.rollup


def test_islands_of_a_site_form_across_its_deposits():
    # Two halves of one island, 0.75 mm2 each: apart neither counts, together they do, at the density of the denser.
    left = deposit(block(5, 10, 10, 1, 3, 150), name="left")
    right = deposit(block(5, 11, 10, 1, 3, 250), name="right")
    site = measured(placed(left, LAD), placed(right, LAD))[LAD]
    assert site.measures["agatston"].value == 6 * 0.25 * 2
    assert site.deposit_agatston == {"left": 1.5, "right": 1.5}
    apart = measured(placed(left, LAD), placed(right, RCA))
    assert apart["artery.coronary"].measures["agatston"].value == 0.0


def test_a_score_between_0_and_1_keeps_its_precision():
    tiny = deposit(block(5, 10, 10, 2, 2, 150), geometry((1.5, 0.5, 0.5)))
    scan = volume(geometry((1.5, 0.5, 0.5)), replace(REFERENCE, slice_thickness=1.5))
    assert measured(placed(tiny, LAD), scan=scan)[LAD].measures["agatston"].value == 0.5


def test_a_small_stone_has_a_volume_and_a_small_fleck_of_an_artery_has_no_score():
    speck = deposit(block(5, 10, 10, 1, 2, 300))
    stone = measured(placed(speck, "kidney.left"))["kidney.left"]
    assert stone.measures["volume"].value == 2 * 0.25 * 3
    assert stone.measures["volume"].method == "all voxels"
    assert stone.measures["mass"].value == pytest.approx(1.5 * 300 * 0.00075)
    fleck = measured(placed(speck, "artery.renal.left"))["artery.renal.left"]
    assert (fleck.measures["volume"].value, fleck.measures["agatston"].value) == (0.0, 0.0)
    assert fleck.measures["count"].value == 1.0


def test_contrast_refuses_agatston_and_mass_and_leaves_the_rest():
    found = a_block("d1", 5, 600, threshold=330.0)
    site = measured(placed(found, "artery.aorta.abdominal"), body=anatomy(blood=170.0))["artery.aorta.abdominal"]
    for name in ("agatston", "mass"):
        assert site.measures[name].value is None
        assert site.measures[name].validity is Validity.REFUSED
        assert "170 HU" in (site.measures[name].why or "")
        assert name not in site.values
    assert site.measures["volume"].validity is Validity.ADJUSTED
    assert "330 HU" in (site.measures["volume"].why or "")
    assert site.values["volume"] == site.measures["volume"].value
    assert not site.deposit_agatston


def test_mass_without_any_factor_is_adjusted_alone():
    site = measured(placed(a_block("d1", 5, 350), LAD), scan=volume(acquisition=replace(REFERENCE, mass_factors=())))[
        LAD
    ]
    assert site.measures["mass"].validity is Validity.ADJUSTED
    assert "assumed" in (site.measures["mass"].why or "")
    assert site.measures["agatston"].validity is Validity.VALID


def test_the_largest_deposit_speaks_for_the_site():
    large = deposit(block(5, 10, 10, 8, 8, 900, 2), name="large", hollow=0.45)
    small = deposit(block(9, 30, 30, 2, 3, 200), name="small")
    site = measured(
        placed(small, "ureter.right", 0.4, location="distal"), placed(large, "ureter.right", 0.9, location="proximal")
    )["ureter.right"]
    assert [one.deposit.id for one in site.placed] == ["large", "small"]
    assert site.values["location"] == "proximal"
    assert site.values["pattern"] == "rim"
    assert site.values["attenuation"] == 900.0
    assert site.values["diameter"] == pytest.approx(3.5 * 2**0.5 + 0.5, abs=0.2)
    assert site.values["count"] == 2.0
    assert site.confidence == pytest.approx((128 * 0.9 + 6 * 0.4) / 134)
    assert site.values["confidence"] == site.confidence


def test_the_longest_deposit_gives_the_diameter_even_if_another_is_larger():
    thin = deposit(block(5, 10, 10, 1, 30, 400), name="thin")
    fat = deposit(block(8, 30, 30, 8, 8, 400, 2), name="fat")
    site = measured(placed(thin, LAD), placed(fat, LAD))[LAD]
    assert site.measures["diameter"].value == pytest.approx(15.0, abs=0.1)


def test_the_place_tells_the_pattern_before_the_shape_does():
    ring = deposit(block(5, 10, 10, 8, 8, 400), hollow=0.5)
    assert measured(placed(ring, "lung.nodule", pattern="popcorn"))["lung.nodule"].values["pattern"] == "popcorn"


def test_the_coronary_total_sums_its_vessels_and_owns_nothing():
    sites = measured(
        placed(a_block("a", 5, 250), LAD), placed(a_block("b", 7, 450), RCA), placed(a_block("c", 9, 150), LM)
    )
    total = sites["artery.coronary"]
    assert total.rollup
    assert total.placed == ()
    assert total.measures["agatston"].value == 8 + 16 + 4
    assert total.measures["agatston_lm_lad"].value == 12.0
    assert total.measures["agatston_lm_lad"].method == "sum of LM and LAD, independent errors"
    assert total.measures["count"].value == 3.0
    assert total.measures["peak"].value == 450.0
    assert total.values["vessels"] == 3.0
    assert total.values["agatston"] == 28.0
    assert list(sites) == sorted(sites)


def test_one_vessel_is_enough_for_a_coronary_total_but_one_part_is_no_aorta():
    assert "artery.coronary" in measured(placed(a_block("a", 5, 250), LCX))
    assert "artery.aorta" not in measured(placed(a_block("a", 5, 250), "artery.aorta.arch"))
    both = measured(
        placed(a_block("a", 5, 250), "artery.aorta.arch"), placed(a_block("b", 9, 250), "artery.aorta.thoracic")
    )
    assert both["artery.aorta"].measures["agatston"].value == 16.0
    assert "vessels" not in both["artery.aorta"].values


def test_a_parent_with_deposits_of_its_own_keeps_them_and_tells_the_whole():
    sites = measured(placed(a_block("a", 5, 250), "artery.coronary"), placed(a_block("b", 9, 450), LAD))
    total = sites["artery.coronary"]
    assert not total.rollup
    assert [one.deposit.id for one in total.placed] == ["a"]
    assert total.measures["agatston"].value == 24.0
    assert total.measures["agatston"].method == "sum of this site and the places below it, independent errors"
    assert total.deposit_agatston == {"a": 8.0}
    assert total.values["agatston"] == 24.0


def test_a_total_is_as_valid_as_its_least_valid_part():
    scan = volume(acquisition=replace(REFERENCE, missing_slices=(6,)))
    sites = measured(placed(a_block("a", 5, 250), LAD), placed(a_block("b", 12, 450), RCA), scan=scan)
    assert sites[RCA].measures["agatston"].value == 16.0
    total = sites["artery.coronary"]
    assert total.measures["agatston"].value is None
    assert "slices are missing" in (total.measures["agatston"].why or "")
    assert "vessels" not in total.values
    assert "agatston" not in total.values


def test_nothing_placed_measures_nothing():
    assert measure((), volume(), anatomy(), STANDARD) == ()


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(4)))
def test_the_order_of_deposits_changes_no_number(order):
    deposits = [deposit(block(3 + 3 * i, 10, 10, 3 + i, 4, 200 + 90 * i), name=f"d{i}") for i in range(4)]
    given_ = [placed(deposits[i], "heart" if i % 2 else LAD, 0.5 + i / 10) for i in order]
    got = measured(*given_)
    expected = measured(*(placed(one, "heart" if i % 2 else LAD, 0.5 + i / 10) for i, one in enumerate(deposits)))
    assert {k: (dict(v.measures), dict(v.values)) for k, v in got.items()} == {
        k: (dict(v.measures), dict(v.values)) for k, v in expected.items()
    }


def test_sagittal_slices_score_as_acquired():
    grid = geometry((0.5, 0.5, 3.0))
    scan = volume(grid, replace(REFERENCE, slice_axis=2))
    sagittal = deposit({(z, y, x): hu for (x, y, z), hu in block(5, 10, 10, 4, 4, 350).items()}, grid)
    site = measured(placed(sagittal, LAD), scan=scan)[LAD]
    assert site.measures["agatston"].value == 12.0
