"""Hearts of many people: their arteries, their wear, their calcium, their devices, and scans of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.domain import site as sites
from calciscope.errors import CalciscopeError
from calciscope.simulate import calcium, devices, variety
from calciscope.simulate.body import Habitus, build
from calciscope.simulate.chambers import REFERENCE, Heart, Tree, muscle, sac
from calciscope.simulate.coronary import VESSELS, artery_of, coronaries, ostium
from calciscope.simulate.ct import Mineral
from calciscope.simulate.heart import vessels
from calciscope.simulate.patient import _moving
from calciscope.simulate.people import person
from calciscope.simulate.tissue import TISSUES
from calciscope.simulate.wear import Chest

SEEDS = st.integers(0, 300)


def one(seed):
    return variety.heart(np.random.default_rng(seed))


def inside(shape, points):
    x, y, z = (points[:, k].astype(np.float32) for k in range(3))
    return shape.distance(x, y, z)


def length(points):
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


@given(SEEDS)
@settings(max_examples=4)
def test_arteries_follow_the_heart_from_the_root_and_leave_no_gap(seed):
    own = one(seed)
    laid = coronaries(own)
    assert {artery_of(name) for name in laid} == set(VESSELS)
    for name, course in laid.items():
        assert np.linalg.norm(np.diff(course.points, axis=0), axis=1).max() < 12.0, name
        assert (inside(sac(own).grow(9.0), course.points) < 0).mean() > 0.9, name
    for name, (angle, height) in (("lm", own.tree.left), ("rca", own.tree.right)):
        np.testing.assert_allclose(laid[f"coronary.{name}"].points[0], ostium(own, angle, height), atol=1e-6)
    for name, course in laid.items():
        if name.count(".") == 2 and not name.endswith("intermediate"):
            stem = laid[f"coronary.{artery_of(name)}"].points
            assert np.linalg.norm(stem - course.points[0], axis=1).min() < 3.0, name


@given(SEEDS)
@settings(max_examples=4)
def test_a_left_main_is_as_long_as_the_tree_says(seed):
    own = one(seed)
    assert length(coronaries(own)["coronary.lm"].points) == pytest.approx(own.tree.main, abs=0.2)
    assert 2.0 <= own.tree.main <= 20.0


def tree_of(**options):
    return coronaries(Heart(seed=3, wander=1.0, tree=Tree(**options)))


def test_dominance_says_which_artery_reaches_the_back_of_the_septum():
    right, left, both = (tree_of(dominance=name) for name in ("right", "left", "balanced"))
    assert "coronary.rca.pda" in right
    assert "coronary.lcx.pda" not in right
    assert "coronary.lcx.pda" in left
    assert "coronary.rca.pda" not in left
    assert {"coronary.rca.pda", "coronary.lcx.pda"} <= set(both)
    assert length(left["coronary.rca"].points) < 0.7 * length(right["coronary.rca"].points)
    assert length(left["coronary.lcx"].points) > 1.3 * length(right["coronary.lcx"].points)


def test_branches_are_counted():
    laid = tree_of(diagonals=3, marginals=1, acute=2, intermediate=True)
    kinds = [name.split(".")[2].rstrip("123") for name in laid if name.count(".") == 2]
    assert sorted(kinds) == ["acute", "acute", "diagonal", "diagonal", "diagonal", "intermediate", "marginal", "pda"]


def test_a_bridge_is_in_muscle_and_the_rest_is_not():
    for bridge, low in ((True, -1.0), (False, 0.5)):
        line = tree_of(bridge=bridge, gap=1.2)["coronary.lad"]
        middle = slice(int(0.42 * len(line.points)), int(0.53 * len(line.points)))
        clear = inside(muscle(Heart(seed=3, wander=1.0)), line.points[middle])
        assert (clear < 0).all() if bridge else (clear > low).all()


def test_an_old_aorta_is_longer_and_wider_but_ends_where_it_did():
    young, old = vessels(Heart(turn=1.0)), vessels(Heart(turn=1.0, unfold=18.0, aorta=1.2))
    for name in ("aorta.arch", "aorta.thoracic"):
        assert old[name].radii.mean() == pytest.approx(1.2 * young[name].radii.mean(), rel=0.01)
    assert length(old["aorta.thoracic"].points) > length(young["aorta.thoracic"].points) + 3.0
    np.testing.assert_allclose(old["aorta.thoracic"].points[-1], young["aorta.thoracic"].points[-1], atol=1.0)
    np.testing.assert_allclose(old["aorta.arch"].points[-1], old["aorta.thoracic"].points[0], atol=0.5)
    np.testing.assert_allclose(old["aorta.arch"].points[0], old["aorta.ascending"].points[-1], atol=0.5)


def test_a_chest_has_its_own_diaphragm_cartilage_and_spine():
    def body(**options):
        return build(
            np.random.default_rng(2), Habitus(), spacing=(5.0, 3.0, 3.0), span=(390.0, 450.0), chest=Chest(**options)
        )

    usual, high, worn, hard = body(), body(dome=12.0), body(osteophytes=1.0), body(cartilage=4.0)
    assert high.mask("lung_left", "lung_right").sum() < 0.97 * usual.mask("lung_left", "lung_right").sum()
    assert not usual.mask("osteophytes").any()
    assert worn.mask("osteophytes").sum() > 5
    flecks = [(b.hu[b.mask("costal_cartilages")] > 150).sum() for b in (body(cartilage=0.0), usual, hard)]
    assert flecks[0] < flecks[1] < flecks[2]


@given(SEEDS)
@settings(max_examples=4)
def test_calcium_has_sites_and_the_same_draw_twice(seed):
    own = one(seed)
    first, again = (
        (*calcium.coronary(own, rng), *calcium.elsewhere(own, rng, chest=True))
        for rng in (np.random.default_rng(seed), np.random.default_rng(seed))
    )
    assert [place.site for place in first] == [place.site for place in again]
    assert all(sites.exists(place.site) for place in first)


def test_burdens_are_as_varied_as_in_people():
    counts = [len(calcium.coronary(one(3), np.random.default_rng(seed))) for seed in range(200)]
    assert 0.15 < np.mean([n == 0 for n in counts]) < 0.35
    assert max(counts) > 10


def test_what_moves_is_spread_and_keeps_its_mass():
    still = Mineral(np.full((2, 3, 3), 500.0, np.float32), 0.5, (10.0, 20.0, 30.0))
    moved = _moving(still, (4.0, 0.0, 0.0))
    assert moved.mass_mg == pytest.approx(still.mass_mg, rel=1e-5)
    assert moved.density.shape == (2, 3, 11)
    assert moved.density.max() < 0.5 * still.density.max()
    middle = [m.origin[0] + m.spacing * (m.density.shape[2] - 1) / 2 for m in (still, moved)]
    assert middle[0] == pytest.approx(middle[1], abs=0.26)


def test_blood_is_brighter_in_an_angiography_and_muscle_is_not():
    blood, muscle_ = TISSUES["blood"], TISSUES["muscle"]
    assert blood.attenuation(120, 3.0) > blood.attenuation(120, 1.0) + 200
    assert muscle_.attenuation(120, 3.0) == muscle_.attenuation(120, 1.0)
    assert blood.attenuation(120, 0.0) == blood.hu


@pytest.mark.parametrize("kit", devices.KINDS)
def test_a_device_is_metal_where_it_belongs(kit):
    own = REFERENCE
    body = build(np.random.default_rng(2), Habitus(), spacing=(6.0, 6.0, 6.0), span=(360.0, 480.0))
    pieces = devices.device(kit, own, np.random.default_rng(4))(body)
    assert pieces
    centres = np.array([[m.origin[k] + m.spacing * m.density.shape[2 - k] / 2 for k in range(3)] for m in pieces])
    if kit == "stent":
        lines = np.concatenate([body.courses[f"coronary.{v}"].points for v in VESSELS])
        for piece in pieces:
            z, y, x = (axis[at] for axis, at in zip(map(piece.axis, range(3)), np.nonzero(piece.density), strict=True))
            points = np.stack([x, y, z], axis=1)[::20]
            assert np.linalg.norm(points[:, None] - lines[None], axis=2).min(axis=1).max() < 4.5
    elif kit in ("mechanical valve", "valve frame"):
        assert np.linalg.norm(centres - own.valve, axis=1).max() < 45
    else:
        assert np.ptp(centres[:, 2]) > 50


def test_an_unknown_kind_or_device_is_refused():
    with pytest.raises(CalciscopeError, match="gated"):
        person(1, "echo")
    with pytest.raises(KeyError):
        person(1, kit="anchor")


@pytest.fixture(scope="module")
def scan():
    return person(5, kit="stent", matrix=72)


def test_a_scan_holds_the_heart_and_its_truth(scan):
    geometry = scan.volume.geometry
    assert geometry.shape[1] * geometry.spacing[1] == pytest.approx(scan.volume.acquisition.field_of_view)
    lad = geometry.to_index(scan.body.courses["coronary.lad"].points)
    assert ((lad > 0) & (lad < geometry.shape)).all(axis=1).mean() > 0.7
    assert scan.truth
    assert set(np.unique(scan.mask)) <= set(range(len(scan.truth) + 1))


def test_the_same_person_twice_is_the_same_scan(scan):
    again = person(5, kit="stent", matrix=72)
    np.testing.assert_array_equal(scan.volume.hu, again.volume.hu)
