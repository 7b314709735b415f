"""Stents by their form, their two walls and their place, beside calcium that is as bright and as long."""

from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from calciscope.domain.anatomy import Tube
from calciscope.find.stents import Coronaries, Verdict, across, evenness, has_form, has_two_walls, notes, verdict

SPACING = (3.0, 0.5, 0.5)
SHAPE = (24, 120, 120)
# Struts of 0.3 mm cover a part of a wall: this is what is left of their attenuation, HU.
STRUTS = 1800.0


def painted(distance, hu, fine=4):
    """A body as a scanner shows it, in fat: ``distance`` (mm) of points ``(n, 3)`` z, y, x, negative inside."""
    step = np.array(SPACING) / fine
    z, y, x = (np.arange(n * fine) * s for n, s in zip(SHAPE, step, strict=True))
    image = np.zeros(SHAPE, dtype=np.float32)
    yy, xx = np.meshgrid(y, x, indexing="ij")
    for k in range(SHAPE[0]):
        # Points of a slice at a time: the whole on a fine grid would not fit.
        layers = [distance(np.full_like(yy, z[k * fine + j]), yy, xx) < 0 for j in range(fine)]
        share = np.mean(layers, axis=0).reshape(SHAPE[1], fine, SHAPE[2], fine).mean(axis=(1, 3))
        image[k] = share * (hu + 90.0) - 90.0
    image = ndimage.gaussian_filter(image, (0, 1.0, 1.0))
    return image + np.random.default_rng(1).normal(0, 12, SHAPE).astype(np.float32)


MIDDLE = (np.array(SHAPE) - 1) / 2 * np.array(SPACING)


def tube(way=(0.3, 0.4, 1.0), length=20.0, outer=1.9, inner=1.5):
    """A tube of a wall, or a rod with ``inner`` 0, through the middle of the image."""
    axis = np.array(way) / np.linalg.norm(way)

    def distance(z, y, x):
        d = (z - MIDDLE[0], y - MIDDLE[1], x - MIDDLE[2])
        along = sum(a * b for a, b in zip(d, axis, strict=True))
        beside = np.sqrt(np.maximum(sum(a * a for a in d) - along**2, 0))
        return np.maximum(np.maximum(beside - outer, inner - beside), np.abs(along) - length / 2)

    return distance


def seen(image):
    voxels = np.argwhere(image > 130).astype(np.int32)
    return voxels, image[tuple(voxels.T)].astype(np.float32)


@pytest.fixture(scope="module", params=[(0.3, 0.4, 1.0), (0.0, 1.0, 0.2), (1.0, 0.1, 0.2)], ids=str)
def stent(request):
    return painted(tube(request.param), STRUTS)


@pytest.fixture(scope="module")
def plaque():
    # As bright and as long, but solid and thinner: a rod of dense calcium along one side of an artery.
    return painted(tube(outer=1.4, inner=0.0), 1500.0)


def where(heart=True, course=None):
    mask = np.full(SHAPE, heart)
    return Coronaries(mask, np.zeros((0, 3)) if course is None else np.asarray(course, dtype=float), SPACING)


def around(fat=0.6):
    return SimpleNamespace(fat=fat)


def test_a_mesh_tube_in_fat_beside_the_heart_is_a_stent_in_any_direction(stent):
    voxels, hu = seen(stent)
    assert has_form(voxels, hu, SPACING)
    assert has_two_walls(voxels, hu, stent, SPACING)
    assert verdict(voxels, hu, stent, around(), where()) is Verdict.STENT


def test_dense_plaque_of_the_same_length_is_none(plaque):
    voxels, hu = seen(plaque)
    assert hu.max() > 800
    assert has_form(voxels, hu, SPACING), "it is as even and as large"
    assert not has_two_walls(voxels, hu, plaque, SPACING)
    assert verdict(voxels, hu, plaque, around(), where()) is Verdict.NONE


def test_calcium_on_one_side_of_the_wall_is_none():
    both, rod = tube((0.0, 1.0, 0.2)), tube((0.0, 1.0, 0.2), outer=1.3, inner=0.0)
    image = painted(lambda z, y, x: np.minimum(both(z, y, x), rod(z, y, x - 1.2)), STRUTS)
    assert not has_two_walls(*seen(image), image, SPACING)


def test_what_only_has_the_form_is_told_where_an_artery_runs(plaque):
    voxels, hu = seen(plaque)
    assert verdict(voxels, hu, plaque, around(), where(course=[MIDDLE])) is Verdict.MAYBE
    assert verdict(voxels, hu, plaque, around(), where(course=[MIDDLE + 20.0])) is Verdict.NONE


def test_a_stent_lies_in_fat_or_on_a_course_and_beside_the_heart():
    image = painted(tube(), STRUTS)
    voxels, hu = seen(image)
    assert verdict(voxels, hu, image, around(0.1), where()) is Verdict.NONE
    assert verdict(voxels, hu, image, around(0.1), where(course=[MIDDLE])) is Verdict.STENT
    assert verdict(voxels, hu, image, around(), where(heart=False)) is Verdict.NONE


@pytest.mark.parametrize(
    "shape",
    [tube(length=7.0), tube(length=50.0), tube(outer=5.5, inner=4.9)],
    ids=["short", "long", "wide"],
)
def test_another_size_is_none(shape):
    voxels, hu = seen(painted(shape, STRUTS))
    assert not has_form(voxels, hu, SPACING)


def test_beads_and_faint_tubes_are_none(stent):
    voxels, hu = seen(stent)
    axis = voxels @ np.ptp(voxels, axis=0)
    beads = np.where(np.abs(axis - np.median(axis)) < np.std(axis) / 3, 0.2, 1.0).astype(np.float32) * hu
    assert evenness(voxels, beads, SPACING) > evenness(voxels, hu, SPACING)
    assert not has_form(voxels, np.minimum(hu, 250.0), SPACING)


def test_a_few_voxels_are_not_even():
    assert evenness(np.array([[0, 0, 0], [0, 0, 1]], dtype=np.int32), np.ones(2, np.float32), SPACING) == float("inf")


def test_the_profile_is_symmetric_and_ends_in_what_lies_around(stent):
    profile, steps = across(*seen(stent), stent, SPACING)
    assert steps[0] == -steps[-1]
    assert profile[0] == pytest.approx(profile[-1], abs=40)
    assert profile[0] < 0 < profile.max()


def test_places_are_those_of_the_scene():
    lines = {"coronary_lad": Tube("coronary_lad", np.array([[4.0, 5.0, 9.0]]), np.ones(1), 0.9)}
    lines["aorta"] = Tube("aorta", np.zeros((1, 3)), np.ones(1), 0.9)
    scene = SimpleNamespace(
        anatomy=SimpleNamespace(tubes=MappingProxyType(lines)),
        volume=SimpleNamespace(geometry=SimpleNamespace(to_index=lambda points: points[:, ::-1] / np.array(SPACING))),
        start=(1, 2, 3),
        spacing=SPACING,
        names_mask=lambda names: np.zeros(SHAPE, dtype=bool),
    )
    found = Coronaries.of(scene)
    voxels = np.array([[2, 8, 5]], dtype=np.int32)
    assert found.away(voxels) == pytest.approx(0.0)
    assert not found.beside_heart(voxels)
    assert where().away(voxels) == float("inf")


def test_notes_say_each_thing_once():
    assert notes([]) == ()
    told = notes([Verdict.MAYBE, Verdict.STENT, Verdict.STENT])
    assert len(told) == 2
    assert "not counted" in told[0]
    assert "check the score" in told[1]
