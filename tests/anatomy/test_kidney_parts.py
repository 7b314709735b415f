"""Cortex, medulla and sinus of a kidney of known shape."""

import numpy as np
import pytest

from calciscope.anatomy.embedded.kidney_parts import split

MM = 2.0
SPACING = (MM, MM, MM)
AXES = np.ogrid[tuple(slice(-n * MM / 2, n * MM / 2, MM) for n in (70, 44, 44))]
RADII = (52.0, 26.0, 25.0)


def inside(radii, shift=(0.0, 0.0, 0.0)):
    return sum(((a - s) / r) ** 2 for a, s, r in zip(AXES, shift, radii, strict=True)) < 1


KIDNEY = inside(RADII)
SINUS = inside((22.0, 7.0, 7.0), (0.0, 0.0, -4.0))


def image(*, sinus=True):
    hu = np.where(KIDNEY, 32.0, -100.0)
    if sinus:
        hu = np.where(SINUS, -90.0, hu)
    return hu.astype(np.float32)


@pytest.fixture(scope="module")
def parts():
    return split(KIDNEY, image(), SPACING)


def test_the_parts_are_inside_and_share_nothing(parts):
    assert set(parts) == {"cortex", "medulla", "sinus"}
    assert not any((mask & ~KIDNEY).any() for mask in parts.values())
    assert np.sum([mask.astype(int) for mask in parts.values()], axis=0).max() == 1


def test_the_fat_of_the_sinus_is_sinus_and_so_is_what_touches_it(parts):
    assert (parts["sinus"] & SINUS).sum() > 0.95 * SINUS.sum()
    beside = inside((24.0, 9.0, 9.0), (0.0, 0.0, -4.0))
    assert (parts["sinus"] & beside).sum() > 0.95 * beside.sum()


def test_the_cortex_is_the_surface(parts):
    inner = inside(tuple(r - 8.0 for r in RADII))
    assert not (parts["cortex"] & inner).any()
    assert not (parts["medulla"] & ~inside(tuple(r - 5.0 for r in RADII))).any()


def test_between_cortex_and_pyramids_nothing_is_said(parts):
    said = np.any(list(parts.values()), axis=0)
    assert 0.02 < (KIDNEY & ~said).sum() / KIDNEY.sum() < 0.6


def test_without_a_sinus_only_the_surface_has_a_name():
    assert set(split(KIDNEY, image(sinus=False), SPACING)) == {"cortex"}


def test_a_larger_sinus_leaves_less_medulla(parts):
    wide = inside((36.0, 12.0, 12.0), (0.0, 0.0, -2.0))
    other = split(KIDNEY, np.where(wide, -90.0, image()).astype(np.float32), SPACING)
    assert other["medulla"].sum() < parts["medulla"].sum()
    assert other["sinus"].sum() > parts["sinus"].sum()


def test_nothing_has_no_parts():
    assert split(np.zeros_like(KIDNEY), image(), SPACING) == {}


def test_slices_that_are_one_row_of_voxels_are_no_error(recwarn):
    thin = KIDNEY.copy()
    top = np.flatnonzero(thin.any(axis=(1, 2)))[-1]
    thin[top] = False
    thin[top, 20, 15:25] = True
    thin[top - 1] = np.eye(44, dtype=bool)
    parts = split(thin, image(), SPACING)
    assert "sinus" in parts
    assert not recwarn.list
