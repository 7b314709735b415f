"""The embedded provider on simulated bodies against their true labels: organs of chest and abdomen.

Limits are what was measured on these bodies less a margin, so that a change that makes it worse is seen.
"""

import numpy as np
import pytest

SIDES = ("left", "right")


@pytest.mark.parametrize("which", ["whole", "chest", "enhanced_chest", "abdomen", "enhanced_abdomen"])
@pytest.mark.parametrize("side", SIDES)
def test_lungs(request, which, side):
    made = request.getfixturevalue(which)
    assert made.dice(f"lung_{side}", f"lung_{side}") > 0.92
    other = SIDES[1 - SIDES.index(side)]
    assert made.share(f"lung_{side}", f"lung_{other}") < 0.01, "the sides are not mixed"
    assert made.share(f"lung_{side}", "stomach", "colon") < 0.005, "gas of the gut is no lung"


@pytest.mark.parametrize(
    ("which", "least"), [("whole", 0.72), ("chest", 0.72), ("enhanced_chest", 0.70), ("abdomen", 0.75)]
)
def test_the_heart_region_is_heart(request, which, least):
    made = request.getfixturevalue(which)
    assert made.share("heart_region", "heart") > least
    assert made.covered("heart", "heart_region") > 0.75
    assert made.share("heart_region", "lung_left", "lung_right", "lung_vessels") < 0.06
    assert made.share("heart_region", "liver") < 0.08


@pytest.mark.parametrize("which", ["whole", "chest", "enhanced_chest"])
def test_every_coronary_artery_runs_in_the_heart_region(request, which):
    made = request.getfixturevalue(which)
    region = made.found("heart_region")
    for name in ("coronary.lad", "coronary.lcx", "coronary.rca"):
        points = made.body.courses[name].points
        z, y, x = np.rint(made.volume.geometry.to_index(points)).astype(int).T
        inside = (z >= 0) & (z < region.shape[0])
        assert region[z[inside], y[inside], x[inside]].mean() > 0.6, name


@pytest.mark.parametrize("which", ["whole", "chest", "enhanced_chest"])
def test_the_thoracic_aorta(request, which):
    made = request.getfixturevalue(which)
    assert made.share("aorta_ascending", "aorta") > 0.75
    assert made.share("aorta_descending", "aorta") > 0.75
    # The arch is painted with a margin for its wall and its branches.
    assert made.share("aorta_arch", "aorta") > 0.55
    parts = [made.anatomy.geometry.to_mm(np.argwhere(made.found(f"aorta_{p}"))) for p in ("ascending", "descending")]
    assert parts[0][:, 1].mean() < parts[1][:, 1].mean() - 30, "the ascending part lies in front"
    assert parts[0][:, 0].mean() < parts[1][:, 0].mean() - 20, "and on the right"


@pytest.mark.parametrize("which", ["chest", "enhanced_chest"])
def test_the_course_of_the_aorta_in_the_chest(request, which):
    made = request.getfixturevalue(which)
    off = made.off_course("aorta", "aorta.ascending", "aorta.arch", "aorta.thoracic")
    assert np.median(off) < 3.5
    assert np.percentile(off, 95) < 9.0


def test_the_course_of_the_aorta_from_the_heart_to_the_fork(whole):
    off = whole.off_course("aorta", "aorta.ascending", "aorta.arch", "aorta.thoracic", "aorta.abdominal")
    assert np.median(off) < 4.0
    assert off.max() < 12.0
    fork = whole.anatomy.tubes["aorta"].points[-1]
    assert np.linalg.norm(fork - whole.body.courses["aorta.abdominal"].points[-1]) < 15


def test_the_course_of_the_aorta_in_the_abdomen(abdomen):
    off = abdomen.off_course("aorta", "aorta.thoracic", "aorta.abdominal")
    assert np.median(off) < 3.0
    assert off.max() < 7.0
    tube = abdomen.anatomy.tubes["aorta"]
    assert (np.diff(tube.points[:, 2]) <= 0).all(), "a tube runs from the head down"
    assert ((tube.radius > 5.0) & (tube.radius < 22.0)).all()


def test_the_course_of_the_aorta_with_contrast(enhanced_abdomen):
    course = enhanced_abdomen.body.courses["aorta.abdominal"].points
    tube = enhanced_abdomen.anatomy.tubes["aorta"].points
    low, high = tube[:, 2].min() + 5, tube[:, 2].max() - 15
    part = course[(course[:, 2] > low) & (course[:, 2] < high)]
    assert len(part) > 15
    off = np.linalg.norm(part[:, None] - tube[None], axis=2).min(axis=1)
    assert off.max() < 7.0


@pytest.mark.parametrize(("which", "least"), [("whole", 0.85), ("abdomen", 0.87), ("enhanced_abdomen", 0.86)])
def test_the_liver(request, which, least):
    made = request.getfixturevalue(which)
    assert made.dice("liver", "liver") > least
    assert made.share("liver", "kidney_right", "spleen", "heart") < 0.02


@pytest.mark.parametrize(("which", "least"), [("whole", 0.70), ("abdomen", 0.77), ("enhanced_abdomen", 0.77)])
def test_the_spleen(request, which, least):
    made = request.getfixturevalue(which)
    assert made.dice("spleen", "spleen") > least
    assert made.share("spleen", "liver") < 0.01


@pytest.mark.parametrize("which", ["whole", "abdomen", "enhanced_abdomen"])
@pytest.mark.parametrize("side", SIDES)
def test_kidneys(request, which, side):
    made = request.getfixturevalue(which)
    found = made.found(*(f"kidney_{part}{side}" for part in ("", "cortex_", "medulla_", "sinus_")))
    true = made.true(f"kidney_{side}")
    assert 2 * (found & true).sum() > 0.72 * (found.sum() + true.sum())
    assert (found & true).sum() > 0.8 * found.sum()
    points = made.anatomy.geometry.to_mm(np.argwhere(found))
    assert ((points[:, 0] > 0) == (side == "left")).all()


@pytest.mark.parametrize("side", SIDES)
def test_the_sinus_of_a_kidney_is_where_its_fat_and_calyces_are(enhanced_abdomen, side):
    made = enhanced_abdomen
    inner = made.found(f"kidney_sinus_{side}")
    fat = made.true(f"kidney_{side}") & (made.volume.hu < 0)
    assert (inner & fat).sum() > 4 * (made.found(f"kidney_cortex_{side}") & fat).sum()
    assert made.share(f"kidney_medulla_{side}", f"kidney_{side}") > 0.97


@pytest.mark.parametrize("which", ["abdomen", "enhanced_abdomen"])
def test_the_gallbladder(request, which):
    made = request.getfixturevalue(which)
    assert made.dice("gallbladder", "gallbladder") > 0.5
    assert made.share("gallbladder", "liver", "kidney_right") < 0.1


@pytest.mark.parametrize("which", ["whole", "chest", "enhanced_chest"])
def test_the_airway_is_trachea_and_nothing_else(request, which):
    made = request.getfixturevalue(which)
    assert made.share("airway", "trachea") > 0.95
    assert made.share("airway", "esophagus", "lung_vessels") < 0.02
    assert 10 < made.found("airway").sum() * made.anatomy.geometry.voxel_mm3 / 1e3 < 60


@pytest.mark.parametrize("which", ["whole", "chest", "enhanced_chest"])
@pytest.mark.parametrize("side", SIDES)
def test_hila_lie_between_heart_and_lung(request, which, side):
    made = request.getfixturevalue(which)
    sign = 1 if side == "left" else -1
    x, y, z = made.anatomy.geometry.to_mm(np.argwhere(made.found(f"hilum_{side}"))).mean(axis=0)
    true = np.asarray((sign * 50.0, 16.0, 470.0)) * made.body.scale
    assert np.linalg.norm(np.array([x, y, z]) - true) < 32


@pytest.mark.parametrize("which", ["whole", "chest", "enhanced_chest"])
def test_the_mediastinum_is_what_is_between_the_lungs(request, which):
    made = request.getfixturevalue(which)
    assert made.share("mediastinum", "lung_left", "lung_right", "subcutaneous_fat") < 0.05
    assert made.share("mediastinum", "mediastinum", "heart", "aorta", "pulmonary_artery", "esophagus",
                      "superior_vena_cava", "mediastinal_nodes", "brachiocephalic_vein_left", "pericardium",
                      "pulmonary_vein", "brachiocephalic_vein_right", "trachea", "fat") > 0.8  # fmt: skip


@pytest.mark.parametrize("which", ["whole", "chest", "abdomen", "pelvis_of_a_man", "enhanced_abdomen"])
def test_bone_is_bone(request, which):
    made = request.getfixturevalue(which)
    skeleton = [
        name
        for name in made.body.names
        if name.startswith(("rib_", "vertebrae", "hip_", "femur", "scapula", "clavicula", "humerus"))
    ]
    bony = [*skeleton, "sacrum", "sternum", "costal_cartilages", "intervertebral_discs", "spinal_canal", "joint"]
    # Coarse voxels at the surface of a bone hold muscle too.
    found = made.found(*made.anatomy.bones)
    organs = made.true("liver", "kidney_left", "kidney_right", "heart", "aorta", "urinary_bladder")
    assert (found & made.true(*bony)).sum() > 0.6 * found.sum()
    assert (found & organs).sum() < 0.01 * found.sum()
    dense = made.true(*skeleton) & (made.volume.hu > 350)
    assert (found & dense).sum() > 0.85 * dense.sum()


@pytest.mark.parametrize("which", ["whole", "chest", "abdomen", "pelvis_of_a_man", "pelvis_of_a_woman"])
def test_the_table_is_no_body(request, which):
    made = request.getfixturevalue(which)
    assert made.share("table", "table") > 0.85
    inside = [name for name in made.anatomy.structures if name != "table"]
    assert made.covered("table", *inside) < 0.02


@pytest.mark.parametrize("which", ["whole", "chest", "enhanced_chest", "abdomen", "pelvis_of_a_man"])
def test_nothing_but_the_table_lies_outside_the_body(request, which):
    made = request.getfixturevalue(which)
    named = [name for name in made.anatomy.structures if name != "table"]
    everything = made.found(*named)
    outside = everything & (made.labels == 0)
    assert outside.sum() < 0.02 * everything.sum()
    trunk = (made.labels > 0) & ~made.true("table", "skin")
    assert (everything & trunk).sum() > 0.985 * trunk.sum()


@pytest.mark.parametrize("which", ["whole", "chest", "abdomen", "pelvis_of_a_man", "pelvis_of_a_woman"])
def test_fat_under_the_skin(request, which):
    made = request.getfixturevalue(which)
    assert made.dice("subcutaneous_fat", "subcutaneous_fat") > 0.85
    assert made.share("subcutaneous_fat", "fat", "abdominal_fat", "mediastinum") < 0.05


def test_bowel_is_gut(whole, abdomen):
    for made in (whole, abdomen):
        assert made.share("bowel", "colon", "stomach", "small_bowel", "duodenum") > 0.68
        assert made.share("bowel", "liver", "kidney_left", "kidney_right", "spleen") < 0.04
        gas = made.true("colon") & (made.volume.hu < -700)
        assert (made.found("bowel") & gas).sum() > 0.9 * gas.sum()


@pytest.mark.parametrize("which", ["whole", "chest", "abdomen", "pelvis_of_a_man"])
def test_blood_without_contrast(request, which):
    pool = request.getfixturevalue(which).anatomy.blood_pool
    assert pool.mean_hu == pytest.approx(42.0, abs=5.0)
    assert pool.voxels > 100
    assert pool.sd_hu < 20


@pytest.mark.parametrize("which", ["enhanced_chest", "enhanced_abdomen"])
def test_blood_with_contrast(request, which):
    # 42 HU of blood and 4.8 mg of iodine at 25 HU each.
    assert request.getfixturevalue(which).anatomy.blood_pool.mean_hu == pytest.approx(162.0, abs=6.0)


def test_exchanging_the_sides_exchanges_paired_organs(abdomen, mirrored_abdomen):
    for name in ("lung", "kidney"):
        for side, other in (("left", "right"), ("right", "left")):
            again = mirrored_abdomen.dice(f"{name}_{side}", f"{name}_{other}")
            assert again == pytest.approx(abdomen.dice(f"{name}_{other}", f"{name}_{other}"), abs=0.12)
            assert mirrored_abdomen.dice(f"{name}_{side}", f"{name}_{side}") < 0.05


def test_exchanging_the_sides_keeps_bone_body_and_regions(abdomen, mirrored_abdomen):
    bones = (one.found(*one.anatomy.bones) for one in (mirrored_abdomen, abdomen))
    np.testing.assert_array_equal(next(bones), next(bones)[:, :, ::-1])
    assert mirrored_abdomen.anatomy.regions == abdomen.anatomy.regions
    spine, turned = (made.anatomy.tubes["spine"] for made in (abdomen, mirrored_abdomen))
    middle = abdomen.volume.geometry.to_mm((0, 0, (abdomen.volume.hu.shape[2] - 1) / 2))[0]
    assert len(spine.points) == len(turned.points)
    np.testing.assert_allclose(spine.points[:, 0] - middle, middle - turned.points[:, 0], atol=3.0)
