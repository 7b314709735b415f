"""Each evidence entry of ``knowledge/structures.yaml`` acts on its sites, in its range, in the direction it says."""

from dataclasses import replace

import pytest

from calciscope.domain import site as sites
from calciscope.domain.deposit import Shape
from calciscope.domain.structures import dictionary
from calciscope.place import hypotheses
from calciscope.place.hypotheses import Scorer
from tests.place.make import anatomy, box, deposit, tube, volume

KNOWN = dictionary()
# What speaks of parts of the heart is weighed against the other parts (test_room.py).
RULES = tuple(
    rule
    for rule in KNOWN.evidence
    if not any(sites.within(s, a) for s in rule.sites for a in ("artery.coronary", "heart"))
)
# What fine pixels, other deposits or the ureter show (test_signs.py).
SIGNS = {
    "rim",
    "bare",
    "tail_mm",
    "below_hydroureter_mm",
    "above_hips_mm",
    "others",
    "both_sides",
    "in_kidney",
    "urine_hu",
}
HOLDERS = {
    "vein.pelvic": "pelvic_wall_left",
    "gallbladder": "gallbladder",
    "bladder": "urinary_bladder",
    "kidney": "kidney_left",
    "artery.iliac": "iliac_bed_left",
    "artery.carotid": "carotid_sheath_left",
    "artery.subclavian": "subclavian_artery_left",
    "artery.brachiocephalic": "brachiocephalic_trunk",
    "thyroid": "thyroid_left",
    "lung.nodule": "lung_left",
    "artery.leg": "leg_artery",
    "soft_tissue": "muscle",
    "pleura": "pleura_left",
    "skin": "skin",
    "breast": "breast_left",
    "liver": "liver",
    "brain.habenula": "habenula",
}
# What is true of each feature of a deposit that no entry speaks of.
NEUTRAL = {
    "length_mm": 11.0, "width_mm": 5.0, "elongation": 2.0, "sphericity": 0.8, "hollow": 0.0, "volume_mm3": 500.0,
    "peak_hu": 600.0, "mean_hu": 400.0, "fat": 0.3, "air": 0.6, "fat_near": 0.3, "air_near": 0.1,
    "skin_mm": 3.0, "lung": 0.6, "bright": 0.0, "artery_mm": 12.0,
}  # fmt: skip
ROUND, LONG, RIM = Shape(6.0, 5.0, 0.9, 0.0), Shape(30.0, 4.0, 0.4, 0.0), Shape(14.0, 12.0, 0.5, 0.4)
MIDDLING = Shape(11.0, 5.0, 0.8, 0.0)
FAT, TISSUE, LUNG = volume(fill=-100), volume(fill=50), volume(fill=-850)
# Lung on the patient's left of the deposit only.
BESIDE_LUNG = volume(lung=((slice(None), slice(None), slice(33, None)), -850))


def body_for(place):
    if place == "ureter":
        return anatomy(tubes=[tube("ureter_left", [(39, 30, 30), (0, 30, 30)], 5.0, 0.5)])
    return anatomy({HOLDERS[place]: (box(20, 30, 30, 12), 0.45)})


def score(place, evidence, item, image=TISSUE):
    """The best score of a place under some evidence only."""
    known = replace(KNOWN, evidence=tuple(evidence))
    found = Scorer(image, body_for(place), known).score(item)
    return max((h.score for h in found if sites.within(h.site, place)), default=0.0)


def inside(bounds):
    """A value well within a range, one end of which may be open."""
    low, high = bounds
    if low == float("-inf"):
        return high / 2
    return low * 2 if high == float("inf") else (low + high) / 2


def seen_by(rule):
    return {**NEUTRAL, **{name: inside(bounds) for name, bounds in rule.when.items()}}


def label(rule):
    return f"{'-'.join(rule.sites)}-x{rule.times}"


@pytest.fixture
def seeing(monkeypatch):
    """Makes the scorer see given features, whatever the deposit."""

    def see(values):
        monkeypatch.setattr(hypotheses, "features", lambda *_: dict(values))

    return see


def test_every_entry_changes_something_and_says_why():
    for rule in RULES:
        assert rule.times > 0
        assert rule.times != 1
        assert rule.when, rule.why
        assert len(rule.why) > 15
        assert all(low < high for low, high in rule.when.values()), rule.why


@pytest.mark.parametrize("rule", RULES, ids=label)
def test_an_entry_multiplies_the_score_of_its_sites(rule, seeing):
    seeing(seen_by(rule))
    for place in rule.sites:
        plain = score(place, (), deposit())
        assert 0.1 < plain < 0.49
        assert score(place, (rule,), deposit()) == pytest.approx(plain * rule.times)


@pytest.mark.parametrize("rule", RULES, ids=label)
def test_an_entry_leaves_other_sites_alone(rule, seeing):
    seeing(seen_by(rule))
    for place in {*HOLDERS, "ureter"} - set(rule.sites):
        assert score(place, (rule,), deposit()) == score(place, (), deposit()), place


@pytest.mark.parametrize("rule", RULES, ids=label)
def test_every_condition_of_an_entry_is_needed_and_its_ends_count(rule, seeing):
    place = rule.sites[0]
    seeing(NEUTRAL)
    plain = score(place, (), deposit())
    for name, bounds in rule.when.items():
        for end, outwards in zip(bounds, (-1, 1), strict=True):
            if abs(end) == float("inf"):
                continue
            seeing({**seen_by(rule), name: end})
            assert score(place, (rule,), deposit()) == pytest.approx(plain * rule.times), (name, end)
            seeing({**seen_by(rule), name: end + outwards * 1e-6})
            assert score(place, (rule,), deposit()) == plain, (name, end)


def with_volume(shape, volume_mm3):
    return replace(deposit(shape=shape), volume_mm3=volume_mm3)


def under_skin(mm):
    return replace(deposit(shape=ROUND), context={"distance_to_skin_mm": mm})


def small(shape):
    """No larger than a phlebolith."""
    return with_volume(shape, 100.0)


# Deposits and their surroundings, and whether all the evidence taken together speaks for the place or against it.
def among(**context):
    """A deposit with what the finder saw around it."""
    item = deposit()
    return replace(item, context={**item.context, **context})


def beside_bone(hu, mm):
    """A deposit of some attenuation so far from bone."""
    item = deposit(hu=hu)
    return replace(item, context={**item.context, "distance_to_bone_mm": mm})


def cut_by_the_end(bone_mm):
    """A deposit that reaches the first slice, so far from bone."""
    item = deposit((10, 30, 30), half=10, shape=ROUND)
    return replace(item, volume_mm3=200.0, context={"distance_to_bone_mm": bone_mm})


CASES = [
    ("vein.pelvic", small(ROUND), TISSUE, "for"),
    ("vein.pelvic", small(MIDDLING), TISSUE, "silent"),
    ("vein.pelvic", deposit(shape=MIDDLING), TISSUE, "against"),
    ("vein.pelvic", deposit(shape=LONG), TISSUE, "against"),
    ("gallbladder", deposit(shape=RIM), TISSUE, "for"),
    ("gallbladder", deposit(shape=ROUND), TISSUE, "silent"),
    ("gallbladder", deposit(shape=replace(RIM, length=4.0)), TISSUE, "silent"),
    ("ureter", small(ROUND), TISSUE, "silent"),
    ("ureter", deposit(shape=ROUND), TISSUE, "for"),
    ("ureter", deposit(shape=LONG), TISSUE, "against"),
    ("ureter", small(RIM), TISSUE, "silent"),
    ("artery.iliac", deposit(shape=LONG), TISSUE, "for"),
    ("artery.iliac", deposit(shape=ROUND), TISSUE, "silent"),
    ("artery.carotid", deposit(shape=LONG), TISSUE, "for"),
    ("artery.carotid", deposit(shape=ROUND), TISSUE, "silent"),
    ("thyroid", deposit(shape=LONG), TISSUE, "against"),
    ("thyroid", deposit(shape=ROUND), TISSUE, "silent"),
    ("lung.nodule", deposit(), LUNG, "for"),
    ("lung.nodule", deposit(), BESIDE_LUNG, "against"),
    ("lung.nodule", deposit(), TISSUE, "against"),
    ("lung.nodule", among(lung=0.9), BESIDE_LUNG, "for"),
    ("lung.nodule", among(lung=0.9, distance_to_artery_mm=0.0), LUNG, "against"),
    ("lung.nodule", among(lung=0.9, contrast=0.2), LUNG, "against"),
    ("artery.leg", deposit(), FAT, "silent"),
    ("artery.leg", deposit(), TISSUE, "against"),
    ("artery.leg", with_volume(RIM, 4000.0), FAT, "against"),
    ("artery.leg", with_volume(LONG, 4000.0), FAT, "silent"),
    ("soft_tissue", deposit(), TISSUE, "for"),
    ("soft_tissue", with_volume(RIM, 4000.0), FAT, "for"),
    ("soft_tissue", with_volume(LONG, 200.0), FAT, "against"),
    ("soft_tissue", with_volume(ROUND, 200.0), FAT, "silent"),
    ("soft_tissue", cut_by_the_end(8.0), FAT, "against"),
    ("soft_tissue", cut_by_the_end(12.0), FAT, "silent"),
    ("liver", deposit(shape=LONG), FAT, "silent"),
    ("kidney", beside_bone(160.0, 6.0), TISSUE, "against"),
    ("kidney", beside_bone(160.0, 12.0), TISSUE, "silent"),
    ("kidney", beside_bone(600.0, 6.0), TISSUE, "silent"),
    ("pleura", deposit(shape=LONG), TISSUE, "for"),
    ("pleura", deposit(shape=ROUND), TISSUE, "against"),
    ("pleura", deposit(shape=LONG), LUNG, "against"),
    ("skin", under_skin(2.0), FAT, "silent"),
    ("skin", under_skin(8.0), FAT, "against"),
    ("breast", under_skin(8.0), FAT, "silent"),
    ("breast", under_skin(2.0), FAT, "against"),
    ("brain.habenula", with_volume(ROUND, 30.0), TISSUE, "silent"),
    ("brain.habenula", with_volume(ROUND, 150.0), TISSUE, "against"),
]


@pytest.mark.parametrize(("place", "item", "image", "verdict"), CASES)
def test_what_a_deposit_looks_like_speaks_for_or_against_a_place(place, item, image, verdict):
    plain, told = score(place, (), item, image), score(place, RULES, item, image)
    assert plain > 0.1
    assert verdict == ("for" if told > plain else "against" if told < plain else "silent")


def test_every_entry_speaks_in_one_of_the_cases():
    for rule in RULES:
        if SIGNS & set(rule.when):
            continue
        told = [score(place, (rule,), item, image) != score(place, (), item, image) for place, item, image, _ in CASES]
        assert any(told), rule.why


def test_less_lung_around_makes_a_nodule_less_likely():
    scores = [score("lung.nodule", RULES, deposit(), image) for image in (LUNG, BESIDE_LUNG, TISSUE)]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 0.3 * scores[0]


def test_no_evidence_makes_a_place_certain():
    """However much speaks for a place, its score stays under one."""
    loud = [replace(rule, times=1e6) for rule in RULES]
    for place, item, image, _ in CASES:
        assert score(place, loud, item, image) <= 0.99


def test_a_rim_in_the_fossa_is_a_gallstone_and_a_solid_grain_is_not_yet():
    fossa = {"liver": (box(20, 30, 30, 10), 0.8), "gallbladder_fossa": (box(20, 30, 30, 0), 0.6)}

    def site_of(shape):
        found = Scorer(TISSUE, anatomy(fossa), KNOWN).score(deposit(shape=shape))
        return {h.site: h.score for h in found}

    rim, grain = site_of(RIM), site_of(ROUND)
    assert rim["gallbladder"] > grain["gallbladder"]
    assert rim["liver"] == grain["liver"]
