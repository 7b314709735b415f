"""Lungs and airway."""

import numpy as np
import pytest

from calciscope.anatomy.embedded.lungs import find_airway, find_lungs, split
from tests.anatomy.figure import GAS, LUNG, Figure, overlap


def lungs_of(figure):
    hu = figure.volume().hu.astype(np.float32)
    body = figure.truth["body"]
    airway = find_airway(hu, body, figure.spacing)
    return find_lungs(hu, body, airway, figure.spacing, (figure.shape[2] - 1) / 2), airway


def test_left_and_right_lung_are_told_apart():
    figure = Figure().trunk().spine().chest()
    (left, right), _ = lungs_of(figure)
    assert overlap(left, figure.truth["lung_left"]) > 0.95
    assert overlap(right, figure.truth["lung_right"]) > 0.95
    assert np.argwhere(left)[:, 2].mean() > np.argwhere(right)[:, 2].mean()
    assert not (left & right).any()


def test_lungs_that_meet_in_front_are_split():
    figure = Figure().trunk().spine().chest()
    bridge = (np.abs(figure.x) < 30) & (figure.y > -45) & (figure.y < -37) & (figure.z > 140) & (figure.z < 170)
    figure.put(bridge, LUNG)
    (left, right), _ = lungs_of(figure)
    assert overlap(left, figure.truth["lung_left"]) > 0.9
    assert overlap(right, figure.truth["lung_right"]) > 0.9


def test_a_lung_that_never_comes_apart_is_divided_at_the_midline():
    block = np.zeros((20, 40, 60), dtype=bool)
    block[5:15, 5:35, 5:55] = True
    left, right = split(block, 29.5, (3.0, 3.0, 3.0))
    assert left[..., 30:].sum() == left.sum() > 0
    assert right[..., :30].sum() == right.sum() > 0
    assert np.array_equal(left | right, block)


def test_the_airway_is_found_and_is_no_lung():
    figure = Figure().trunk().spine().chest()
    (left, right), airway = lungs_of(figure)
    assert overlap(airway, figure.truth["airway"]) > 0.7
    assert not (airway & (left | right)).any()


@pytest.mark.parametrize("hu", [GAS, -450.0])
def test_gas_and_stool_in_an_abdomen_are_no_lung(hu):
    figure = Figure().trunk().spine()
    figure.put(figure.ball((50, -20, 90), 38), hu)
    (left, right), airway = lungs_of(figure)
    assert not left.any()
    assert not right.any()
    assert not airway.any()


def test_bases_of_the_lungs_at_the_top_of_an_abdomen_are_lung():
    figure = Figure().trunk().spine()
    base = (figure.z > 222) & figure.ellipse((70, 20), (45, 40))
    figure.put(base, LUNG, "base")
    (left, right), _ = lungs_of(figure)
    assert overlap(left, figure.truth["base"]) > 0.8
    assert not right.any()


def test_vessels_of_the_lung_are_part_of_it():
    figure = Figure().trunk().spine().chest()
    vessel = figure.put(figure.ellipse((80, 0), (5, 5)) & figure.truth["lung_left"], 60.0, "vessel")
    (left, _), _ = lungs_of(figure)
    assert left[vessel].mean() > 0.9


def test_a_column_of_bowel_gas_is_no_airway():
    figure = Figure().trunk().spine()
    figure.put((figure.z > 60) & figure.ellipse((0, -45), (12, 12)), GAS)
    _, airway = lungs_of(figure)
    assert not airway.any()
