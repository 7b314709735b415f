import numpy as np
import pytest

from calciscope.simulate.body import Habitus, build
from calciscope.simulate.courses import courses
from calciscope.simulate.heart import coronaries, muscle
from calciscope.simulate.outline import cavity, skin
from calciscope.simulate.outline import muscle as wall

COARSE = (4.0, 3.0, 3.0)


@pytest.fixture(scope="module")
def man():
    return build(np.random.default_rng(1), Habitus(), spacing=COARSE)


def centre(body, *names):
    return body.geometry.to_mm(np.argwhere(body.mask(*names)).mean(axis=0))


def litres(body, *names):
    return body.mask(*names).sum() * body.geometry.voxel_mm3 / 1e6


@pytest.mark.parametrize(
    ("names", "low", "high"),
    [
        (("lung_left", "lung_right"), 3.0, 7.0),
        (("liver",), 1.1, 2.2),
        (("spleen",), 0.1, 0.35),
        (("kidney_left",), 0.12, 0.26),
        (("kidney_right",), 0.12, 0.26),
        (("heart",), 0.45, 1.0),
        (("urinary_bladder",), 0.1, 0.4),
        (("prostate",), 0.015, 0.06),
    ],
)
def test_organs_have_human_volumes(man, names, low, high):
    assert low < litres(man, *names) < high


def test_organs_lie_where_they_do_in_people(man):
    left = [name for name in man.names if name.endswith("_left")]
    for name in left:
        other = name.removesuffix("_left") + "_right"
        if other in man.names and man.mask(name).any():
            assert centre(man, name)[0] > centre(man, other)[0], name
    assert centre(man, "liver")[0] < -20 < 20 < centre(man, "spleen")[0]
    assert centre(man, "heart")[0] > 5
    assert centre(man, "kidney_right")[2] < centre(man, "kidney_left")[2]
    heights = ["urinary_bladder", "sacrum", "kidney_left", "liver", "heart", "trachea"]
    levels = [centre(man, name)[2] for name in heights]
    assert levels == sorted(levels)
    assert centre(man, "sternum")[1] < centre(man, "heart")[1] < centre(man, "vertebrae_T8")[1]


@pytest.mark.parametrize(
    ("name", "level", "within"),
    [
        ("subcutaneous_fat", -104, 10),
        ("liver", 57, 6),
        ("spleen", 49, 6),
        ("urinary_bladder", 10, 12),
        ("lung_right", -862, 30),
        ("iliopsoas_left", 54, 8),
    ],
)
def test_attenuation_of_tissues(man, name, level, within):
    assert float(np.median(man.hu[man.mask(name)])) == pytest.approx(level, abs=within)


def test_bone_has_a_dense_shell_and_a_spongy_inside(man):
    bone = man.hu[man.mask(*[n for n in man.names if n.startswith(("vertebrae", "femur", "hip"))])]
    assert np.percentile(bone, 97) > 450
    assert np.percentile(bone, 40) < 400


def test_all_ribs_and_vertebrae_are_there(man):
    for side in ("left", "right"):
        assert {f"rib_{side}_{k}" for k in range(1, 13)} <= set(man.names)
    assert {f"vertebrae_T{k}" for k in range(1, 13)} | {f"vertebrae_L{k}" for k in range(1, 6)} <= set(man.names)


def test_contrast_brightens_vessels_and_kidneys():
    span = (250.0, 310.0)
    plain = build(np.random.default_rng(1), Habitus(), spacing=COARSE, span=span)
    given = build(np.random.default_rng(1), Habitus(), spacing=COARSE, span=span, contrast=True)
    for name, least in (("aorta", 60), ("kidney_left", 60), ("liver", 30)):
        assert np.median(given.hu[given.mask(name)]) - np.median(plain.hu[plain.mask(name)]) > least
    fat = np.median(given.hu[given.mask("subcutaneous_fat")]) - np.median(plain.hu[plain.mask("subcutaneous_fat")])
    assert abs(fat) < 2


def test_habitus_changes_fat_height_and_sex():
    span = (60.0, 120.0)
    thin = build(np.random.default_rng(1), Habitus(fat=0.6), spacing=COARSE, span=span)
    thick = build(np.random.default_rng(1), Habitus(fat=1.5), spacing=COARSE, span=span)
    assert litres(thick, "subcutaneous_fat") > 1.8 * litres(thin, "subcutaneous_fat")
    woman = build(np.random.default_rng(1), Habitus(163.0, sex="female"), spacing=COARSE, span=span)
    assert "uterus" in woman.names
    assert "prostate" not in woman.names
    assert woman.geometry.extent_mm[0] < thin.geometry.extent_mm[0]


def test_prosthesis_is_metal_and_replaces_the_head():
    span = (-40.0, 40.0)
    body = build(np.random.default_rng(1), Habitus(), spacing=COARSE, span=span, prosthesis=True)
    assert body.hu[body.mask("hip_implant")].max() > 5000
    right = body.mask("femur_right").sum()
    assert right > body.mask("femur_left").sum()


def test_same_generator_same_body():
    span = (430.0, 470.0)
    one = build(np.random.default_rng(5), Habitus(), spacing=COARSE, span=span)
    two = build(np.random.default_rng(5), Habitus(), spacing=COARSE, span=span)
    other = build(np.random.default_rng(6), Habitus(), spacing=COARSE, span=span)
    np.testing.assert_array_equal(one.hu, two.hu)
    np.testing.assert_array_equal(one.labels, two.labels)
    assert (one.hu != other.hu).any()


def test_outlines_nest():
    assert (wall().radius[5:] > cavity().radius[5:]).all()
    assert (skin(0.5).radius > wall().radius).all()
    assert (skin(1.5).radius > skin(0.5).radius).all()


def test_coronary_arteries_run_in_the_fat_on_the_heart():
    surface = muscle()
    for name, course in coronaries().items():
        x, y, z = (course.points[:, k].astype(np.float32) for k in range(3))
        gap = surface.distance(x, y, z)
        assert np.median(gap) > 0.5, name
        assert np.median(gap) < 6.0, name
    lad, lcx = coronaries()["coronary.lad"].points, coronaries()["coronary.lcx"].points
    assert lad[-1, 1] < lcx[-1, 1], "the anterior descending artery runs in front"


def test_courses_join():
    tubes = courses()
    for first, second in (
        ("aorta.root", "aorta.ascending"),
        ("aorta.ascending", "aorta.arch"),
        ("aorta.arch", "aorta.thoracic"),
        ("aorta.thoracic", "aorta.abdominal"),
        ("aorta.abdominal", "iliac.left"),
        ("aorta.abdominal", "iliac.right"),
        ("iliac.left", "femoral.left"),
        ("trachea", "bronchus.left"),
    ):
        np.testing.assert_allclose(tubes[first].points[-1], tubes[second].points[0], atol=1e-6)
    assert all((course.radii > 0.5).all() for course in tubes.values())
