"""Soft tissue that a stone or a clot brings with it: a wide ureter above, a vein that leads to it."""

from dataclasses import replace

import numpy as np
import pytest

from calciscope.simulate import simulate
from calciscope.simulate.growth import Milieu
from calciscope.simulate.sites import Site, concretion, on, stone
from calciscope.simulate.surroundings import dilated, vein

STONE = Milieu(0.0, years=6.0, density=1050.0, filling=1.0, roughness=0.35)
CLOT = Milieu(0.0, 20.0, 560.0, 3.0, rhythm=0.45, roughness=0.4)
AT = (45.0, 34.0, 30.0)


def scanned(*places, span):
    return simulate(3, deposits=places, noise=0.0, span=span, quick=True)


def soft_at(study, point):
    """Attenuation at a point of the patient."""
    z, y, x = (int(v) for v in np.rint(study.volume.geometry.to_index(np.asarray(point))))
    return float(study.volume.hu[z, y, x])


def test_above_a_stone_the_ureter_is_wide_and_below_it_is_not():
    at = 0.36
    plain, wide = (
        scanned(
            Site(
                "ureter.right", "lithiasis", "", stone(on("ureter.right", at), 2.5), STONE, factor=2.2, effects=effects
            ),
            span=(150.0, 260.0),
        )
        for effects in ((), (dilated("ureter.right", at, 5.5),))
    )
    line = wide.body.courses["ureter.right"].points
    for share, grew in ((0.2, True), (0.44, False)):
        beside = line[round(share * (len(line) - 1))] + np.array([-4.5, 0.0, 0.0])
        assert (soft_at(wide, beside) > soft_at(plain, beside) + 40) == grew
    assert [t.site for t in wide.truth] == ["ureter.right"]
    assert wide.truth[0].mass_mg == pytest.approx(plain.truth[0].mass_mg)


def test_a_vein_tapers_away_from_its_clot():
    body = scanned(span=(10.0, 50.0)).body
    made = vein(AT, (1.0, 0.0, 0.0), 16.0, 3.0)(body, np.random.default_rng(1))
    assert not made.field.any(), "nothing grows in it"
    start = np.asarray(AT) * body.scale
    across = []
    for far in (2.0, 8.0, 14.0):
        column = round((start[0] + far - made.origin[0]) / made.spacing)
        across.append(float(made.bed[:, :, column].sum()) * made.spacing**2)
    assert across[0] > 1.8 * across[1] > 3 * across[2] > 0


def test_effects_come_with_a_deposit_only():
    effects = (vein(AT, (1.0, 0.0, 0.0), 16.0, 3.0),)
    grown = Site("vein.pelvic.left", "dystrophic", "", concretion(AT, 2.5), CLOT, effects=effects)
    never = replace(grown, factor=0.0)
    none, some, bare = (scanned(*places, span=(10.0, 50.0)) for places in ((never,), (grown,), ()))
    assert np.array_equal(none.body.hu, bare.body.hu)
    assert not np.array_equal(some.body.hu, bare.body.hu)


def test_a_lucent_clot_has_a_soft_middle():
    body = scanned(span=(10.0, 50.0)).body
    solid, lucent = (concretion(AT, 3.0, lucent=share)(body, np.random.default_rng(1)).field for share in (0.0, 0.5))
    middle = tuple(n // 2 for n in solid.shape)
    assert solid[middle] > 0
    assert lucent[middle] == 0
    assert 0 < (lucent > 0).sum() < (solid > 0).sum()
