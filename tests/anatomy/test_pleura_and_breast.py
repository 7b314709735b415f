"""The shell of the lungs, node stations, breasts and armpits in simulated chests."""

import numpy as np

from calciscope.anatomy.embedded import pleura
from calciscope.anatomy.embedded.build import build
from calciscope.domain.anatomy import Anatomy


def points(anatomy: Anatomy, name: str) -> np.ndarray:
    """Where a structure lies, LPS mm."""
    return anatomy.geometry.to_mm(np.argwhere(anatomy.mask(name)))


def test_the_pleura_lies_round_its_own_lung(chest):
    found = chest.anatomy
    for side, sign in (("left", 1), ("right", -1)):
        shell, lung = points(found, f"pleura_{side}"), points(found, f"lung_{side}")
        assert sign * np.median(shell[:, 0]) > sign * np.median(lung[:, 0]) - 25.0
        assert shell[:, 1].max() > lung[:, 1].max() - 1.0
        assert found.structures[f"pleura_{side}"].confidence <= 0.8
        # None of it lies in the lung or in the heart.
        assert not (found.mask(f"pleura_{side}") & found.mask(f"lung_{side}", "heart_region")).any()


def test_nodes_lie_about_the_fork_of_the_windpipe(chest):
    nodes, airway = points(chest.anatomy, "mediastinal_nodes"), points(chest.anatomy, "airway")
    assert len(nodes)
    assert np.abs(nodes[:, 0] - np.median(airway[:, 0])).max() < 60.0
    assert np.percentile(np.abs(nodes[:, 1] - np.median(airway[:, 1])), 90) < 35.0


def test_breasts_of_a_woman_hold_their_gland(chest):
    for side, sign in (("left", 1), ("right", -1)):
        gland = chest.true(f"breast_{side}")
        room = chest.anatomy.mask(f"breast_{side}")
        assert (gland & room).sum() > 0.6 * gland.sum()
        where = points(chest.anatomy, f"breast_{side}")
        assert (sign * where[:, 0] > 0).all()
        assert np.median(where[:, 1]) < points(chest.anatomy, "heart_region")[:, 1].min()
        assert chest.anatomy.structures[f"breast_{side}"].confidence < 0.9


def test_a_thin_man_has_no_breasts(enhanced_chest):
    assert "breast_left" not in enhanced_chest.anatomy.structures
    assert "breast_right" not in enhanced_chest.anatomy.structures


def test_shoulders_at_the_edge_of_a_chest_have_their_rooms(chest):
    found = chest.anatomy
    for side, sign in (("left", 1), ("right", -1)):
        joint, cuff = points(found, f"joint_shoulder_{side}"), points(found, f"tendon_shoulder_{side}")
        assert sign * np.median(joint[:, 0]) < sign * np.median(cuff[:, 0])
        assert points(found, f"axilla_{side}")[:, 2].mean() < joint[:, 2].mean()


def test_no_lungs_no_pleura(abdomen, pelvis_of_a_man):
    assert "pleura_left" not in pelvis_of_a_man.anatomy.structures
    assert "breast_left" not in pelvis_of_a_man.anatomy.structures
    assert "mediastinal_nodes" not in abdomen.anatomy.structures


def test_hips_have_a_capsule_an_insertion_and_an_artery(pelvis_of_a_man):
    found = pelvis_of_a_man.anatomy
    for side, sign in (("left", 1), ("right", -1)):
        joint, tendon = points(found, f"joint_hip_{side}"), points(found, f"tendon_hip_{side}")
        artery = points(found, f"leg_artery_{side}")
        assert np.percentile(sign * tendon[:, 0], 90) > np.percentile(sign * joint[:, 0], 90)
        assert artery[:, 1].mean() < joint[:, 1].mean() - 20.0
        assert artery[:, 2].mean() < joint[:, 2].mean()


def test_without_a_mediastinum_no_station_is_claimed(chest):
    assert not [name for name in pleura.segment(build(chest.volume), {}).masks if name == "mediastinal_nodes"]
