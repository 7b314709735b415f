"""The tissue around a deposit: which one it is, its noise, and how sums over it scatter."""

from __future__ import annotations

import numpy as np
import pytest

from calciscope.measure.integration.shell import background_of, grain, noise_of, spread_of_sums, unevenness
from tests.measure.cylinders import Scanner, noise

PIXEL = (0.5, 0.5)
SCANNER = Scanner(shape=(5, 60, 60))


def mixed(parts: dict[float, int], sd: float = 15.0, seed: int = 1) -> np.ndarray:
    """So many voxels of each attenuation, with noise."""
    random = np.random.default_rng(seed)
    values = np.concatenate([np.full(count, level) for level, count in parts.items()])
    return (values + random.normal(0, sd, len(values))).astype(np.float32)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({50: 2000}, 50),
        ({-100: 2000}, -100),
        ({50: 1000, -100: 1000}, 50),
        ({50: 800, -100: 2000}, 50),
        ({50: 300, -100: 2000}, -100),
        ({50: 1000, -850: 1000}, 50),
        ({50: 1500, 300: 800}, 50),
        ({50: 800, 250: 1500}, 250),
        ({50: 2000, 700: 100, -900: 100}, 50),
    ],
)
def test_the_background_is_the_most_common_tissue_that_is_no_fat(parts, expected):
    assert background_of(mixed(parts), 15.0) == pytest.approx(expected, abs=2)


@pytest.mark.parametrize("level", [5.0, 20.0, 40.0])
def test_noise_is_measured_in_spite_of_edges(level):
    made = noise(Scanner(noise=level, shape=(5, 60, 60)), np.random.default_rng(2)).astype(np.float32)
    everywhere = np.ones(made.shape, dtype=bool)
    assert noise_of(made, everywhere, PIXEL) == pytest.approx(level, rel=0.08)
    made[:, :, 40:] -= 900
    assert noise_of(made, everywhere, PIXEL) == pytest.approx(level, rel=0.12)


def test_an_image_without_noise_has_the_steps_of_whole_numbers():
    flat = np.zeros((1, 8, 8), dtype=np.float32)
    assert noise_of(flat, np.ones(flat.shape, dtype=bool), PIXEL) == 0.5
    single = np.zeros(flat.shape, dtype=bool)
    single[0, 2:5, 2] = True
    assert noise_of(flat, single, PIXEL) == 0.5


def empirical(side: int, slices: int) -> float:
    """Variance of sums over squares, per voxel, from many images."""
    random = np.random.default_rng(8)
    sums = [noise(SCANNER, random)[:slices, at : at + side, at : at + side].sum() for _ in range(250) for at in (5, 35)]
    return float(np.var(sums)) / (side * side * slices)


@pytest.mark.parametrize("side", [3, 7])
def test_sums_scatter_as_they_do_over_many_images(side):
    random = np.random.default_rng(4)
    region = np.zeros(SCANNER.shape, dtype=bool)
    region[1:4, 28 : 28 + side, 28 : 28 + side] = True
    tissue = np.ones(SCANNER.shape, dtype=bool)
    found = [
        spread_of_sums(noise(SCANNER, random).astype(np.float32), tissue, region, PIXEL).per_voxel for _ in range(12)
    ]
    assert np.mean(found) == pytest.approx(empirical(side, 3), rel=0.25)
    # Alike neighbours: more than voxels on their own would scatter.
    assert np.mean(found) > 2 * SCANNER.noise**2


def test_a_slope_is_no_noise():
    made = noise(SCANNER, np.random.default_rng(4)).astype(np.float32)
    region = np.zeros(made.shape, dtype=bool)
    region[1:4, 27:33, 27:33] = True
    tissue = ~region
    level = spread_of_sums(made, tissue, region, PIXEL)
    slope = made + np.arange(60, dtype=np.float32) * 3
    sloping = spread_of_sums(slope - slope[tissue].mean(), tissue, region, PIXEL)
    assert sloping.per_voxel == pytest.approx(level.per_voxel, rel=0.1)


def test_little_tissue_is_measured_with_what_is_known_of_noise():
    made = noise(SCANNER, np.random.default_rng(4)).astype(np.float32)
    region = np.zeros(made.shape, dtype=bool)
    region[2, 27:33, 27:33] = True
    few = np.zeros(made.shape, dtype=bool)
    few[2, 26, 20:40:2] = True
    found = spread_of_sums(made, few, region, PIXEL)
    assert found.places <= 10
    assert found.per_voxel > SCANNER.noise**2
    none = spread_of_sums(made, np.zeros(made.shape, dtype=bool), region, PIXEL)
    assert none.places == 1.0
    assert none.per_voxel > SCANNER.noise**2


@pytest.mark.parametrize(("pixel", "expected"), [((0.5, 0.5), 6.0), ((1.0, 1.0), 1.5), ((2.0, 2.0), 1.0)])
def test_the_grain_of_the_noise_in_pixels(pixel, expected):
    assert grain(pixel) == expected


def ring() -> tuple[np.ndarray, np.ndarray]:
    """A ring of tissue and the core within it."""
    _, y, x = np.indices((3, 41, 41))
    away = np.hypot(y - 20, x - 20)
    return (away > 10) & (away < 18), away < 3


def test_an_even_or_sloping_ring_is_not_uneven_and_a_patchy_one_is():
    tissue, core = ring()
    random = np.random.default_rng(3)
    even = random.normal(0, 10, tissue.shape).astype(np.float32)
    _, y, x = np.indices(tissue.shape)
    assert unevenness(even, tissue, core, 100.0) < 0.5
    assert unevenness((even + 2.0 * (x - 20)).astype(np.float32), tissue, core, 100.0) < 0.5
    patchy = (even + np.where(np.abs(y - 20) > np.abs(x - 20), 20.0, -20.0)).astype(np.float32)
    assert unevenness(patchy, tissue, core, 100.0) > 100


def test_where_a_side_is_missing_each_side_counts_on_its_own():
    tissue, core = ring()
    tissue[:, :, 22:] = False
    _, y, _ = np.indices(tissue.shape)
    sloping = (2.0 * (y - 20)).astype(np.float32)
    assert unevenness(sloping, tissue, core, 1.0) > 100
    lonely = np.zeros_like(tissue)
    lonely[0, 2:8, 19:22] = True
    assert unevenness(sloping, lonely, core, 1.0) == 0.0
