"""A lesion that runs from one coronary artery into the next."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.domain.deposit import Shape
from calciscope.domain.structures import dictionary
from calciscope.measure import measure, preset
from calciscope.place import place
from calciscope.place.course import in_wall
from calciscope.place.hypotheses import Hypothesis, Scorer
from calciscope.place.split import of_whole, part, parts
from tests.place.make import GEOMETRY, SHAPE, anatomy, deposit, tube, volume

# 3 mm slices, 2 mm pixels: the heart is a box of 78 x 76 x 76 mm.
REGION = (slice(7, 33), slice(11, 49), slice(11, 49))
LM = tube("coronary_lm", [(20, 30, 20), (20, 30, 30)], 2.0, 0.95)
LAD = tube("coronary_lad", [(20, 30, 31), (20, 30, 45)], 2.0, 0.95)


def streak(first, last, name="d1"):
    """A streak of calcium along a row, from column to column."""
    mask = np.zeros(SHAPE, dtype=bool)
    mask[20, 29:31, first:last] = True
    voxels = np.argwhere(mask).astype(np.int32)
    length = 2.0 * (last - first)
    return replace(
        deposit(name=name),
        voxels=voxels,
        hu=np.full(len(voxels), 400.0, dtype=np.float32),
        center_index=(20, 30, (first + last) // 2),
        volume_mm3=len(voxels) * GEOMETRY.voxel_mm3,
        shape=Shape(length, 4.0, 0.6, 0.0),
    )


def body(*tubes):
    return anatomy({"heart_region": (REGION, 0.9)}, tubes, region="chest")


def sites(item, where):
    return [(one.deposit.id, one.placement.site) for one in place([item], volume(-100), where)]


def test_a_lesion_of_the_fork_is_divided_between_trunk_and_branch():
    item = streak(25, 38)
    placed = place([item], volume(-100), body(LM, LAD))
    assert {(one.deposit.id, one.placement.site) for one in placed} == {
        ("d1a", "artery.coronary.lad"),
        ("d1b", "artery.coronary.lm"),
    }
    held = np.concatenate([one.deposit.voxels for one in placed])
    assert len(held) == len(np.unique(held, axis=0)) == len(item.voxels)
    assert sum(one.deposit.volume_mm3 for one in placed) == pytest.approx(item.volume_mm3)


def test_the_vessels_add_up_to_the_total():
    image = volume(-100, lesion=((20, slice(29, 31), slice(25, 38)), 400))
    item = streak(25, 38)
    where = body(LM, LAD)
    found = {one.site: one for one in measure(place([item], image, where), image, where, preset())}
    each = [found[f"artery.coronary.{name}"].measures["agatston"].value for name in ("lm", "lad")]
    total = found["artery.coronary"].measures
    assert min(each) > 0
    assert total["agatston"].value == pytest.approx(sum(each))
    assert total["agatston_lm_lad"].value == pytest.approx(sum(each))


@pytest.mark.parametrize("item", [streak(33, 40), streak(27, 30)], ids=["in one artery", "short"])
def test_what_lies_in_one_artery_or_is_short_stays_whole(item):
    assert [name for name, _ in sites(item, body(LM, LAD))] == ["d1"]


def test_a_small_end_is_no_part():
    assert sites(streak(29, 44), body(LM, LAD)) == [("d1", "artery.coronary.lad")]


def test_what_is_hardly_coronary_is_not_divided():
    item = streak(25, 38)
    scorer = Scorer(volume(-100), body(LM, LAD), dictionary())
    doubtful = tuple(
        Hypothesis(f"artery.coronary.{name}", 0.2, f"coronary_{name}", group="heart") for name in ("lm", "lad")
    )
    assert parts(item, doubtful, scorer) == (item,)


VALVE, GROUP, STRANGER = "heart.aortic_valve", "heart", "lung.nodule"


def readings(**scores):
    """Hypotheses of the heart's group, and one of another, best first."""
    made = [Hypothesis(f"artery.coronary.{name}", score, "", group=GROUP) for name, score in scores.items()]
    return (*made[:-1], replace(made[-1], site=VALVE), Hypothesis(STRANGER, 0.1, STRANGER))


def test_a_part_is_as_surely_arterial_as_the_lesion():
    found = {item.site: item.score for item in of_whole(readings(lm=0.2, valve=0.6), readings(lad=0.7, valve=0.1))}
    assert found["artery.coronary.lm"] == pytest.approx(0.7)
    assert found[VALVE] == pytest.approx(0.1)
    assert found[STRANGER] == 0.1
    assert next(iter(found)) == "artery.coronary.lm"


def test_a_part_surer_than_the_lesion_or_without_an_artery_keeps_its_readings():
    sure, none = readings(lm=0.8, valve=0.1), readings(valve=0.6)
    assert of_whole(sure, readings(lad=0.7, valve=0.1)) == sure
    assert of_whole(none, readings(lad=0.7, valve=0.1)) == none
    assert of_whole(sure, (Hypothesis(STRANGER, 0.9, STRANGER),)) == sure


def test_readings_of_a_part_never_claim_more_than_they_did():
    found = of_whole(readings(lm=0.2, valve=0.3), readings(lad=0.9, valve=0.05))
    assert sum(item.score for item in found if item.group == GROUP) == pytest.approx(0.5)


@given(st.lists(st.booleans(), min_size=26, max_size=26).filter(any))
def test_a_part_is_where_its_voxels_are(keep):
    item = streak(25, 38)
    made = part(item, np.array(keep), "d1a", GEOMETRY)
    points = GEOMETRY.to_mm(made.voxels)
    assert np.allclose(made.center_mm, points.mean(axis=0))
    edges = np.ptp(points, axis=0) + np.array(GEOMETRY.spacing[::-1])
    assert np.allclose(made.extent_mm, edges)
    assert len(made.hu) == sum(keep)
    assert made.shape.width <= made.shape.length


def test_calcium_that_leaves_a_wall_fits_it_less():
    inside = np.full(20, 0.9)
    leaving = np.concatenate([np.full(10, 0.9), np.full(10, 0.001)])
    assert np.allclose(in_wall(inside), inside)
    assert in_wall(leaving).mean() < 0.2 * leaving.mean()
