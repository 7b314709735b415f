"""The coarse grid and the body on it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from calciscope.anatomy.embedded import body as bodies
from calciscope.domain.image import Geometry, Volume
from tests.anatomy.figure import AIR, FAT, MUSCLE, Figure, overlap


def body_of(volume):
    factor = bodies.factors(volume.geometry.spacing)
    hu = bodies.block_mean(volume.hu, factor)
    spacing = tuple(s * f for s, f in zip(volume.geometry.spacing, factor, strict=True))
    return hu, bodies.find_body(hu, bodies.outside_view(volume.hu, factor), spacing)


@given(st.tuples(st.floats(0.4, 6.0), st.floats(0.3, 3.0), st.floats(0.3, 3.0)))
def test_the_coarse_grid_is_near_three_millimetres(spacing):
    z, y, x = (f * s for f, s in zip(bodies.factors(spacing), spacing, strict=True))
    assert 1.9 <= y <= 4.4
    assert 1.9 <= x <= 4.4
    assert z <= max(4.5, spacing[0])


@given(
    arrays(np.int16, st.tuples(*[st.integers(3, 9)] * 3), elements=st.integers(-1024, 3000)),
    st.tuples(*[st.integers(1, 3)] * 3),
)
def test_block_means_are_means_of_whole_blocks(hu, factor):
    n = [s // f for s, f in zip(hu.shape, factor, strict=True)]
    cut = hu[: n[0] * factor[0], : n[1] * factor[1], : n[2] * factor[2]].astype(float)
    expected = cut.reshape(n[0], factor[0], n[1], factor[1], n[2], factor[2]).mean(axis=(1, 3, 5))
    assert np.allclose(bodies.block_mean(hu, factor), expected, atol=0.01)


def test_the_body_is_the_body_without_the_table():
    figure = Figure().trunk().spine().chest().table()
    _, found = body_of(figure.volume())
    assert overlap(found, figure.truth["body"]) > 0.97
    assert not (found & figure.truth["table"]).any()


def test_lungs_and_bowel_gas_are_inside_the_body():
    figure = Figure().trunk().spine().chest()
    gas = figure.put(figure.ball((40, -30, 40), 20), -1000.0, "gas")
    _, found = body_of(figure.volume())
    assert found[figure.truth["lung_left"] | gas].all()


def test_both_legs_are_the_body_and_a_wire_is_not():
    figure = Figure()
    for sign in (-1, 1):
        figure.put(figure.ellipse((sign * 90, 0), (55, 60)), MUSCLE, "legs")
    figure.put(figure.ball((0, -100, 100), 8), 500.0, "wire")
    _, found = body_of(figure.volume())
    assert overlap(found, figure.truth["legs"]) > 0.95
    assert not (found & figure.truth["wire"]).any()


def test_a_lung_cut_by_the_field_of_view_is_inside():
    figure = Figure().trunk().spine().chest()
    volume = figure.volume()
    cropped = Volume(np.ascontiguousarray(volume.hu[:, :, 40:]), Geometry((60, 84, 80), (4.0, 3.0, 3.0)))
    _, found = body_of(cropped)
    lung = figure.truth["lung_right"][:, :, 40:]
    assert lung[:, :, 0].any()
    assert found[lung].mean() > 0.95


def test_padding_under_a_patient_cut_by_the_view_is_outside():
    figure = Figure(depth=180.0)
    figure.put(figure.y < 60, MUSCLE)
    figure.put((figure.y >= 60) & (figure.y < 100), -900.0, "foam")
    figure.put((figure.y >= 100) & (figure.y < 106), 0.0)
    _, found = body_of(figure.volume())
    assert found[figure.truth["foam"]].mean() < 0.1


def test_nothing_but_air_has_no_body():
    volume = Volume(np.full((5, 40, 40), -1000, dtype=np.int16), Geometry((5, 40, 40), (3.0, 3.0, 3.0)))
    _, found = body_of(volume)
    assert not found.any()


@pytest.mark.parametrize(("hu", "expected"), [(3071, True), (1500, False)])
def test_metal_is_what_no_tissue_reaches(hu, expected):
    figure = Figure().trunk()
    figure.put(figure.ball((30, 10, 100), 8), hu, "nail")
    volume = figure.volume()
    factor = bodies.factors(volume.geometry.spacing)
    _, body = body_of(volume)
    metal = bodies.find_metal(volume, body, factor)
    assert bool((metal & figure.truth["nail"]).any()) is expected
    assert not (metal & ~figure.truth["nail"]).any()


def test_opening_removes_what_is_thin_and_keeps_what_is_thick():
    plane = np.zeros((1, 60, 60), dtype=bool)
    plane[0, 10:40, 10:40] = True
    plane[0, 50:52, :] = True
    opened = bodies.opening(plane, 6.0, (3.0, 3.0, 3.0))
    assert not opened[0, 50:52].any()
    assert opened[0, 14:36, 14:36].all()
    assert not (opened & ~plane).any()


def test_air_stays_air_in_block_means():
    volume = np.full((2, 6, 6), -2048, dtype=np.int16)
    volume[:, :3] = int(FAT)
    mean = bodies.block_mean(volume, (1, 3, 3))
    assert mean[0, 0, 0] == FAT
    assert mean[0, 1, 0] >= AIR - 24


def test_noise_is_measured_in_soft_tissue_only():
    rng = np.random.default_rng(3)
    hu = np.full((6, 60, 60), 45.0, dtype=np.float32)
    hu[:, :20] = 900.0
    noisy = hu + rng.normal(0, 18.0, hu.shape).astype(np.float32)
    assert bodies.noise(noisy) == pytest.approx(18.0, rel=0.12)
    assert bodies.noise(np.full((3, 9, 9), -1000.0, dtype=np.float32)) == 0.0


def test_a_noisy_volume_is_smoothed_and_its_padding_kept():
    rng = np.random.default_rng(3)
    hu = np.clip(rng.normal(45.0, 60.0, (6, 60, 60)), -1024, 3000).astype(np.int16)
    hu[:, :5] = -2000
    volume = Volume(hu, Geometry(hu.shape, (3.0, 2.0, 2.0), (0.0, 0.0, 0.0)))
    calm = bodies.denoised(volume, (1, 1, 1))
    assert calm.hu.dtype == np.int16
    assert (calm.hu[:, :5] == -2000).all()
    assert calm.hu[:, 15:].std() < 0.5 * hu[:, 15:].std()
    assert calm.hu[:, 15:].mean() == pytest.approx(hu[:, 15:].mean(), abs=2.0)
