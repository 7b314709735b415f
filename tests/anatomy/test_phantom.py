"""A cast of plastic gets no organs; what grew, however even or noisy, is no phantom."""

import numpy as np
import pytest

from calciscope.anatomy.embedded import segment
from calciscope.anatomy.embedded.build import build
from calciscope.anatomy.embedded.phantom import NOTE, is_phantom
from calciscope.domain.image import Acquisition, Geometry, Volume

SHAPE = (30, 100, 120)


def volume(hu, noise=8.0):
    rng = np.random.default_rng(5)
    values = np.rint(hu + rng.normal(0.0, noise, SHAPE)).astype(np.int16)
    return Volume(values, Geometry(SHAPE, (3.0, 3.0, 3.0), (0.0, 0.0, 0.0)), Acquisition())


def ellipse(y, x, rows, columns):
    across = np.hypot((np.arange(SHAPE[1])[:, None] - y) / rows, (np.arange(SHAPE[2])[None] - x) / columns)
    return np.broadcast_to(across < 1.0, SHAPE)


def thorax():
    """Plastic with two lungs of filler and a spine, longer than the scan."""
    hu = np.full(SHAPE, -1000.0)
    hu[ellipse(50, 60, 34, 50)] = 40.0
    hu[ellipse(48, 34, 22, 16)] = -800.0
    hu[ellipse(48, 86, 22, 16)] = -800.0
    hu[ellipse(72, 60, 7, 7)] = 300.0
    return hu


def water():
    hu = np.full(SHAPE, -1000.0)
    hu[ellipse(50, 60, 35, 35)] = 0.0
    return hu


@pytest.mark.parametrize("made", [thorax, water])
def test_a_phantom_gets_no_organ_and_says_so(made):
    anatomy = segment(volume(made()))
    assert set(anatomy.structures) <= {"body", "table", "metal"}
    assert anatomy.regions == ()
    assert not anatomy.tubes
    assert anatomy.notes == (NOTE,)


def test_inserts_do_not_make_a_patient_of_it():
    hu = thorax()
    hu[10:14, 46:50, 58:62] = 400.0
    assert is_phantom(build(volume(hu)))


def test_vessels_in_the_lungs_are_a_patients():
    hu = thorax()
    rng = np.random.default_rng(2)
    for row, column in rng.uniform((36, 26), (60, 42), (12, 2)):
        for middle in (column, 120 - column):
            hu[ellipse(row, middle, 1.6, 1.6)] = 20.0
    assert not is_phantom(build(volume(hu)))


def test_lungs_whose_outline_changes_are_a_patients():
    hu = np.full(SHAPE, -1000.0)
    hu[ellipse(50, 60, 34, 50)] = 40.0
    for z in range(SHAPE[0]):
        for middle in (34, 86):
            hu[z][ellipse(48, middle, 8 + 0.5 * z, 6 + 0.4 * z)[0]] = -800.0
    assert not is_phantom(build(volume(hu)))


def test_a_round_body_that_tapers_is_no_phantom():
    hu = np.full(SHAPE, -1000.0)
    for z in range(SHAPE[0]):
        hu[z][ellipse(50, 60, 30 + 0.2 * z, 30 + 0.2 * z)[0]] = 30.0
    assert not is_phantom(build(volume(hu)))


def test_fat_round_muscle_is_no_plastic():
    hu = water()
    hu[ellipse(50, 60, 35, 35) & ~ellipse(50, 60, 26, 26)] = -100.0
    assert not is_phantom(build(volume(hu)))


def test_flesh_that_fills_the_view_is_not_judged():
    hu = np.full(SHAPE, 45.0)
    assert not is_phantom(build(volume(hu)))


def test_a_few_slices_are_not_judged():
    made = volume(water())
    few = Volume(made.hu[:6], Geometry((6, *SHAPE[1:]), (3.0, 3.0, 3.0), (0.0, 0.0, 0.0)), Acquisition())
    assert not is_phantom(build(few))
