"""The measured section on joints, chest wall and lungs: how a place is judged, and how it is written."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "docs"))

import anatomy_limbs

from calciscope.simulate.places import scene


@pytest.mark.parametrize(
    ("true", "given", "verdict"),
    [
        ("joint.knee.left", "joint.knee.left", "exact"),
        ("joint.knee.left", "joint.knee", "exact"),
        ("joint.knee.left", "joint", "parent"),
        ("joint.knee.left", "limb", "parent"),
        ("joint.knee.left", "joint.knee.right", "wrong"),
        ("joint.knee.left", "tendon.knee.left", "wrong"),
        ("soft_tissue", "unplaced", "parent"),
        ("lung.nodule", "lung", "parent"),
    ],
)
def test_outcomes(true, given, verdict):
    assert anatomy_limbs.outcome(true, given) == verdict


def row(site, outcome, given="soft_tissue", confidence=0.75, handed="soft_tissue"):
    return anatomy_limbs.Row("knee", 0, site, "x", given, confidence, outcome, handed, 0.72)


def test_the_table_counts_what_is_wrong_and_sure():
    text = anatomy_limbs.section(
        [
            row("joint.knee.left", "wrong"),
            row("joint.knee.left", "missed", "bone", 0.0, "joint.knee"),
            row("", "invented"),
        ]
    )
    line = next(line for line in text.splitlines() if line.startswith("| joint.knee"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == ["joint.knee", "2", "1", "0", "0", "1", "1", "-", "1", "0", "1", "1"]
    assert "1 deposits were found where no calcium is" in text


def test_every_place_of_a_scene_has_a_row():
    made = scene(6, "knee")
    rows = anatomy_limbs.look(made)
    assert [r.name for r in rows if r.site] == [p.name for p in made.places]
    assert all(r.handed for r in rows if r.site)
    assert not [r for r in rows if r.outcome == "wrong" and r.confidence >= anatomy_limbs.SURE]
    assert np.isfinite([r.confidence for r in rows]).all()
