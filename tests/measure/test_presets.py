"""Presets: what they say at each voltage, and what they refuse."""

from __future__ import annotations

from importlib.resources import files

import pytest
import yaml
from pydantic import ValidationError

from calciscope.errors import InputError
from calciscope.measure.presets import IslandRule, Preset, Voltage, preset, presets


def test_the_default_is_standard_and_every_preset_is_named_and_versioned():
    assert preset().name == "standard"
    assert {"standard", "agatston-130", "fqm-literature", "fqm-siemens", "fqm-philips", "fqm-canon", "horos"} <= set(
        presets()
    )
    assert all(one.label == f"{name} {one.version}" and one.version for name, one in presets().items())


@pytest.mark.parametrize(
    ("kvp", "hu", "bins"),
    [
        (120, 130, (130, 200, 300, 400)),
        (100, 147, (147, 226, 339, 452)),
        (80, 177, (177, 272, 408, 545)),
        (70, 207, (207, 318, 477, 637)),
    ],
)
def test_standard_adapts_to_published_voltages(kvp, hu, bins):
    threshold = preset("standard").threshold(kvp)
    assert (threshold.hu, threshold.bins, threshold.adapted) == (hu, bins, kvp != 120)
    assert (threshold.why is None) == (kvp == 120)
    assert not threshold.refused


@pytest.mark.parametrize(("kvp", "errs"), [(130, "low"), (135, "low"), (140, "low"), (90, "high")])
def test_standard_keeps_130_hu_elsewhere_and_says_which_way_that_errs(kvp, errs):
    threshold = preset("standard").threshold(kvp)
    assert threshold.hu == 130
    assert not threshold.adapted
    assert threshold.why == f"130 HU is kept at {kvp} kV, so the number reads {errs}"


def test_an_unknown_voltage_is_taken_as_the_reference_and_says_so():
    threshold = preset("standard").threshold(None)
    assert threshold.hu == 130
    assert "not known" in (threshold.why or "")


def test_agatston_130_holds_at_any_voltage_and_says_that_it_reads_high_below_120():
    threshold = preset("agatston-130").threshold(100)
    assert threshold.hu == 130
    assert "reads high" in (threshold.why or "")


def test_fqm_knows_two_voltages_and_refuses_others():
    rule = preset("fqm-siemens")
    assert rule.threshold(100).hu == 147
    refused = rule.threshold(80)
    assert refused.refused
    assert refused.why == "preset fqm-siemens is defined at 100, 120 kV only, not at 80 kV"


def test_every_preset_names_published_sources_and_a_status():
    known = yaml.safe_load(files("calciscope").joinpath("knowledge", "sources.yaml").read_text(encoding="utf-8"))
    for one in presets().values():
        assert one.sources, one.name
        cited = {*one.sources, *(voltage.source for voltage in one.voltages)}
        assert not cited - known.keys(), one.name
        assert one.status in ("current", "unverified")
    assert {name for name, one in presets().items() if one.status == "current"} == {"standard", "agatston-130"}


def test_standard_3mm_is_standard_but_for_the_averaging():
    averaging = {"name", "title", "status", "average_mm", "thin_mm", "note"}
    standard, thin = (preset(name).model_dump(exclude=averaging) for name in ("standard", "standard-3mm"))
    assert standard == thin
    assert (preset("standard-3mm").average_mm, preset("standard").average_mm) == (3.0, None)


def test_calciumscoring_jl_computes_its_thresholds_and_refuses_other_voltages():
    rule = preset("calciumscoring-jl")
    assert [rule.threshold(kvp).hu for kvp in (70, 80, 100, 120, 135)] == [201, 184, 154, 128, 112]
    assert rule.threshold(100).bins == (145, 222, 334, 446)
    assert rule.threshold(140).refused


def test_mass_factors_are_those_of_100_mg_per_cm3_at_the_threshold():
    for voltage in preset("standard").voltages:
        assert voltage.mass_factor == pytest.approx(0.1 / voltage.bins[0], abs=1e-6)


def test_an_unknown_name_brings_the_nearest():
    with pytest.raises(InputError, match="did you mean agatston-130"):
        preset("agaston130")
    with pytest.raises(InputError, match="known are: standard"):
        preset("zzz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reference_kvp": 110.0}, "no voltage 110 kV"),
        ({"factors": (1, 2)}, "factors"),
        ({"scaling": "area"}, "scaling"),
        ({"treshold": 130}, "treshold"),
        ({"average_mm": 3.0}, "both average_mm and thin_mm"),
        ({"sources": ()}, "sources"),
    ],
)
def test_a_wrong_preset_is_not_accepted(change, message):
    with pytest.raises(ValidationError, match=message):
        Preset.model_validate(preset("standard").model_dump() | change)


def test_wrong_voltages_and_neighbours_are_not_accepted():
    with pytest.raises(ValidationError, match="do not ascend"):
        Voltage(kvp=120, bins=(200, 130), mass_factor=0.00077, source="x", status="current")
    with pytest.raises(ValidationError, match="need 1 ends"):
        Voltage(kvp=120, bins=(130, 200), ends=(199, 299), mass_factor=0.00077, source="x", status="current")
    with pytest.raises(ValidationError, match="8 neighbours do not exist in 3-D"):
        IslandRule(dimension=3, neighbours=8, smallest=1, unit="mm2")
