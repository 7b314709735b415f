"""The neck: gland, sheath and what is counted from them, on simulated necks."""

from __future__ import annotations

import numpy as np
import pytest

from calciscope.anatomy.embedded import neck as necks
from calciscope.anatomy.embedded import segment
from calciscope.anatomy.embedded.build import build
from calciscope.anatomy.embedded.cervical.axes import find_axes
from calciscope.simulate.neck import Throat, neck_scan


@pytest.fixture(scope="module")
def usual():
    made = neck_scan(2, thickness=3.0, matrix=160, throat=Throat(), span=(-118.0, 66.0), deposits=())
    return made, segment(made.volume)


def centre(made, anatomy, name):
    """Centre of a structure in mm: left, back, up."""
    return made.volume.geometry.to_mm(np.argwhere(anatomy.mask(name)).mean(axis=0))


def test_both_lobes_are_seen_where_they_are(usual):
    made, anatomy = usual
    for side, sign in (("left", 1.0), ("right", -1.0)):
        name = f"thyroid_{side}"
        assert anatomy.structures[name].confidence == 0.8
        assert np.linalg.norm(centre(made, anatomy, name) - np.array([17.0 * sign, -27.0, -45.0])) < 8.0


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("carotid_sheath_left", (26.0, -13.0, -2.0)),
        ("carotid_sheath_right", (-26.0, -13.0, -2.0)),
        ("submandibular_gland_left", (29.0, -50.0, 16.0)),
        ("palatine_tonsil_right", (-15.0, -32.0, 36.0)),
        ("parotid_gland_left", (52.0, -18.0, 50.0)),
        ("neck_nodes_right", (-42.0, -4.0, -12.0)),
        ("larynx", (0.0, -46.0, -10.0)),
    ],
)
def test_the_rest_lies_at_its_height_above_the_gland(usual, name, place):
    made, anatomy = usual
    index = np.rint(made.volume.geometry.to_index(place)).astype(int)
    around = tuple(slice(i - r, i + r + 1) for i, r in zip(index, (1, 2, 2), strict=True))
    assert anatomy.mask(name)[around].any()
    assert anatomy.structures[name].confidence < 0.8


def test_nothing_of_the_trunk_is_left_in_a_neck(usual):
    _, anatomy = usual
    neck = next(region for region in anatomy.regions if region.name == "neck")
    for name in ("aorta_abdominal", "aorta_descending", "liver"):
        assert anatomy.mask(name)[neck.start : neck.stop].sum() <= 0.5 * anatomy.mask(name).sum()


def test_a_gland_that_was_removed_is_not_seen():
    made = neck_scan(2, thickness=5.0, matrix=128, throat=Throat(goitre=0.0), span=(-118.0, 66.0), deposits=())
    frame = build(made.volume)
    masks = necks.segment(frame, {}).masks
    assert all(sure < 0.6 for name, (_, sure) in masks.items() if name.startswith("thyroid"))


def test_the_size_of_a_neck_is_that_of_its_least_width(usual):
    made, _ = usual
    frame = build(made.volume)
    axes = find_axes(frame, 0, frame.hu.shape[0])
    assert axes.size == pytest.approx(1.0, abs=0.15)
    wide = Throat(size=(0.75, 0.75, 0.75))
    small = build(neck_scan(2, thickness=5.0, matrix=128, throat=wide, span=(-60.0, 40.0), deposits=()).volume)
    assert find_axes(small, 0, small.hu.shape[0]).size < axes.size


def test_blood_in_the_sheaths_tells_contrast_and_hides_the_gland(usual):
    _, anatomy = usual
    assert anatomy.blood_pool is None
    bright = neck_scan(2, thickness=5.0, matrix=128, throat=Throat(), span=(-118.0, 66.0), deposits=(), contrast=True)
    part = necks.segment(build(bright.volume), {})
    assert part.blood_pool is not None
    assert part.blood_pool.source == "carotid sheath"
    assert part.blood_pool.mean_hu > 125.0
    assert all(sure < 0.6 for name, (_, sure) in part.masks.items() if name.startswith("thyroid"))


def test_blood_in_the_aorta_tells_contrast_too(usual):
    made, _ = usual
    frame = build(made.volume)
    lumen = np.zeros(frame.hu.shape, dtype=bool)
    lumen[0, :6, :6] = True
    for level, seen in ((40.0, True), (200.0, False)):
        frame.hu[lumen] = level
        masks = necks.segment(frame, {"aorta_arch": (lumen, 0.9)}).masks
        assert any(sure >= 0.7 for name, (_, sure) in masks.items() if name.startswith("thyroid")) is seen


def test_a_guessed_gland_lies_beside_the_windpipe_and_leaves_the_sheath(usual):
    made, _ = usual
    frame = build(made.volume)
    lumen = np.zeros(frame.hu.shape, dtype=bool)
    lumen[0, :6, :6] = True
    frame.hu[lumen] = 200.0
    masks = necks.segment(frame, {"aorta_arch": (lumen, 0.9)}).masks
    for side in ("left", "right"):
        lobe, sheath = masks[f"thyroid_{side}"][0], masks[f"carotid_sheath_{side}"][0]
        assert not (lobe & sheath).any()
        assert float(lobe.sum()) * float(np.prod(frame.spacing)) / 1000.0 < 20.0


def test_beside_the_lungs_there_is_no_neck(usual):
    made, anatomy = usual
    neck = next(region for region in anatomy.regions if region.name == "neck")
    for name in ("carotid_sheath_left", "neck_nodes_right"):
        lowest = int(np.flatnonzero(anatomy.mask(name).any(axis=(1, 2)))[0])
        assert (neck.start - lowest) * made.volume.geometry.spacing[0] <= 15.0
