"""The laboratory data: bands that meet, ranges that are possible, and formulas that the published values confirm."""

import itertools

import pytest

from calciscope.domain.site import exists
from calciscope.interpret import load

LABS = load().labs
MEASURED = sorted({band.of for band in LABS.ranges})


@pytest.mark.parametrize("name", MEASURED)
def test_bands_of_a_quantity_neither_overlap_nor_leave_a_gap(name):
    bands = sorted((band for band in LABS.ranges if band.of == name), key=lambda band: band.from_age)
    for young, old in itertools.pairwise(bands):
        assert young.to_age == old.from_age
    assert bands[-1].to_age is None, "the oldest band has no end"


@pytest.mark.parametrize("name", MEASURED)
def test_ranges_are_possible_and_the_right_way_round(name):
    low, high = LABS.quantities[name].plausible
    for band in (band for band in LABS.ranges if band.of == name):
        assert band.low is not None or band.high is not None
        assert low <= (band.low if band.low is not None else low) < (band.high or high) <= high


def test_only_minerals_alp_and_nothing_else_have_ranges_for_children():
    children = {band.of for band in LABS.ranges if band.from_age < 13}
    assert children == {"calcium", "ionised_calcium", "phosphate", "alp"}


def test_every_state_can_be_told():
    shared = {entry.name: entry.ranges_of for entry in LABS.derived}
    for state in LABS.states:
        for name in state.of:
            assert (shared.get(name) or name) in MEASURED, name


def test_limits_of_sites_exist_and_units_are_positive():
    for entry in (*LABS.quantities.values(), *LABS.words.values()):
        assert all(exists(site) for site in entry.sites)
    for quantity in LABS.quantities.values():
        assert quantity.plausible[0] < quantity.plausible[1]
        for unit in quantity.units.values():
            assert (unit if isinstance(unit, float) else unit.factor) > 0


def test_every_patient_file_key_of_the_contract_is_there():
    labs = {name for name, one in LABS.quantities.items() if one.group == "labs"}
    assert labs == {
        "calcium", "ionised_calcium", "corrected_calcium", "albumin", "phosphate", "magnesium", "pth",
            "vitamin_d_25", "vitamin_d_1_25",
        "alp", "bicarbonate", "creatinine", "egfr", "total_cholesterol", "hdl", "hba1c", "urine_albumin_creatinine",
        "crp", "urate", "creatine_kinase", "ldh",
    }  # fmt: skip
    finding = {name for name, one in LABS.quantities.items() if one.group == "finding"} | set(LABS.words)
    assert finding == {
        "agatston", "volume", "mass", "diameter", "attenuation", "count", "location", "pattern", "morphology",
        "distribution", "margin", "symmetry", "extent", "vessels", "aac24", "birads", "brooker", "gartner", "mole",
        "histology", "shemesh", "weston", "mac_score",
    }  # fmt: skip


def test_no_rule_judges_by_the_calcium_phosphate_product():
    for rule in load().rules:
        if "ca_x_p" in rule.names:
            assert rule.rule.status == "superseded"
            assert rule.rule.then.seriousness is rule.rule.then.at_least is None
