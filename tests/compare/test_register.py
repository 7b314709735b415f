"""One scan laid on another: simulated bodies that were moved, turned, cut and made noisy."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from calciscope.compare.coarse import coarse, image_of
from calciscope.compare.register import register
from calciscope.domain.image import Geometry, Volume
from calciscope.simulate.patient import simulate

CHEST, PELVIS = (330.0, 560.0), (-120.0, 60.0)


@pytest.fixture(scope="module")
def chest():
    return simulate(seed=4, quick=True, span=CHEST, deposits=()).volume


def moved(volume, degrees, shift, noise=6.0):
    """The body turned (degrees about x, y, z) and shifted (mm), and the transform that did it."""
    turn = sitk.Euler3DTransform()
    turn.SetCenter(volume.geometry.to_mm((np.array(volume.geometry.shape) - 1) / 2).tolist())
    turn.SetRotation(*np.radians(degrees))
    turn.SetTranslation(shift)
    image = image_of(volume.hu, volume.geometry)
    hu = sitk.GetArrayFromImage(sitk.Resample(image, image, turn.GetInverse(), sitk.sitkLinear, -1000))
    hu = hu + np.random.default_rng(0).normal(0, noise, hu.shape)
    return replace(volume, hu=np.rint(hu).astype(np.int16)), turn


def error(found, turn, volume):
    at = np.random.default_rng(1).uniform(0.3, 0.7, (50, 3)) * np.array(volume.geometry.shape)
    points = volume.geometry.to_mm(at)
    true = np.array([turn.TransformPoint(point.tolist()) for point in points])
    return float(np.linalg.norm(found.to_new(points) - true, axis=1).max()), points


@pytest.mark.parametrize(("degrees", "shift"), [((0, 0, 0), (0, 0, 0)), ((3, -3, 8), (15, -10, 24))])
def test_a_moved_and_turned_body_is_found_within_a_voxel(chest, degrees, shift):
    other, turn = moved(chest, degrees, shift)
    found = register(chest, other)
    assert found.ok, found.why
    off, points = error(found, turn, chest)
    assert off < 3.0
    assert np.allclose(found.to_old(found.to_new(points)), points, atol=1e-6)
    assert found.rotation_deg == pytest.approx(np.linalg.norm(degrees), abs=1.5)


def test_a_scan_that_shows_a_part_lies_where_it_belongs(chest):
    part = chest.geometry.shape[0] // 2
    x, y, z = chest.geometry.to_mm((float(part), 0.0, 0.0))
    # The scanner counts height from where it likes.
    shape = (chest.geometry.shape[0] - part, *chest.geometry.shape[1:])
    place = Geometry(shape, chest.geometry.spacing, (float(x), float(y), float(z) - 200.0))
    found = register(chest, Volume(chest.hu[part:].copy(), place, chest.acquisition))
    assert found.ok, found.why
    assert np.allclose(found.to_new(np.array([[0.0, 0.0, z + 40.0]])), [[0.0, 0.0, z - 160.0]], atol=3.0)


def test_another_part_of_the_body_does_not_fit(chest):
    pelvis = simulate(seed=4, quick=True, span=PELVIS, deposits=()).volume
    found = register(chest, pelvis)
    assert not found.ok
    assert found.why


def test_the_table_is_not_the_body(chest):
    hu = chest.hu.copy()
    hu[:, -6:-4] = 100
    with_table = coarse(replace(chest, hu=hu), 4.0)
    assert abs(int(with_table.body.sum()) - int(coarse(chest, 4.0).body.sum())) < 0.03 * with_table.body.sum()


def test_air_alone_cannot_be_laid_on_anything(chest):
    empty = replace(chest, hu=np.full(chest.geometry.shape, -1000, dtype=np.int16))
    found = register(empty, chest)
    assert not found.ok
    assert "no body" in found.why
