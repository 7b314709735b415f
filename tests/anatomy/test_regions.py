"""Which part of the body each slice shows, on slices reduced to their landmarks."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.anatomy.embedded.regions import find_regions

SPACING = (3.0, 3.0, 3.0)
SIZE = 80


class Scan:
    """A stack of slices with a body; lungs, spine, hips and skull are put in by slice."""

    def __init__(self, n=150):
        self.hu = np.full((n, SIZE, SIZE), 40.0, np.float32)
        self.body = np.zeros((n, SIZE, SIZE), dtype=bool)
        self.body[:, 10:70, 10:70] = True
        self.lungs = np.zeros_like(self.body)
        self.bone = np.zeros_like(self.body)
        self.spine = np.full((n, 3), np.nan)

    def lung(self, start, stop):
        self.lungs[start:stop, 20:50, 15:30] = True
        self.lungs[start:stop, 20:50, 50:65] = True
        return self

    def back(self, start, stop):
        self.spine[start:stop] = (55.0, 40.0, 18.0)
        self.bone[start:stop, 50:60, 35:45] = True
        return self

    def hips(self, start, stop):
        self.bone[start:stop, 25:50, 14:18] = True
        self.bone[start:stop, 25:50, 62:66] = True
        return self

    def skull(self, start, stop):
        self.bone[start:stop, 12:68, 12:68] = True
        self.bone[start:stop, 15:65, 15:65] = False
        self.hu[start:stop, 15:65, 15:65] = 35.0
        return self

    def regions(self, factor=1, slices=None):
        return find_regions(
            self.hu, self.body, self.lungs, self.bone, self.spine, SPACING, factor, slices or len(self.hu) * factor
        )

    def names(self, **more):
        return [(r.name, r.start, r.stop) for r in self.regions(**more)]


def test_a_trunk_from_the_thighs_to_the_neck():
    scan = Scan().back(20, 150).hips(0, 50).lung(85, 135)
    assert scan.names() == [("pelvis", 0, 50), ("abdomen", 50, 85), ("chest", 85, 135), ("neck", 135, 150)]


def test_a_head_above_a_neck():
    scan = Scan().back(0, 90).skull(90, 150)
    # The base of the skull and the face lie below the lowest slice in which the cavity is closed.
    assert scan.names() == [("neck", 0, 82), ("head", 82, 150)]


def test_an_abdomen_alone():
    assert Scan().back(0, 150).names() == [("abdomen", 0, 150)]


def test_a_chest_alone():
    assert Scan().back(0, 150).lung(0, 150).names() == [("chest", 0, 150)]


def test_long_bones_without_a_spine_are_a_limb():
    scan = Scan().hips(0, 150)
    assert scan.names() == [("limb", 0, 150)]


def broad(bone=True):
    """Hips without a vertebra in a body as wide and large as a trunk."""
    scan = Scan(90)
    scan.body[:, 4:76, :] = True
    return scan.hips(0, 90) if bone else scan


def test_two_hips_in_one_broad_body_are_a_pelvis_without_any_vertebra():
    assert broad().names() == [("pelvis", 0, 90)]


def test_two_broad_legs_with_air_between_are_no_pelvis():
    scan = broad()
    scan.body[:, :, 37:43] = False
    assert scan.names() == [("limb", 0, 90)]


def test_one_hip_without_the_other_is_no_ring():
    scan = broad(bone=False)
    scan.bone[:, 25:50, 14:18] = True
    assert scan.names() == [("limb", 0, 90)]


def test_slices_without_a_body_belong_to_no_region():
    scan = Scan().back(0, 150)
    scan.body[:30] = False
    scan.body[140:] = False
    assert scan.names() == [("abdomen", 30, 140)]


def test_nothing_at_all():
    scan = Scan()
    scan.body[:] = False
    assert scan.regions() == ()


def test_below_the_hips_are_the_legs():
    scan = Scan().back(60, 150).hips(40, 80).lung(115, 150)
    assert scan.names()[0][0] == "limb"
    assert scan.names()[1][:2] == ("pelvis", 40)


def test_a_sliver_of_lung_does_not_make_a_chest():
    scan = Scan().back(0, 150).hips(0, 50)
    scan.lungs[100:120, 30:34, 20:24] = True
    assert [name for name, *_ in scan.names()] == ["pelvis", "abdomen"]


def test_last_ribs_beside_the_spine_are_no_hips():
    scan = Scan().back(0, 150).lung(60, 150).hips(50, 60)
    assert [name for name, *_ in scan.names()] == ["abdomen", "chest"]


def test_a_gap_in_the_lungs_stays_chest():
    scan = Scan().back(0, 150).lung(60, 100).lung(110, 150)
    assert scan.names() == [("abdomen", 0, 60), ("chest", 60, 150)]


def test_a_stretch_of_a_few_slices_joins_the_one_below():
    scan = Scan().back(0, 150).lung(60, 147)
    assert scan.names() == [("abdomen", 0, 60), ("chest", 60, 150)]


@pytest.mark.parametrize(("factor", "slices"), [(1, 150), (3, 450), (3, 452), (5, 754)])
def test_regions_count_the_slices_of_the_volume_to_its_end(factor, slices):
    parts = Scan().back(0, 150).lung(60, 150).regions(factor, slices)
    assert parts[0].stop == parts[1].start == 60 * factor
    assert parts[-1].stop == slices


def test_what_the_lungs_show_is_surer_than_what_a_spine_suggests():
    parts = {r.name: r.confidence for r in Scan().back(0, 150).hips(0, 50).lung(90, 150).regions()}
    assert parts["chest"] > parts["abdomen"] >= parts["pelvis"] - 0.1
    assert Scan().hips(0, 150).regions()[0].confidence < parts["chest"]


bounds = st.lists(st.integers(0, 60), min_size=8, max_size=8)


@given(bounds)
def test_any_landmarks_give_ordered_regions_without_overlap(numbers):
    scan = Scan(60)
    pairs = [sorted(numbers[k : k + 2]) for k in range(0, 8, 2)]
    scan.lung(*pairs[0]).back(*pairs[1]).hips(*pairs[2])
    scan.body[: pairs[3][0] // 4] = False
    parts = scan.regions()
    for below, above in pairwise(parts):
        assert below.stop <= above.start
    for part in parts:
        assert 0 <= part.start < part.stop <= 60
        assert 0 < part.confidence <= 1
        assert part.name in {"head", "neck", "chest", "abdomen", "pelvis", "limb"}


def test_a_thin_body_with_a_windpipe_is_a_neck():
    scan = Scan().back(0, 150)
    scan.body[:] = False
    scan.body[:, 20:65, 18:62] = True
    pipe = np.zeros_like(scan.body)
    pipe[:, 33:39, 37:43] = True

    def names(airway, body=scan.body):
        found = find_regions(scan.hu, body, scan.lungs, scan.bone, scan.spine, SPACING, 1, 150, airway)
        return [region.name for region in found]

    assert names(pipe) == ["neck"]
    # Without a windpipe, with one in few slices or far to a side, or in a trunk it is none.
    few = pipe.copy()
    few[60:] = False
    wide = np.zeros_like(scan.body)
    wide[:, 5:75, 5:75] = True
    assert names(np.zeros_like(pipe)) == names(few) == names(np.roll(pipe, 10, axis=2)) == ["abdomen"]
    assert names(pipe, wide) == ["abdomen"]
