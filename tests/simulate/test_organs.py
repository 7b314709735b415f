"""The simulated organs and the wall around them: what lies where, how full, how dense."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from calciscope.domain.image import Geometry
from calciscope.simulate import abdomen, bowel, heart, outline, pelvis, thorax, wall
from calciscope.simulate.body import Habitus, build
from calciscope.simulate.canvas import Canvas
from calciscope.simulate.courses import courses

COARSE = (3.0, 2.5, 2.5)


@pytest.fixture(scope="module")
def man():
    return build(np.random.default_rng(2), Habitus(), spacing=COARSE)


@pytest.fixture(scope="module")
def woman():
    return build(np.random.default_rng(2), Habitus(sex="female"), spacing=COARSE, span=(-20.0, 520.0))


def points(body, *names):
    return body.geometry.to_mm(np.argwhere(body.mask(*names)))


def at(body, point):
    """Name and attenuation at a point of the reference body."""
    z, y, x = np.rint(body.geometry.to_index(np.asarray(point) * body.scale)).astype(int)
    names = {value: name for name, value in body.names.items()}
    return names.get(int(body.labels[z, y, x]), "air"), float(body.hu[z, y, x])


def pieces(mask):
    labels, count = ndimage.label(mask, np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel())[1:] if count else np.zeros(0)
    return np.sort(sizes)[::-1]


@pytest.mark.parametrize(
    "name",
    ["liver", "spleen", "kidney_left", "kidney_right", "heart", "urinary_bladder", "lung_left", "lung_right", "aorta",
     "trachea", "prostate", "stomach", "colon", "gallbladder", "pancreas"],
)  # fmt: skip
def test_an_organ_is_one_piece(man, name):
    sizes = pieces(man.mask(name))
    assert sizes[0] > 0.9 * sizes.sum()


@pytest.mark.parametrize(
    ("one", "other", "least"),
    [
        ("lung_left", "lung_right", 4.0),
        ("kidney_left", "liver", 5.0),
        ("urinary_bladder", "sacrum", 5.0),
        ("liver", "spleen", 3.0),
        ("heart", "liver", 1.0),
    ],
)
def test_organs_keep_apart(man, one, other, least):
    first, second = points(man, one)[::5], points(man, other)[::5]
    nearest = min(float(np.linalg.norm(second - p, axis=1).min()) for p in first[:: max(1, len(first) // 400)])
    assert nearest > least


def test_the_left_lung_is_smaller_because_of_the_heart(man):
    left, right = man.mask("lung_left").sum(), man.mask("lung_right").sum()
    assert 0.75 < left / right < 0.97
    beside = points(man, "heart")
    assert (beside[:, 0] > 0).mean() > 0.55


def test_the_right_dome_of_the_diaphragm_is_higher(man):
    floor = {side: points(man, f"lung_{side}") for side in ("left", "right")}
    for x in (60.0, 80.0):
        lows = {}
        for side, sign in (("left", 1), ("right", -1)):
            near = floor[side][(np.abs(floor[side][:, 0] - sign * x) < 6) & (np.abs(floor[side][:, 1]) < 12)]
            lows[side] = near[:, 2].min()
        assert lows["right"] > lows["left"]


def test_the_liver_lies_under_the_right_dome_and_crosses_the_midline(man):
    liver = points(man, "liver")
    assert liver[:, 0].min() < -100
    assert liver[:, 0].max() > 40
    lung = points(man, "lung_right")
    assert liver[:, 2].max() < lung[:, 2].max()
    assert np.percentile(liver[:, 2], 90) > lung[:, 2].min()


def test_the_shape_of_the_liver_agrees_with_its_paint():
    canvas = Canvas(Geometry((60, 70, 80), (4.0, 4.0, 4.0), (-158.0, -120.0, 200.0)), (1.0, 1.0, 1.0), 120.0, False)
    canvas.paint(abdomen.liver(), "liver")
    volume = (canvas.labels > 0).sum() * canvas.geometry.voxel_mm3 / 1e3
    assert 1300 < volume < 2100


def test_bile_fills_the_gallbladder_under_the_liver(man):
    name, level = at(man, abdomen.GALLBLADDER)
    assert name == "gallbladder"
    assert level == pytest.approx(6, abs=10)
    gallbladder, liver = points(man, "gallbladder"), points(man, "liver")
    assert gallbladder[:, 2].mean() < liver[:, 2].mean()
    assert gallbladder[:, 0].mean() < -30


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_kidney_has_fat_in_its_sinus_and_around_it(man, side):
    kidney = man.mask(f"kidney_{side}")
    inside = man.hu[kidney]
    assert (inside < -20).mean() > 0.02, "sinus fat"
    assert ((inside > 0) & (inside < 16)).mean() > 0.005, "urine in the pelvis"
    shell = ndimage.binary_dilation(kidney, iterations=2) & ~ndimage.binary_dilation(kidney)
    assert (man.hu[shell] < -30).mean() > 0.4
    (x, y, z), _ = abdomen.KIDNEYS[side]
    assert np.linalg.norm(points(man, f"kidney_{side}").mean(axis=0) - (x, y, z)) < 8


def test_kidneys_lean_towards_the_spine_at_their_upper_poles(man):
    for side, sign in (("left", 1), ("right", -1)):
        kidney = points(man, f"kidney_{side}")
        top = kidney[kidney[:, 2] > np.percentile(kidney[:, 2], 90)].mean(axis=0)
        bottom = kidney[kidney[:, 2] < np.percentile(kidney[:, 2], 10)].mean(axis=0)
        # The axis runs up, outwards and back by the table; the poles differ by what it says.
        axis = np.asarray(abdomen.KIDNEYS[side][1])
        assert np.sign(top[0] - bottom[0]) == np.sign(axis[0]) == sign
        assert top[1] > bottom[1]


@given(st.sampled_from(["left", "right"]), st.floats(-24, 24))
def test_a_calyx_lies_inside_its_kidney(side, level):
    (x, y, z), axis = abdomen.KIDNEYS[side]
    place = np.asarray(abdomen.calyx(side, level))
    offset = place - (x, y, z)
    along = np.asarray(axis) / np.linalg.norm(axis)
    assert offset @ along == pytest.approx(level, abs=2.5)
    assert np.linalg.norm(offset - (offset @ along) * along) < 12


def test_calices_hold_urine(man):
    for side in ("left", "right"):
        name, level = at(man, abdomen.calyx(side, -22.0))
        assert name == f"kidney_{side}"
        assert level < 32


def test_the_stomach_has_gas_in_front_and_food_behind(man):
    stomach = man.mask("stomach")
    gas = man.geometry.to_mm(np.argwhere(stomach & (man.hu < -700)))
    food = man.geometry.to_mm(np.argwhere(stomach & (man.hu > 0)))
    assert len(gas) > 300
    assert gas[:, 1].max() < food[:, 1].max()
    assert gas[:, 1].mean() < food[:, 1].mean() - 10


def test_the_colon_frames_the_abdomen_and_ends_behind_the_bladder(man):
    colon = points(man, "colon")
    low = colon[colon[:, 2] < 40]
    assert np.abs(low[:, 0]).mean() < 20, "the rectum lies in the midline"
    assert low[:, 1].mean() > 35
    middle = colon[(colon[:, 2] > 150) & (colon[:, 2] < 200)]
    assert (middle[:, 0] > 80).any()
    assert (middle[:, 0] < -70).any()
    assert (man.hu[man.mask("colon")] < -700).mean() > 0.03


def test_bowel_differs_from_person_to_person(man):
    other = build(np.random.default_rng(3), Habitus(), spacing=(6.0, 5.0, 5.0), span=(120.0, 200.0))
    same = build(np.random.default_rng(2), Habitus(), spacing=(6.0, 5.0, 5.0), span=(120.0, 200.0))
    small = [body.mask("small_bowel") for body in (other, same)]
    assert (small[0] != small[1]).mean() > 0.005
    assert 0.4 < small[0].sum() / small[1].sum() < 2.5


def test_small_bowel_lies_in_front_of_the_spine(man):
    loops = points(man, "small_bowel")
    assert loops[:, 1].max() < 10
    assert 0.3 < man.mask("small_bowel").sum() * man.geometry.voxel_mm3 / 1e6 < 1.2


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_runs_of_true_values(flags):
    array = np.array(flags)
    covered = np.zeros(len(array), dtype=bool)
    for first, last in bowel._runs(array):
        assert array[first:last].all()
        assert last - first > 1
        assert first == 0 or not array[first - 1]
        assert last == len(array) or not array[last]
        covered[first:last] = True
    lonely = array & ~covered
    assert not (lonely[1:] & lonely[:-1]).any()


def test_the_bladder_holds_urine_in_a_thin_wall(man):
    name, level = at(man, pelvis.BLADDER)
    assert name == "urinary_bladder"
    assert level == pytest.approx(6, abs=8)
    inside = man.hu[man.mask("urinary_bladder")]
    assert 0.05 < (inside > 30).mean() < 0.45
    assert 120 < man.mask("urinary_bladder").sum() * man.geometry.voxel_mm3 / 1e3 < 230


def test_the_prostate_lies_under_the_bladder_and_in_front_of_the_rectum(man):
    prostate, bladder = points(man, "prostate"), points(man, "urinary_bladder")
    assert prostate[:, 2].max() < bladder[:, 2].mean()
    rectum = points(man, "colon")
    rectum = rectum[np.abs(rectum[:, 2] - prostate[:, 2].mean()) < 6]
    assert rectum[:, 1].mean() > prostate[:, 1].max()


def test_the_uterus_lies_between_bladder_and_rectum(woman):
    uterus, bladder = points(woman, "uterus"), points(woman, "urinary_bladder")
    assert uterus[:, 1].mean() > bladder[:, 1].mean() + 15
    assert np.abs(uterus[:, 0].mean()) < 4
    assert {"ovary", "vagina", "breast_left", "breast_right"} <= set(woman.names)
    assert not {"prostate", "seminal_vesicles"} & set(woman.names)


def test_breasts_lie_on_the_chest_and_hold_gland(woman):
    for side, sign in (("left", 1), ("right", -1)):
        gland = points(woman, f"breast_{side}")
        assert len(gland) > 200
        assert (gland[:, 0] * sign > 0).all()
        assert gland[:, 1].mean() < points(woman, "sternum")[:, 1].mean()
        assert 400 < gland[:, 2].mean() < 480


def test_every_voxel_of_the_trunk_belongs_to_something(man):
    body = man.hu > -500
    inner = ndimage.binary_erosion(body, iterations=2)
    assert (man.labels[inner] == 0).mean() < 1e-4
    # Half-filled voxels at the surface of skin and table have no name.
    assert (man.hu[man.labels == 0] < -400).all()


def test_the_skin_closes_the_body_and_the_table_lies_under_the_back(man):
    skin, table = points(man, "skin"), points(man, "table")
    assert table[:, 1].min() > skin[:, 1].max() - 40
    assert table[:, 1].max() > skin[:, 1].max()
    assert np.abs(table[:, 0]).max() > 180
    # The shell is denser than its foam.
    level = man.hu[man.mask("table")]
    assert np.median(level) < -800
    assert level.max() > -400


def test_fat_scales_the_skin_and_not_the_organs():
    span = (255.0, 300.0)
    thin, fat = (
        build(np.random.default_rng(2), Habitus(fat=f), spacing=(6.0, 5.0, 5.0), span=span) for f in (0.5, 2.0)
    )
    assert points(fat, "skin")[:, 0].max() > points(thin, "skin")[:, 0].max() + 12
    for name in ("liver", "kidney_left", "aorta", "vertebrae_L1"):
        assert fat.mask(name).sum() == pytest.approx(thin.mask(name).sum(), rel=0.04, abs=12)


@given(st.floats(0.0, 1.0), st.sampled_from([1.0, -1.0]))
def test_mirror_exchanges_the_sides_alone(share, side):
    line = [(10.0 + share, 5.0, 3.0), (40.0, -2.0 * share, 7.0)]
    there = wall.mirror(line, side)
    assert wall.mirror(there, side) == line
    for (x, y, z), (mx, my, mz) in zip(line, there, strict=True):
        assert (mx, my, mz) == (side * x, y, z)


@given(st.floats(-150, 150), st.floats(-90, 90))
def test_the_diaphragm_is_a_dome(x, y):
    here = float(thorax.dome(np.float32([x]), np.float32([y]))[0])
    assert here <= 408.0 + 1e-3
    further = float(thorax.dome(np.float32([np.sign(x) * (abs(x) + 30) if abs(x) > 75 else x]), np.float32([y]))[0])
    assert further <= here + 1e-3


def test_the_heart_fits_in_its_sac():
    grid = np.mgrid[-80:100:6, -110:50:6, 370:480:6].reshape(3, -1).astype(np.float32)
    inside, around = heart.muscle().distance(*grid) < 0, heart.sac().distance(*grid) < 0
    assert inside.any()
    assert not (inside & ~around).any()
    fat = (around & ~inside).sum() / around.sum()
    assert 0.1 < fat < 0.45


def test_the_aorta_is_open_from_the_valve_to_the_fork(man):
    """Its lumen is blood all the way: behind the diaphragm too, and without a membrane across it."""
    bright = build(np.random.default_rng(2), Habitus(), spacing=(3.0, 2.0, 2.0), span=(180.0, 540.0), contrast=True)
    for name in ("aorta.ascending", "aorta.arch", "aorta.thoracic", "aorta.abdominal"):
        index = np.rint(bright.geometry.to_index(bright.courses[name].points[2:-4])).astype(int)
        z, y, x = index.T
        assert (bright.labels[z, y, x] == bright.names["aorta"]).all(), name
        assert (bright.hu[z, y, x] > 140).all(), name
    assert pieces(man.mask("aorta")).size == 1


def test_the_oesophagus_reaches_the_stomach(man):
    course = man.courses["oesophagus"].points
    inside = course[(course[:, 2] < 600)]
    z, y, x = np.rint(man.geometry.to_index(inside)).astype(int).T
    assert np.isin(man.labels[z, y, x], [man.names["esophagus"], man.names["stomach"]]).all()


def test_the_aortic_valve_lies_where_the_aorta_begins(man):
    root = courses()["aorta.root"].points[0]
    assert np.linalg.norm(np.asarray(heart.VALVE) - root) < 1.0
    assert at(man, heart.VALVE)[0] in {"heart", "aorta"}


def test_chambers_hold_blood_and_walls_are_muscle():
    given_ = build(np.random.default_rng(2), Habitus(), spacing=(4.0, 3.0, 3.0), span=(385.0, 470.0), contrast=True)
    inside = given_.hu[given_.mask("heart")]
    assert (inside > 145).mean() > 0.25, "chambers light up"
    assert ((inside > 90) & (inside < 140)).mean() > 0.08, "muscle less"
    assert (inside < -50).mean() > 0.05, "fat not at all"


def test_lung_vessels_thin_out_towards_the_pleura(man):
    vessels = points(man, "lung_vessels")
    hila = np.array([thorax.hilum(1.0), thorax.hilum(-1.0)])
    away = np.linalg.norm(vessels[:, None] - hila[None], axis=2).min(axis=1)
    near, far = (away < 40).sum() / 40**3, ((away >= 40) & (away < 80)).sum() / (80**3 - 40**3)
    assert near > 3 * far
    wall_outline = outline.cavity()
    angle = np.arctan2(vessels[:, 1], vessels[:, 0])
    assert (np.hypot(vessels[:, 0], vessels[:, 1]) < wall_outline.at(angle, vessels[:, 2]) + 3).all()
