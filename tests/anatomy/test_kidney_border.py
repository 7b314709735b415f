"""The border between a kidney and an organ that it touches."""

import numpy as np
import pytest

from calciscope.anatomy.embedded.kidney_border import reclaimed

SPACING = (3.0, 2.5, 2.5)


def block(first, last):
    mask = np.zeros((24, 30, 40), dtype=np.bool_)
    mask[4:20, 5:25, first:last] = True
    return mask


def image(kidney, organ, level, noise=4.0):
    hu = np.full(kidney.shape, -100.0)
    hu[kidney], hu[organ & ~kidney] = 32.0, level
    return (hu + np.random.default_rng(1).normal(0.0, noise, hu.shape)).astype(np.float32)


@pytest.mark.parametrize("level", [55.0, 5.0, 110.0])
def test_what_is_as_bright_as_the_kidney_comes_back(level):
    true, organ = block(5, 20), block(20, 36)
    hu = image(true, organ, level)
    # The organ was given the outer third of the kidney.
    lost = block(14, 20)
    more = reclaimed(true & ~lost, organ | lost, hu, SPACING)
    assert more[lost].mean() > 0.6
    assert more[organ].mean() < 0.05
    assert not (more & ~(organ | lost)).any()


def test_organs_alike_keep_what_they_have():
    true, organ = block(5, 20), block(20, 36)
    assert not reclaimed(true, organ, image(true, organ, 38.0), SPACING).any()


def test_the_dark_rim_of_an_organ_is_no_kidney():
    kidney, organ = block(5, 14), block(14, 36)
    hu = image(kidney, organ, 58.0)
    rim = organ & (np.arange(30)[None, :, None] < 7)
    hu[rim] = 30.0
    assert reclaimed(kidney, organ, hu, SPACING)[rim].mean() < 0.1


def test_nothing_without_an_organ_or_a_kidney():
    kidney, organ = block(5, 20), block(20, 36)
    hu = image(kidney, organ, 58.0)
    none = np.zeros_like(kidney)
    assert not reclaimed(kidney, none, hu, SPACING).any()
    assert not reclaimed(none, organ, hu, SPACING).any()
    assert not reclaimed(kidney, kidney, hu, SPACING).any()
