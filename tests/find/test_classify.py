"""The rules, each on facts that differ from a plain deposit in what the rule is about."""

from dataclasses import replace

import numpy as np
import pytest

from calciscope.find.candidates import Candidate
from calciscope.find.classify import RULES, Facts, rejected_as
from calciscope.find.context import Context
from calciscope.find.neighbours import Judged, by_neighbours

CONTEXT = Context(
    background=45.0,
    noise=15.0,
    fat=0.1,
    lung=0.0,
    gas=0.0,
    soft=0.9,
    bright=0.0,
    bone_mm=12.0,
    lung_mm=12.0,
    metal_mm=12.0,
    air_mm=12.0,
    artery_mm=12.0,
    outside_mm=12.0,
    touching=0.0,
    saddle=0.0,
    bony=0.0,
    in_wall=0.0,
)
PLAIN = Facts(
    context=CONTEXT,
    voxels=40,
    slices=2,
    rim=False,
    floor=130.0,
    volume=120.0,
    peak=600.0,
    mean=350.0,
    size=6.0,
    height=6.0,
    width=5.0,
    blood=0.0,
    region="abdomen",
    at_border=False,
    in_metal=0.0,
    metal_in_slice=False,
    depth=60.0,
    ribs=False,
    front=True,
    spine_mm=80.0,
)


def facts(**changes):
    inner = {k: changes.pop(k) for k in list(changes) if k in CONTEXT.__dataclass_fields__}
    return replace(PLAIN, context=replace(CONTEXT, **inner), **changes)


def test_a_plain_deposit_is_none_of_them():
    assert rejected_as(PLAIN) is None


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        ("metal", {"peak": 3071.0}),
        ("metal", {"in_metal": 0.6}),
        ("streak", {"metal_mm": 5.0}),
        ("streak", {"metal_in_slice": True, "noise": 80.0}),
        ("streak", {"region": "chest", "slices": 1, "height": 3.0, "size": 14.0, "volume": 60.0, "peak": 200.0}),
        ("outside_body", {"outside_mm": 1.0, "size": 12.0}),
        ("outside_body", {"depth": 0.0, "fat": 0.1, "soft": 0.2}),
        ("noise", {"peak": 140.0, "mean": 134.0}),
        ("noise", {"voxels": 2, "peak": 190.0}),
        ("noise", {"noise": 40.0, "peak": 300.0}),
        ("noise", {"voxels": 300, "mean": 90.0}),
        ("noise", {"background": -90.0, "peak": 135.0}),
        ("contrast", {"blood": 500.0, "peak": 520.0}),
        ("contrast", {"blood": 300.0, "volume": 900.0, "mean": 310.0}),
        ("contrast", {"blood": 300.0, "bright": 0.5, "mean": 400.0}),
        ("contrast", {"blood": 300.0, "background": 450.0, "peak": 900.0, "mean": 700.0}),
        ("costal_cartilage", {"ribs": True, "depth": 12.0}),
        # A small field of view ends in the chest's wall: cartilage in front, ribs elsewhere, a vertebra at the end.
        ("costal_cartilage", {"ribs": True, "beyond_lungs": 6.0, "border_mm": 3.0}),
        ("bone", {"ribs": True, "front": False, "beyond_lungs": 6.0, "border_mm": 3.0}),
        ("costal_cartilage", {"ribs": True, "region": "chest", "ahead": 8.0}),
        ("bone", {"ribs": True, "region": "chest", "front": False, "border_mm": 0.0}),
        ("bone", {"at_end": True, "spine_mm": 8.0, "bone_mm": 7.0}),
        ("laryngeal_cartilage", {"air_mm": 6.0, "region": "neck"}),
        ("laryngeal_cartilage", {"width": 30.0, "region": "neck"}),
        ("laryngeal_cartilage", {"in_larynx": 0.8, "region": "neck"}),
        ("laryngeal_cartilage", {"in_thyroid": 0.9, "air_mm": 2.0, "region": "neck"}),
        ("bone", {"over_bone": True, "peak": 260.0, "region": "head"}),
        ("bone", {"at_border": True, "volume": 90.0, "peak": 300.0, "region": "head"}),
        ("noise", {"in_brain": 1.0, "noise": 4.0, "peak": 70.0, "mean": 66.0, "region": "head"}),
        ("noise", {"in_heart": 1.0, "background": -80.0, "noise": 30.0, "peak": 180.0, "mean": 150.0, "voxels": 9}),
        ("noise", {"in_heart": 1.0, "background": -80.0, "noise": 30.0, "peak": 230.0, "mean": 190.0, "voxels": 3}),
        ("noise", {"in_heart": 1.0, "background": 40.0, "noise": 30.0, "peak": 230.0, "mean": 170.0, "voxels": 9}),
        ("sesamoid", {"region": "limb", "bone_mm": 5.0}),
        ("osteophyte", {"spine_mm": 2.0, "bone_mm": 3.0}),
        ("osteophyte", {"height": 24.0, "spine_mm": -2.0, "bony": 0.9, "in_wall": 1.0, "artery_mm": 0.0}),
        ("bone", {"touching": 0.3}),
        ("bone", {"touching": 0.05, "saddle": 500.0}),
        ("bone", {"bone_mm": 4.0, "peak": 350.0}),
        ("bone", {"at_border": True, "volume": 2000.0}),
        ("bone", {"volume": 90000.0}),
        ("bone", {"bony": 0.8}),
        ("bone", {"ribs": True, "front": False, "depth": 12.0}),
        ("bone", {"spine_mm": 20.0, "front": False, "bone_mm": 4.0, "peak": 600.0}),
        ("bowel_content", {"gas": 0.2, "peak": 300.0, "mean": 200.0}),
        ("bowel_content", {"in_bowel": 1.0, "gas_mm": 7.0, "peak": 600.0, "volume": 20.0, "fat": 0.1}),
    ],
)
def test_each_rule(expected, changes):
    assert rejected_as(facts(**changes)) == expected


@pytest.mark.parametrize(
    "changes",
    [
        # A stone at the bowel is denser than its content.
        {"gas": 0.2, "peak": 900.0},
        # In a loop, but in the fat beside it, without gas, in an artery, or larger than a grain.
        {"in_bowel": 1.0, "gas_mm": 7.0, "peak": 600.0, "volume": 20.0, "fat": 0.6},
        {"in_bowel": 1.0, "gas_mm": 11.0, "peak": 600.0, "volume": 20.0, "fat": 0.1},
        {"in_bowel": 1.0, "gas_mm": 7.0, "peak": 600.0, "volume": 20.0, "fat": 0.1, "artery_mm": 1.0},
        {"in_bowel": 1.0, "gas_mm": 7.0, "peak": 600.0, "volume": 90.0, "fat": 0.1},
        # Plaque in the wall of an artery beside the spine, and long plaque that reaches out of the traced wall.
        {"artery_mm": 0.0, "in_wall": 1.0, "bone_mm": 3.0, "spine_mm": 1.0},
        {"artery_mm": 0.0, "in_wall": 0.4, "bone_mm": 3.0, "spine_mm": 1.0, "height": 45.0},
        {"artery_mm": 0.0, "touching": 0.05, "saddle": 550.0, "in_wall": 0.9, "spine_mm": 3.0},
        # Calcium above enhanced blood.
        {"blood": 250.0, "peak": 700.0, "mean": 450.0},
        # A rim around a core that blood alone would explain.
        {"rim": True, "blood": 250.0, "peak": 240.0, "mean": 180.0, "floor": 150.0},
        # A heart that fills the field of view, calcium between the lungs, and in the aorta at the scan's end.
        {"ribs": True, "beyond_lungs": 6.0, "border_mm": 20.0},
        {"ribs": True, "beyond_lungs": 0.0, "border_mm": 3.0},
        # Calcium that a view cuts in the heart, in the aorta's wall and in the lung before the heart.
        {"ribs": True, "region": "chest", "border_mm": 0.0, "in_heart": 0.9},
        {"ribs": True, "region": "chest", "border_mm": 0.0, "in_wall": 0.9, "artery_mm": 0.0},
        {"ribs": True, "region": "chest", "ahead": 8.0, "lung": 0.9},
        # A calcification of a breast that the field of view cuts.
        {"ribs": True, "beyond_lungs": 30.0, "border_mm": 3.0, "depth": 0.0, "fat": 0.5},
        {"at_end": True, "spine_mm": 8.0, "bone_mm": 8.0, "artery_mm": 1.0},
        # A small calcification of the skin.
        {"outside_mm": 2.0, "size": 3.0, "depth": 3.0, "fat": 0.5, "soft": 0.3},
        # A phlebolith near bone.
        {"bone_mm": 5.0, "peak": 700.0, "region": "pelvis"},
    ],
)
def test_what_looks_like_it_and_is_a_deposit(changes):
    assert rejected_as(facts(**changes)) is None


def test_every_rule_has_a_name_of_the_vocabulary():
    names = {name for name, _ in RULES}
    assert names <= {
        "bone", "costal_cartilage", "laryngeal_cartilage", "disc", "osteophyte", "sesamoid", "metal", "streak",
        "contrast", "bowel_content", "table", "outside_body", "noise", "tooth",
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        # The gland lies beside the airway where cartilage would be.
        {"in_thyroid": 0.9, "air_mm": 6.0, "region": "neck"},
        # Little of the fat on the heart is tissue that could be bright by chance.
        {"in_heart": 1.0, "background": -80.0, "noise": 30.0, "peak": 230.0, "mean": 170.0, "voxels": 9},
        # A brain is even: what would be noise in a trunk stands out of it.
        {"in_brain": 1.0, "noise": 4.0, "peak": 118.0, "mean": 106.0, "region": "head"},
        # Neither bone below nor the end of the scan.
        {"over_bone": True, "peak": 260.0, "region": "chest"},
        {"over_bone": True, "peak": 420.0, "region": "head"},
    ],
)
def test_what_heads_necks_and_hearts_hold_is_kept(changes):
    assert rejected_as(facts(**changes)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"touching": 0.6, "saddle": 500.0, "bone_mm": 0.5},
        {"bony": 1.0, "bone_mm": 2.0},
        {"region": "limb", "bone_mm": 2.0, "size": 8.0},
        {"ribs": True, "depth": 17.0, "region": "chest"},
    ],
)
def test_a_lump_that_stands_out_of_bone_by_its_form_is_not_bone_for_its_place(changes):
    assert rejected_as(facts(**changes)) is not None
    assert rejected_as(facts(**changes, lump=True)) is None


@pytest.mark.parametrize("changes", [{"peak": 2600.0}, {"in_metal": 0.5}, {"metal_mm": 5.0}])
def test_a_lump_of_metal_or_beside_metal_is_no_calcium(changes):
    assert rejected_as(facts(**changes, lump=True)) in ("metal", "streak")


def judged(centre, **changes):
    voxels = (np.array([[0, 0, 0], [0, 0, 1]]) + np.array(centre)).astype(np.int32)
    what = facts(**changes)
    return Judged(Candidate(voxels, np.array([500.0, 600.0], dtype=np.float32)), what, rejected_as(what))


def test_pieces_of_a_costal_cartilage_vouch_for_each_other():
    known = judged((10, 10, 10), ribs=True, depth=12.0)
    near = judged((10, 10, 28), ribs=True, depth=30.0)
    chain = judged((10, 10, 46), ribs=True, depth=30.0)
    deep = judged((10, 22, 10), ribs=True, depth=55.0)
    far = judged((10, 90, 90), ribs=True, depth=30.0)
    out = by_neighbours([known, near, chain, deep, far], (1.0, 1.0, 1.0))
    assert [item.reason for item in out] == ["costal_cartilage", "costal_cartilage", "costal_cartilage", None, None]


def test_undiluted_contrast_vouches_for_the_veins_beside_it():
    vein = {"region": "neck", "blood": 200.0, "peak": 700.0, "mean": 500.0}
    dense = judged((10, 10, 10), **{**vein, "peak": 1800.0})
    near = judged((10, 30, 40), **vein)
    far = judged((10, 10, 200), **vein)
    plaque = judged((10, 12, 12), **vein, in_wall=1.0, artery_mm=0.0)
    out = by_neighbours([dense, near, far, plaque], (1.0, 1.0, 1.0))
    assert [item.reason for item in out] == ["contrast", "contrast", None, None]


def test_without_neighbours_nothing_changes():
    items = [judged((10, 10, 10)), judged((40, 40, 40))]
    assert by_neighbours(items, (1.0, 1.0, 1.0)) == items
    assert by_neighbours([], (1.0, 1.0, 1.0)) == []
