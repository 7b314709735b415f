"""What is found on real scans, straight from the finder: the phantom's inserts, rims, prostheses, speed of looking."""

from functools import cache

import numpy as np
import pytest

from calciscope.anatomy import provider
from calciscope.domain.patient import Patient
from calciscope.find.ct import find
from calciscope.read.study import open_study
from tests.real.scans import path_of

pytestmark = pytest.mark.real
THRESHOLD = 130.0


@cache
def found(scans, name):
    study = open_study([path_of(scans, name)], Patient())
    volume = max((s.volume for s in study.series), key=lambda v: v.hu.size)
    return volume, find(volume, provider("embedded")(volume), series="s", threshold_hu=THRESHOLD)


def near(deposits, volume, at):
    """The nearest deposit to a canonical index, and its distance in mm."""
    spacing = np.array(volume.geometry.spacing)
    return min(
        ((float(np.linalg.norm((d.voxels - np.array(at)) * spacing, axis=1).min()), d) for d in deposits),
        key=lambda pair: pair[0],
        default=(np.inf, None),
    )


@pytest.mark.parametrize(
    "at",
    [(22, 220, 180), (22, 221, 206), (22, 220, 231), (22, 151, 291), (22, 173, 280), (22, 281, 299), (22, 260, 285)],
)
def test_the_seven_visible_inserts_of_the_phantom(scans, at):
    volume, result = found(scans, "qrm-phantom")
    assert near(result.deposits, volume, at)[0] < 2.0


def test_the_phantom_has_nothing_else_but_its_rod(scans):
    _, result = found(scans, "qrm-phantom")
    others = [d for d in result.deposits if not 20 <= d.center_index[0] <= 24]
    assert len(result.deposits) <= 8
    assert all(31 <= d.center_index[0] <= 38 for d in others)


def test_each_gallstone_is_one_rim(scans):
    volume, result = found(scans, "chest-abdomen-gallstone")
    first = near(result.deposits, volume, (17, 175, 133))[1]
    second = near(result.deposits, volume, (17, 209, 143))[1]
    assert first is not second
    assert first.shape.hollow > 0.2
    assert second.shape.hollow > 0.2


def test_a_hip_prosthesis_is_metal(scans):
    volume, result = found(scans, "totalsegmentator/example_ct")
    distance, rejected = near([d for d in result.rejected if d.rejected_as == "metal"], volume, (6, 62, 100))
    assert distance < 15.0
    assert rejected.peak_hu > 2500
    assert near(result.deposits, volume, (6, 62, 100))[0] > 30.0


def test_plaque_is_found_against_enhanced_blood(scans):
    volume, result = found(scans, "abdomen-pelvis-contrast")
    for at in ((75, 262, 254), (78, 265, 254), (81, 262, 252), (83, 258, 244)):
        distance, deposit = near(result.deposits, volume, at)
        assert distance < 6.0
        assert deposit.peak_hu > 300


@pytest.mark.parametrize("name", ["chest-aorta", "limb-sts-007", "limb-sts-028", "chest-abdomen-gallstone"])
def test_deposits_are_few_disjoint_and_above_their_threshold(scans, name):
    volume, result = found(scans, name)
    assert 0 < len(result.deposits) < 20
    seen = np.zeros(volume.hu.shape, dtype=bool)
    for deposit in (*result.deposits, *result.rejected):
        index = tuple(deposit.voxels.T)
        assert not seen[index].any()
        assert (deposit.hu >= deposit.threshold_hu).all()
        seen[index] = True
