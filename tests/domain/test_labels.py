"""Labels on one grid, laid on another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.domain.image import Geometry
from calciscope.domain.labels import Labels, whole_numbers
from calciscope.errors import InputError

GRID = Geometry((5, 7, 9), (3.0, 0.5, 0.6), (10.0, -20.0, 30.0))


def drawn(shape=GRID.shape, seed=3):
    return np.random.default_rng(seed).integers(0, 4, shape).astype(np.uint8)


def on(labels, geometry):
    (layer,) = labels.on(geometry)
    return layer


def test_the_own_grid_changes_nothing_and_rounding_of_headers_neither():
    labels = Labels("m", (drawn(),), GRID)
    rounded = Geometry(GRID.shape, (3.0001, 0.50001, 0.6), (10.001, -20.0, 30.0))
    for geometry in (GRID, rounded):
        assert labels.fits(geometry)
        assert on(labels, geometry) is labels.layers[0]


@given(shift=st.tuples(*[st.integers(-6, 6)] * 3))
def test_a_grid_moved_by_whole_voxels_finds_every_label_at_its_place(shift):
    moved = Geometry(GRID.shape, GRID.spacing, tuple(GRID.to_mm(shift).tolist()))
    labels = Labels("m", (drawn(),), GRID)
    seen = on(labels, moved)
    for index in np.ndindex(GRID.shape):
        source = np.array(index) + shift
        inside = (source >= 0).all() and (source < GRID.shape).all()
        assert seen[index] == (labels.layers[0][tuple(source)] if inside else 0)
    assert labels.aligned(moved)
    assert labels.fits(moved) == (shift == (0, 0, 0))


@pytest.mark.parametrize("tilt", [0.0, 0.3])
def test_each_voxel_takes_the_nearest_label_in_patient_coordinates(tilt):
    turn = (np.cos(tilt), -np.sin(tilt), 0.0, np.sin(tilt), np.cos(tilt), 0.0, 0.0, 0.0, 1.0)
    other = Geometry((6, 5, 8), (2.0, 0.7, 0.4), (10.3, -19.6, 30.4), turn)
    labels = Labels("m", (drawn(),), GRID)
    assert not labels.aligned(other)
    seen = on(labels, other)
    for index in np.ndindex(other.shape):
        at = GRID.to_index(other.to_mm(index))
        near = np.rint(at).astype(int)
        inside = (near >= 0).all() and (near < GRID.shape).all()
        if np.abs(at - np.floor(at) - 0.5).min() > 1e-3:
            assert seen[index] == (labels.layers[0][tuple(near)] if inside else 0)


def test_what_lies_outside_is_told():
    layer = np.zeros(GRID.shape, dtype=np.uint8)
    layer[1, 2:4, 3] = 1
    labels = Labels("m", (layer,), GRID)
    inner = Geometry((3, 3, 5), GRID.spacing, tuple(GRID.to_mm((0, 3, 1)).tolist()))
    far = Geometry(GRID.shape, GRID.spacing, (900.0, 0.0, 0.0))
    assert [labels.overlaps(one) for one in (GRID, inner, far)] == [True, True, False]
    assert [labels.reaches_beyond(one) for one in (GRID, inner, far)] == [False, True, True]
    nothing = Labels("m", (np.zeros_like(layer),), GRID)
    assert not nothing.overlaps(GRID)
    assert not nothing.reaches_beyond(GRID)


@pytest.mark.parametrize("kind", [np.bool_, np.uint8, np.int64, np.float64])
def test_whole_numbers_keep_their_values_in_the_smallest_type(kind):
    values = drawn().astype(kind)
    found = whole_numbers(values)
    assert found.dtype == np.uint8
    assert np.array_equal(found, values)
    assert whole_numbers(np.array([0, 300])).dtype == np.uint16
    assert whole_numbers(np.array([0, 70000])).dtype == np.int32


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (np.array([0.5]), "not whole numbers"),
        (np.array([np.nan]), "not whole numbers"),
        (np.array([-3]), "below 0"),
        (np.array([2.0**40]), "too large"),
        (np.arange(9000), "different values"),
        (np.array(["a"]), "neither whole numbers nor flags"),
    ],
)
def test_other_values_are_no_labels(values, says):
    with pytest.raises(InputError, match=says):
        whole_numbers(values)
