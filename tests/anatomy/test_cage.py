"""The inner face of the ribs on a synthetic trunk."""

import numpy as np
import pytest

from calciscope.anatomy.embedded import cage
from tests.anatomy.phantom import SHELL, Body

FROM, TO = 0.80, 0.88


def ribbed(step=24.0, from_z=60.0):
    """A trunk whose ribs are hoops that far apart, with lungs above."""
    body = Body(length=300.0)
    body.lungs(180.0, 300.0)
    across = np.hypot(body.x / (0.45 * body.width), (body.y + 0.18 * body.depth) / (0.435 * body.depth))
    hoops = (across > FROM) & (across < TO) & (np.mod(body.z, step) < 7.0) & (body.z > from_z)
    body.put(hoops, SHELL, "bone")
    return body, across


@pytest.mark.parametrize("step", [15.0, 24.0])
def test_what_the_ribs_surround_is_inside_and_their_muscles_are_not(step):
    body, across = ribbed(step)
    within = cage.inside(body.frame())
    level = within[int(150 / 3)]
    section = across[0]
    away_from_spine = np.hypot(body.x, body.y)[0] > 60
    assert level[(section < FROM - 0.08) & away_from_spine].mean() > 0.98
    assert not level[section > TO + 0.03].any()


def test_below_the_last_rib_the_wall_goes_straight_on():
    body, _ = ribbed(from_z=120.0)
    within = cage.inside(body.frame())
    assert within[10].sum() == pytest.approx(within[45].sum(), rel=0.05)


def test_without_ribs_or_lungs_nothing_is_said():
    bare = Body(length=300.0)
    assert cage.inside(bare.frame()) is None
    bare.lungs(180.0, 300.0)
    assert cage.inside(bare.frame()) is None
    low = Body(length=600.0)
    low.lungs(480.0, 600.0)
    low.put((np.abs(np.abs(low.x) - 100) < 6) & (low.z < 150) & (np.abs(low.y) < 60), SHELL, "bone")
    assert cage.inside(low.frame()) is None, "hip bones are no ribs"
