"""Whether a scan is fit for a number: one difference from the reference at a time."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from string import Formatter

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from calciscope.domain.anatomy import BloodPool
from calciscope.domain.assessment import Validity
from calciscope.domain.image import Contrast
from calciscope.measure.gate import NUMBERS, Condition, Gate, acquisition_rules, facts, judge
from calciscope.measure.presets import preset, presets
from calciscope.measure.voltage import threshold_of
from tests.measure.make import REFERENCE, block, deposit, geometry

VALID, ADJUSTED, REFUSED = Validity.VALID, Validity.ADJUSTED, Validity.REFUSED
UNENHANCED = BloodPool(45.0, 12.0, 500, "aorta")


def gates(site="artery.coronary.lad", blood=UNENHANCED, grid=None, one=None, name="standard", **changes):
    acquisition = replace(REFERENCE, **changes)
    threshold = threshold_of(preset(name), acquisition)
    grid = grid or geometry()
    known = facts(acquisition, grid, blood, [one or deposit(block(5, 9, 9, 4, 4, 300), grid)], threshold, 120.0)
    return judge(known, site, threshold)


def test_reference_conditions_are_valid_without_a_word():
    assert all(gate == Gate() for gate in gates().values())


@pytest.mark.parametrize(
    ("changes", "number", "validity", "says"),
    [
        ({"kvp": 130.0, "mass_factors": ()}, "agatston", ADJUSTED, "130 HU is kept at 130 kV, so the number reads low"),
        ({"kvp": 100.0}, "agatston", ADJUSTED, "147 HU"),
        ({"kvp": None}, "agatston", ADJUSTED, "taken as 120 kV"),
        ({"kvp": 140.0}, "attenuation", ADJUSTED, "140 kV"),
        ({"tin_filter": True, "mass_factors": ()}, "agatston", ADJUSTED, "130 HU is kept at 120 kV with a tin filter"),
        ({"tin_filter": True}, "attenuation", ADJUSTED, "tin filter"),
        ({"kernel": None, "sharp_kernel": None}, "agatston", ADJUSTED, "kernel is not known"),
        ({"kernel": "XYZZY", "sharp_kernel": None}, "agatston", ADJUSTED, "kernel XYZZY"),
        ({"kernel": "FC52", "sharp_kernel": True}, "agatston", REFUSED, "FC52 is sharp"),
        ({"kernel": "FC52", "sharp_kernel": True}, "volume", ADJUSTED, "reads high"),
        ({"slice_thickness": 2.5}, "agatston", ADJUSTED, "gaps between slices"),
        ({"lossy": True}, "mass", ADJUSTED, "lossy"),
        ({"resampled": "gantry tilt"}, "volume", ADJUSTED, "not the acquired ones (gantry tilt)"),
        ({"missing_slices": (6,)}, "agatston", REFUSED, "slices are missing"),
        ({"missing_slices": (6,)}, "diameter", REFUSED, "slices are missing"),
        ({"missing_slices": (12,)}, "agatston", VALID, None),
        ({"description": "Thorax routine"}, "agatston", ADJUSTED, "not known to be ECG-gated"),
        ({"description": "Thorax non-gated"}, "agatston", ADJUSTED, "not known to be ECG-gated"),
        ({"description": None, "body_part": "HEART"}, "agatston", VALID, None),
        ({"description": "THORAX_ECG-Gated"}, "agatston", VALID, None),
        ({"description": "Ca.Score 3.0"}, "agatston", VALID, None),
        ({"description": "Heart_not-gated"}, "agatston", ADJUSTED, "not known to be ECG-gated"),
        ({"description": "Thorax", "gated": True}, "agatston", VALID, None),
        ({"description": "Cardiac", "gated": False}, "agatston", ADJUSTED, "not known to be ECG-gated"),
        ({"contrast": Contrast.GIVEN}, "agatston", VALID, "as without"),
    ],
)
def test_one_difference_from_the_reference(changes, number, validity, says):
    gate = gates(**changes)[number]
    assert gate.validity is validity
    assert (gate.why is None) if says is None else (says in (gate.why or ""))


@pytest.mark.parametrize(
    ("step", "thickness", "validity", "says"),
    [
        (2.5, 2.5, VALID, None),
        (1.0, 1.0, ADJUSTED, "thinner than the reference 3 mm"),
        (5.0, 5.0, ADJUSTED, "only a class"),
        (1.5, 3.0, ADJUSTED, "overlap"),
        (8.0, 8.0, REFUSED, "slices of 8 mm"),
    ],
)
def test_thickness_and_increment(step, thickness, validity, says):
    gate = gates(grid=geometry((step, 0.5, 0.5)), slice_thickness=thickness)["agatston"]
    assert gate.validity is validity
    assert (gate.why is None) if says is None else (says in (gate.why or ""))


@pytest.mark.parametrize("header", list(Contrast))
def test_enhanced_blood_refuses_whatever_the_header_says(header):
    got = gates(blood=BloodPool(152.4, 14.0, 900, "aorta"), contrast=header)
    for number in ("agatston", "mass"):
        assert got[number].validity is REFUSED
        assert "152 HU" in (got[number].why or "")
    assert got["diameter"].validity is VALID


def test_without_a_blood_pool_the_header_decides():
    assert gates(blood=None, contrast=Contrast.GIVEN)["agatston"].validity is REFUSED
    assert gates(blood=None, contrast=Contrast.UNKNOWN)["agatston"].validity is ADJUSTED
    assert gates(blood=None, contrast=Contrast.NONE)["agatston"].validity is VALID
    said = gates(blood=None, contrast=Contrast.GIVEN)["agatston"].why
    assert said == "the header says that contrast was given, and blood was not measured in the image to tell otherwise"
    assert "neither the header nor blood" in gates(blood=None, contrast=Contrast.UNKNOWN)["mass"].why


def test_header_and_image_together_need_less_enhancement():
    faint = BloodPool(78.0, 12.0, 500, "aorta")
    assert gates(blood=faint, contrast=Contrast.GIVEN)["agatston"].validity is REFUSED
    assert gates(blood=faint, contrast=Contrast.NONE)["agatston"].validity is ADJUSTED


def test_faint_enhancement_and_noise_adjust():
    assert "80 HU" in (gates(blood=BloodPool(80.0, 12.0, 500, "aorta"))["agatston"].why or "")
    assert "noise of 41 HU" in (gates(blood=BloodPool(45.0, 41.0, 500, "aorta"))["agatston"].why or "")


def test_the_deposit_itself_can_spoil_a_number():
    raised = gates(one=deposit(block(5, 9, 9, 4, 4, 500), threshold=320.0))
    assert raised["volume"].validity is ADJUSTED
    assert "320 HU instead of 130 HU" in (raised["volume"].why or "")
    assert "edge of the image" in (gates(one=deposit(block(0, 9, 9, 4, 4, 500)))["volume"].why or "")
    assert "cut off at 3071 HU" in (gates(one=deposit(block(5, 9, 9, 4, 4, 3071)))["attenuation"].why or "")
    assert gates(one=deposit(block(5, 9, 9, 4, 4, 4900)))["attenuation"] == Gate()


def test_gating_matters_in_the_heart_and_agatston_belongs_to_heart_and_arteries():
    assert gates("artery.aorta.abdominal", description="Abdomen")["agatston"].validity is VALID
    assert "only compares sizes" in (gates("kidney.left")["agatston"].why or "")
    assert gates("kidney.left")["volume"].validity is VALID
    assert gates("", description="Abdomen") == gates("artery.carotid.left")
    assert "taken as the increment, 3 mm" in gates(slice_thickness=None)["agatston"].why


def test_a_preset_that_refuses_a_voltage_refuses_the_scores():
    got = gates(kvp=80.0, name="fqm-canon")
    assert got["agatston"].validity is REFUSED
    assert got["diameter"].validity is VALID


def test_several_reasons_are_listed_once_each():
    why = gates(kvp=130.0, lossy=True, kernel=None, sharp_kernel=None)["agatston"].why or ""
    assert why.count("; ") == 2
    first = Gate(ADJUSTED, "a; b")
    assert first.joined(Gate(REFUSED, "b; c")) == Gate(REFUSED, "a; b; c")
    assert Gate().joined(first) == first.joined(Gate()) == first


@given(st.sampled_from(list(Validity)), st.sampled_from(list(Validity)))
def test_joining_is_as_strict_as_the_stricter(one, other):
    joined = Gate(one, "x").joined(Gate(other, "y"))
    assert joined.validity is Gate(other).joined(Gate(one)).validity
    assert joined.validity in (one, other)
    assert (joined.validity is REFUSED) == (REFUSED in (one, other))


def test_conditions():
    assert Condition(above=3).holds(3.1)
    assert not Condition(above=3).holds(3.0)
    assert Condition.model_validate({"from": 3}).holds(3.0)
    assert not Condition(below=3).holds(3.0)
    assert Condition(upto=3).holds(3.0)
    assert not Condition(upto=3).holds(None)
    assert Condition(known=False).holds(None)
    assert not Condition(known=False).holds("FC12")
    assert Condition(known=True).holds("FC12")
    assert not Condition.model_validate({"is": "given"}).holds("none")


def test_rules_use_known_facts_known_sources_and_unique_names():
    threshold = preset().threshold(120.0)
    known = facts(REFERENCE, geometry(), UNENHANCED, [deposit(block(5, 9, 9, 4, 4, 300))], threshold, 120.0)
    rules = acquisition_rules().rules
    assert len({rule.id for rule in rules}) == len(rules)
    for rule in rules:
        named = {field for _, field, _, _ in Formatter().parse(rule.why) if field}
        assert set(rule.when) | named <= set(known), rule.id
        assert set(rule.effect) <= set(NUMBERS)


def test_every_source_is_listed():
    listed = yaml.safe_load(files("calciscope").joinpath("knowledge", "sources.yaml").read_text(encoding="utf-8"))
    cited = {rule.source for rule in acquisition_rules().rules}
    for one in presets().values():
        cited |= set(one.sources) | {voltage.source for voltage in one.voltages}
    assert cited <= set(listed)
