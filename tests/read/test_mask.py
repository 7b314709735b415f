"""Masks: every format lands on the same voxels, names come from the table or the file, and bad ones say why."""

import numpy as np
import pytest
import SimpleITK

from calciscope.domain.image import Acquisition, Geometry
from calciscope.errors import InputError
from calciscope.read.fit import Fit
from calciscope.read.mask import open_mask, read_label_map, read_names
from calciscope.read.select import Candidate
from tests.read.make_dicom import Series, phantom
from tests.read.make_seg import save, segmentation

SHAPE, SPACING, ORIGIN = (6, 8, 10), (3.0, 0.8, 0.7), (-30.0, -40.0, 100.0)
GRID = Geometry(SHAPE, SPACING, ORIGIN)
SERIES = Series(phantom(SHAPE), SPACING, ORIGIN, uid="1.2.826.1", frame="1.2.826.2")


def labels():
    drawn = np.zeros(SHAPE, dtype=np.uint8)
    drawn[1:3, 2:5, 3:9] = 1
    drawn[4, 6, 1] = 7
    return drawn


def written(path, array=None, orientation="LPS", origin=ORIGIN, spacing=SPACING):
    image = SimpleITK.GetImageFromArray(labels() if array is None else array)
    image.SetSpacing(spacing[::-1])
    image.SetOrigin(origin)
    SimpleITK.WriteImage(SimpleITK.DICOMOrient(image, orientation), str(path))
    return path


def on_grid(path, table=None, grid=GRID):
    (layer,) = open_mask(path, table).labels(grid).on(grid)
    return layer


@pytest.mark.parametrize("orientation", ["LPS", "RAS", "SPL", "AIR"])
@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha"])
def test_every_format_and_orientation_gives_the_same_labels(tmp_path, suffix, orientation):
    path = written(tmp_path / f"mask.{suffix}", orientation=orientation)
    opened = open_mask(path).labels(None)
    assert opened.fits(GRID)
    assert dict(opened.names) == {1: "1", 7: "7"}
    assert np.array_equal(on_grid(path), labels())


@pytest.mark.parametrize("kind", [np.float32, np.int16, np.uint32])
def test_whole_numbers_of_any_type_are_labels(tmp_path, kind):
    assert np.array_equal(on_grid(written(tmp_path / "mask.nii", labels().astype(kind))), labels())


def test_a_table_names_the_labels(tmp_path):
    (tmp_path / "names.csv").write_text("label,structure\n1,LAD\n7,RCA\n9,unused\n")
    opened = open_mask(written(tmp_path / "mask.nrrd"), tmp_path / "names.csv")
    assert dict(opened.labels(None).names) == {1: "LAD", 7: "RCA"}
    (tmp_path / "mask.csv").write_text("label,structure\n1,aorta\n7,heart\n")
    assert dict(read_label_map(str(tmp_path / "mask.nrrd"))(None).names) == {1: "aorta", 7: "heart"}


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("label,structure\n1,LAD\n", r"the mask mask.nrrd: 1 label has no name in the table: 7"),
        ("number,name\n1,LAD\n", r"names.csv must start with the line label,structure"),
        ("label,structure\none,LAD\n", r"names.csv, line 2"),
        ("label,structure\n1,LAD\n1,RCA\n", r"label 1 has two names"),
        (None, r"name table names.csv does not exist"),
    ],
)
def test_a_wrong_table_is_one_line(tmp_path, table, says):
    if table is not None:
        (tmp_path / "names.csv").write_text(table)
    with pytest.raises(InputError, match=says) as caught:
        open_mask(written(tmp_path / "mask.nrrd"), tmp_path / "names.csv")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("by", [",", ";", "\t"])
def test_a_table_may_be_separated_as_spreadsheets_do(tmp_path, by):
    rows = ("label,structure", "1,LAD", '7,"RCA, distal"')
    (tmp_path / "names.csv").write_text("\r\n".join(row.replace(",", by, 1) for row in rows), encoding="utf-8-sig")
    assert read_names(tmp_path / "names.csv") == {1: "LAD", 7: "RCA, distal"}


def test_a_table_may_have_a_byte_order_mark_and_empty_lines(tmp_path):
    (tmp_path / "names.csv").write_text("﻿Label, Structure\n 1, LAD\n\n,\n", encoding="utf-8")
    assert read_names(tmp_path / "names.csv") == {1: "LAD"}


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros(SHAPE, dtype=np.uint8), "only background"),
        (labels().astype(np.float32) * 0.5, "not whole numbers"),
        (np.full(SHAPE, np.nan, dtype=np.float32), "not whole numbers"),
        (phantom(SHAPE), "below 0.*swapped"),
        (np.arange(20 * 20 * 20, dtype=np.int16).reshape(20, 20, 20), "different values.*swapped"),
    ],
)
def test_what_holds_no_labels_is_refused(tmp_path, array, says):
    with pytest.raises(InputError, match=says):
        open_mask(written(tmp_path / "mask.nrrd", array))


def test_what_is_no_mask_is_refused_by_name(tmp_path):
    (tmp_path / "mask.nii.gz").write_text("no image")
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "empty.dcm").touch()
    four = SimpleITK.JoinSeries([SimpleITK.GetImageFromArray(labels())] * 2)
    SimpleITK.WriteImage(four, str(tmp_path / "four.nii"))
    SERIES.write(tmp_path / "ct")
    for name, says in {
        "none.nii": "does not exist",
        "mask.nii.gz": "cannot be read",
        "notes.txt": "none that can be read",
        "empty.dcm": "none that can be read",
        "four.nii": "4 dimensions",
        "ct": "is a folder",
        "ct/slice-000.dcm": "CT images, not a segmentation",
    }.items():
        with pytest.raises(InputError, match=says) as caught:
            open_mask(tmp_path / name)
        assert name.rpartition("/")[2] in str(caught.value)


MASKS = {1: labels() == 1, 2: labels() == 7}


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
@pytest.mark.parametrize("flips", [(), (0,), (1, 2), (0, 1, 2)])
def test_a_seg_of_any_kind_order_and_direction_gives_the_same_labels(tmp_path, kind, order, flips):
    masks = {number: mask.astype(float) if kind == "FRACTIONAL" else mask for number, mask in MASKS.items()}
    path = save(segmentation(SERIES.but(order=order, flips=flips), masks, kind=kind), tmp_path / "seg.dcm")
    opened = open_mask(path)
    assert opened.series == {SERIES.uid}
    assert opened.frame == SERIES.frame
    assert dict(opened.labels(GRID).names) == {1: "segment 1", 2: "segment 2"}
    (layer,) = opened.labels(GRID).on(GRID)
    assert np.array_equal(layer, np.where(labels() == 7, 2, labels()))


def test_frames_come_in_any_order(tmp_path):
    path = save(segmentation(SERIES, MASKS, order=(2, 0, 1)), tmp_path / "seg.dcm")
    assert np.array_equal(on_grid(path) == 1, MASKS[1])


def test_half_of_a_voxel_is_enough_of_a_fractional_segment(tmp_path):
    share = np.where(MASKS[1], 0.5, np.where(labels() == 7, 0.49, 0.0))
    assert np.array_equal(
        on_grid(save(segmentation(SERIES, {1: share}, kind="FRACTIONAL"), tmp_path / "s.dcm")), MASKS[1]
    )


def test_segments_that_overlap_keep_all_their_voxels(tmp_path):
    whole = labels() > 0
    path = save(segmentation(SERIES, {1: whole, 2: MASKS[1], 3: MASKS[2]}), tmp_path / "seg.dcm")
    layers = open_mask(path).labels(GRID).on(GRID)
    assert len(layers) == 2
    for number, mask in {1: whole, 2: MASKS[1], 3: MASKS[2]}.items():
        assert np.array_equal(np.logical_or.reduce([layer == number for layer in layers]), mask)


@pytest.mark.parametrize("said", [{"between": False}, {"thickness": False}, {"between": False, "thickness": False}])
def test_slices_that_lie_apart_are_not_filled_in(tmp_path, said):
    apart = np.zeros(SHAPE, dtype=bool)
    apart[[0, 2, 4], 3, 3] = True
    path = save(segmentation(SERIES, {1: apart}, **said), tmp_path / "seg.dcm")
    assert np.array_equal(on_grid(path) > 0, apart)


@pytest.mark.parametrize(("thickness", "filled"), [(SPACING[0], False), (2 * SPACING[0], True)])
def test_thin_slices_that_are_said_to_lie_apart_leave_those_between_empty(tmp_path, thickness, filled):
    apart = np.zeros(SHAPE, dtype=bool)
    apart[[0, 2, 4], 3, 3] = True
    made = segmentation(SERIES, {1: apart})
    measures = made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.SpacingBetweenSlices, measures.SliceThickness = 2 * SPACING[0], thickness
    layer = on_grid(save(made, tmp_path / "seg.dcm"))
    assert np.array_equal(layer > 0, apart) != filled
    assert layer[:, 3, 3].sum() == (5 if filled else 3)


def test_equal_labels_are_told_apart_and_name_no_patient(tmp_path):
    named = {1: "calcium", 2: "calcium", 3: "plaque of Doe"}
    path = save(segmentation(SERIES, {**MASKS, 3: MASKS[1]}, labels=named), tmp_path / "seg.dcm")
    assert dict(open_mask(path).labels(GRID).names) == {1: "calcium (1)", 2: "calcium (2)", 3: "plaque of"}


def test_a_damaged_seg_is_one_line(tmp_path):
    good = save(segmentation(SERIES, MASKS), tmp_path / "good.dcm").read_bytes()
    (tmp_path / "cut.dcm").write_bytes(good[: len(good) - 12])
    (tmp_path / "head.dcm").write_bytes(good[:700])
    for name in ("cut.dcm", "head.dcm"):
        with pytest.raises(InputError, match=name):
            open_mask(tmp_path / name).labels(GRID)
    bare = segmentation(SERIES, MASKS)
    del bare.PerFrameFunctionalGroupsSequence
    with pytest.raises(InputError, match="segmentation"):
        open_mask(save(bare, tmp_path / "bare.dcm")).labels(GRID)


def test_the_name_of_a_seg_file_names_no_patient(tmp_path):
    path = save(segmentation(SERIES.but(patient="4711-0815"), MASKS), tmp_path / "4711-0815.dcm")
    assert "4711" not in open_mask(path).name


def candidate(name="a", grid=GRID, **more):
    return Candidate(name, Acquisition(increment=grid.spacing[0]), grid, **more)


def chosen(mask, *candidates):
    return [choice.id for choice in Fit(mask, "study").choose(candidates) if choice.uses]


def test_of_several_series_the_one_that_the_mask_fits_is_scored(tmp_path):
    other = Geometry(SHAPE, (5.0, 0.8, 0.7), ORIGIN)
    mask = open_mask(written(tmp_path / "mask.nii"))
    assert chosen(mask, candidate("a", other), candidate("b")) == ["b"]
    assert chosen(mask, candidate("b"), candidate("a", other)) == ["b"]
    far = Geometry(SHAPE, (5.0, 0.8, 0.7), (500.0, 0.0, 0.0))
    assert chosen(mask, candidate("far", far), candidate("near", other)) == ["near"]


def test_a_seg_is_scored_on_the_series_that_it_names(tmp_path):
    mask = open_mask(save(segmentation(SERIES, MASKS), tmp_path / "seg.dcm"))
    own, other = (candidate(name, series=frozenset({uid})) for name, uid in (("own", SERIES.uid), ("other", "1.9")))
    assert chosen(mask, other, own) == ["own"]
    with pytest.raises(InputError, match="made on another series than study"):
        chosen(mask, other)
    # Another reconstruction of the same examination lies in the same coordinates.
    same = candidate("same", series=frozenset({"1.9"}), frame=SERIES.frame)
    fit = Fit(mask, "study")
    assert [choice.id for choice in fit.choose([same]) if choice.uses] == ["same"]
    assert "another series of the same examination" in fit.laid(GRID).why
    # A volume file says nothing that could be compared.
    assert chosen(mask, candidate("file")) == ["file"]


def test_what_was_done_to_the_mask_is_said(tmp_path):
    fine = labels().repeat(2, axis=1).repeat(2, axis=2)
    corner = (ORIGIN[0] - SPACING[2] / 4, ORIGIN[1] - SPACING[1] / 4, ORIGIN[2])
    path = written(tmp_path / "fine.nii", fine, origin=corner, spacing=(3.0, 0.4, 0.35))
    laid = Fit(open_mask(path), "study").laid(GRID)
    assert np.array_equal(laid.layers[0], labels())
    assert "resampled" in laid.why
    assert Fit(open_mask(written(tmp_path / "same.nii")), "study").laid(GRID).why is None
    moved = Fit(open_mask(written(tmp_path / "moved.nii", origin=(ORIGIN[0] + 4.2, *ORIGIN[1:]))), "study").laid(GRID)
    assert "lies outside the image" in moved.why
    with pytest.raises(InputError, match=r"the mask far.nii does not overlap the image study"):
        Fit(open_mask(written(tmp_path / "far.nii", origin=(900.0, 0.0, 0.0))), "study").laid(GRID)
