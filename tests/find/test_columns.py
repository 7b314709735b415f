"""Plaque of a carotid artery that passes for bone."""

from __future__ import annotations

import numpy as np
import pytest

from calciscope.find.columns import columns
from calciscope.find.ct import find
from calciscope.find.scene import scene
from tests.find.body import measured

SHAPE, SPACING = (40, 90, 100), (2.0, 1.0, 1.0)
# The lungs end here; the sheath goes on over all slices.
TOP = 10


def neck(*, level=1300.0, radius=3.0, at=(45.0, 66.0), slices=(6, 18), touches=(12,), lungs=True):
    """A spine, a sheath beside it, and a dense column in it that touches the spine in some slices."""
    z, y, x = np.ogrid[tuple(slice(0, n) for n in SHAPE)]
    hu = np.full(SHAPE, 50.0)
    labels = np.ones(SHAPE, dtype=np.uint8)
    labels[np.broadcast_to((y - 42) ** 2 + (x - 66) ** 2 < 11**2, SHAPE)] = 3
    if lungs:
        labels[:TOP, 50:70, 5:20] = 4
        hu[:TOP, 50:70, 5:20] = -850.0
    bone = np.broadcast_to((y - 70) ** 2 + (x - 50) ** 2 < 14**2, SHAPE).copy()
    high = (z >= slices[0]) & (z < slices[1])
    column = high & ((y - at[0]) ** 2 + (x - at[1]) ** 2 < radius**2)
    for level_z in touches:
        bone[level_z, int(at[0]) : 70, int(at[1]) - 1 : int(at[1]) + 1] = True
        bone[level_z, 68:70, 50 : int(at[1]) + 1] = True
    hu[bone] = 600.0
    hu[column] = level
    labels[bone | column] = 2
    return (
        *measured(hu, labels, ("body", "bone", "carotid_sheath_left", "lung_left"), "neck", SPACING, seed=2),
        bone | column,
        column,
    )


def taken(**how):
    volume, anatomy, skeleton, column = neck(**how)
    view = scene(volume, anatomy)
    cut = tuple(slice(a, a + n) for a, n in zip(view.start, view.hu.shape, strict=True))
    return [voxels + np.array(view.start) for voxels in columns(view, skeleton[cut])], column


def test_a_plaque_that_touches_the_spine_in_one_slice_is_taken_off_it():
    pieces, column = taken(touches=(17,))
    assert len(pieces) == 1
    inside = column[tuple(pieces[0].T)]
    assert inside.mean() == 1.0
    assert inside.sum() >= 0.9 * column.sum()


def test_it_becomes_a_deposit():
    volume, anatomy, _, column = neck(touches=(17,))
    deposits = find(volume, anatomy, series="s", threshold_hu=130.0).deposits
    assert len(deposits) == 1
    assert column[tuple(deposits[0].voxels.T)].mean() > 0.9


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"level": 700.0}, "no denser than ossified cartilage"),
        ({"radius": 8.0}, "as wide as a bone"),
        ({"slices": (12, 15), "touches": (14,)}, "no column"),
        ({"slices": (26, 38), "touches": (30,)}, "where the larynx and the hyoid bone lie"),
        ({"at": (45.0, 90.0)}, "beside the sheath"),
        ({"at": (53.0, 60.0), "radius": 3.6}, "all but touching the vertebra"),
        ({"lungs": False}, "how high it lies is not known"),
    ],
)
def test_what_may_be_bone_stays_bone(how, why):
    assert taken(**how)[0] == [], why
