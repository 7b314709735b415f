"""Segmentations of 3D Slicer: names from the header, layers where segments overlap, and what is none."""

import gzip

import numpy as np
import pytest

from calciscope.domain.image import Geometry
from calciscope.errors import InputError
from calciscope.read.mask import open_mask

SHAPE, SPACING, ORIGIN = (4, 6, 5), (3.0, 0.5, 0.4), (-10.0, -20.0, 30.0)
GRID = Geometry(SHAPE, SPACING, ORIGIN)
NAMES = ("LAD, mid", "Verkalkung Ä")


def drawn():
    """Two segments that overlap in a voxel."""
    one, other = np.zeros(SHAPE, dtype=np.uint8), np.zeros(SHAPE, dtype=np.uint8)
    one[1, 2:4, 1:3], other[1:3, 3, 2:4] = 1, 1
    return one, other


def written(path, array, *keys, space="left-posterior-superior"):
    """A NRRD of ``(z, y, x)`` or ``(z, y, x, layer)`` as 3D Slicer writes it, with ``keys`` in its header."""
    sign = np.array([1, 1, 1] if space.startswith("left") else [-1, -1, 1])
    axes = ["none"] if array.ndim == 4 else []
    for length, axis in zip(SPACING[::-1], np.eye(3), strict=True):
        axes.append("(" + ",".join(f"{one:g}" for one in axis * length * sign) + ")")
    sizes = ([array.shape[3]] if array.ndim == 4 else []) + list(array.shape[2::-1])
    head = [
        "NRRD0004",
        "type: uchar",
        f"dimension: {array.ndim}",
        f"space: {space}",
        "sizes: " + " ".join(map(str, sizes)),
        "space directions: " + " ".join(axes),
        "kinds: " + " ".join((["list"] if array.ndim == 4 else []) + ["domain"] * 3),
        "encoding: gzip",
        "space origin: (" + ",".join(f"{one:g}" for one in np.array(ORIGIN) * sign) + ")",
        *keys,
    ]
    path.write_bytes("\n".join(head).encode() + b"\n\n" + gzip.compress(np.ascontiguousarray(array).tobytes()))
    return path


def segment(place, name, value=None, layer=None):
    keys = [f"Segment{place}_ID:=Segment_{place}", f"Segment{place}_Name:={name}"]
    keys += [f"Segment{place}_LabelValue:={value}"] if value is not None else []
    return keys + ([f"Segment{place}_Layer:={layer}"] if layer is not None else [])


def voxels(labels):
    """Each name with where it lies on the grid of the image."""
    layers = labels.on(GRID)
    return {name: np.logical_or.reduce([one == label for one in layers]) for label, name in labels.names.items()}


@pytest.mark.parametrize("space", ["left-posterior-superior", "right-anterior-superior"])
def test_segments_of_one_layer_have_their_names(tmp_path, space):
    one, other = drawn()
    array = np.where(other == 1, 5, one).astype(np.uint8)
    keys = [*segment(0, NAMES[0], 1, 0), *segment(1, NAMES[1], 5, 0), *segment(2, "empty", 7, 0)]
    labels = open_mask(written(tmp_path / "a.seg.nrrd", array, *keys, space=space)).labels(None)
    assert dict(labels.names) == {1: NAMES[0], 5: NAMES[1]}
    found = voxels(labels)
    assert np.array_equal(found[NAMES[1]], other == 1)
    assert np.array_equal(found[NAMES[0]], array == 1)


@pytest.mark.parametrize("old", [False, True])
def test_segments_that_overlap_lie_in_layers(tmp_path, old):
    one, other = drawn()
    keys = segment(0, NAMES[0], *(() if old else (1, 0))) + segment(1, NAMES[1], *(() if old else (1, 1)))
    labels = open_mask(written(tmp_path / "a.seg.nrrd", np.stack([one, other], axis=-1), *keys)).labels(None)
    found = voxels(labels)
    assert np.array_equal(found[NAMES[0]], one == 1)
    assert np.array_equal(found[NAMES[1]], other == 1)


def test_segments_of_one_name_are_told_apart_and_a_table_renames_them(tmp_path):
    one, other = drawn()
    keys = segment(0, "calcium", 1, 0) + segment(1, "calcium", 1, 1)
    path = written(tmp_path / "a.seg.nrrd", np.stack([one, other], axis=-1), *keys)
    assert set(open_mask(path).labels(None).names.values()) == {"calcium (1)", "calcium (2)"}
    (tmp_path / "names.csv").write_text("label,structure\n1,LAD\n2,RCA\n")
    assert dict(open_mask(path, tmp_path / "names.csv").labels(None).names) == {1: "LAD", 2: "RCA"}


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        (segment(0, "calcium", 3, 0), "belong to none of its segments"),
        (segment(0, "calcium", "one", 0), "does not describe its segments"),
        (segment(0, "calcium", 1, 4), "does not describe its segments"),
    ],
)
def test_a_header_that_does_not_fit_is_one_line(tmp_path, keys, says):
    with pytest.raises(InputError, match=rf"the mask a\.seg\.nrrd: .*{says}"):
        open_mask(written(tmp_path / "a.seg.nrrd", drawn()[0], *keys))


def test_an_empty_segmentation_and_colours_are_one_line(tmp_path):
    path = written(tmp_path / "a.seg.nrrd", np.zeros(SHAPE, dtype=np.uint8), *segment(0, "calcium", 1, 0))
    with pytest.raises(InputError, match="only background"):
        open_mask(path)
    colours = written(tmp_path / "c.nrrd", np.stack(drawn(), axis=-1))
    with pytest.raises(InputError, match="colours or vectors"):
        open_mask(colours)


def test_a_plain_nrrd_has_numbers_as_names(tmp_path):
    assert dict(open_mask(written(tmp_path / "m.nrrd", drawn()[0])).labels(None).names) == {1: "1"}
