"""Whether the body lies in its grid as the header says, told from the body itself."""

from dataclasses import replace

import numpy as np
import pytest

from calciscope.anatomy.embedded import orientation
from calciscope.anatomy.embedded.assemble import assemble
from calciscope.anatomy.embedded.build import build
from calciscope.anatomy.embedded.frame import Frame, Part
from calciscope.domain.anatomy import Region, Tube
from calciscope.domain.image import Volume
from tests.anatomy.figure import MUSCLE, Figure
from tests.anatomy.trunk import frame, trunk


@pytest.fixture(scope="module")
def scan() -> Frame:
    return frame(trunk()[0])


def turned(scan: Frame, *axes: int) -> Frame:
    """The same body turned over along some axes; the grid stays."""
    masks = {
        name: np.ascontiguousarray(np.flip(getattr(scan, name), axes))
        for name in ("hu", "body", "lung_left", "lung_right", "airway", "bone", "metal", "fat")
    }
    spine = scan.spine[::-1].copy() if 0 in axes else scan.spine.copy()
    for axis in (1, 2):
        if axis in axes:
            spine[:, axis - 1] = scan.hu.shape[axis] - 1 - spine[:, axis - 1]
    volume = Volume(masks["hu"], scan.volume.geometry, scan.volume.acquisition)
    return replace(scan, volume=volume, spine=spine, regions=(), **masks)


def test_a_body_that_lies_as_its_header_says_is_not_doubted(scan):
    assert orientation.check(scan, {}) == ()


@pytest.mark.parametrize(
    ("axis", "note"), [(2, orientation.MIRRORED), (1, orientation.BACK_TO_FRONT), (0, orientation.UPSIDE_DOWN)]
)
def test_a_body_that_is_turned_over_is_noted(scan, axis, note):
    assert orientation.check(turned(scan, axis), {}) == (note,)


def test_turned_over_twice_is_a_person_lying_prone_seen_as_such(scan):
    # Half a turn about the long axis: the spine is in front, and nothing is said about sides.
    assert orientation.check(turned(scan, 1, 2), {}) == (orientation.BACK_TO_FRONT,)


def test_a_trunk_deeper_than_wide_lies_on_its_side():
    lying = Figure(shape=(40, 120, 120), width=220.0, depth=300.0).trunk()
    flat = Figure(shape=(40, 120, 120), width=300.0, depth=220.0).trunk()
    assert orientation.check(build(lying.volume()), {}) == (orientation.ON_THE_SIDE,)
    assert orientation.check(build(flat.volume()), {}) == ()


def test_a_field_of_view_that_cuts_the_body_tells_no_shape():
    cut = Figure(shape=(40, 120, 60), width=300.0, depth=220.0).trunk()
    assert orientation.ON_THE_SIDE not in orientation.check(build(cut.volume()), {})


def test_a_table_in_front_of_the_body():
    figure = Figure(shape=(40, 130, 120)).trunk()
    figure.put((figure.y < -figure.depth / 2 - 12) & (figure.y > -figure.depth / 2 - 19), MUSCLE)
    behind = Figure(shape=(40, 130, 120)).trunk().table()
    assert orientation.check(build(figure.volume()), {}) == (orientation.TABLE_IN_FRONT,)
    assert orientation.check(build(behind.volume()), {}) == ()


def cones(scan, low, high, wide_below=True):
    """Lungs between two slices that are wide at one end and taper to the other."""
    lung = np.zeros_like(scan.body)
    rows, columns = scan.body.shape[1:]
    y, x = np.ogrid[:rows, :columns]
    for z in range(low, high):
        share = (z - low) / (high - low)
        size = 1.0 - 0.8 * (share if wide_below else 1.0 - share)
        for middle in (0.3 * columns, 0.7 * columns):
            lung[z] |= np.hypot((y - 0.4 * rows) / 22.0, (x - middle) / 16.0) < size
    lung &= scan.body
    left = lung & (x > 0.5 * columns)
    return replace(scan, lung_left=left, lung_right=lung & ~left, bone=np.zeros_like(scan.bone))


@pytest.mark.parametrize("wide_below", [True, False])
def test_lungs_that_taper_downwards_are_upside_down_even_where_no_hips_are_seen(scan, wide_below):
    n = len(scan.body)
    notes = orientation.check(cones(scan, 10, n - 10, wide_below), {})
    assert (orientation.UPSIDE_DOWN in notes) is not wide_below


def test_lungs_cut_off_by_the_scan_tell_no_way_up(scan):
    assert orientation.UPSIDE_DOWN not in orientation.check(cones(scan, 0, len(scan.body) - 10, False), {})


def test_shoulders_above_the_lungs_are_no_hips(scan):
    bone = scan.bone.copy()
    top = int(np.flatnonzero(scan.lungs.any(axis=(1, 2)))[-1])
    bone[top - 3 :, 30:60, 5:-5] = True
    assert orientation.UPSIDE_DOWN not in orientation.check(replace(scan, bone=bone), {})


@pytest.mark.parametrize("note", [orientation.MIRRORED, orientation.UPSIDE_DOWN, orientation.ON_THE_SIDE])
def test_doubt_lowers_what_has_a_side_and_spares_what_has_none(scan, note):
    mask = np.zeros(scan.hu.shape, dtype=bool)
    mask[4:8, 20:30, 20:30] = True
    line = Tube("ureter_left", np.array([[0.0, 0.0, 9.0], [0.0, 0.0, 0.0]]), np.ones(2), 0.8)
    part = Part(masks={"kidney_left": (mask, 0.9)}, tubes={"ureter_left": line})
    plain, doubted = assemble(scan, [part]), assemble(scan, [part, Part(notes=(note,))])
    assert plain.structures["kidney_left"].confidence == 0.9
    assert doubted.structures["kidney_left"].confidence < 0.6
    assert doubted.tubes["ureter_left"].confidence < 0.55
    assert doubted.structures["body"].confidence == plain.structures["body"].confidence
    assert note in doubted.notes


def test_a_prone_table_is_said_but_not_doubted():
    assert orientation.trusted((orientation.TABLE_IN_FRONT,), "kidney_left", 0.9) == 0.9


def test_below_the_chest_and_without_a_liver_the_header_alone_tells_the_sides(scan):
    nothing = np.zeros_like(scan.lung_left)
    low = replace(
        scan,
        hu=np.where(scan.body, np.float32(-100.0), scan.hu),
        lung_left=nothing,
        lung_right=nothing,
        regions=(Region("pelvis", 0, scan.hu.shape[0] * scan.factor[0] // 2, 0.8),),
    )
    assert orientation.check(low, {}) == (orientation.SIDES_UNSEEN,)
    assert orientation.check(replace(low, regions=(Region("limb", 0, 9, 0.8),)), {}) == ()


@pytest.mark.parametrize(
    ("name", "limited"),
    [("kidney_left", True), ("aorta_abdominal", True), ("urinary_bladder", False), ("iliac_bed_left", False)],
)
def test_what_only_the_header_tells_is_never_sure(name, limited):
    sure = orientation.trusted((orientation.SIDES_UNSEEN,), name, 0.95)
    assert (sure < 0.7) == limited
    assert orientation.trusted((orientation.SIDES_UNSEEN,), name, 0.4) == 0.4
