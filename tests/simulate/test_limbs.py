"""Painted limbs, shapes of calcium, and scenes that ask where."""

import numpy as np
import pytest

from calciscope.domain import site as sites
from calciscope.simulate import lesions, limbs, places
from calciscope.simulate.tissue import TISSUES


@pytest.mark.parametrize("paint", [limbs.knee, limbs.shoulder])
def test_sides_are_mirrors(paint):
    left, right = (paint(np.random.default_rng(1), side, spacing=3.0) for side in ("left", "right"))
    assert left.names == right.names
    for name, (x, y, z) in left.marks.items():
        assert right.marks[name] == pytest.approx((-x, y, z))
    share = [
        (made.labels == made.names["humerus" if "humerus" in made.names else "femur"]).sum() for made in (left, right)
    ]
    assert share[0] == pytest.approx(share[1], rel=0.05)


@pytest.mark.parametrize("paint", [limbs.knee, limbs.shoulder])
def test_no_mark_lies_in_bone_or_in_air(paint):
    made = paint(np.random.default_rng(2), spacing=1.5)
    for name, point in made.marks.items():
        z, y, x = np.rint(made.geometry.to_index(np.asarray(point))).astype(int)
        assert -200.0 < made.hu[z, y, x] < 250.0, name


def test_a_knee_has_a_space_between_its_bones():
    made = limbs.knee(np.random.default_rng(4), spacing=1.2)
    x, y, z = made.marks["space"]
    index = made.geometry.to_index(np.asarray((x, y, z)))
    column = made.labels[:, round(index[1]), round(index[2])]
    femur, tibia = (np.flatnonzero(column == made.names[bone]) for bone in ("femur", "tibia"))
    assert 3.0 <= (femur.min() - tibia.max()) * made.geometry.spacing[0] <= 8.0


def test_size_and_fat_make_a_larger_limb():
    small, large = (
        limbs.knee(np.random.default_rng(1), size=s, fat=f, spacing=3.0) for s, f in ((0.92, 0.5), (1.08, 2))
    )
    assert ((large.hu > -200).sum() / (small.hu > -200).sum()) > 1.3


def test_mineral_fills_its_shape():
    rng = np.random.default_rng(5)
    ball = lesions.mineral(lesions.lump((1.0, 2.0, 3.0), 3.0, rng), 600.0, rng)
    volume = float((ball.density > 0).sum()) * ball.spacing**3
    assert volume == pytest.approx(4 / 3 * np.pi * 27, rel=0.6)
    assert 300.0 < float(ball.density[ball.density > 0].mean()) < 700.0
    centre = [float(np.average(ball.axis(k), weights=ball.density.sum(axis=tuple({0, 1, 2} - {k})))) for k in (2, 1, 0)]
    assert centre == pytest.approx([1.0, 2.0, 3.0], abs=0.8)


def test_a_disc_is_flat_and_a_streak_is_long():
    rng = np.random.default_rng(6)
    flat = lesions.mineral(lesions.disc((0, 0, 0), (0, 0, 1), 8.0, 1.5), 600.0, rng).density > 300
    assert np.ptp(np.argwhere(flat), axis=0)[0] < 0.4 * np.ptp(np.argwhere(flat), axis=0)[2]
    line = np.array([(0.0, 0.0, z) for z in (-8.0, 0.0, 8.0)])
    long = lesions.mineral(lesions.streak(line, 1.2), 600.0, rng).density > 300
    assert np.ptp(np.argwhere(long), axis=0)[0] > 4 * np.ptp(np.argwhere(long), axis=0)[1]


@pytest.fixture(scope="module", params=["knee", "shoulder"])
def made(request: pytest.FixtureRequest) -> places.Scene:
    return places.scene(9, request.param)


def test_every_place_is_a_site_and_bright(made):
    assert made.places
    for place in made.places:
        assert sites.exists(place.site)
        hu = made.volume.hu[tuple(place.voxels.T)]
        assert hu.max() > 200.0, place.name
        points = made.volume.geometry.to_mm(place.voxels)
        assert np.linalg.norm(points - np.asarray(place.centre_mm), axis=1).max() < place.reach_mm + 3.0


def test_a_seed_gives_the_same_scene(made):
    again = places.scene(9, made.kind)
    assert np.array_equal(again.volume.hu, made.volume.hu)
    assert [p.site for p in again.places] == [p.site for p in made.places]


def test_the_kinds_take_turns():
    assert set(places.KINDS) == {"knee", "shoulder", "hip", "raised_arms", "breast", "chest"}
    assert places.scene(6 * 3 + 1).kind == "shoulder"


def test_beds_are_tissues():
    assert {"scar", "node"} <= set(TISSUES)
