"""Whether contrast was given, told by the straight sinus."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calciscope.anatomy.embedded.cranial.sinus import straight_sinus
from calciscope.domain.image import Volume


def filled(head, hu, share=1.0, noise=5.0):
    """The frame of a head whose straight sinus is so bright over a share of its length."""
    volume = head.frame.volume
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in volume.hu.shape), indexing="ij"), axis=-1)
    points = volume.geometry.to_mm(grid.reshape(-1, 3).astype(np.float64))
    course = np.linspace(head.point(0.0, 48.0, 12.0), head.point(0.0, 92.0, -14.0), 30)[: round(30 * share)]
    near = np.min([((points - at) ** 2).sum(axis=1) for at in course], axis=0) < 3.0**2
    image = volume.hu.copy()
    level = np.random.default_rng(1).normal(hu, noise, int(near.sum()))
    image.reshape(-1)[near] = np.rint(level)
    return replace(head.frame, volume=Volume(image, volume.geometry))


def test_without_contrast_there_is_no_pool(straight, turned):
    assert straight_sinus(straight.frame, straight.found) is None
    assert straight_sinus(turned.frame, turned.found) is None


@pytest.mark.parametrize("hu", [62.0, 80.0])
def test_thick_blood_and_a_clot_are_no_contrast(straight, hu):
    assert straight_sinus(filled(straight, hu), straight.found) is None


@pytest.mark.parametrize("hu", [130.0, 300.0])
def test_enhanced_blood_is_measured_where_the_head_lies_turned_too(straight, turned, hu):
    for head in (straight, turned):
        pool = straight_sinus(filled(head, hu), head.found)
        assert pool is not None
        assert pool.source == "straight sinus"
        assert 0.75 * hu < pool.mean_hu < 1.1 * hu


def test_calcium_in_a_part_of_its_course_is_no_contrast(straight):
    assert straight_sinus(filled(straight, 500.0, share=0.2), straight.found) is None


def test_a_scan_that_ends_above_it_tells_nothing(straight):
    frame = filled(straight, 300.0)
    top = straight.point(0.0, 60.0, 20.0)[2]
    first = int(np.ceil(frame.volume.geometry.to_index(np.array([0.0, 0.0, top]))[0]))
    volume = frame.volume
    origin = tuple(float(v) for v in volume.geometry.to_mm(np.array([float(first), 0.0, 0.0])))
    cut = replace(volume.geometry, shape=(volume.hu.shape[0] - first, *volume.hu.shape[1:]), origin=origin)
    assert straight_sinus(replace(frame, volume=Volume(volume.hu[first:], cut)), straight.found) is None
