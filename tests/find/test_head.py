"""What is found in heads: faint calcium of the brain, and neither blood nor bone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from calciscope.anatomy.embedded import segment
from calciscope.find import ct
from calciscope.place import place
from calciscope.simulate.cranium import Skull
from calciscope.simulate.growth import Milieu
from calciscope.simulate.head import Pose, head_scan
from calciscope.simulate.sites import Site, nodule

FLAKE = Milieu(0.0, years=12.0, density=215.0, filling=4.0, roughness=0.5)


def seen(made):
    anatomy = segment(made.volume)
    found = ct.find(made.volume, anatomy, series="S", threshold_hu=130.0)
    return found, place(found.deposits, made.volume, anatomy)


@pytest.fixture(scope="module")
def flakes():
    grown = [
        Site("brain.basal_ganglia.left", "dystrophic", "flake", nodule((18.0, 3.0, 1.0), 4.0, "grey"), FLAKE, 4),
        Site("brain.choroid_plexus.right", "dystrophic", "glomus", nodule((-24.0, 45.0, 10.0), 4.0, "grey"), FLAKE, 4),
    ]
    made = head_scan(4, matrix=192, noise=5.0, pose=Pose(), skull=Skull(), deposits=grown)
    return made, *seen(made)


def test_flakes_below_the_usual_threshold_are_found_and_placed(flakes):
    made, found, placed = flakes
    assert len(made.truth) == 2
    assert {item.placement.site for item in placed} == {truth.site for truth in made.truth}
    assert all(item.placement.confidence < 0.8 for item in placed)
    assert all(100.0 <= deposit.threshold_hu <= 130.0 for deposit in found.deposits)


def test_a_haemorrhage_and_an_osteoma_are_no_calcification_of_the_brain():
    skull = replace(Skull(), bleeding=(28.0, 10.0, 25.0), osteoma=(45.0, -40.0, 68.0))
    made = head_scan(6, matrix=192, noise=6.0, pose=Pose(yaw=8.0, pitch=-8.0), skull=skull, deposits=())
    found, _ = seen(made)
    assert not found.deposits


def test_enhanced_veins_are_no_calcium_and_what_is_brighter_is():
    bright = replace(FLAKE, density=500.0)
    lump = Site("brain.basal_ganglia.left", "dystrophic", "flake", nodule((18.0, 3.0, 1.0), 4.0, "grey"), bright, 4)
    made = head_scan(5, matrix=192, noise=6.0, pose=Pose(), skull=Skull(), deposits=[lump], contrast=True)
    found, placed = seen(made)
    assert [item.placement.site for item in placed] == ["brain.basal_ganglia.left"]
    assert found.floor_hu >= 130.0
