"""The mask of what a simulated patient really has: on the grid of the CT, around the mineral, readable by others."""

import numpy as np
import pytest

from calciscope.domain.image import Geometry
from calciscope.read import mask as reader
from calciscope.simulate import mask
from calciscope.simulate.ct import Mineral

OBLIQUE = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)
STRAIGHT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def grid(direction=STRAIGHT):
    return Geometry((20, 40, 50), (3.0, 0.7, 0.6), (-10.0, 5.0, 100.0), direction)


def block(geometry, first, last, spacing=0.25):
    """A block of mineral from the centre of one voxel to that of another."""
    low, high = (geometry.to_mm(np.array(index, dtype=float)) for index in (first, last))
    low, high = np.minimum(low, high), np.maximum(low, high)
    size = np.maximum(np.rint((high - low) / spacing).astype(int) + 1, 1)
    return Mineral(np.full(tuple(size[::-1]), 800.0, dtype=np.float32), spacing, tuple(low))


def test_the_label_holds_the_mineral_and_a_margin():
    geometry = grid()
    labels = mask.label_map([block(geometry, (8, 20, 20), (10, 24, 26))], geometry)
    assert (labels[8:11, 20:25, 20:27] == 1).all()
    z, y, x = np.nonzero(labels)
    # 1.5 mm are two pixels in the slice and less than one slice.
    assert (z.min(), z.max(), y.min(), y.max(), x.min(), x.max()) == (8, 10, 18, 26, 18, 28)


def test_of_two_neighbours_each_keeps_its_own_and_the_nearer_has_the_margin():
    geometry = grid()
    pair = [block(geometry, (8, 20, 20), (8, 20, 22)), block(geometry, (8, 20, 25), (8, 20, 27))]
    labels = mask.label_map(pair, geometry)
    assert labels[8, 20, 20:29].tolist() == [1, 1, 1, 1, 2, 2, 2, 2, 2]
    turned = mask.label_map(pair[::-1], geometry)
    assert turned[8, 20, 20:23].tolist() == [2, 2, 2]


def test_a_deposit_outside_the_scan_is_not_in_the_mask():
    geometry = grid()
    far = Mineral(np.full((2, 2, 2), 500.0, dtype=np.float32), 0.5, (400.0, 400.0, 400.0))
    labels = mask.label_map([far, block(geometry, (3, 5, 5), (3, 6, 6))], geometry)
    assert set(np.unique(labels)) == {0, 2}


@pytest.mark.parametrize("direction", [STRAIGHT, OBLIQUE])
def test_what_is_written_is_read_as_the_same_mask(tmp_path, direction):
    geometry = grid(direction)
    labels = np.zeros(geometry.shape, dtype=np.uint8)
    labels[4:6, 10:14, 30:33] = 1
    labels[9, 20:22, 5:9] = 2
    file, table = mask.write(labels, ["kidney.left", "scar"], geometry, tmp_path)
    assert table.read_text(encoding="utf-8") == "label,structure\n1,kidney.left\n2,scar\n"
    read = reader.open_mask(file, table).labels(None)
    assert read.names == {1: "kidney.left", 2: "scar"}
    (layer,) = read.on(geometry)
    assert np.array_equal(layer, labels)


def test_every_true_deposit_of_a_patient_is_in_its_mask(quick):
    assert quick.mask.shape == quick.volume.geometry.shape
    for number, deposit in enumerate(quick.truth, start=1):
        at = np.argwhere(quick.mask == number)
        centre = quick.volume.geometry.to_mm(at.mean(axis=0))
        assert np.linalg.norm(centre - np.array(deposit.center_mm)) < 4.0
        assert quick.volume.hu[tuple(at.T)].max() > 130
