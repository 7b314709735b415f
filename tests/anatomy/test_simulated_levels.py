"""The embedded provider on simulated bodies: the spine, the parts of the body, pelvis, curves, and what every
anatomy promises.

Limits are what was measured on these bodies less a margin.
"""

from itertools import pairwise

import numpy as np
import pytest

from calciscope.anatomy.embedded import segment
from calciscope.domain.structures import dictionary
from calciscope.simulate.patient import simulate
from calciscope.simulate.spine import VERTEBRAE
from tests.anatomy.simulated import Case, moved, sampled

ALL = ["whole", "chest", "enhanced_chest", "abdomen", "enhanced_abdomen", "mirrored_abdomen", "pelvis_of_a_man",
       "pelvis_of_a_woman"]  # fmt: skip


def region(made, name):
    return next(r for r in made.anatomy.regions if r.name == name)


@pytest.mark.parametrize("which", ["whole", "chest", "enhanced_chest", "abdomen", "enhanced_abdomen"])
def test_the_spine_runs_through_the_vertebral_bodies(request, which):
    made = request.getfixturevalue(which)
    tube = made.anatomy.tubes["spine"]
    low, high = tube.points[:, 2].min(), tube.points[:, 2].max()
    seen = 0
    for _, z, y, *_ in VERTEBRAE:
        centre = np.array([0.0, y, z]) * made.body.scale
        if low + 12 < centre[2] < high - 12:
            seen += 1
            assert np.linalg.norm(tube.points - centre, axis=1).min() < 9.5, z
    assert seen >= 4
    assert np.abs(tube.points[:, 0]).max() < 10
    assert (np.diff(tube.points[:, 2]) < 0).all(), "from the head to the feet"


@pytest.mark.parametrize("which", ALL)
def test_the_spine_is_as_wide_as_a_vertebra(request, which):
    tube = request.getfixturevalue(which).anatomy.tubes["spine"]
    assert (tube.radius >= 8.0).all()
    assert (tube.radius <= 27.0).all()
    assert 12.0 < np.median(tube.radius) < 26.0


@pytest.mark.parametrize("which", ["whole", "chest", "enhanced_chest"])
def test_the_chest_ends_at_the_tops_of_the_lungs(request, which):
    made = request.getfixturevalue(which)
    assert region(made, "chest").stop == pytest.approx(made.level(575.0), abs=18 / made.volume.geometry.spacing[0])
    assert region(made, "neck").start == region(made, "chest").stop


@pytest.mark.parametrize("which", ["whole", "abdomen", "enhanced_abdomen"])
def test_the_chest_begins_where_the_lungs_do(request, which):
    made = request.getfixturevalue(which)
    assert region(made, "chest").start == pytest.approx(made.level(348.0), abs=24 / made.volume.geometry.spacing[0])
    lungs = np.flatnonzero(made.true("lung_left", "lung_right").any(axis=(1, 2)))
    assert region(made, "chest").start <= lungs[0] + 30 / made.volume.geometry.spacing[0]


@pytest.mark.parametrize("which", ["whole", "pelvis_of_a_man"])
def test_the_pelvis_ends_at_the_iliac_crests(request, which):
    made = request.getfixturevalue(which)
    crests = np.flatnonzero(made.true("hip_left", "hip_right").any(axis=(1, 2)))[-1]
    assert region(made, "pelvis").stop == pytest.approx(crests, abs=20 / made.volume.geometry.spacing[0])
    assert region(made, "pelvis").start == 0


@pytest.mark.parametrize("which", ALL)
def test_regions_ascend_without_gap_or_overlap(request, which):
    made = request.getfixturevalue(which)
    parts = made.anatomy.regions
    assert parts[0].start == 0
    assert parts[-1].stop == made.volume.hu.shape[0]
    for below, above in pairwise(parts):
        assert below.stop == above.start
        assert below.name != above.name
    order = ["limb", "pelvis", "abdomen", "chest", "neck", "head"]
    ranks = [order.index(part.name) for part in parts]
    assert ranks == sorted(ranks)


def test_no_pelvis_in_a_chest_and_no_chest_in_a_pelvis(chest, enhanced_chest, pelvis_of_a_man):
    for made in (chest, enhanced_chest):
        assert {part.name for part in made.anatomy.regions} == {"chest", "neck"}
        assert not any(made.anatomy.has(name) for name in ("urinary_bladder", "pelvic_wall_left", "iliac_artery_left"))
        assert not any(made.anatomy.has(name) for name in ("kidney_left", "gallbladder", "ureter_left"))
    assert {part.name for part in pelvis_of_a_man.anatomy.regions} == {"pelvis", "abdomen"}
    for name in ("heart_region", "airway", "aorta_arch", "aorta_ascending", "thyroid_left", "hilum_left"):
        assert not pelvis_of_a_man.anatomy.has(name)


@pytest.mark.parametrize(("which", "least"), [("whole", 0.88), ("pelvis_of_a_man", 0.9), ("pelvis_of_a_woman", 0.85)])
def test_the_bladder(request, which, least):
    made = request.getfixturevalue(which)
    assert made.dice("urinary_bladder", "urinary_bladder") > least
    assert made.share("urinary_bladder", "colon", "uterus", "prostate") < 0.05


def test_what_lies_under_the_bladder_is_prostate(whole, pelvis_of_a_man):
    for made in (whole, pelvis_of_a_man):
        assert made.share("prostate_or_uterus", "prostate", "seminal_vesicles") > 0.7
        assert made.covered("prostate", "prostate_or_uterus") > 0.4


@pytest.mark.parametrize("which", ["whole", "pelvis_of_a_man", "pelvis_of_a_woman"])
def test_side_walls_of_the_pelvis_lie_at_their_sides(request, which):
    made = request.getfixturevalue(which)
    for side, sign in (("left", 1), ("right", -1)):
        wall = made.anatomy.geometry.to_mm(np.argwhere(made.found(f"pelvic_wall_{side}")))
        assert (wall[:, 0] * sign > -15).all()
        assert np.percentile(wall[:, 2], 95) < 110
        assert made.share(f"pelvic_wall_{side}", "urinary_bladder", f"hip_{side}") < 0.05
        assert 150 < len(wall) * made.anatomy.geometry.voxel_mm3 / 1e3 < 600


def test_places_of_phleboliths_are_side_wall():
    # The two venous stones of the catalogue, in a body of another size.
    made = simulate(7, quick=True, span=(-30.0, 165.0))
    scan = Case(made.volume, made.body, sampled(made.body, made.volume.geometry), segment(made.volume))
    stones = [truth for truth in made.truth if truth.site.startswith("vein.pelvic")]
    assert len(stones) == 2
    for truth in stones:
        z, y, x = np.rint(made.volume.geometry.to_index(truth.center_mm)).astype(int)
        side = truth.site.rsplit(".", 1)[1]
        near = scan.found(f"pelvic_wall_{side}")[z - 1 : z + 2, y - 2 : y + 3, x - 2 : x + 3]
        assert near.any(), truth.site


@pytest.mark.parametrize("which", ["whole", "pelvis_of_a_man", "pelvis_of_a_woman"])
def test_sacroiliac_joints(request, which):
    made = request.getfixturevalue(which)
    marks = made.anatomy.landmarks
    top, bottom = (marks[f"sacroiliac_{end}"].point for end in ("top", "bottom"))
    assert top[2] > bottom[2] + 30
    sacrum = made.anatomy.geometry.to_mm(np.argwhere(made.true("sacrum")))
    assert sacrum[:, 2].min() < bottom[2] < top[2] < sacrum[:, 2].max() + 20
    assert abs(top[0]) < 12


def test_heads_of_the_femora(whole, pelvis_of_a_man):
    for made in (whole, pelvis_of_a_man):
        for side, sign in (("left", 1), ("right", -1)):
            x, y, z = made.anatomy.landmarks[f"femoral_head_{side}"].point
            sx, sy, sz = made.body.scale
            assert (x, y) == pytest.approx((sign * 86.0 * sx, 2.0 * sy), abs=9)
            assert z == pytest.approx(16.0 * sz, abs=10)


@pytest.mark.parametrize("which", ["whole", "abdomen", "enhanced_abdomen", "pelvis_of_a_man"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_ureters_in_the_abdomen_run_within_their_tolerance(request, which, side):
    made = request.getfixturevalue(which)
    tube = made.anatomy.tubes[f"ureter_{side}"]
    course = made.body.courses[f"ureter.{side}"].points
    geometry = made.volume.geometry
    low = max(120.0, float(geometry.to_mm((0.0, 0.0, 0.0))[2]) + 5)
    course = course[(course[:, 2] > low) & (course[:, 2] < tube.points[0, 2] - 15)]
    off = np.linalg.norm(course[:, None] - tube.points[None], axis=2).min(axis=1)
    assert len(course) > 5
    assert np.median(off) < 14.0
    assert off.max() < 23.0
    sign = 1 if side == "left" else -1
    assert (tube.points[:, 0] * sign > 5).all(), "no ureter crosses the midline"
    assert (np.diff(tube.points[:, 2]) < 1e-6).all()


@pytest.mark.parametrize("which", ALL)
def test_confidences_are_confidences(request, which):
    made = request.getfixturevalue(which).anatomy
    told = [*made.structures.values(), *made.tubes.values(), *made.landmarks.values(), *made.regions]
    assert told
    assert all(0.0 < thing.confidence < 1.0 for thing in told)


@pytest.mark.parametrize("which", ALL)
def test_labels_and_names_belong_together(request, which):
    made = request.getfixturevalue(which)
    labels = made.anatomy.labels
    used = set(np.unique(labels).tolist()) - {0}
    assert used == {structure.label for structure in made.anatomy.structures.values()}
    assert len({s.label for s in made.anatomy.structures.values()}) == len(made.anatomy.structures)
    assert all(name == structure.name for name, structure in made.anatomy.structures.items())
    assert labels.shape == made.volume.hu.shape
    assert made.anatomy.geometry == made.volume.geometry


@pytest.mark.parametrize("which", ALL)
def test_every_structure_has_a_meaning(request, which):
    made = request.getfixturevalue(which).anatomy
    assert set(made.structures) <= set(dictionary().meanings)


@pytest.mark.parametrize("which", ALL)
def test_curves_stay_in_the_picture_and_are_in_millimetres(request, which):
    made = request.getfixturevalue(which)
    geometry = made.volume.geometry
    for name, tube in made.anatomy.tubes.items():
        assert tube.name == name
        assert tube.points.shape == (len(tube.radius), 3)
        index = geometry.to_index(tube.points)
        assert (index > -1.5).all(), name
        assert (index < np.array(geometry.shape) + 0.5).all(), name


def test_a_patient_elsewhere_on_the_table_is_the_same_patient(chest):
    shift = moved(chest, 6, -9)
    assert shift.anatomy.regions == chest.anatomy.regions
    for name in ("lung_left", "lung_right", "airway", "heart_region", "bone"):
        assert shift.found(name).sum() == pytest.approx(chest.found(name).sum(), rel=0.04), name
    spine, other = chest.anatomy.tubes["spine"], shift.anatomy.tubes["spine"]
    step = np.array([-9, 6]) * chest.volume.geometry.spacing[1]
    assert np.median(other.points[:, 0]) - np.median(spine.points[:, 0]) == pytest.approx(step[0], abs=3)
    assert np.median(other.points[:, 1]) - np.median(spine.points[:, 1]) == pytest.approx(step[1], abs=3)


def test_a_hip_of_metal_is_metal():
    made = simulate(2, quick=True, span=(-40.0, 60.0), deposits=(), prosthesis=True)
    scan = Case(made.volume, made.body, sampled(made.body, made.volume.geometry), segment(made.volume))
    assert scan.covered("hip_implant", "metal") > 0.45
    found = scan.anatomy.geometry.to_mm(np.argwhere(scan.found("metal")))
    assert (found[:, 0] > 40).all()
