"""Scans and bodies that no method is made for: what is found in them is right, or is said to be unsure."""

from __future__ import annotations

import numpy as np
import pytest

from calciscope.anatomy.embedded import segment
from calciscope.domain.anatomy import Anatomy
from calciscope.domain.image import Geometry, Volume
from calciscope.simulate import unusual
from calciscope.simulate.body import Body, Habitus, build
from calciscope.simulate.patient import simulate
from tests.anatomy.simulated import sampled

TRUNK, PELVIS = (190.0, 600.0), (-60.0, 250.0)
GRID = (5.0, 4.0, 4.0)
# What is found, and what it may be in the body.
MEANT = {
    "lung_left": {"lung_left", "lung_vessels"},
    "lung_right": {"lung_right", "lung_vessels"},
    "heart_region": {"heart", "pericardium"},
    "liver": {"liver"},
    "spleen": {"spleen"},
    "kidney_left": {"kidney_left", "renal_artery_left", "renal_vein_left", "ureter_left"},
    "kidney_right": {"kidney_right", "renal_artery_right", "renal_vein_right", "ureter_right"},
    "urinary_bladder": {"urinary_bladder"},
}
SURE, LEAST_ML = 0.7, 10.0


@pytest.fixture(scope="module")
def man():
    return build(np.random.default_rng(4), Habitus(), spacing=GRID, span=TRUNK)


@pytest.fixture(scope="module")
def woman():
    return build(np.random.default_rng(1), Habitus(sex="female"), spacing=GRID, span=PELVIS)


def scanned(body: Body, span: tuple[float, float], **options: object) -> tuple[Volume, np.ndarray]:
    """A series of 8 mm slices and the true labels on it."""
    usual = {"thickness": 8.0, "increment": 8.0, "deposits": (), "quick": True}
    made = simulate(4, body=body, span=span, **{**usual, **options})
    return made.volume, sampled(made.body, made.volume.geometry)


def posed(volume: Volume, labels: np.ndarray, posture: str) -> tuple[Volume, np.ndarray]:
    """The same body as it lies otherwise than its header says."""
    turn = {
        "supine": lambda a: a,
        "prone": lambda a: a[:, ::-1, ::-1],
        "lateral": lambda a: np.rot90(a, 1, axes=(1, 2)),
        "upside down": lambda a: a[::-1],
    }[posture]
    hu = np.ascontiguousarray(turn(volume.hu))
    geometry = volume.geometry
    return Volume(hu, Geometry(hu.shape, geometry.spacing, geometry.origin), volume.acquisition), turn(labels)


def surely_wrong(anatomy: Anatomy, labels: np.ndarray, body: Body, voxel_ml: float) -> dict[str, float]:
    """What is found at 0.7 or more and is less than half what it is called, with that share."""
    wrong = {}
    for name, meant in MEANT.items():
        found = anatomy.mask(name)
        if name not in anatomy.structures or found.sum() * voxel_ml < LEAST_ML:
            continue
        true = np.isin(labels, [body.names[part] for part in meant if part in body.names])
        share = float(true[found].mean())
        if anatomy.structures[name].confidence >= SURE and share < 0.5:
            wrong[name] = round(share, 2)
    return wrong


@pytest.mark.parametrize("posture", ["supine", "prone", "lateral", "upside down"])
def test_a_trunk_that_lies_otherwise_is_right_or_unsure(man, posture):
    volume, labels = posed(*scanned(man, TRUNK), posture)
    anatomy = segment(volume)
    assert surely_wrong(anatomy, labels, man, volume.geometry.voxel_mm3 / 1000.0) == {}
    if posture == "supine":
        assert {"lung_left", "lung_right", "liver"} <= set(anatomy.structures)


@pytest.mark.parametrize(
    "options",
    [{"kernel": "sharp", "noise": 60.0}, {"contrast": True, "kvp": 80.0}],
    ids=["sharp and noisy", "contrast where none is needed"],
)
def test_a_trunk_scanned_otherwise_is_right_or_unsure(man, options):
    volume, labels = scanned(man, TRUNK, **options)
    anatomy = segment(volume)
    assert surely_wrong(anatomy, labels, man, volume.geometry.voxel_mm3 / 1000.0) == {}
    assert {"lung_left", "lung_right"} <= set(anatomy.structures)


def test_a_chest_without_one_lung_has_one_lung(man):
    body = unusual.without_lung(man)
    volume, labels = scanned(body, TRUNK)
    anatomy = segment(volume)
    voxel_ml = volume.geometry.voxel_mm3 / 1000.0
    assert surely_wrong(anatomy, labels, body, voxel_ml) == {}
    assert anatomy.mask("lung_left").sum() * voxel_ml < 100.0


@pytest.mark.parametrize("change", [unusual.pregnant, unusual.transplanted])
def test_a_pelvis_with_something_more_in_it_is_right_or_unsure(woman, change):
    body = change(woman)
    volume, labels = scanned(body, PELVIS)
    anatomy = segment(volume)
    assert surely_wrong(anatomy, labels, body, volume.geometry.voxel_mm3 / 1000.0) == {}
    assert {region.name for region in anatomy.regions} <= {"pelvis", "abdomen", "limb"}, "no second head or chest"


@pytest.mark.parametrize("device", [unusual.bladder_catheter, unusual.ureteral_stent])
def test_tubes_in_the_urinary_tract_move_no_organ(woman, device):
    volume, labels = scanned(woman, PELVIS, devices=(device,))
    anatomy = segment(volume)
    assert surely_wrong(anatomy, labels, woman, volume.geometry.voxel_mm3 / 1000.0) == {}
    assert "urinary_bladder" in anatomy.structures


def test_excreted_contrast_is_urine_in_the_bladder():
    body = build(np.random.default_rng(1), Habitus(sex="female"), spacing=GRID, span=PELVIS, excreted=900.0)
    volume, labels = scanned(body, PELVIS)
    found = segment(volume).mask("urinary_bladder")
    true = labels == body.names["urinary_bladder"]
    assert found.any()
    assert (found & true).sum() > 0.6 * found.sum()
