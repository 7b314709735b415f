import numpy as np
import pytest

from calciscope.simulate.body import Habitus, build
from calciscope.simulate.catalogue import DEPOSITS, METABOLISM, METASTATIC, VALVE
from calciscope.simulate.growth import METASTABLE, MINERAL
from calciscope.simulate.sites import concretion, diffuse, leaflets, nodule, on, rim, scar, stone, wall


@pytest.fixture(scope="module")
def body():
    return build(np.random.default_rng(1), Habitus(), spacing=(6.0, 6.0, 6.0))


def made(body, local, seed=1):
    return local(body, np.random.default_rng(seed))


def coordinates(damage):
    shape = damage.field.shape
    z, y, x = (
        damage.origin[2 - k] + damage.spacing * np.arange(shape[k]).reshape([-1 if a == k else 1 for a in range(3)])
        for k in range(3)
    )
    return x, y, z


@pytest.mark.parametrize("place", [*DEPOSITS, VALVE, *METASTATIC], ids=lambda place: place.site)
def test_damage_is_a_share_and_keeps_off_the_border(body, place):
    damage = made(body, place.damage)
    assert damage.field.dtype == np.float32
    assert 0 <= damage.field.min() <= damage.field.max() <= 1
    for axis in range(3):
        edge = np.take(damage.field, [0, -1], axis=axis)
        assert edge.max() < 0.45, "the grid cuts the damage off"
    if damage.bed is not None:
        assert damage.bed.shape == damage.field.shape


def test_the_wall_is_damaged_and_not_the_lumen(body):
    damage = made(body, wall("aorta.abdominal", 0.5, 20.0, 90.0, 120.0))
    course = body.courses["aorta.abdominal"]
    x, y, z = coordinates(damage)
    hit = damage.field > 0.5
    points = np.stack(np.broadcast_arrays(x, y, z), axis=-1)[hit]
    apart = np.linalg.norm(points[:, None] - course.points[None], axis=2)
    radius = course.radii[apart.argmin(axis=1)]
    assert hit.any()
    assert np.abs(apart.min(axis=1) - radius).mean() < 1.2
    middle = course.points[len(course.points) // 2]
    assert (points[:, 1] > middle[1]).mean() > 0.9, "90 degrees is the back wall"
    assert np.ptp(points[:, 2]) == pytest.approx(20.0, abs=8.0)


def test_a_nodule_is_damaged_most_in_its_middle(body):
    damage = made(body, nodule((0.0, 0.0, 300.0), 5.0))
    middle = tuple(s // 2 for s in damage.field.shape)
    assert damage.field[middle] == 1.0
    assert damage.bed[middle] == 1.0
    assert damage.bed.sum() > (damage.field > 0).sum()


def test_a_rim_is_hollow(body):
    damage = made(body, rim((0.0, 0.0, 300.0), 8.0))
    middle = tuple(s // 2 for s in damage.field.shape)
    assert damage.field[middle] == 0.0
    assert damage.bed[middle] == 1.0
    assert damage.field.max() > 0.95


def test_stones_have_facets_and_concretions_do_not(body):
    crystal = made(body, stone((0.0, 0.0, 300.0), 4.0))
    round_one = made(body, concretion((0.0, 0.0, 300.0), 4.0))
    assert crystal.habit.std() > 0.1
    assert round_one.habit is None


def test_a_scar_is_flat(body):
    damage = made(body, scar((90.0, 80.0, 70.0), (10.0, 4.0, 9.0)))
    hit = np.argwhere(damage.field > 0.2)
    deep, wide = np.ptp(hit[:, 1]), np.ptp(hit[:, 2])
    assert deep < 0.7 * wide


def test_leaflets_are_thin_and_sound_tissue_is_sound(body):
    valve = made(body, leaflets((0.0, 0.0, 440.0), 12.0))
    assert 0 < (valve.field > 0.5).mean() < 0.1
    assert made(body, diffuse((0.0, 0.0, 300.0), (9.0, 9.0, 9.0))).field.max() == 0.0


def test_sites_follow_the_size_of_the_patient(body):
    tall = build(np.random.default_rng(1), Habitus(height=190.0), spacing=(9.0, 9.0, 9.0))
    local = nodule((30.0, 10.0, 500.0), 4.0)
    ours, theirs = made(body, local), made(tall, local)
    assert theirs.origin[2] > ours.origin[2] + 30


def test_a_point_on_a_course_lies_on_it(body):
    course = body.courses["ureter.right"].points
    point = np.asarray(on("ureter.right", 0.4)) * body.scale
    assert np.linalg.norm(course - point, axis=1).min() < 1e-6
    assert on("ureter.right", 0.0, (1.0, 2.0, 3.0)) == pytest.approx(
        tuple(np.asarray(on("ureter.right", 0.0)) + np.array([1, 2, 3]))
    )


def test_metabolism_decides_who_calcifies():
    normal, renal = METABOLISM["normal"].product, METABOLISM["renal"].product
    assert MINERAL < normal < renal < METASTABLE
    for place in METASTATIC:
        assert place.factor * normal < METASTABLE < place.factor * renal
