"""The simulated scanner against physics: linearity, shift, profile, noise power, voltage, contrast, metal."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.domain.image import Geometry
from calciscope.simulate.ct import KERNELS, Mineral, Protocol, grid, scan, weights
from calciscope.simulate.tissue import TISSUES, iodine_hu, mineral_hu


def box(shape=(16, 60, 60), spacing=(1.5, 1.0, 1.0), hu=0.0):
    origin = tuple(-0.5 * s * (n - 1) for s, n in zip(spacing[::-1], shape[::-1], strict=True))
    return np.full(shape, hu, np.float32), Geometry(shape, spacing, origin)


def lump(density, size=4.0, spacing=0.5, centre=(0.0, 0.0, 0.0)):
    count = max(1, round(size / spacing))
    origin = tuple(c - spacing * (count - 1) / 2 for c in centre)
    return Mineral(np.full((count,) * 3, density, np.float32), spacing, origin)


def image(minerals=(), body=None, seed=(1,), **protocol):
    hu, geometry = body or box()
    return scan(hu, geometry, list(minerals), Protocol(**{"noise": 0.0, "matrix": 72, **protocol}), seed)


@pytest.mark.parametrize("kernel", KERNELS)
def test_even_tissue_stays_even(kernel):
    for level in (-100.0, 0.0, 57.0, 400.0):
        hu, _ = image(body=box(hu=level), kernel=kernel, pixel=0.7, matrix=40)
        assert np.unique(hu[2:-2, 12:28, 12:28]).tolist() == [round(level)]


@settings(max_examples=12, deadline=None)
@given(st.floats(20.0, 300.0), st.sampled_from(sorted(KERNELS)))
def test_the_scanner_is_linear_in_the_mineral(density, kernel):
    empty, _ = image(kernel=kernel)
    one = image([lump(density)], kernel=kernel)[0].astype(int) - empty
    two = image([lump(2 * density)], kernel=kernel)[0].astype(int) - empty
    assert np.abs(two - 2 * one).max() <= 3, "only rounding to whole HU"


@settings(max_examples=12, deadline=None)
@given(st.tuples(*[st.floats(-6, 6)] * 3), st.tuples(*[st.floats(-6, 6)] * 3))
def test_two_deposits_add_up(one, other):
    first, second = lump(150.0, centre=one), lump(120.0, centre=other)
    empty = image()[0].astype(int)
    parts = (image([first])[0] - empty) + (image([second])[0] - empty)
    assert np.abs(image([first, second])[0] - empty - parts).max() <= 2


@settings(max_examples=10, deadline=None)
@given(st.integers(-6, 6), st.integers(-6, 6), st.integers(-2, 2))
def test_moving_a_deposit_by_whole_voxels_moves_its_image(dx, dy, dz):
    spacing = (3.0, 0.8, 0.8)
    centre = (0.13, -0.21, 0.4)
    moved = (centre[0] + dx * spacing[2], centre[1] + dy * spacing[1], centre[2] + dz * spacing[0])
    here = image([lump(200.0, centre=centre)])[0].astype(int)
    there = image([lump(200.0, centre=moved)])[0].astype(int)
    rolled = np.roll(here, (dz, dy, dx), axis=(0, 1, 2))
    inner = (slice(2, -2), slice(16, -16), slice(16, -16))
    assert np.abs(there[inner] - rolled[inner]).max() <= 2


def test_the_centre_of_mass_of_an_image_is_that_of_the_deposit():
    for centre in ((0.0, 0.0, 0.0), (1.7, -2.3, 2.2), (-5.1, 4.4, -1.3)):
        hu, geometry = image([lump(300.0, centre=centre)])
        excess = hu.astype(float) - image()[0]
        total = excess.sum()
        index = [float((excess * np.indices(hu.shape)[k]).sum() / total) for k in range(3)]
        found = geometry.to_mm(tuple(index))
        assert found[:2] == pytest.approx(centre[:2], abs=0.1)
        # A slice is a box as wide as the increment: within one the height is known to a fraction only.
        assert found[2] == pytest.approx(centre[2], abs=0.45)


@given(st.floats(0.2, 1.5), st.floats(0.4, 3.0))
def test_weights_are_symmetric_and_fall_off(sigma, aperture):
    source = np.arange(-30, 31) * 0.25
    row = weights(source, 0.25, np.array([0.0]), aperture, sigma).toarray()[0]
    np.testing.assert_allclose(row, row[::-1], atol=1e-6)
    assert (np.diff(row[30:]) <= 1e-6).all()
    assert (row >= 0).all()


@given(st.floats(0.3, 1.2))
def test_a_wider_kernel_spreads_more_and_loses_nothing(sigma):
    source = np.arange(-60, 61) * 0.2
    target = np.arange(-40, 41) * 0.4
    narrow, wide = (weights(source, 0.2, target, 0.4, s).toarray() for s in (sigma, sigma * 1.5))
    middle = len(source) // 2
    assert wide[:, middle].max() < narrow[:, middle].max()
    assert wide[:, middle].sum() == pytest.approx(narrow[:, middle].sum(), rel=1e-3)


@pytest.mark.parametrize(("thickness", "increment"), [(3.0, 3.0), (3.0, 1.5), (5.0, 2.5), (1.5, 1.5)])
def test_slices_cover_the_body_and_no_more(thickness, increment):
    _, body = box((40, 30, 30))
    target = grid(body, Protocol(thickness=thickness, increment=increment, matrix=64))
    edges = [target.to_mm((k, 0, 0))[2] for k in (0, target.shape[0] - 1)]
    assert edges[0] - thickness / 2 == pytest.approx(-30.0, abs=1e-3)
    assert edges[1] + thickness / 2 <= 30.0 + 1e-3
    assert edges[1] + thickness / 2 > 30.0 - increment - 1e-3
    assert target.spacing[0] == increment


def test_a_body_thinner_than_a_slice_gives_one_slice():
    _, body = box((1, 30, 30))
    assert grid(body, Protocol(thickness=5.0, increment=5.0)).shape[0] == 1


@settings(max_examples=25, deadline=None)
@given(st.floats(0.3, 1.5), st.integers(16, 512))
def test_positions_survive_the_decimal_strings_of_dicom(pixel, matrix):
    target = grid(box()[1], Protocol(pixel=pixel, matrix=matrix))
    assert all(value == round(value, 3) for value in target.origin)


def test_overlapping_slices_show_the_same_deposit_more_often():
    apart, close = (image([lump(300.0)], increment=i)[0].astype(int) - image(increment=i)[0] for i in (3.0, 1.0))
    assert (close.max(axis=(1, 2)) > 100).sum() > 2 * (apart.max(axis=(1, 2)) > 100).sum()
    # Each slice still integrates over its own thickness, so the mass counts three times.
    assert close.sum() == pytest.approx(3 * apart.sum(), rel=0.04)


def test_thick_slices_dilute_a_small_deposit():
    peaks = []
    for t in (1.5, 3.0, 5.0):
        protocol = Protocol(thickness=t, increment=t, matrix=72)
        target = grid(box()[1], protocol)
        middle = float(target.to_mm((target.shape[0] // 2, 0, 0))[2])
        peaks.append(int(image([lump(400.0, 2.0, centre=(0.0, 0.0, middle))], thickness=t, increment=t)[0].max()))
    assert peaks[0] > peaks[1] > peaks[2]
    assert peaks[2] < 0.55 * peaks[0]


def test_a_sharp_kernel_shows_a_small_deposit_brighter():
    peaks = {kernel: int(image([lump(300.0, 1.5)], kernel=kernel, thickness=1.5, increment=1.5)[0].max())
             for kernel in KERNELS}  # fmt: skip
    assert peaks["sharp"] > peaks["standard"] > peaks["soft"]


@given(st.floats(70, 150), st.floats(70, 150))
def test_lower_voltage_means_brighter_mineral_and_iodine(one, other):
    low, high = sorted((one, other))
    assert mineral_hu(low) >= mineral_hu(high)
    assert iodine_hu(low) >= iodine_hu(high)


@pytest.mark.parametrize("kvp", [70.0, 80.0, 100.0, 120.0])
def test_the_mass_threshold_moves_with_the_voltage_as_published(kvp):
    # 100 mg/cm3 of hydroxyapatite: 207, 177, 147 and 130 HU.
    expected = {70.0: 207, 80.0: 177, 100.0: 147, 120.0: 130}
    assert 100 * mineral_hu(kvp) == pytest.approx(expected[kvp], abs=0.5)


@given(st.sampled_from(sorted(TISSUES)), st.sampled_from([80.0, 100.0, 120.0, 140.0]))
def test_contrast_never_darkens(name, kvp):
    tissue = TISSUES[name]
    gain = tissue.attenuation(kvp, True) - tissue.attenuation(kvp, False)
    assert gain >= 0
    assert (gain > 0) == (tissue.iodine > 0)


@pytest.mark.parametrize("name", ["fat", "bile", "urine", "gas", "cortical", "disc", "cartilage", "stool", "metal"])
def test_what_has_no_blood_takes_no_contrast(name):
    assert TISSUES[name].iodine == 0


def test_tissues_stand_in_the_order_every_radiologist_knows():
    order = ["air", "lung", "fat", "urine", "spleen", "liver", "trabecular", "cortical", "metal"]
    levels = [TISSUES[name].attenuation(120.0, False) for name in order]
    assert levels == sorted(levels)


def bath(noise=12.0, seed=(7,), shape=(8, 262, 262), matrix=256, **protocol):
    hu, geometry = box(shape, (1.5, 1.0, 1.0))
    made = scan(hu, geometry, [], Protocol(**{"matrix": matrix, "pixel": 0.9, "noise": noise, **protocol}), seed)[0]
    return made[:, 60:190, 60:190].astype(float)


def power(stack):
    """Radial noise power: mean power in rings of frequency."""
    spectrum = np.mean([np.abs(np.fft.fft2(s - s.mean())) ** 2 for s in stack], axis=0)
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(n, 0.9) for n in stack.shape[1:]], indexing="ij"))
    edges = np.linspace(0.02, 0.55, 12)
    return np.array([spectrum[(frequency >= a) & (frequency < b)].mean() for a, b in pairwise(edges)])


def test_noise_power_rises_with_a_ramp_and_falls_with_the_kernel():
    soft, standard, sharp = (power(bath(kernel=kernel)) for kernel in ("soft", "standard", "sharp"))
    for spectrum in (soft, standard, sharp):
        top = int(spectrum.argmax())
        assert spectrum[0] < 0.6 * spectrum[top], "little noise at low frequencies"
    assert soft.argmax() <= standard.argmax() <= sharp.argmax()
    assert soft.argmax() < sharp.argmax()
    assert standard[-1] < 0.5 * standard.max(), "little above the cut-off of the kernel"


@pytest.mark.parametrize("noise", [5.0, 12.0, 30.0])
def test_noise_is_as_asked_for(noise):
    assert bath(noise).std() == pytest.approx(noise, rel=0.13)


def test_noise_averages_out_over_slices():
    stack = bath()
    assert stack.mean(axis=0).std() == pytest.approx(stack.std() / np.sqrt(len(stack)), rel=0.08)


def test_noise_does_not_follow_the_deposits():
    hu, geometry = box((4, 100, 100), (1.5, 1.0, 1.0))
    protocol = Protocol(matrix=96, pixel=0.9, noise=10.0)
    plain, with_one = (scan(hu, geometry, m, protocol, (5,))[0].astype(int) for m in ([], [lump(80.0, 6.0)]))
    quiet = scan(hu, geometry, [lump(80.0, 6.0)], Protocol(matrix=96, pixel=0.9, noise=0.0), (5,))[0].astype(int)
    assert np.abs(with_one - plain - quiet).max() <= 2


def test_the_noise_of_a_slice_does_not_depend_on_how_many_there_are():
    # Air has a diameter of zero, so that only the seed and the number of the slice count.
    few, many = (box((n, 60, 60), hu=-1000.0) for n in (8, 16))
    protocol = Protocol(matrix=48, pixel=1.2)
    one, other = (scan(*b, [], protocol, (3,))[0] for b in (few, many))
    assert len(other) > len(one)
    np.testing.assert_array_equal(one, other[: len(one)])


def test_metal_leaves_quiet_what_is_far_away_and_streaks_what_is_near():
    hu, geometry = box((4, 200, 200), (1.5, 1.0, 1.0))
    hu[:, 95:105, 95:105] = 9000
    made = scan(hu, geometry, [], Protocol(matrix=192, pixel=1.0, noise=0.0), (1,))[0].astype(float)
    middle = 96
    ring = {r: made[1][np.abs(np.hypot(*(np.indices((192, 192)) - middle)) - r) < 3].std() for r in (14, 40, 80)}
    assert ring[14] > ring[40] > ring[80]
    assert ring[14] > 20
    clean = scan(*box((4, 200, 200), (1.5, 1.0, 1.0)), [], Protocol(matrix=192, pixel=1.0, noise=0.0), (1,))[0]
    assert clean[1][90:110, 90:110].std() == 0


@pytest.mark.parametrize("level", [-2000.0, 5000.0])
def test_whatever_the_body_the_image_is_twelve_bits(level):
    hu, _ = image(body=box(hu=level), matrix=32, pixel=0.8)
    assert hu.dtype == np.int16
    assert hu.min() >= -1024
    assert hu.max() <= 3071


def test_deposits_out_of_view_change_nothing():
    far = [lump(500.0, centre=(0.0, 0.0, 900.0)), lump(500.0, centre=(900.0, 0.0, 0.0))]
    np.testing.assert_array_equal(image(far)[0], image()[0])


@given(st.floats(50, 900), st.floats(0.2, 1.0), st.integers(1, 6))
def test_mass_is_density_times_volume(density, spacing, count):
    made = Mineral(np.full((count,) * 3, density, np.float32), spacing, (0.0, 0.0, 0.0))
    assert made.mass_mg == pytest.approx(density * (count * spacing) ** 3 / 1000, rel=1e-4)
    for axis in range(3):
        assert np.diff(made.axis(axis)) == pytest.approx(np.full(count - 1, spacing))
