"""Stone or phlebolith: the ring, the band, the wide ureter above, the level, and the company of other deposits."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from calciscope.domain.deposit import Deposit, Shape
from calciscope.domain.image import Geometry, Volume
from calciscope.domain.structures import dictionary
from calciscope.place import place
from calciscope.place.company import company
from calciscope.place.features import FAR_MM, features, urine_hu
from calciscope.place.hypotheses import Scorer
from calciscope.place.signs import UNSEEN, signs
from tests.place import make

FAT, WALL, STONE = -100.0, 30.0, 900.0
SIZE = 61


def seen(ring=0.0, band=(), radius=2.5, pixel=0.8, around=FAT, length=None):
    """A ball of calcium with a ``ring`` of wall (mm) and bands ``(degrees, mm long, mm wide)``, as a CT shows it."""
    fine = 4
    count = SIZE * fine
    axis = (np.arange(count) - (count - 1) / 2) * pixel / fine
    y, x = np.meshgrid(axis, axis, indexing="ij")
    away = np.hypot(y, x)
    hu = np.full((count, count), around)
    for degrees, long, wide in band:
        along = x * np.cos(np.radians(degrees)) + y * np.sin(np.radians(degrees))
        aside = np.abs(y * np.cos(np.radians(degrees)) - x * np.sin(np.radians(degrees)))
        hu[(along > 0) & (along < radius + long) & (aside < wide / 2)] = WALL
    hu[away < radius + ring] = WALL
    hu[away < radius] = STONE
    blurred = ndimage.gaussian_filter(hu, 0.55 * fine / pixel)
    flat = blurred.reshape(SIZE, fine, SIZE, fine).mean(axis=(1, 3))
    volume = Volume(np.stack([flat] * 3).astype(np.int16), Geometry((3, SIZE, SIZE), (3.0, pixel, pixel)))
    voxels = np.argwhere(volume.hu > 130)
    there = voxels[voxels[:, 0] == 1].astype(np.int32)
    long = length or 2 * radius
    item = Deposit(
        id="d1", series="s1", voxels=there, hu=volume.hu[tuple(there.T)].astype(np.float32), threshold_hu=130.0,
        background_hu=0.0, center_index=(1, 30, 30), center_mm=(30 * pixel, 30 * pixel, 3.0),
        extent_mm=(long, long, 3.0), volume_mm3=60.0, shape=Shape(long, 2 * radius, 0.9, 0.0),
    )  # fmt: skip
    return signs(item, volume)


@pytest.mark.parametrize("radius", [1.8, 2.5, 3.5])
@pytest.mark.parametrize("pixel", [0.6, 0.8, 1.0])
def test_a_ring_of_wall_is_told_from_a_bare_edge(radius, pixel):
    stone, clot = (seen(ring=ring, radius=radius, pixel=pixel) for ring in (2.5, 0.0))
    assert stone["rim"] > 0.8
    assert stone["bare"] < 0.2
    assert clot["rim"] < 0.1
    assert clot["bare"] > 0.9
    assert seen(ring=0.5, radius=radius, pixel=pixel)["rim"] < 0.15, "the wall of a vein is thinner"


def test_inside_soft_tissue_there_is_neither_ring_nor_fat():
    assert seen(around=WALL) == {"rim": 0.0, "bare": 0.0, "tail_mm": 0.0}


def test_one_band_is_a_tail_and_its_length_is_seen():
    assert seen()["tail_mm"] == 0.0
    assert seen(band=((30.0, 9.0, 3.5),))["tail_mm"] == pytest.approx(9.0, abs=2.5)
    assert seen(band=((30.0, 3.0, 3.5),))["tail_mm"] == 0.0, "too short"


def test_a_ureter_that_runs_on_to_both_sides_is_no_tail():
    assert seen(band=((30.0, 12.0, 3.5), (210.0, 12.0, 3.5)))["tail_mm"] == 0.0


def test_a_broad_band_is_an_organ():
    assert seen(band=((0.0, 30.0, 16.0),))["tail_mm"] == 0.0


@pytest.mark.parametrize("how", [{"pixel": 1.6}, {"length": 20.0}])
def test_what_the_image_cannot_show_is_said(how):
    assert set(seen(**how).values()) == {UNSEEN}


def rules(name):
    return [rule for rule in dictionary().evidence if name in rule.when]


@pytest.mark.parametrize(
    ("name", "ureter", "vein"),
    [("rim", 1, -1), ("bare", -1, 0), ("tail_mm", 0, 1), ("below_hydroureter_mm", 1, -1), ("above_hips_mm", 0, -1),
     ("others", 0, 1), ("both_sides", 0, 1)],
)  # fmt: skip
def test_each_sign_speaks_for_what_the_sources_say(name, ureter, vein):
    for place_, way in (("ureter", ureter), ("vein.pelvic", vein)):
        times = [rule.times for rule in rules(name) if place_ in rule.sites]
        assert [np.sign(t - 1) for t in times] == ([way] if way else [])
        assert all(0.5 <= t <= 1.5 for t in times), "no sign alone decides"


def test_no_rule_tells_stone_from_phlebolith_by_attenuation():
    for rule in dictionary().evidence:
        if {"ureter", "vein.pelvic"} & set(rule.sites):
            assert not {"peak_hu", "mean_hu"} & set(rule.when), rule.why


def test_an_unseen_sign_says_nothing():
    for name in ("rim", "bare", "tail_mm", "above_hips_mm"):
        for rule in rules(name):
            low, high = rule.when[name]
            assert not low <= UNSEEN <= high
    for rule in rules("below_hydroureter_mm"):
        assert rule.when["below_hydroureter_mm"][1] < FAR_MM


def test_the_wide_ureter_and_the_hips_are_measured_from():
    item = make.deposit()
    wide = make.tube("hydroureter_left", [(35, 30, 30), (24, 30, 30)])
    body = make.anatomy(tubes=[wide], landmarks=[("femoral_head_left", 20.0), ("femoral_head_right", 40.0)])
    found = features(item, make.volume(), body)
    assert found["below_hydroureter_mm"] == pytest.approx(12.0)
    assert found["above_hips_mm"] == pytest.approx(30.0)
    alone = features(item, make.volume(), make.anatomy())
    assert alone["below_hydroureter_mm"] == FAR_MM
    assert alone["above_hips_mm"] == UNSEEN


def test_contrast_in_the_urine_makes_what_is_bright_beside_it_less_sure():
    where = {"urinary_bladder": (make.box(8, 30, 30, 4), 0.8), "pelvic_wall_left": (make.box(20, 30, 44, 8), 0.8)}
    body, item = make.anatomy(where), make.deposit((20, 30, 44), half=0)
    plain, bright = make.volume(10), make.volume(10, urine=(make.box(8, 30, 30, 4), 600))
    assert urine_hu(plain, body) == {"urine_hu": 10.0}
    assert urine_hu(bright, body) == {"urine_hu": 600.0}
    assert urine_hu(bright, make.anatomy()) == {"urine_hu": UNSEEN}
    (before,), (after,) = place([item], plain, body), place([item], bright, body)
    assert after.placement.confidence < before.placement.confidence or after.placement.site != before.placement.site


def test_a_stone_within_the_outline_of_a_kidney_is_not_in_the_ureter_that_begins_there():
    item = make.deposit()
    course = make.tube("ureter_left", [(24, 30, 30), (2, 30, 30)], radius=6.0, confidence=0.8)
    inside = make.anatomy({"kidney_left": (make.box(24, 30, 30, 6), 0.8)}, tubes=[course])
    outside = make.anatomy({"kidney_left": (make.box(34, 30, 44, 5), 0.8)}, tubes=[course])
    assert features(item, make.volume(), inside)["in_kidney"] == 1.0
    assert features(item, make.volume(), outside)["in_kidney"] == 0.0
    (within,) = place([item], make.volume(), inside)
    (below,) = place([item], make.volume(), outside)
    assert within.placement.site == "kidney.left"
    assert below.placement.site == "ureter.left"


WALLS = {"pelvic_wall_left": (make.box(20, 30, 44, 8), 0.8), "pelvic_wall_right": (make.box(20, 30, 14, 8), 0.8)}
BALL = Shape(6.0, 5.0, 0.9, 0.0)


def balls(*columns):
    return [
        replace(make.deposit((20, 30, x), name=f"d{n}", shape=BALL), volume_mm3=90.0) for n, x in enumerate(columns)
    ]


def test_company_counts_the_others_and_both_sides():
    body = make.anatomy(WALLS)
    known = company(balls(40, 44, 48), body)
    assert known["d0"] == {"others": 2.0, "both_sides": 0.0}
    assert company(balls(40, 14), body)["d1"] == {"others": 1.0, "both_sides": 1.0}
    far = company(balls(40, 29), body)
    assert far["d0"]["others"] == 0.0, "the other lies in no wall"
    assert far["d1"]["others"] == 1.0
    long = [*balls(40), make.deposit((20, 30, 44), name="long", shape=Shape(9.0, 3.0, 0.5, 0.0))]
    assert company(long, body)["d0"]["others"] == 0.0, "a streak is no phlebolith"


@pytest.mark.parametrize(("holder", "counts"), [("small_bowel", 1.0), ("iliac_artery_right", 0.0), ("bone", 0.0)])
def test_company_counts_what_lies_beside_the_wall_unless_an_artery_or_bone_holds_it(holder, counts):
    body = make.anatomy({**WALLS, holder: (make.box(20, 30, 24, 1), 0.6)})
    known = company(balls(40, 24), body)
    assert known["d0"] == {"others": counts, "both_sides": counts}


def test_company_makes_a_phlebolith_surer():
    body = make.anatomy(WALLS, region="pelvis")
    alone, many = (place(items, make.volume(), body)[0].placement for items in (balls(40), balls(40, 46, 14)))
    assert alone.site == many.site == "vein.pelvic"
    assert many.confidence > alone.confidence


def scores(changed):
    """Scores of a deposit that lies as well on a ureter as among veins, where the signs are as given."""
    known = dictionary()
    tube = make.tube("ureter_left", [(39, 30, 44), (0, 30, 44)], 5.0, 0.7)
    body = make.anatomy(WALLS, tubes=[tube], region="pelvis")
    item = balls(44)[0]
    image = make.volume()
    found = Scorer(image, body, known).score(item, {**features(item, image, body), **changed})
    return {h.site: h.score for h in found}


def test_the_signs_decide_where_the_place_cannot():
    plain = scores({})
    assert 0.7 < plain["ureter.left"] / plain["vein.pelvic"] < 1.4
    stone = scores({"rim": 0.8, "bare": 0.0, "below_hydroureter_mm": 8.0})
    clot = scores({"rim": 0.0, "bare": 0.9, "tail_mm": 10.0, "others": 3.0, "both_sides": 1.0})
    assert stone["ureter.left"] > 2 * stone["vein.pelvic"]
    assert clot["vein.pelvic"] > 1.4 * clot["ureter.left"]
