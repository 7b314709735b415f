"""Laws of the voxel grid, and what the header of a volume can say."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from calciscope.domain.image import Acquisition, Contrast, Geometry, Volume

sizes = st.tuples(*[st.integers(1, 40)] * 3)
spacings = st.tuples(*[st.floats(0.2, 8.0)] * 3)
places = st.tuples(*[st.floats(-300, 300)] * 3)
angles = st.floats(-1.2, 1.2)


def rotation(a, b):
    """A rotation about z, then about x."""
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return about_x @ about_z


@given(sizes, spacings, places, angles, angles)
def test_moving_and_coming_back_is_standing_still(shape, spacing, origin, a, b):
    geometry = Geometry(shape, spacing, origin, tuple(rotation(a, b).ravel().tolist()))
    corners = np.array([[0, 0, 0], [n - 1 for n in shape]], dtype=float)
    np.testing.assert_allclose(geometry.to_index(geometry.to_mm(corners)), corners, atol=1e-6)


@given(sizes, spacings, places, angles, angles, places, places)
def test_a_rigid_grid_keeps_distances(shape, spacing, origin, a, b, first, second):
    geometry = Geometry(shape, spacing, origin, tuple(rotation(a, b).ravel().tolist()))
    step = (np.array(first) - np.array(second)) * np.array(spacing)
    apart = geometry.to_mm(np.array(first)) - geometry.to_mm(np.array(second))
    assert np.linalg.norm(apart) == pytest.approx(np.linalg.norm(step), rel=1e-6, abs=1e-6)


@given(sizes, spacings, places)
def test_the_first_voxel_lies_at_the_origin(shape, spacing, origin):
    assert Geometry(shape, spacing, origin).to_mm((0, 0, 0)) == pytest.approx(origin)


@given(sizes, spacings)
def test_extent_and_voxel_make_the_volume(shape, spacing):
    geometry = Geometry(shape, spacing)
    assert np.prod(geometry.extent_mm) == pytest.approx(np.prod(shape) * geometry.voxel_mm3)


def test_each_axis_moves_its_own_coordinate():
    geometry = Geometry((5, 5, 5), (3.0, 2.0, 1.0))
    for axis, step in ((0, (0, 0, 3.0)), (1, (0, 2.0, 0)), (2, (1.0, 0, 0))):
        index = [0, 0, 0]
        index[axis] = 1
        assert geometry.to_mm(tuple(index)) == pytest.approx(step)


def test_a_quarter_turn_exchanges_the_axes():
    turned = Geometry((3, 3, 3), (1.0, 1.0, 1.0), direction=(0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0))
    # A step along the rows (x index) goes to the back of the patient, a step along the columns to the right.
    assert turned.to_mm((0, 0, 1)) == pytest.approx((0, 1, 0), abs=1e-12)
    assert turned.to_mm((0, 1, 0)) == pytest.approx((-1, 0, 0), abs=1e-12)


@given(st.integers(1, 3), st.integers(1, 4))
def test_arrays_of_any_depth_are_mapped_row_by_row(rows, columns):
    geometry = Geometry((9, 9, 9), (3.0, 0.7, 0.7), (1.0, 2.0, 3.0))
    index = np.random.default_rng(rows * 10 + columns).uniform(0, 9, (rows, columns, 3))
    mapped = geometry.to_mm(index)
    assert mapped.shape == index.shape
    for r in range(rows):
        for c in range(columns):
            np.testing.assert_allclose(mapped[r, c], geometry.to_mm(tuple(index[r, c])))


def test_whole_numbers_are_as_good_as_fractions():
    geometry = Geometry((4, 4, 4), (2.5, 0.7, 0.7), (1.0, 2.0, 3.0))
    np.testing.assert_allclose(geometry.to_mm(np.array([1, 2, 3])), geometry.to_mm((1.0, 2.0, 3.0)))
    assert geometry.to_mm(np.array([1, 2, 3])).dtype == np.float64


def test_grids_are_equal_by_value_and_frozen():
    assert Geometry((1, 2, 3), (1.0, 1.0, 1.0)) == Geometry((1, 2, 3), (1.0, 1.0, 1.0))
    assert Geometry((1, 2, 3), (1.0, 1.0, 1.0)) != Geometry((1, 2, 3), (1.0, 1.0, 2.0))
    with pytest.raises(FrozenInstanceError):
        Geometry((1, 2, 3), (1.0, 1.0, 1.0)).spacing = (2.0, 2.0, 2.0)


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_a_volume_keeps_its_numbers_and_their_type(dtype):
    array = np.arange(24, dtype=dtype).reshape(2, 3, 4)
    volume = Volume(array, Geometry((2, 3, 4), (1.0, 1.0, 1.0)))
    assert volume.hu.dtype == dtype
    assert volume.hu is array, "no copy of the voxels is made"
    assert not array.flags.writeable


@given(sizes, sizes)
def test_only_the_shape_of_the_grid_fits(shape, other):
    assume(shape != other)
    with pytest.raises(ValueError, match="geometry"):
        Volume(np.zeros(other, np.int16), Geometry(shape, (1.0, 1.0, 1.0)))


def test_a_header_that_says_nothing_says_unknown():
    silent = Acquisition()
    assert silent.modality == "CT"
    assert silent.contrast is Contrast.UNKNOWN
    assert (silent.kvp, silent.kernel, silent.slice_thickness, silent.increment) == (None,) * 4
    assert not silent.lossy
    assert silent.missing_slices == ()
    assert silent.slice_axis == 0


def test_an_acquisition_has_no_room_for_an_identifier():
    identifying = {"name", "patient_name", "patient_id", "birth_date", "accession", "uid", "date", "institution"}
    fields = {field for field in Acquisition.__dataclass_fields__ if not field.startswith("_")}
    assert not fields & identifying
    with pytest.raises(TypeError):
        replace(Acquisition(), patient_name="x")


def test_contrast_reads_as_its_word():
    assert [state.value for state in Contrast] == ["none", "given", "unknown"]
    assert Contrast("given") is Contrast.GIVEN
