import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.domain.image import Geometry
from calciscope.errors import CalciscopeError
from calciscope.simulate.ct import KERNELS, Mineral, Protocol, grid, scan, weights
from calciscope.simulate.tissue import TISSUES, iodine_hu, mineral_hu


def water(shape=(30, 60, 60), spacing=(1.5, 1.25, 1.25), hu=0.0):
    geometry = Geometry(
        shape, spacing, tuple(-0.5 * s * (n - 1) for s, n in zip(spacing[::-1], shape[::-1], strict=True))
    )
    return np.full(shape, hu, np.float32), geometry


def block(density, size, spacing=0.4, centre=(0.0, 0.0, 0.0)):
    count = max(1, round(size / spacing))
    origin = tuple(c - spacing * (count - 1) / 2 for c in centre)
    return Mineral(np.full((count, count, count), density, np.float32), spacing, origin)


def image(minerals, body=None, **protocol):
    hu, geometry = body or water()
    settings_ = {"noise": 0.0, "matrix": 90, **protocol}
    return scan(hu, geometry, minerals, Protocol(**settings_), (1,))


@given(st.floats(0.0, 2.0), st.floats(0.3, 2.0), st.floats(0.2, 1.5))
@settings(max_examples=25, deadline=None)
def test_weights_share_the_source_exactly(sigma, width, aperture):
    source = np.arange(-40, 40) * width
    target = np.arange(-8, 9) * aperture
    matrix = weights(source, width, target, aperture, sigma).toarray()
    reach = 4 * sigma + aperture
    inner = (target - reach > source[0]) & (target + reach < source[-1])
    np.testing.assert_allclose(matrix.sum(axis=1)[inner], 1.0, atol=2e-4)


def test_a_slice_is_the_mean_over_its_thickness():
    source = np.arange(0, 60) + 0.5
    matrix = weights(source, 1.0, np.array([30.0]), 5.0, 0.0).toarray()[0]
    assert matrix[28:32].tolist() == pytest.approx([0.2] * 4, abs=1e-6)
    assert matrix[27] == pytest.approx(0.1, abs=1e-6)
    assert matrix[33] == 0


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("thickness", "size"), [(3.0, 5.0), (1.5, 2.0), (3.0, 1.2)])
def test_mass_survives_the_scanner(kernel, thickness, size):
    deposit = block(400.0, size, centre=(1.3, -2.1, 0.7))
    with_it, geometry = image([deposit], kernel=kernel, thickness=thickness, increment=thickness)
    without, _ = image([], kernel=kernel, thickness=thickness, increment=thickness)
    excess = float((with_it.astype(int) - without).sum())
    mass = excess * geometry.voxel_mm3 / mineral_hu(120.0) / 1000.0
    # Rounding to whole HU is the only loss.
    assert mass == pytest.approx(deposit.mass_mg, rel=0.02, abs=0.05)


def test_attenuation_follows_the_voltage():
    peaks = [int(image([block(200.0, 9.0)], kvp=kv)[0].max()) for kv in (80, 100, 120, 140)]
    assert peaks == sorted(peaks, reverse=True)
    assert peaks[2] == pytest.approx(200 * mineral_hu(120), abs=2)
    assert 100 * mineral_hu(120) == pytest.approx(130)
    assert iodine_hu(80) > iodine_hu(120) > iodine_hu(140)
    assert TISSUES["cortical"].attenuation(80, False) > TISSUES["cortical"].attenuation(140, False)


def width_of_a_wire(kernel):
    wire = Mineral(np.full((120, 1, 1), 20000.0, np.float32), 0.25, (0.0, 0.0, -15.0))
    hu, _ = image([wire], kernel=kernel, pixel=0.25, matrix=90)
    line = hu[len(hu) // 2, 45].astype(float)
    line = np.maximum(line, hu[len(hu) // 2, 44])
    fine = np.interp(np.arange(0, 90, 0.05), np.arange(90), line)
    return (fine > fine.max() / 2).sum() * 0.05 * 0.25


def test_point_spread_has_the_kernels_width():
    measured = {kernel: width_of_a_wire(kernel) for kernel in KERNELS}
    assert measured["soft"] > measured["standard"] > measured["sharp"]
    for kernel in ("soft", "standard"):
        # Gaussian, pixel and wire boxes add in quadrature.
        expected = 2.355 * np.sqrt(KERNELS[kernel].sigma ** 2 + 2 * 0.25**2 / 12)
        assert measured[kernel] == pytest.approx(expected, rel=0.08)


def test_sharp_kernel_overshoots_at_edges():
    hu, geometry = water()
    hu = hu.copy()
    hu[:, :, 30:] = 300.0
    soft = image([], (hu, geometry), kernel="soft")[0]
    sharp = image([], (hu, geometry), kernel="sharp")[0]
    middle = slice(20, 70)
    assert soft[5, middle, middle].max() <= 301
    assert sharp[5, middle, middle].max() > 310


@pytest.mark.parametrize("thickness", [1.5, 3.0, 5.0])
def test_slice_profile_is_as_wide_as_the_slice(thickness):
    disc = Mineral(np.full((1, 60, 60), 3000.0, np.float32), 0.4, (-12.0, -12.0, 0.0))
    hu, geometry = image([disc], thickness=thickness, increment=0.5, body=water((60, 60, 60)))
    profile = hu[:, 45, 45].astype(float)
    assert (profile > profile.max() / 2).sum() * 0.5 == pytest.approx(thickness, abs=0.6)
    assert geometry.spacing[0] == 0.5


def test_partial_volume_halves_a_deposit_between_slices():
    centred = image([block(400.0, 2.0, centre=(0, 0, 0.75))])[0].max()
    geometry = water()[1]
    z = grid(geometry, Protocol(matrix=90)).to_mm((10.0, 0, 0))[2] + 1.5
    split = image([block(400.0, 2.0, centre=(0, 0, float(z)))])[0].max()
    assert split < 0.65 * centred


def noise_of(**protocol):
    # 290 mm of water across: where the noise is as asked for.
    shape = (6, 262, 262)
    hu, geometry = water(shape, (1.5, 1.0, 1.0))
    return scan(hu, geometry, [], Protocol(**{"matrix": 256, "pixel": 0.9, "noise": 12.0, **protocol}), (7,))[0][
        :, 60:190, 60:190
    ]


def test_noise_level_by_kernel_and_thickness():
    standard = noise_of().std()
    assert standard == pytest.approx(12.0, rel=0.12)
    assert noise_of(kernel="soft").std() < standard < noise_of(kernel="sharp").std()
    assert noise_of(thickness=1.5, increment=1.5).std() == pytest.approx(standard * np.sqrt(2), rel=0.08)
    assert noise_of(noise=0.0).std() == 0


def test_noise_is_correlated_and_has_no_mean():
    noise = noise_of()[0].astype(float)
    noise -= noise.mean()
    along = float((noise[:, 1:] * noise[:, :-1]).mean() / noise.var())
    assert 0.15 < along < 0.9
    assert abs(noise_of().astype(float).mean()) < 0.5


def test_slices_that_overlap_share_noise():
    overlapping = noise_of(thickness=3.0, increment=1.5).astype(float)
    apart = noise_of(thickness=3.0, increment=3.0).astype(float)

    def correlation(stack):
        return float(np.corrcoef(stack[0].ravel(), stack[1].ravel())[0, 1])

    assert correlation(overlapping) > 0.35
    assert abs(correlation(apart)) < 0.1


def test_larger_bodies_are_noisier():
    def spread(reach):
        hu, geometry = water((4, 260, 400), (1.5, 1.0, 1.0), -1000.0)
        hu[:, :, 200 - reach : 200 + reach] = 0
        made, _ = scan(hu, geometry, [], Protocol(matrix=256, pixel=1.5), (3,))
        return float(made[:, 110:146, 110:146].std())

    assert spread(180) > 1.2 * spread(90)


def test_same_seed_same_noise():
    np.testing.assert_array_equal(noise_of(), noise_of())
    hu, geometry = water((6, 100, 100))
    one = scan(hu, geometry, [], Protocol(matrix=64), (1,))[0]
    other = scan(hu, geometry, [], Protocol(matrix=64), (2,))[0]
    assert (one != other).any()


def test_metal_streaks_and_saturates():
    hu, geometry = water((6, 100, 100))
    hu = hu.copy()
    hu[:, 45:55, 45:55] = 9000
    streaked, _ = scan(hu, geometry, [], Protocol(matrix=128, pixel=0.9, noise=0.0), (1,))
    assert streaked.max() == 3071
    outside = streaked[2, 30:100, 20:45]
    assert outside.std() > 20


def test_attenuation_is_clipped_to_twelve_bits():
    hu, _ = image([block(3000.0, 9.0)])
    assert hu.max() == 3071
    assert hu.dtype == np.int16


def test_the_grid_covers_the_body_and_is_centred():
    _, geometry = water((40, 80, 100))
    target = grid(geometry, Protocol(matrix=128, pixel=1.0))
    low, high = target.to_mm((0, 0, 0)), target.to_mm(tuple(n - 1 for n in target.shape))
    np.testing.assert_allclose((low + high)[:2] / 2, 0.0, atol=0.7)
    assert target.shape[0] == 20
    assert low[2] - 1.5 == pytest.approx(-30.0)


@pytest.mark.parametrize(
    "wrong", [{"kernel": "B99"}, {"thickness": 0.0}, {"noise": -1.0}, {"matrix": 2}, {"pixel": -0.5}]
)
def test_impossible_protocols_are_refused(wrong):
    with pytest.raises(CalciscopeError):
        Protocol(**wrong)


def test_kernel_error_names_the_choices():
    with pytest.raises(CalciscopeError, match="soft, standard, sharp"):
        Protocol(kernel="B30f")
