"""Hearts of ordinary variety, and scans of the heart alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.domain import site as sites
from calciscope.simulate import heart
from calciscope.simulate.body import Habitus, build
from calciscope.simulate.courses import courses
from calciscope.simulate.gated import heart_scan, places, plaque, shell
from calciscope.simulate.heart import REFERENCE, VALVE, Heart, coronaries, drawn, muscle, sac, vessels

SEEDS = st.integers(0, 400)


def one(seed):
    return drawn(np.random.default_rng(seed))


def inside(shape, points):
    x, y, z = (points[:, k].astype(np.float32) for k in range(3))
    return shape.distance(x, y, z)


def test_the_reference_heart_is_where_it_always_was():
    assert REFERENCE.valve == pytest.approx(VALVE)
    points = np.array([(40.0, -34.0, 421.0), (6.0, 10.0, 447.0)])
    np.testing.assert_allclose(REFERENCE.moved(points), points)
    assert "aorta.root" not in vessels(REFERENCE)


@given(SEEDS)
def test_the_same_generator_draws_the_same_heart(seed):
    assert one(seed) == one(seed)
    assert one(seed) != one(seed + 1000)


@given(SEEDS)
def test_a_heart_hangs_from_the_ascending_aorta(seed):
    own = one(seed)
    root = vessels(own)["aorta.root"]
    np.testing.assert_allclose(root.points[0], own.valve, atol=1e-6)
    np.testing.assert_allclose(root.points[-1], courses()["aorta.ascending"].points[0], atol=1e-6)
    assert own.valve[2] < root.points[-1, 2] - 8


@given(SEEDS)
def test_arteries_of_any_heart_run_in_its_fat(seed):
    own = one(seed)
    for name, course in coronaries(own).items():
        assert np.median(inside(muscle(own), course.points)) > 0.0, name
        assert (inside(sac(own).grow(5.0), course.points) < 0).all(), name
    fork = coronaries(own)["coronary.lm"].points[-1]
    for name in ("lad", "lcx"):
        assert np.linalg.norm(coronaries(own)[f"coronary.{name}"].points[0] - fork) < 7.0


def test_hearts_differ_in_their_arteries():
    first, second = (coronaries(one(seed)) for seed in (1, 2))
    apart = np.linalg.norm(first["coronary.rca"].points[-1] - second["coronary.rca"].points[-1])
    assert apart > 1.0


@given(SEEDS)
def test_the_annulus_lies_on_atrium_and_ventricle(seed):
    own = one(seed)
    ring = vessels(own)["mitral.annulus"].points
    assert len(ring) >= 6
    for name in ("atrium_left", "ventricle_left"):
        assert np.abs(inside(own.chamber(name), ring)).max() < 8.0
    assert np.linalg.norm(ring - own.valve, axis=1).min() > 8.0


@given(st.floats(0.9, 1.1), st.floats(-12, 12), st.floats(-10, 10))
def test_turning_and_tipping_keep_distances(size, turn, tip):
    own = Heart(turn=turn, tip=tip, size=size)
    points = np.array([(40.0, -34.0, 421.0), (6.0, 10.0, 447.0), (-37.0, -26.0, 428.0)])
    moved = own.moved(points)
    for a, b in ((0, 1), (1, 2)):
        assert np.linalg.norm(moved[a] - moved[b]) == pytest.approx(size * np.linalg.norm(points[a] - points[b]))


def test_more_fat_makes_a_larger_sac_and_not_a_larger_heart():
    grid = np.mgrid[-80:100:8, -110:50:8, 370:480:8].reshape(3, -1).T
    lean, fat = Heart(fat=0.7), Heart(fat=1.5)
    assert (inside(sac(fat), grid) < 0).sum() > (inside(sac(lean), grid) < 0).sum()
    np.testing.assert_array_equal(inside(muscle(fat), grid), inside(muscle(lean), grid))


def test_the_reference_heart_is_painted_as_before():
    body = build(np.random.default_rng(2), Habitus(), spacing=(6.0, 5.0, 5.0), span=(380.0, 470.0))
    same = build(np.random.default_rng(2), Habitus(), spacing=(6.0, 5.0, 5.0), span=(380.0, 470.0), heart=REFERENCE)
    other = build(np.random.default_rng(2), Habitus(), spacing=(6.0, 5.0, 5.0), span=(380.0, 470.0), heart=one(3))
    np.testing.assert_array_equal(body.hu, same.hu)
    assert (body.hu != other.hu).any()


@given(SEEDS)
def test_places_of_calcium_are_sites_and_some_of_each_draw(seed):
    found = places(one(seed), np.random.default_rng(seed))
    assert 5 <= len(found) <= 8
    assert len({place.site for place in found}) == len(found)
    assert all(sites.exists(place.site) for place in found)


def test_a_shell_is_a_patch_of_the_sac():
    body = build(np.random.default_rng(2), Habitus(), spacing=(6.0, 6.0, 6.0), span=(360.0, 480.0))
    damage = shell(REFERENCE, np.array([0.0, -1.0, 0.0]), 10.0)(body, np.random.default_rng(1))
    z, y, x = np.nonzero(damage.field > 0.5)
    assert z.size
    points = np.stack([x, y, z], axis=1) * damage.spacing + np.array(damage.origin)
    assert np.abs(inside(sac(), points / np.array(body.scale))).max() < 3.0
    assert np.ptp(points[:, 0]) < 22.0


def test_a_plaque_is_on_its_artery():
    body = build(np.random.default_rng(2), Habitus(), spacing=(6.0, 6.0, 6.0), span=(360.0, 480.0))
    damage = plaque("rca", 0.5, 8.0, np.random.default_rng(1)).damage(body, np.random.default_rng(1))
    z, y, x = np.nonzero(damage.field > 0.5)
    points = np.stack([x, y, z], axis=1) * damage.spacing + np.array(damage.origin)
    line = body.courses["coronary.rca"].points
    assert np.linalg.norm(points[:, None] - line[None], axis=2).min(axis=1).max() < 6.0


@pytest.fixture(scope="module")
def scan():
    return heart_scan(5, fov=180.0, matrix=120, thickness=3.0, noise=15.0)


def test_a_scan_of_the_heart_is_small_and_centred_on_it(scan):
    geometry = scan.volume.geometry
    assert geometry.shape[1] * geometry.spacing[1] == pytest.approx(180.0, abs=0.01)
    assert scan.volume.acquisition.field_of_view == pytest.approx(180.0)
    assert 100 < geometry.shape[0] * geometry.spacing[0] < 160
    hearts = scan.body.courses["aorta.root"].points[0]
    z, y, x = geometry.to_index(hearts)
    assert 0.2 < x / geometry.shape[2] < 0.6
    assert 0.3 < y / geometry.shape[1] < 0.75
    assert 0.4 < z / geometry.shape[0] < 0.8


def test_what_grew_can_be_seen_in_it(scan):
    geometry = scan.volume.geometry
    assert len(scan.truth) >= 3
    for deposit in scan.truth:
        low = np.maximum(np.floor(geometry.to_index(np.array(deposit.low_mm))), 0).astype(int)
        high = np.ceil(geometry.to_index(np.array(deposit.high_mm))).astype(int) + 1
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        assert scan.volume.hu[box].max() > 130, deposit.site


def test_a_given_heart_and_given_places_are_used():
    made = heart_scan(5, fov=180.0, matrix=64, thickness=5.0, heart=Heart(), deposits=())
    assert made.truth == ()
    np.testing.assert_allclose(
        made.body.courses["coronary.lad"].points, heart.coronaries()["coronary.lad"].scaled(made.body.scale).points
    )
