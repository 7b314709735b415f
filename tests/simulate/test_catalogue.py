"""The catalogue of damage, the metabolism it meets, and laws of growth and of comparison."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from calciscope.domain import site
from calciscope.domain.assessment import DepositRecord, Kind
from calciscope.simulate.catalogue import DEPOSITS, METABOLISM, METASTATIC, VALVE
from calciscope.simulate.compare import agreement, compare
from calciscope.simulate.growth import METASTABLE, MINERAL, PURE, Milieu, grow, supersaturation
from calciscope.simulate.patient import TrueDeposit

EVERY = (*DEPOSITS, VALVE, *METASTATIC)
PLACES = st.sampled_from(EVERY)


def placed_sites():
    sided = [f"{p}.{s}" for p in site.paths() if site.exists(f"{p}.left") for s in site.SIDES]
    return st.sampled_from([*site.paths(), *sided])


@pytest.mark.parametrize("place", EVERY, ids=lambda place: place.site)
def test_a_place_is_a_known_site_and_kind_with_a_story(place):
    assert site.exists(place.site)
    assert place.kind in {kind.value for kind in Kind}
    assert len(place.mechanism.split()) >= 3
    assert place.nuclei >= 1
    assert place.milieu.years > 0
    assert 0 < place.milieu.density < PURE


def test_the_default_patient_covers_the_first_chapters():
    tops = {place.site.split(".")[0] for place in DEPOSITS}
    assert {"artery", "lung", "node", "gallbladder", "kidney", "ureter", "vein", "scar"} <= tops
    assert len({place.site for place in DEPOSITS}) == len(DEPOSITS)


@given(PLACES)
def test_stones_need_urine_or_bile_and_plaques_do_not(place):
    if place.kind == "lithiasis":
        assert place.factor > 1.0
    if place.kind == "dystrophic":
        assert place.factor == 1.0
    if place.kind == "metastatic":
        assert 1.0 < place.factor < 1.5


def test_the_ion_product_is_calcium_times_phosphate():
    for state in METABOLISM.values():
        assert state.product == pytest.approx(state.labs["calcium"] * state.labs["phosphate"])
    with pytest.raises(TypeError):
        METABOLISM["normal"].labs["calcium"] = 12.0
    with pytest.raises(FrozenInstanceError):
        METABOLISM["normal"].conditions = ()


def test_laboratory_values_are_those_of_health_and_of_failed_kidneys():
    normal, renal = METABOLISM["normal"].labs, METABOLISM["renal"].labs
    assert 8.5 < normal["calcium"] < 10.3
    assert 2.5 < normal["phosphate"] < 4.5
    assert 10 < normal["pth"] < 65
    assert normal["egfr"] > 60 > 15 > renal["egfr"]
    assert renal["pth"] > 300
    assert set(normal) <= set(renal)


@given(st.floats(1.0, 120.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_more_damage_means_more_supersaturation(product, one, other):
    low, high = sorted((one, other))
    levels = supersaturation(product, np.array([low, high], np.float32))
    assert levels[1] >= levels[0] - 1e-6


@given(st.floats(1.0, 120.0), st.floats(0.5, 3.0), st.floats(0.0, 1.0))
def test_a_local_factor_is_a_larger_product(product, factor, damage):
    field = np.array([damage], np.float32)
    assert supersaturation(product, field, factor)[0] == pytest.approx(supersaturation(product * factor, field)[0])


@given(st.floats(-2.0, 3.0))
def test_damage_beyond_its_range_counts_as_its_end(damage):
    inside = supersaturation(50.0, np.array([np.clip(damage, 0, 1)], np.float32))
    assert supersaturation(50.0, np.array([damage], np.float32))[0] == pytest.approx(inside[0])
    assert MINERAL < METASTABLE


def field(seed=0, size=17):
    rng = np.random.default_rng(seed)
    return np.clip(0.6 + ndimage.gaussian_filter(rng.normal(0, 1, (size,) * 3), 2.0) * 2, 0, 1).astype(np.float32)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 500), st.floats(0.0, 1.8), st.integers(1, 5))
def test_density_and_age_belong_together(seed, roughness, nuclei):
    milieu = Milieu(40.0, years=6.0, roughness=roughness)
    made = grow(field(seed), 0.4, milieu, np.random.default_rng(seed), nuclei=nuclei)
    assert made.density.dtype == made.age.dtype == np.float32
    np.testing.assert_array_equal(made.density > 0, made.age >= 0)
    assert made.age.max() <= milieu.years + 1e-5
    assert 0 <= made.density.min() <= made.density.max() <= milieu.density


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 500))
def test_older_mineral_is_denser_without_rhythm(seed):
    made = grow(field(seed), 0.4, Milieu(40.0, years=8.0), np.random.default_rng(seed), nuclei=2)
    grown = made.age >= 0
    order = np.argsort(made.age[grown])
    assert (np.diff(made.density[grown][order]) >= -1e-3).all()


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 500), st.sampled_from([0.3, 0.4, 0.6]))
def test_a_finer_grid_grows_about_as_far(seed, spacing):
    even = np.ones((round(12 / spacing),) * 3, np.float32)
    made = grow(even, spacing, Milieu(33.0, years=6.0, roughness=0.0), np.random.default_rng(seed))
    radius = (3 * (made.age >= 0).sum() * spacing**3 / (4 * np.pi)) ** (1 / 3)
    speed = 0.38 * (33.0 / MINERAL - 1)
    # The nucleus may lie at a border, where half or less of the ball is inside.
    assert radius <= speed * 6.0 + 1.5 * spacing
    assert radius > 0.35 * min(speed * 6.0, 6.0)


def test_growth_leaves_the_damage_alone():
    damage = field(3)
    before = damage.copy()
    grow(damage, 0.4, Milieu(40.0), np.random.default_rng(1))
    np.testing.assert_array_equal(damage, before)


def test_more_nuclei_than_voxels_is_no_error():
    made = grow(np.ones((2, 2, 2), np.float32), 0.4, Milieu(60.0), np.random.default_rng(1), nuclei=50)
    assert (made.density > 0).all()


@pytest.mark.parametrize("metabolism", ["normal", "renal"])
def test_a_dense_deposit_of_the_catalogue_never_passes_pure_apatite(metabolism):
    product = METABOLISM[metabolism].product
    for place in EVERY:
        made = grow(
            np.ones((9, 9, 9), np.float32), 0.4, replace(place.milieu, product=product), np.random.default_rng(1),
            nuclei=place.nuclei, factor=place.factor,
        )  # fmt: skip
        assert made.density.max() <= min(PURE, place.milieu.density)


def truth(where, centre=(0.0, 0.0, 0.0), half=2.0):
    low, high = (tuple(c + sign * half for c in centre) for sign in (-1, 1))
    return TrueDeposit(where, "dystrophic", "m", centre, low, high, 10.0, 20.0, 500.0)


def seen(name, centre, where="scar", volume=10.0):
    return DepositRecord(
        id=name, series="s", site=where, confidence=0.9, center_mm=centre, center_index=(1, 2, 3), extent_mm=(2, 2, 2),
        volume_mm3=volume, voxels=3, peak_hu=300.0, mean_hu=200.0, length_mm=2.0, width_mm=2.0, sphericity=0.9,
        hollow=0.0, provider="p", structure="x",
    )  # fmt: skip


@given(placed_sites())
def test_a_site_agrees_with_itself(path):
    assert agreement(path, path) == "exact"


@given(placed_sites())
def test_every_ancestor_is_broader_and_never_exact(path):
    for above in site.ancestors(site.split(path)[0]):
        assert agreement(path, above) == "broader"


@given(placed_sites(), placed_sites())
def test_agreement_is_one_of_three_words_and_exact_means_equal(one, other):
    word = agreement(one, other)
    assert word in {"exact", "broader", "other"}
    assert (word == "exact") == (one == other)


@given(placed_sites())
def test_the_other_side_is_never_right(path):
    base, side = site.split(path)
    if side:
        assert agreement(path, f"{base}.{'left' if side == 'right' else 'right'}") == "other"


points = st.tuples(*[st.floats(-60, 60)] * 3)


@settings(max_examples=40, deadline=None)
@given(st.lists(points, max_size=5), st.lists(points, max_size=6), st.floats(0.0, 20.0))
def test_every_measured_deposit_is_counted_once(true, measured, tolerance):
    records = [seen(f"d{k}", p) for k, p in enumerate(measured)]
    made = compare([truth("scar", p) for p in true], records, tolerance)
    used = [name for row in made.rows for name in row.ids] + [record.id for record in made.extra]
    assert sorted(used) == sorted(record.id for record in records)
    assert len(made.rows) == len(true)
    assert 0 <= made.exact <= made.found <= len(true)


@settings(max_examples=30, deadline=None)
@given(st.lists(points, max_size=4), st.lists(points, max_size=5), st.floats(0.0, 10.0), st.floats(0.0, 10.0))
def test_a_wider_tolerance_never_leaves_more_over(true, measured, one, other):
    deposits, records = [truth("scar", p) for p in true], [seen(f"d{k}", p) for k, p in enumerate(measured)]
    narrow, wide = (compare(deposits, records, t) for t in sorted((one, other)))
    assert len(wide.extra) <= len(narrow.extra)


def test_a_centre_in_both_boxes_goes_to_the_nearer_centre():
    rows = compare([truth("scar", half=10.0), truth("bone", (6.0, 0.0, 0.0), 10.0)], [seen("d", (5.0, 0.0, 0.0))]).rows
    assert [row.ids for row in rows] == [(), ("d",)]


def test_pieces_are_placed_where_the_largest_of_them_is():
    pieces = [seen("small", (0.0, 0.0, 0.0), "bone", 1.0), seen("large", (1.0, 0.0, 0.0), "scar", 9.0)]
    row = compare([truth("scar")], pieces).rows[0]
    assert (row.placed, row.agreement) == ("scar", "exact")
    assert row.volume_measured == 10.0
    assert row.distance_mm == pytest.approx(0.9)


def test_a_deposit_without_volume_still_has_a_place():
    row = compare([truth("scar")], [seen("d", (0.0, 0.0, 0.0), volume=0.0)]).rows[0]
    assert row.found
    assert np.isfinite(row.distance_mm)
