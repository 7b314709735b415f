"""The simulated skeleton, structure by structure, on a coarse body."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from calciscope.domain.image import Geometry
from calciscope.simulate import hips, ribs, spine
from calciscope.simulate.body import Habitus, build
from calciscope.simulate.canvas import Canvas
from calciscope.simulate.spine import VERTEBRAE, body_at

COARSE = (3.0, 2.5, 2.5)
THORACIC = [f"T{k}" for k in range(1, 13)]
LUMBAR = [f"L{k}" for k in range(1, 6)]


@pytest.fixture(scope="module")
def man():
    return build(np.random.default_rng(1), Habitus(), spacing=COARSE)


def points(body, *names):
    return body.geometry.to_mm(np.argwhere(body.mask(*names)))


def centre(body, *names):
    return points(body, *names).mean(axis=0)


def blank(low, high, spacing=(2.0, 2.0, 2.0), half=200.0):
    """An empty canvas of the reference body between two heights."""
    shape = (round((high - low) / spacing[0]), round(2 * half / spacing[1]), round(2 * half / spacing[2]))
    return Canvas(Geometry(shape, spacing, (-half + 1, -half + 1, low)), (1.0, 1.0, 1.0), 120.0, False)


@pytest.mark.parametrize("number", range(1, 13))
def test_a_rib_starts_at_its_vertebra_and_slopes_down_to_the_front(man, number):
    for side, sign in (("left", 1), ("right", -1)):
        rib = points(man, f"rib_{side}_{number}")
        vertebra = centre(man, f"vertebrae_T{number}")
        head = rib[np.abs(rib[:, 0]) < np.abs(rib[:, 0]).min() + 6]
        assert np.abs(head.mean(axis=0)[2] - vertebra[2]) < 25, "the head lies at its vertebra"
        assert (rib[:, 0] * sign > 0).all(), "no rib crosses the midline"
        front = rib[rib[:, 1] < rib[:, 1].min() + 8]
        if number == 12:
            # The last rib is so short that its foremost part is its head.
            assert rib[:, 2].min() < vertebra[2] - 20
            continue
        assert front[:, 2].mean() < head[:, 2].mean(), "the front end hangs below the head"


def test_ribs_descend_in_their_order(man):
    for side in ("left", "right"):
        levels = [centre(man, f"rib_{side}_{k}")[2] for k in range(1, 13)]
        assert levels == sorted(levels, reverse=True)


def test_the_cage_is_widest_at_the_seventh_to_ninth_rib(man):
    reach = [np.abs(points(man, f"rib_left_{k}")[:, 0]).max() for k in range(1, 13)]
    assert reach[6] == max(reach)
    assert reach[0] == min(reach[:9])
    assert reach[11] < reach[8] - 40


def test_the_twelfth_rib_floats(man):
    front = [points(man, f"rib_left_{k}")[:, 1].min() for k in range(1, 13)]
    assert front[11] > 20 > front[5]
    assert front[10] > 0


def test_every_true_rib_reaches_the_sternum_by_its_cartilage(man):
    cartilage = points(man, "costal_cartilages")
    sternum = points(man, "sternum")
    assert cartilage[:, 1].mean() < -60, "cartilage lies in front"
    apart = np.linalg.norm(cartilage[::5, None] - sternum[None, ::5], axis=2)
    assert apart.min() < 8
    for side, sign in (("left", 1), ("right", -1)):
        for k in range(2, 8):
            tip = points(man, f"rib_{side}_{k}")
            tip = tip[tip[:, 1] < tip[:, 1].min() + 6].mean(axis=0)
            near = cartilage[cartilage[:, 0] * sign > 0]
            assert np.linalg.norm(near - tip, axis=1).min() < 12, f"rib {k} {side}"


def test_cartilage_is_softer_than_bone_and_flecked_with_mineral(man):
    cartilage = man.hu[man.mask("costal_cartilages")]
    assert 60 < np.median(cartilage) < 160
    assert np.percentile(cartilage, 99) > 220
    assert np.median(man.hu[man.mask("rib_left_6")]) > 250


def test_mineral_in_cartilage_differs_from_person_to_person():
    one, other, again = (blank(380.0, 460.0) for _ in range(3))
    ribs.paint(one, np.random.default_rng(1))
    ribs.paint(other, np.random.default_rng(2))
    ribs.paint(again, np.random.default_rng(1))
    np.testing.assert_array_equal(one.hu, again.hu)
    changed = one.hu != other.hu
    assert changed.any()
    names = {one.names[name] for name in one.names if name.startswith("rib")}
    assert not np.isin(one.labels[changed], list(names)).any(), "the bones themselves are the same"


@pytest.mark.parametrize("name", [*THORACIC, *LUMBAR])
def test_a_vertebra_has_a_body_a_canal_and_processes(man, name):
    table = next(row for row in VERTEBRAE if row[0] == name)
    bone = points(man, f"vertebrae_{name}")
    body = bone[bone[:, 1] < table[2] + table[4] / 2]
    assert np.ptp(body[:, 0]) == pytest.approx(table[3], abs=8), "width of the body"
    assert bone[:, 1].max() > table[2] + table[4] / 2 + 25, "the spinous process reaches back"
    assert np.abs(bone[:, 0]).max() > table[3] / 2 + 2, "transverse processes"
    middle = (0.0, table[2] + table[4] / 2 + 7.5, float(table[1]))
    z, y, x = np.rint(man.geometry.to_index(middle)).astype(int)
    assert man.labels[z, y, x] in {man.names["spinal_canal"], man.names["spinal_cord"]}
    assert man.hu[z, y, x] < 120


def test_vertebrae_stand_in_order_and_grow_downwards(man):
    order = [*THORACIC, *LUMBAR]
    levels = [centre(man, f"vertebrae_{name}")[2] for name in order]
    assert levels == sorted(levels, reverse=True)
    volume = [man.mask(f"vertebrae_{name}").sum() for name in order]
    assert volume[-1] > 2 * volume[2]


def test_discs_lie_between_the_vertebrae(man):
    discs = points(man, "intervertebral_discs")
    for upper, lower in pairwise([*THORACIC[4:], *LUMBAR]):
        high, low = (next(row for row in VERTEBRAE if row[0] == name) for name in (upper, lower))
        gap = (high[1] - high[5] / 2 + low[1] + low[5] / 2) / 2
        assert (np.abs(discs[:, 2] - gap) < 6).any(), f"{upper} to {lower}"
    disc = man.hu[man.mask("intervertebral_discs")]
    assert 60 < np.median(disc) < 110


def test_the_column_curves_as_in_people():
    # Kyphosis of the chest, lordosis of the loins: behind at T7, in front at L3.
    assert body_at(450.0)[0] > body_at(212.0)[0] + 25
    assert body_at(140.0)[0] > body_at(212.0)[0]
    for z in np.arange(140.0, 600.0, 20.0):
        assert 8 < body_at(z)[1] < 18


def test_the_cord_ends_at_the_first_lumbar_vertebra(man):
    cord = points(man, "spinal_cord")
    low = centre(man, "vertebrae_L1")[2]
    assert cord[:, 2].min() == pytest.approx(low, abs=15)
    assert np.abs(cord[:, 0]).max() < 8


def test_the_sacrum_closes_the_pelvis_behind(man):
    sacrum = points(man, "sacrum")
    assert sacrum[:, 1].mean() > 45
    assert np.ptp(sacrum[:, 0]) == pytest.approx(112, abs=12)
    assert sacrum[:, 2].max() < points(man, "vertebrae_L5")[:, 2].max()
    for side in ("left", "right"):
        hip = points(man, f"hip_{side}")
        apart = np.linalg.norm(hip[::7, None] - sacrum[None, ::7], axis=2).min()
        assert apart < 9, "the sacro-iliac joint"


def test_the_head_of_the_femur_sits_in_its_cup(man):
    for side, sign in (("left", 1), ("right", -1)):
        head = np.asarray((sign * hips.HEAD[0], hips.HEAD[1], hips.HEAD[2]))
        femur = points(man, f"femur_{side}")
        inside = femur[np.linalg.norm(femur - head, axis=1) < hips.HEAD_RADIUS]
        ball = 4 / 3 * np.pi * hips.HEAD_RADIUS**3 / man.geometry.voxel_mm3
        assert len(inside) > 0.85 * ball
        cup = points(man, f"hip_{side}")
        away = np.linalg.norm(cup - head, axis=1)
        near = cup[away < hips.HEAD_RADIUS + 9]
        assert near[:, 2].mean() > head[2], "the cup lies above the head"
        assert away.min() > hips.HEAD_RADIUS - 3, "no bone of the hip within the head"


def test_hip_bones_meet_in_front_at_the_symphysis(man):
    left, right = points(man, "hip_left"), points(man, "hip_right")
    assert left[:, 0].min() < 12
    assert right[:, 0].max() > -12
    gap = points(man, "symphysis")
    assert np.abs(gap[:, 0].mean()) < 2
    assert gap[:, 1].mean() < -35


def test_the_skeleton_of_the_hips_is_symmetric():
    canvas = blank(-40.0, 190.0, half=150.0)
    hips.paint(canvas)
    for name in ("hip", "femur"):
        left = canvas.labels == canvas.names[f"{name}_left"]
        right = canvas.labels == canvas.names[f"{name}_right"]
        np.testing.assert_array_equal(left, right[:, :, ::-1])


def test_a_prosthesis_replaces_the_left_head_by_metal_alone():
    plain, metal = blank(-60.0, 60.0, half=160.0), blank(-60.0, 60.0, half=160.0)
    hips.paint(plain)
    hips.paint(metal, prosthesis=True)
    assert "hip_implant" in metal.names
    assert "hip_implant" not in plain.names
    implant = np.argwhere(metal.labels == metal.names["hip_implant"])
    place = metal.geometry.to_mm(implant)
    assert (place[:, 0] > 40).all(), "on the left"
    right = metal.geometry.to_mm((0, 0, 0))[0] + metal.geometry.spacing[2] * np.arange(metal.labels.shape[2]) < 0
    np.testing.assert_array_equal(metal.hu[:, :, right], plain.hu[:, :, right])
    # As a whole in 3 dimensions: head, neck and stem hang together.
    assert ndimage.label(metal.labels == metal.names["hip_implant"], np.ones((3, 3, 3)))[1] == 1


def test_long_bones_have_dense_shafts_and_fatty_marrow():
    canvas = blank(-100.0, -60.0, half=160.0)
    hips.paint(canvas)
    femur = canvas.hu[canvas.labels == canvas.names["femur_left"]]
    assert np.percentile(femur, 90) > 900
    assert femur.min() < 60


def test_a_pelvis_alone_paints_no_rib():
    canvas = blank(-40.0, 40.0)
    ribs.paint(canvas, np.random.default_rng(1))
    assert not canvas.labels.any()
    assert (canvas.hu == -1000).all()


def test_the_column_wobbles_by_less_than_a_millimetre_between_people():
    one, other = blank(150.0, 260.0, half=60.0), blank(150.0, 260.0, half=60.0)
    spine.paint(one, np.random.default_rng(1))
    spine.paint(other, np.random.default_rng(9))
    for name in ("vertebrae_L3", "vertebrae_L4"):
        places = [c.geometry.to_mm(np.argwhere(c.labels == c.names[name])).mean(axis=0) for c in (one, other)]
        apart = np.linalg.norm(places[0] - places[1])
        assert 0 < apart < 2.5
