"""Lungs and airway on synthetic chests: what is lung, what is gas, which side, where the windpipe runs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.anatomy.embedded.lungs import find_airway, find_lungs, split

SPACING = (3.0, 3.0, 3.0)
SHAPE = (50, 80, 110)
MIDDLE = 54.5


class Chest:
    """A trunk of soft tissue; z, y, x are voxel coordinates."""

    def __init__(self, seed=1):
        self.z, self.y, self.x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
        self.body = np.broadcast_to(((self.y - 40) / 36) ** 2 + ((self.x - MIDDLE) / 50) ** 2 < 1, SHAPE).copy()
        self.hu = np.where(self.body, 40.0, -1000.0).astype(np.float32)
        self.noise = np.random.default_rng(seed).normal(0, 10, SHAPE).astype(np.float32)

    def put(self, where, hu):
        self.hu[np.broadcast_to(where, SHAPE)] = hu
        return self

    def ball(self, centre, radius):
        z, y, x = centre
        return (self.z - z) ** 2 + (self.y - y) ** 2 + (self.x - x) ** 2 < radius**2

    def lungs(self, low=10, high=45, level=-850.0, apart=10):
        for side in (-1, 1):
            centre = MIDDLE + side * (apart + 15)
            where = ((self.y - 40) / 24) ** 2 + ((self.x - centre) / 15) ** 2 < 1
            self.put(where & (self.z >= low) & (self.z < high), level)
        return self

    def windpipe(self, low=25, high=50, row=38.0, column=MIDDLE, radius=3.0):
        where = (self.y - row) ** 2 + (self.x - column) ** 2 < radius**2
        return self.put(where & (self.z >= low) & (self.z < high), -990.0)

    @property
    def image(self):
        return self.hu + self.noise

    def airway(self):
        return find_airway(self.image, self.body, SPACING)

    def found(self, middle=MIDDLE):
        return find_lungs(self.image, self.body, self.airway(), SPACING, middle)


def left_of(mask):
    return float(np.argwhere(mask)[:, 2].mean()) > MIDDLE


def test_two_lungs_on_their_sides():
    chest = Chest().lungs().windpipe()
    left, right = chest.found()
    truth = chest.hu == -850.0
    columns = np.arange(SHAPE[2])[None, None]
    for mask, half in ((left, columns > MIDDLE), (right, columns < MIDDLE)):
        true = truth & half
        assert 2 * (mask & true).sum() / (mask.sum() + true.sum()) > 0.97


def test_the_patients_left_is_at_higher_columns():
    left, right = Chest().lungs().found()
    assert left_of(left)
    assert not left_of(right)
    assert not (left & right).any()


@pytest.mark.parametrize("level", [-900.0, -820.0, -700.0])
def test_lungs_well_and_badly_inflated(level):
    left, right = Chest().lungs(level=level).found()
    assert min(left.sum(), right.sum()) > 0.9 * max(left.sum(), right.sum()) > 10_000


def test_no_lung_in_a_belly():
    left, right = Chest().found()
    assert not left.any()
    assert not right.any()


def test_gas_in_the_bowel_is_no_lung():
    belly = Chest()
    belly.put(belly.ball((20, 35, 60), 9), -1000.0)
    left, right = belly.found()
    assert not (left | right).any()


def test_a_bubble_of_stomach_gas_under_the_lung_stays_out():
    chest = Chest().lungs(20, 50)
    pool = chest.ball((9, 30, 72), 7)
    chest.put(pool, -1000.0)
    left, right = chest.found()
    assert not (left | right)[pool].any()
    assert left.sum() == pytest.approx(right.sum(), rel=0.1)


def test_stool_mixed_with_gas_is_no_lung():
    belly = Chest()
    where = belly.ball((22, 40, 54), 14)
    belly.put(where, -500.0)
    assert not any(mask.any() for mask in belly.found())


def test_a_vessel_and_a_nodule_in_the_lung_belong_to_it():
    chest = Chest().lungs()
    nodule = chest.ball((28, 40, 30), 2.5)
    vessel = ((chest.y - 48) ** 2 + (chest.x - 28) ** 2 < 1.6**2) & (chest.z > 15) & (chest.z < 40)
    chest.put(nodule, 60.0).put(vessel, 40.0)
    _, right = chest.found()
    assert right[np.broadcast_to(nodule, SHAPE)].mean() > 0.9
    assert right[vessel & np.ones(SHAPE, dtype=bool)].mean() > 0.9


def test_a_large_mass_in_the_lung_does_not():
    chest = Chest().lungs()
    mass = chest.ball((28, 40, 30), 9)
    chest.put(mass, 60.0)
    _, right = chest.found()
    assert right[np.broadcast_to(mass, SHAPE)].mean() < 0.3


def test_the_base_of_a_lung_at_the_top_of_an_abdomen():
    scan = Chest().lungs(46, 50)
    left, right = scan.found()
    assert left.any()
    assert right.any()
    assert not (left | right)[:45].any()


def test_one_lung_is_one_lung():
    chest = Chest()
    where = ((chest.y - 40) / 24) ** 2 + ((chest.x - 82) / 15) ** 2 < 1
    chest.put(where & (chest.z > 10), -850.0)
    left, right = chest.found()
    assert left.sum() > 10_000
    assert right.sum() < 0.01 * left.sum()


def test_the_airway_is_the_windpipe():
    chest = Chest().lungs().windpipe()
    airway = chest.airway()
    truth = chest.hu == -990.0
    assert (airway & truth).sum() > 0.9 * truth.sum()
    assert not (airway & ~truth).any()


def test_the_airway_follows_a_bent_windpipe():
    chest = Chest().lungs()
    for z in range(25, 50):
        where = (chest.y - 38) ** 2 + (chest.x - MIDDLE - 0.4 * (z - 37)) ** 2 < 9
        chest.put(where & (chest.z == z), -990.0)
    assert len(np.flatnonzero(chest.airway().any(axis=(1, 2)))) == 25


@pytest.mark.parametrize(
    "change",
    [{"column": 20.0}, {"radius": 12.0}, {"low": 45}, {"radius": 0.9}],
    ids=["at the side", "too wide", "too short", "too thin"],
)
def test_what_is_no_windpipe(change):
    assert not Chest().lungs(10, 45).windpipe(**change).airway().any()


def test_a_column_of_gas_in_a_belly_is_bowel():
    assert not Chest().windpipe(5, 45).airway().any()


def test_the_airway_is_no_lung():
    chest = Chest().lungs().windpipe()
    left, right = chest.found()
    assert not ((left | right) & chest.airway()).any()


def test_lungs_that_touch_in_front_are_parted():
    chest = Chest().lungs(apart=2)
    bridge = (np.abs(chest.x - MIDDLE) < 6) & (chest.y > 26) & (chest.y < 31) & (chest.z > 15) & (chest.z < 40)
    chest.put(bridge, -850.0)
    left, right = chest.found()
    assert left.sum() == pytest.approx(right.sum(), rel=0.08)
    assert left_of(left)
    assert np.argwhere(left)[:, 2].min() > MIDDLE - 12


@settings(max_examples=10, deadline=None)
@given(st.integers(12, 30), st.floats(8.0, 14.0), st.floats(8.0, 14.0))
def test_splitting_gives_every_voxel_one_side(gap, first, second):
    grid = np.indices((20, 40, 80))
    one = ((grid - np.array([10, 20, 40 - gap])[:, None, None, None]) ** 2).sum(axis=0) < first**2
    other = ((grid - np.array([10, 20, 40 + gap])[:, None, None, None]) ** 2).sum(axis=0) < second**2
    left, right = split(one | other, 39.5, SPACING)
    np.testing.assert_array_equal(left | right, one | other)
    assert not (left & right).any()
    if gap > 16:
        np.testing.assert_array_equal(left, other)
        np.testing.assert_array_equal(right, one)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 50))
def test_exchanging_the_sides_exchanges_the_lungs(seed):
    chest = Chest(seed).lungs().windpipe()
    chest.put(chest.ball((28, 40, 30), 6), 60.0)
    image, airway = chest.image, chest.airway()
    left, right = find_lungs(image, chest.body, airway, SPACING, MIDDLE)
    again = find_lungs(
        image[:, :, ::-1].copy(), chest.body[:, :, ::-1].copy(), airway[:, :, ::-1].copy(), SPACING, MIDDLE
    )
    np.testing.assert_array_equal(again[0][:, :, ::-1], right)
    np.testing.assert_array_equal(again[1][:, :, ::-1], left)


def test_a_pool_of_stool_and_gas_below_the_lungs_is_no_lung():
    chest = Chest().lungs(low=16)
    pool = np.broadcast_to(chest.ball((6, 25, MIDDLE), 9) & (chest.z < 13), SHAPE)
    chest.put(pool, -840.0)
    left, right = chest.found()
    assert not ((left | right) & pool).any()
    assert min(left.sum(), right.sum()) > 8_000


def test_noise_that_brightens_the_room_makes_no_lung_of_gas():
    chest = Chest().lungs(low=20)
    pool = np.broadcast_to(chest.ball((10, 40, MIDDLE), 8), SHAPE)
    chest.put(pool, -1000.0)
    # What noise of a sharp kernel does to values that cannot fall below the end of the scale.
    chest.noise = chest.noise + np.where(chest.hu < -980, np.float32(55.0), np.float32(0.0))
    left, right = chest.found()
    assert ((left | right) & pool).sum() < 0.2 * pool.sum()
    assert min(left.sum(), right.sum()) > 8_000
