"""Integrated and volume-fraction mass on simulated phantoms: no bias, honest intervals, any mask, any surroundings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from calciscope.errors import InputError
from calciscope.measure.integration.integrated import (
    integrated_mass,
    integrated_voxels,
    volume_fraction,
    volume_fraction_mass,
)
from tests.measure.cylinders import FACTOR, Cylinder, Scanner, drawn, found, noise, noiseless, scan

INSERT = Cylinder(4.0, 6.0, 0.4)
QUIET = Scanner(noise=0.0)


def anywhere(cylinder: Cylinder, scanner: Scanner, random: np.random.Generator) -> Cylinder:
    """The same cylinder shifted by less than a voxel."""
    shift = random.uniform(-0.5, 0.5, 3) * np.array(scanner.spacing)
    return Cylinder(cylinder.diameter, cylinder.length, cylinder.density, tuple(shift))


def repeats(cylinder, scanner, count, mask=drawn, seed=7):
    """Estimates of the same cylinder at other places in other noise."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        one = anywhere(cylinder, scanner, random)
        image = scan([one], scanner, random)
        voxels = mask(one, scanner) if mask is drawn else found(image, scanner)
        made.append(integrated_mass(image, voxels, scanner.spacing, FACTOR))
    return made


def share_covered(made, truth):
    return float(np.mean([one.interval[0] <= truth <= one.interval[1] for one in made]))


def test_the_published_vectors():
    block = np.full((4, 4, 2), -1024.0)
    block[1:3, 1:3, :] = 800.0
    count = integrated_voxels(block, 800.0, -1024.0)
    assert count == 8.0
    assert count * 0.5**3 == 1.0
    assert count * 0.5**3 * 10.0 == 10.0
    shares = np.array([[400, 300], [200, 100], [0, 0]])
    assert volume_fraction(shares, 400.0, 100.0) == pytest.approx(4 / 3, abs=1e-15)
    assert volume_fraction(np.stack([shares, shares], axis=2), 400.0, 100.0) == pytest.approx(8 / 3, abs=1e-15)


def test_without_noise_the_mass_is_exact():
    for density in (0.2, 0.4, 0.8):
        for diameter in (1.5, 3.0, 5.0):
            one = Cylinder(diameter, diameter, density)
            image = noiseless([one], QUIET)
            for voxels in (drawn(one, QUIET), found(image, QUIET)):
                if len(voxels):
                    assert integrated_mass(image, voxels, QUIET.spacing, FACTOR).value == pytest.approx(
                        one.mass, rel=0.025
                    )


def test_three_hundred_repeats_have_no_bias_and_intervals_that_cover():
    """Ten kinds of cylinder, noise, slices and pixels, thirty-two repeats each, half of them drawn by hand."""
    kinds = [
        (Cylinder(5, 5, 0.8), Scanner()),
        (Cylinder(5, 5, 0.2), Scanner(body=75.0)),
        (Cylinder(3, 3, 0.8), Scanner(noise=30.0)),
        (Cylinder(3, 3, 0.4), Scanner(blur=0.5)),
        (Cylinder(3, 3, 0.3), Scanner(body=0.0)),
        (Cylinder(4, 4, 0.3), Scanner(noise=8.0)),
        (Cylinder(4, 4, 0.3), Scanner(slope=0.5)),
        (Cylinder(4, 4, 0.3), Scanner(blur=0.6, spacing=(1.5, 0.4, 0.4), shape=(15, 66, 66))),
        (Cylinder(4, 4, 0.4), Scanner(spacing=(3.0, 0.9, 0.9), shape=(9, 44, 44))),
        (Cylinder(6, 8, 0.5), Scanner(spacing=(2.5, 0.6, 0.6))),
    ]
    covered = []
    for number, (cylinder, scanner) in enumerate(kinds):
        made = repeats(cylinder, scanner, 16, seed=100 + number) + repeats(
            cylinder, scanner, 16, mask=found, seed=200 + number
        )
        values = [one.value for one in made]
        scatter = np.std(values) / np.sqrt(len(values))
        assert abs(np.mean(values) - cylinder.mass) < 0.02 * cylinder.mass + 3 * scatter, (cylinder, scanner)
        covered.append(share_covered(made, cylinder.mass))
    assert 0.90 <= np.mean(covered) <= 0.98


def test_intervals_of_a_deposit_too_faint_to_see_cover_its_mass():
    faint = Cylinder(1.0, 1.0, 0.2)
    made = repeats(faint, Scanner(), 60)
    assert share_covered(made, faint.mass) >= 0.9
    assert np.mean([one.value for one in made]) == pytest.approx(faint.mass, abs=0.12)
    assert min(one.value for one in made) < 0 < max(one.value for one in made)


def test_an_empty_place_has_no_mass():
    random = np.random.default_rng(3)
    made = []
    for _ in range(40):
        image = scan([], Scanner(), random)
        made.append(integrated_mass(image, drawn(Cylinder(3, 3, 1), Scanner()), Scanner().spacing, FACTOR))
    assert share_covered(made, 0.0) >= 0.88
    assert abs(np.mean([one.value for one in made])) < 0.25


def test_blur_does_not_change_it_where_the_thresholded_mass_reads_high():
    for blur in (0.4, 0.7):
        scanner = Scanner(noise=0.0, blur=blur)
        image = noiseless([INSERT], scanner)
        voxels = found(image, scanner)
        value = integrated_mass(image, voxels, scanner.spacing, FACTOR).value
        assert value == pytest.approx(INSERT.mass, rel=0.01)
        assert image[tuple(voxels.T)].sum() * np.prod(scanner.spacing) * FACTOR > 1.08 * INSERT.mass


@given(st.floats(0.2, 5.0), st.integers(-3, 3), st.integers(-500, 200))
def test_mass_is_linear_in_the_factor_and_keeps_under_shifts_of_place_and_level(times, shift, level):
    image = noiseless([INSERT], QUIET)
    voxels = found(image, QUIET)
    base = integrated_mass(image, voxels, QUIET.spacing, FACTOR).value
    assert integrated_mass(image, voxels, QUIET.spacing, times * FACTOR).value == pytest.approx(times * base)
    moved = integrated_mass(
        np.roll(image, shift, axis=2), voxels + np.array([0, 0, shift]), QUIET.spacing, FACTOR
    ).value
    assert moved == pytest.approx(base, rel=1e-6)
    # A whole level of attenuation is background; fat is treated apart, so the level stays above it.
    if 50 + level > 0:
        assert integrated_mass(image + level, voxels, QUIET.spacing, FACTOR).value == pytest.approx(base, rel=1e-4)


@pytest.mark.parametrize("axis", [1, 2])
def test_slices_along_another_axis_give_the_same(axis):
    random = np.random.default_rng(1)
    image = scan([INSERT], Scanner(), random)
    voxels = found(image, Scanner())
    base = integrated_mass(image, voxels, Scanner().spacing, FACTOR)
    order = [0, 1, 2]
    order.insert(axis, order.pop(0))
    turned = integrated_mass(
        np.transpose(image, order),
        voxels[:, order],
        tuple(Scanner().spacing[one] for one in order),
        FACTOR,
        slice_axis=axis,
    )
    assert turned.value == pytest.approx(base.value, rel=1e-6)
    assert turned.interval == pytest.approx(base.interval, rel=1e-6)


def test_a_neighbour_is_left_out_whether_it_is_named_or_not():
    random = np.random.default_rng(2)
    other = Cylinder(5.0, 6.0, 0.8, (0.0, 0.0, 9.0))
    image = scan([INSERT, other], Scanner(), random)
    voxels = drawn(INSERT, Scanner(), 1.2)
    marked = np.zeros(image.shape, dtype=bool)
    marked[tuple(drawn(other, Scanner(), 1.4).T)] = True
    for others in (None, marked):
        got = integrated_mass(image, voxels, Scanner().spacing, FACTOR, others=others)
        assert got.value == pytest.approx(INSERT.mass, rel=0.06)
    with_own = marked.copy()
    with_own[tuple(voxels.T)] = True
    same = integrated_mass(image, voxels, Scanner().spacing, FACTOR, others=with_own)
    assert same.value == pytest.approx(got.value, rel=1e-9)


def beside(attenuation: float, side: np.ndarray, seed: int = 5) -> np.ndarray:
    """The insert with another tissue where ``side`` is true, blurred as the scanner does."""
    scanner = Scanner()
    base = np.where(side, attenuation, scanner.body)
    base = ndimage.gaussian_filter(base, (0, 1.4, 1.4))
    image = noiseless([INSERT], scanner) - scanner.body + base + noise(scanner, np.random.default_rng(seed))
    return np.rint(image).astype(np.int16)


def half(first: int) -> np.ndarray:
    side = np.zeros(Scanner().shape, dtype=bool)
    side[:, :, first:] = True
    return side


def outside(radius_mm: float) -> np.ndarray:
    _, y, x = np.indices(Scanner().shape)
    return np.asarray(np.hypot(y - 30, x - 30) * 0.5 > radius_mm)


@pytest.mark.parametrize(
    ("tissue", "side", "within"),
    [
        pytest.param(-100.0, half(38), 0.05, id="fat on one side"),
        pytest.param(-850.0, half(38), 0.08, id="lung on one side"),
        pytest.param(-850.0, half(35), 0.30, id="lung against it"),
        pytest.param(-100.0, outside(5.0), 0.60, id="an artery in fat"),
        pytest.param(-90.0, outside(3.0), 0.60, id="a thin artery in fat"),
    ],
)
def test_other_tissue_around_widens_the_interval_and_says_so(tissue, side, within):
    plain = integrated_mass(beside(50.0, half(38)), drawn(INSERT, Scanner()), Scanner().spacing, FACTOR)
    image = beside(tissue, side)
    got = integrated_mass(image, found(image, Scanner()), Scanner().spacing, FACTOR)
    assert got.value == pytest.approx(INSERT.mass, rel=within)
    assert got.interval[0] <= INSERT.mass <= got.interval[1]
    assert np.ptp(got.interval) > 1.5 * np.ptp(plain.interval)
    assert got.note
    assert plain.note is None


def test_bone_that_is_marked_is_no_calcium_of_the_deposit():
    image = beside(300.0, half(40))
    got = integrated_mass(image, drawn(INSERT, Scanner()), Scanner().spacing, FACTOR, others=half(40))
    assert got.value == pytest.approx(INSERT.mass, rel=0.05)
    assert got.background_hu == pytest.approx(50, abs=4)


def test_the_error_of_the_factor_widens_the_interval():
    image = noiseless([INSERT], QUIET)
    voxels = found(image, QUIET)
    sure = integrated_mass(image, voxels, QUIET.spacing, FACTOR)
    unsure = integrated_mass(image, voxels, QUIET.spacing, FACTOR, factor_error=0.01 * FACTOR)
    assert unsure.value == sure.value
    assert np.ptp(unsure.interval) / 2 == pytest.approx(0.0196 * INSERT.mass, rel=0.05)


def test_volume_fraction_tells_the_volume_and_density_of_a_deposit_that_shows_a_plateau():
    large = Cylinder(8.0, 12.0, 0.4)
    image = scan([large], Scanner(), np.random.default_rng(4))
    voxels = found(image, Scanner())
    got = volume_fraction_mass(image, voxels, Scanner().spacing, FACTOR)
    assert got.value == pytest.approx(large.mass, rel=0.02)
    assert got.density == pytest.approx(0.4, rel=0.03)
    assert got.calcium_mm3 == pytest.approx(large.mass / 0.4, rel=0.03)
    assert got.calcium_hu == pytest.approx(50 + 0.4 / FACTOR, rel=0.03)
    whole = integrated_mass(image, voxels, Scanner().spacing, FACTOR)
    assert got.interval == pytest.approx(whole.interval)


def test_volume_fraction_of_a_small_deposit_gives_its_mass_only():
    small = Cylinder(2.0, 2.0, 0.8)
    image = scan([small], Scanner(noise=10.0), np.random.default_rng(4))
    got = volume_fraction_mass(image, found(image, Scanner()), Scanner().spacing, FACTOR)
    assert got.calcium_hu is None
    assert got.density is None
    assert got.calcium_mm3 is None
    assert got.interval[0] <= small.mass <= got.interval[1]


def test_a_known_calcium_takes_the_place_of_the_plateau():
    image = noiseless([INSERT], QUIET)
    voxels = found(image, QUIET)
    # Twice the density on twice the contrast is on the same line: half the volume, the same mass.
    got = volume_fraction_mass(image, voxels, QUIET.spacing, FACTOR, calcium_hu=50 + 0.8 / FACTOR, density=0.8)
    assert got.value == pytest.approx(INSERT.mass, rel=0.01)
    assert got.calcium_mm3 == pytest.approx(INSERT.mass / 0.8, rel=0.01)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"factor": 0.0}, "mass factor"),
        ({"factor": float("nan")}, "mass factor"),
        ({"spacing": (3.0, 0.0, 0.5)}, "no volume"),
        ({"voxels": np.zeros((0, 3), dtype=int)}, "one voxel or more"),
        ({"voxels": np.zeros((4, 2), dtype=int)}, "one voxel or more"),
        ({"hu": np.zeros((1, 3, 3)), "voxels": np.array([[0, 1, 1]])}, "too little image"),
    ],
)
def test_what_cannot_be_measured_is_refused(change, words):
    image = noiseless([INSERT], QUIET)
    arguments = {"hu": image, "voxels": found(image, QUIET), "spacing": QUIET.spacing, "factor": FACTOR} | change
    with pytest.raises(InputError, match=words):
        integrated_mass(**arguments)


def test_a_calcium_that_is_no_brighter_than_its_background_is_refused():
    image = noiseless([INSERT], QUIET)
    voxels = found(image, QUIET)
    with pytest.raises(InputError, match="does not exceed its background"):
        volume_fraction_mass(image, voxels, QUIET.spacing, FACTOR, calcium_hu=40.0)
    with pytest.raises(InputError, match="needs its attenuation"):
        volume_fraction_mass(image, voxels, QUIET.spacing, FACTOR, density=0.2)
    with pytest.raises(InputError, match="mass factor"):
        volume_fraction_mass(image, voxels, QUIET.spacing, -1.0)


def test_thin_slices_whose_profile_spreads_over_several_lose_nothing():
    scanner = Scanner(noise=30.0, blur=0.6, spacing=(0.75, 0.45, 0.45), shape=(23, 64, 64))
    random = np.random.default_rng(6)
    made = []
    for _ in range(10):
        one = anywhere(INSERT, scanner, random)
        profile = ndimage.gaussian_filter1d(noiseless([one], scanner), 0.6 / 0.75, axis=0)
        grain = ndimage.gaussian_filter1d(noise(scanner, random), 0.8, axis=0)
        image = np.rint(profile + grain / grain.std() * scanner.noise).astype(np.int16)
        made.append(integrated_mass(image, drawn(one, scanner), scanner.spacing, FACTOR))
    assert np.mean([one.value for one in made]) == pytest.approx(INSERT.mass, rel=0.02)
    assert share_covered(made, INSERT.mass) >= 0.8


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(40))
def test_any_image_gives_finite_numbers_or_one_clear_refusal(seed):
    """Noise, flat images, full scale, metal next to air; masks from a voxel to everything; any grid and axis."""
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(2, [8, 40, 40]))
    spacing = tuple(random.choice([0.3, 0.5, 1.0, 3.0, 5.0], 3))
    images = (
        random.normal(50, 20, shape),
        np.full(shape, 40.0),
        random.integers(-1024, 3071, shape),
        np.where(random.random(shape) < 0.5, -1000, 3071),
    )
    image = images[seed % 4].astype(np.int16)
    mask = random.random(shape) < random.choice([0.001, 0.05, 0.5])
    mask[tuple(count // 2 for count in shape)] = True
    others = None if seed % 3 else random.random(shape) < 0.01
    refused: list[str] = []
    for method in (integrated_mass, volume_fraction_mass):
        try:
            got = method(image, np.argwhere(mask), spacing, FACTOR, others=others, slice_axis=seed % 3)
        except InputError as error:
            refused.append(str(error))
            continue
        assert np.isfinite([got.value, got.background_hu, got.background_error, got.noise_hu]).all()
        assert got.interval[0] <= got.value <= got.interval[1]
    # Both read the same surroundings, so they are refused together and for the same reason.
    assert len(refused) in (0, 2)
    assert all("too little image around" in one for one in refused)
