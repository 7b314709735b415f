import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.domain.image import Geometry, Volume

coordinates = st.floats(-500, 500, allow_nan=False)
spacings = st.floats(0.2, 10)


@given(st.tuples(spacings, spacings, spacings), st.tuples(coordinates, coordinates, coordinates), st.floats(-0.5, 0.5))
def test_index_and_mm_are_inverse(spacing, index, angle):
    turned = (np.cos(angle), -np.sin(angle), 0.0, np.sin(angle), np.cos(angle), 0.0, 0.0, 0.0, 1.0)
    geometry = Geometry((10, 20, 30), spacing, (-12.0, 7.5, 100.0), turned)
    assert geometry.to_index(geometry.to_mm(index)) == pytest.approx(np.array(index), abs=1e-6)


def test_index_runs_z_y_x_and_millimetres_x_y_z():
    geometry = Geometry((5, 6, 7), (3.0, 0.5, 0.25), (10.0, 20.0, 30.0))
    assert geometry.to_mm((2, 4, 8)) == pytest.approx([12.0, 22.0, 36.0])
    assert geometry.to_mm(np.array([[0, 0, 0], [1, 1, 1]]))[1] == pytest.approx([10.25, 20.5, 33.0])
    assert geometry.voxel_mm3 == pytest.approx(0.375)
    assert geometry.extent_mm == (15.0, 3.0, 1.75)


def test_a_volume_refuses_an_array_of_another_shape():
    with pytest.raises(ValueError, match="geometry"):
        Volume(np.zeros((2, 2, 2), np.int16), Geometry((2, 2, 3), (1, 1, 1)))


def test_a_volume_cannot_be_written_to():
    volume = Volume(np.zeros((2, 2, 2), np.int16), Geometry((2, 2, 2), (1, 1, 1)))
    with pytest.raises(ValueError, match="read-only"):
        volume.hu[0, 0, 0] = 1
