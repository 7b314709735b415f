import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from calciscope.simulate.growth import METASTABLE, MINERAL, PURE, Milieu, grow, supersaturation


def ball(radius=8, size=25):
    offset = np.indices((size, size, size)) - size // 2
    return np.clip(1.2 - np.linalg.norm(offset, axis=0) / radius, 0, 1).astype(np.float32)


def grown(product, seed=1, damage=None, **more):
    nuclei, factor = more.pop("nuclei", 2), more.pop("factor", 1.0)
    damage = ball() if damage is None else damage
    milieu = Milieu(product, **{"years": 8.0, **more})
    return grow(damage, 0.4, milieu, np.random.default_rng(seed), nuclei=nuclei, factor=factor)


def test_solubility_falls_with_damage():
    damage = np.array([0.0, 1.0], dtype=np.float32)
    np.testing.assert_allclose(supersaturation(METASTABLE, damage), [0.0, METASTABLE / MINERAL - 1], rtol=1e-6)


@given(st.floats(1.0, MINERAL))
@settings(max_examples=15, deadline=None)
def test_nothing_grows_below_the_solubility_of_mineral(product):
    result = grown(product)
    assert result.density.sum() == 0
    assert (result.age == -1).all()


@given(st.floats(1.0, METASTABLE))
@settings(max_examples=15, deadline=None)
def test_sound_tissue_stays_free_below_the_metastable_product(product):
    assert grown(product, damage=np.zeros((9, 9, 9), np.float32)).density.sum() == 0


def test_excess_mineral_calcifies_sound_tissue():
    result = grown(METASTABLE * 1.3, damage=np.zeros((15, 15, 15), np.float32), nuclei=5, years=20.0)
    assert result.density.sum() > 0


@given(st.integers(0, 2**31), st.floats(21.0, 60.0), st.floats(1.0, 30.0))
@settings(max_examples=20, deadline=None)
def test_more_supersaturation_never_means_less(seed, product, more):
    low, high = grown(product, seed), grown(product + more, seed)
    assert (high.age >= low.age - 1e-5).all()
    assert (high.density >= low.density - 1e-3).all()


@given(st.integers(0, 2**31), st.floats(1.0, 10.0))
@settings(max_examples=15, deadline=None)
def test_deposits_never_shrink_with_time(seed, years):
    young, old = grown(33.0, seed, years=years), grown(33.0, seed, years=years + 2)
    assert ((old.density > 0) >= (young.density > 0)).all()


@given(st.integers(0, 2**31), st.integers(1, 6))
@settings(max_examples=20, deadline=None)
def test_every_piece_holds_a_nucleus(seed, nuclei):
    result = grown(33.0, seed, nuclei=nuclei)
    pieces, count = ndimage.label(result.density > 0, np.ones((3, 3, 3)))
    assert 1 <= count <= nuclei
    for piece in range(1, count + 1):
        assert result.age[pieces == piece].max() == pytest.approx(8.0)


def test_growth_stays_in_supersaturated_tissue():
    result = grown(30.0, years=2000.0)
    excess = supersaturation(30.0, ball())
    assert not (result.density > 0)[excess <= 0].any()
    assert (result.density > 0)[excess > 0.05].mean() > 0.99


def test_the_core_is_denser_than_the_edge():
    result = grown(33.0, years=12.0, nuclei=1)
    filled = result.density > 0
    edge = filled & ~ndimage.binary_erosion(filled)
    assert result.density[filled & ~edge].mean() > 1.1 * result.density[edge].mean()
    assert result.density.max() <= min(700.0, PURE)


def test_rhythm_makes_rings():
    damage = np.ones((41, 41, 41), np.float32)
    damage[20, 20, 20] = 1.0
    plain = grown(33.0, damage=damage, nuclei=1, years=14.0, roughness=0.0, filling=0.01)
    rings = grown(33.0, damage=damage, nuclei=1, years=14.0, roughness=0.0, filling=0.01, rhythm=0.6)
    start = np.unravel_index(np.argmax(plain.age), plain.age.shape)
    line = rings.density[start[0], start[1]]
    line = line[line > 0]
    assert np.percentile(plain.density[plain.density > 0], 5) > 0.95 * plain.density.max()
    turns = np.flatnonzero(np.diff(np.sign(np.diff(line))))
    assert len(turns) >= 3


def test_rough_growth_has_more_surface():
    damage = np.ones((41, 41, 41), np.float32)

    def surface(roughness):
        filled = grown(30.0, damage=damage, nuclei=1, years=12.0, roughness=roughness).density > 0
        return (filled & ~ndimage.binary_erosion(filled)).sum() / filled.sum() ** (2 / 3)

    assert surface(1.6) > 1.15 * surface(0.0)


def test_habit_steers_the_front():
    damage = np.ones((31, 31, 31), np.float32)
    habit = np.ones_like(damage)
    habit[:, :, 16:] = 0.2
    milieu = Milieu(33.0, years=8.0, roughness=0.0)
    rng = np.random.default_rng(4)
    free = grow(damage, 0.4, milieu, np.random.default_rng(4))
    steered = grow(damage, 0.4, milieu, rng, habit=habit)
    assert steered.density[:, :, 16:].sum() < free.density[:, :, 16:].sum()


def test_same_seed_same_deposit():
    a, b, c = grown(33.0, 5), grown(33.0, 5), grown(33.0, 6)
    np.testing.assert_array_equal(a.density, b.density)
    assert (a.density != c.density).any()
