"""Intervals and the smallest lesion on real scans: the inserts of a phantom, and arteries."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import ndimage

from calciscope.domain.patient import Patient
from calciscope.measure.agatston import Stack, score
from calciscope.measure.presets import preset
from calciscope.measure.uncertainty.detect import smallest_lesion
from calciscope.measure.uncertainty.interval import score_intervals
from calciscope.measure.uncertainty.noise import image_noise
from calciscope.read.study import open_study

pytestmark = pytest.mark.real
RULE = preset("standard")


class Measured:
    """A scan with its noise and its calcium."""

    def __init__(self, folder):
        (series,) = open_study([folder], Patient()).series
        self.volume = series.volume
        acquisition, geometry = self.volume.acquisition, self.volume.geometry
        self.threshold = RULE.threshold(acquisition.kvp)
        self.stack = Stack(geometry.spacing, acquisition.slice_axis, acquisition.slice_thickness)
        self.noise = image_noise(self.volume.hu, geometry.spacing, acquisition.slice_axis)
        self.labels, _ = ndimage.label(self.volume.hu >= self.threshold.hu, structure=np.ones((3, 3, 3)))

    def at(self, place):
        """Score and intervals of the deposit at or beside a voxel."""
        box = tuple(slice(max(0, one - reach), one + reach + 1) for one, reach in zip(place, (1, 3, 3), strict=True))
        near = self.labels[box]
        voxels = np.argwhere(self.labels == np.bincount(near[near > 0]).argmax())
        seen = score(voxels, self.volume.hu[tuple(voxels.T)], self.stack, self.threshold, RULE)
        return seen, score_intervals(self.volume.hu, voxels, self.stack, self.threshold, RULE, self.noise)


@pytest.fixture(scope="module")
def truth(conformance):
    return json.loads((conformance / "qrm_phantom.json").read_text(encoding="utf-8"))["lesions"]


@pytest.fixture(scope="module")
def phantom(scans):
    return Measured(scans / "qrm-phantom")


def test_intervals_of_the_inserts_hold_the_published_scores(phantom, truth):
    for one in truth.values():
        if "seed" in one:
            seen, found = phantom.at(one["seed"])
            assert found.agatston[0] <= seen.agatston <= found.agatston[1]
            assert seen.agatston == pytest.approx(one["agatston"], abs=6e-6)


def test_small_inserts_are_less_certain_than_large_ones(phantom, truth):
    def width(name):
        seen, found = phantom.at(truth[name]["seed"])
        return (found.agatston[1] - found.agatston[0]) / seen.agatston

    assert width("Large_HD") < width("Medium_HD") < width("Small_HD")
    assert width("Large_HD") < 0.5


def test_the_small_inserts_that_scored_0_could_have_been_missed(phantom, truth):
    """1 mm of 400 and 200 mg/cm3 score 0 in this scan; the 3 mm insert of 400 mg/cm3 could not have been missed."""
    missed = {one.density: one for one in smallest_lesion(phantom.noise, phantom.stack, phantom.threshold, RULE)}
    for name, density in (("Small_MD", 400), ("Small_LD", 200)):
        assert truth[name]["agatston"] == 0
        assert missed[density].mass >= truth[name]["physical_mass_mg"]
        assert missed[density].diameter >= 1.0
    assert missed[400].mass < truth["Medium_MD"]["physical_mass_mg"]
    assert missed[200].mass < truth["Medium_LD"]["physical_mass_mg"]


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("chest-coronary", [(29, 260, 280), (20, 217, 216), (22, 212, 230), (27, 206, 235)]),
        ("limb-sts-013", [(50, 157, 95), (54, 152, 94)]),
        ("limb-sts-007", [(24, 84, 190), (25, 67, 242)]),
    ],
)
def test_deposits_of_patients_have_plausible_intervals(scans, name, places):
    scan = Measured(scans / name)
    for place in places:
        seen, found = scan.at(place)
        low, high = found.agatston
        assert low <= seen.agatston <= high
        assert 0.1 < (high - low) / seen.agatston < 2.5
        assert found.volume[0] <= seen.volume <= found.volume[1]
        assert found.mass[0] <= seen.mass <= found.mass[1]
