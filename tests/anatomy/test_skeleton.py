"""The skeleton, contrast apart, and the spine."""

import numpy as np
import pytest

from calciscope.anatomy.embedded.skeleton import find_bone, find_contrast
from calciscope.anatomy.embedded.spine import best_path, spine_track
from tests.anatomy.figure import CORTEX, FAT, MARROW, MUSCLE, Figure, overlap

AORTA = (25.0, 10.0)


def bone_of(figure):
    hu = figure.volume().hu.astype(np.float32)
    body = figure.truth["body"]
    contrast = find_contrast(hu, body, figure.spacing)
    return hu, find_bone(hu, body, contrast, figure.spacing), contrast


def test_spine_and_ribs_are_bone_and_the_canal_is_not():
    figure = Figure().trunk().spine().chest()
    _, bone, _ = bone_of(figure)
    vertebra = figure.truth["vertebra"] & ~figure.truth["canal"]
    assert bone[vertebra].mean() > 0.95
    assert bone[figure.truth["ribs"]].mean() > 0.9
    assert bone[figure.truth["canal"]].mean() < 0.3
    everything = vertebra | figure.truth["ribs"]
    assert overlap(bone, everything) > 0.85


@pytest.mark.parametrize("hu", [180.0, 320.0, 500.0])
def test_a_contrast_filled_aorta_is_contrast_and_no_bone(hu):
    figure = Figure().trunk().spine().chest()
    figure.put(figure.ellipse(AORTA, (13, 13)), hu, "aorta")
    _, bone, contrast = bone_of(figure)
    inner = figure.ellipse(AORTA, (9, 9))
    assert contrast[inner].mean() > 0.9
    assert bone[inner].mean() < 0.05
    assert bone[figure.truth["ribs"]].mean() > 0.9


def test_stones_and_plaques_are_no_skeleton():
    figure = Figure().trunk().spine().chest()
    for name, centre, radius in (("stone", (60, 0, 50), 7), ("plaque", (-30, -30, 120), 5)):
        figure.put(figure.ball(centre, radius), 900.0, name)
    _, bone, _ = bone_of(figure)
    assert not (bone & (figure.truth["stone"] | figure.truth["plaque"])).any()


def test_the_tip_of_a_rib_near_a_rib_is_bone():
    figure = Figure().trunk().spine().chest()
    ribs = np.argwhere(figure.truth["ribs"] & (figure.z > 130))
    z, y, x = ribs[ribs[:, 1].argmin()]
    tip = (figure.x[0, 0, x], figure.y[0, y, 0] - 10, figure.z[z, 0, 0])
    figure.put(figure.ball(tip, 6), 500.0, "tip")
    _, bone, _ = bone_of(figure)
    assert bone[figure.truth["tip"]].mean() > 0.5


def test_marrow_of_a_long_bone_is_filled():
    figure = Figure()
    figure.put(figure.ellipse((0, 0), (80, 80)), MUSCLE, "body")
    figure.put(figure.ellipse((0, 0), (16, 16)), 1300.0, "femur")
    figure.put(figure.ellipse((0, 0), (8, 8)), FAT, "femur")
    _, bone, _ = bone_of(figure)
    assert overlap(bone, figure.truth["femur"]) > 0.85


def track_of(figure, airway=None):
    hu, bone, _ = bone_of(figure)
    airway = figure.truth.get("airway", np.zeros(figure.shape, dtype=bool)) if airway is None else airway
    return spine_track(hu, bone, figure.truth["body"], airway, figure.spacing)


def away(figure, track, x=0.0):
    row = (figure.spine_row - figure.y[0, 0, 0]) / figure.spacing[1]
    column = (x - figure.x[0, 0, 0]) / figure.spacing[2]
    return np.hypot((track[:, 0] - row) * figure.spacing[1], (track[:, 1] - column) * figure.spacing[2])


@pytest.mark.parametrize("x", [0.0, 20.0, -20.0])
def test_the_spine_is_followed_through_all_slices(x):
    figure = Figure().trunk().spine(x=x).chest()
    track = track_of(figure)
    assert np.isfinite(track[:, 0]).all()
    assert away(figure, track, x).max() < 9.0
    assert ((track[:, 2] > 8) & (track[:, 2] < 27)).all()


def test_the_spine_is_not_the_contrast_filled_aorta():
    figure = Figure().trunk().spine().chest()
    figure.put(figure.ellipse((30.0, 0.0), (15, 15)), 400.0)
    assert np.nanmax(away(figure, track_of(figure))) < 9.0


def test_slices_below_the_spine_have_none():
    figure = Figure().trunk().spine(low=100.0)
    track = track_of(figure)
    assert np.isfinite(track[30:, 0]).all()
    assert np.isnan(track[:18, 0]).all()


def test_a_limb_has_no_spine():
    figure = Figure()
    figure.put(figure.ellipse((0, 0), (75, 75)), MUSCLE, "body")
    figure.put(figure.ellipse((0, 0), (15, 15)), 1300.0)
    figure.put(figure.ellipse((0, 0), (8, 8)), FAT)
    assert np.isnan(track_of(figure)).all()


def test_the_knee_of_a_limb_has_no_spine():
    figure = Figure()
    figure.put(figure.ellipse((0, 0), (70, 75)), MUSCLE, "body")
    figure.put(figure.ellipse((0, 0), (38, 28)), CORTEX)
    figure.put(figure.ellipse((0, 0), (35, 25)), MARROW)
    assert np.isnan(track_of(figure)).all()


def test_the_best_path_is_the_best_of_limited_lean():
    score = np.zeros((6, 20, 20), dtype=np.float32)
    for z in range(6):
        score[z, 10, 8 + z] = 1.0
    score[3, 1, 1] = 1.5
    path = best_path(score, (3.0, 3.0, 3.0))
    assert path[:, 0].tolist() == [10] * 6
    assert path[:, 1].tolist() == [8, 9, 10, 11, 12, 13]
