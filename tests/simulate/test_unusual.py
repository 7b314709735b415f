"""Bodies that are met seldom: what they hold, and that the body that was given stays as it was."""

import numpy as np
import pytest

from calciscope.simulate import unusual
from calciscope.simulate.body import Habitus, build

SPAN = (20.0, 290.0)


@pytest.fixture(scope="module")
def woman():
    return build(np.random.default_rng(1), Habitus(sex="female"), spacing=(5.0, 4.0, 4.0), span=SPAN)


@pytest.mark.parametrize(("change", "name"), [(unusual.pregnant, "fetus"), (unusual.transplanted, "kidney_transplant")])
def test_what_is_added_is_named_and_the_body_stays(woman, change, name):
    before = woman.hu.copy()
    after = change(woman)
    assert name not in woman.names
    assert after.mask(name).any()
    np.testing.assert_array_equal(woman.hu, before)


def test_an_unborn_child_has_bones_in_the_womb(woman):
    after = unusual.pregnant(woman)
    assert (after.hu[after.mask("fetus")] > 200).mean() > 0.2
    z, y, x = after.geometry.to_mm(np.argwhere(after.mask("fetus")).mean(axis=0))[::-1]
    assert 80 < z < 200
    assert abs(x) < 30
    assert y < 10


def test_one_half_of_the_chest_holds_fluid():
    chest = build(np.random.default_rng(1), Habitus(), spacing=(8.0, 6.0, 6.0), span=(400.0, 560.0))
    after = unusual.without_lung(chest)
    assert not after.mask("lung_left").any()
    np.testing.assert_array_equal(after.mask("lung_right"), chest.mask("lung_right"))
    assert (after.hu[after.mask("pleural_fluid")] > 0).all()


def test_tubes_run_where_urine_does(woman):
    stent = unusual.ureteral_stent(woman)
    low, high = (f(piece.origin[2] for piece in stent) for f in (min, max))
    assert high - low > 150.0, "from the kidney to the bladder"
    assert all(piece.density.max() > 0 for piece in (*stent, *unusual.bladder_catheter(woman)))


def test_excreted_contrast_is_in_the_bladder_and_not_in_the_spinal_canal():
    plain, late = (
        build(np.random.default_rng(1), Habitus(), spacing=(5.0, 4.0, 4.0), span=SPAN, excreted=hu)
        for hu in (0.0, 900.0)
    )
    changed = late.hu - plain.hu > 400
    assert (changed & plain.mask("urinary_bladder")).sum() > 0.5 * plain.mask("urinary_bladder").sum()
    assert not (changed & plain.mask("spinal_canal")).any()
