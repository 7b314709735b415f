"""Rules that divide one number among themselves: no gap, no overlap, and no step down on the way up."""

from itertools import pairwise

import pytest

from calciscope.domain.assessment import Seriousness
from calciscope.interpret import interpret, load
from tests.interpret.make import fired, patient

KNOWLEDGE = load()


def around(*limits: float, least: float, most: float) -> list[float]:
    """Values at, just below and just above every limit, and between them."""
    points = {least, most}
    for limit in limits:
        points |= {limit - 0.01, limit, limit + 0.01}
    edges = sorted({least, *limits, most})
    points |= {(low + high) / 2 for low, high in pairwise(edges)}
    return sorted(float(value) for value in points if least <= value <= most)


# site, the number, the bands (ids of rules), the values to try, other inputs
PARTITIONS = {
    "CAC-DRS": (
        "artery.coronary",
        "agatston",
        ["coronary.score.zero", "coronary.score.a1", "coronary.score.a2", "coronary.score.a3"],
        around(1, 100, 300, 1000, least=0.0, most=9000.0),
        {},
    ),
    "ACC/AHA 2026 tiers": (
        "artery.coronary",
        "agatston",
        [f"coronary.acc-2026.{tier}" for tier in ("zero", "minimal", "mild", "moderate", "severe", "extensive")],
        around(1, 10, 100, 300, 1000, least=0.0, most=9000.0),
        {},
    ),
    "ACC/AHA 2018": (
        "artery.coronary",
        "agatston",
        ["coronary.acc-2018.zero", "coronary.acc-2018.low", "coronary.acc-2018.high"],
        around(1, 100, least=0.0, most=9000.0),
        {},
    ),
    "ESC valve calcium, women": (
        "heart.aortic_valve",
        "agatston",
        [f"avc.esc.women.{word}" for word in ("unlikely", "possible", "likely", "highly-likely")],
        around(800, 1200, 1600, least=0.1, most=9000.0),
        {"sex": "female"},
    ),
    "ESC valve calcium, men": (
        "heart.aortic_valve",
        "agatston",
        [f"avc.esc.men.{word}" for word in ("unlikely", "possible", "likely", "highly-likely")],
        around(1600, 2000, 3000, least=0.1, most=9000.0),
        {"sex": "male"},
    ),
    "ACC/AHA valve calcium, women": (
        "heart.aortic_valve",
        "agatston",
        ["avc.us.women.below", "avc.us.women.severe"],
        around(1300, least=0.1, most=9000.0),
        {"sex": "female"},
    ),
    "ACC/AHA valve calcium, men": (
        "heart.aortic_valve",
        "agatston",
        ["avc.us.men.below", "avc.us.men.severe"],
        around(2000, least=0.1, most=9000.0),
        {"sex": "male"},
    ),
    "aortic velocity": (
        "heart.aortic_valve",
        "aortic_vmax",
        [f"valve.echo.vmax.{word}" for word in ("none", "mild", "moderate", "severe")],
        around(2, 3, 4, least=0.5, most=7.0),
        {},
    ),
    "aortic gradient": (
        "heart.aortic_valve",
        "aortic_mean_gradient",
        [f"valve.echo.gradient.{word}" for word in ("mild", "moderate", "severe")],
        around(20, 40, least=1.0, most=120.0),
        {},
    ),
    "aortic valve area": (
        "heart.aortic_valve",
        "aortic_valve_area",
        [f"valve.echo.area.{word}" for word in ("mild", "moderate", "border", "severe")],
        around(1, 1.5, least=0.2, most=4.0),
        {},
    ),
    "AAC-24": (
        "artery.aorta.abdominal",
        "aac24",
        [f"aorta.aac24.{word}" for word in ("none", "low", "moderate", "high")],
        [float(score) for score in range(25)],
        {},
    ),
    "calcified coronary vessels": (
        "artery.coronary",
        "vessels",
        [f"coronary.vessels.n{number}" for number in range(5)],
        [float(number) for number in range(5)],
        {},
    ),
    "visual grade of coronary calcium": (
        "artery.coronary",
        "extent",
        ["artery.extent.none", "coronary.extent.mild", "coronary.extent.moderate", "coronary.extent.severe"],
        ["none", "mild", "moderate", "severe"],
        {},
    ),
    "kidney stone": (
        "kidney.left",
        "diameter",
        [f"kidney.stone.{word}" for word in ("small", "medium", "large", "very-large")],
        around(5, 15, 20, least=0.5, most=60.0),
        {},
    ),
    "ureteral stone": (
        "ureter.left",
        "diameter",
        ["ureter.stone.up-to-5mm", "ureter.stone.5-10mm", "ureter.stone.above-10mm"],
        around(5, 10, least=0.5, most=40.0),
        {},
    ),
    "passage by size, 2002": (
        "ureter.left",
        "diameter",
        [f"ureter.passage.coll.{size}" for size in ("1mm", "2-4mm", "5-7mm", "7-9mm", "above-9mm")],
        around(2, 5, 7, 9, least=0.5, most=40.0),
        {},
    ),
    "passage by size, 2017": (
        "ureter.left",
        "diameter",
        [f"ureter.passage.jendeberg.{size}" for size in ("3mm", "4mm", "5mm", "6mm", "large")],
        around(3.5, 4.5, 5.5, 6.5, least=0.5, most=40.0),
        {},
    ),
    "passage by place": (
        "ureter.left",
        "location",
        [f"ureter.passage.{place}" for place in ("proximal", "mid", "distal", "uvj")],
        ["proximal", "mid", "distal", "uvj"],
        {},
    ),
    "composition of a stone": (
        "kidney.left",
        "attenuation",
        [f"stone.composition.{kind}" for kind in ("uric-acid", "mixed", "calcium")],
        around(500, 800, 1000, least=200.0, most=2500.0),
        {},
    ),
    "solid nodule": (
        "lung.nodule",
        "diameter",
        [f"nodule.size.{size}" for size in ("small", "medium", "large")],
        around(6, 8, least=0.5, most=60.0),
        {},
    ),
    "liver focus": (
        "liver",
        "diameter",
        ["liver.granuloma", "liver.larger"],
        around(10, least=0.5, most=90.0),
        {},
    ),
    "Bosworth": (
        "tendon.shoulder.left",
        "diameter",
        [f"tendon.bosworth.{size}" for size in ("small", "medium", "large")],
        around(5, 15, least=0.5, most=60.0),
        {},
    ),
    "Brooker": (
        "soft_tissue",
        "brooker",
        ["soft-tissue.brooker.one", "soft-tissue.brooker.two", "soft-tissue.brooker.three", "soft-tissue.brooker.four"],
        [1.0, 2.0, 3.0, 4.0],
        {},
    ),
    "Gartner": (
        "tendon.shoulder.left",
        "gartner",
        ["tendon.gartner.one", "tendon.gartner.two", "tendon.gartner.three"],
        [1.0, 2.0, 3.0],
        {},
    ),
    "visceral aneurysm": (
        "artery.splenic",
        "diameter",
        ["visceral.aneurysm.small", "visceral.aneurysm.large"],
        around(30, least=10.0, most=90.0),
        {"pattern": "rim"},
    ),
    "deposit without a place": (
        "chest",
        "diameter",
        ["region.sizeable.imaged", "region.large.imaged"],
        around(50, least=10.01, most=200.0),
        {"imaged": True},
    ),
    "several deposits in soft tissue": (
        "soft_tissue",
        "spread",
        ["soft-tissue.several", "soft-tissue.cluster"],
        around(100, least=0.0, most=900.0),
        {"imaged": True, "count": 6.0, "diameter": 12.0},
    ),
    "discordant area, by flow": (
        "heart.aortic_valve",
        "stroke_volume_index",
        ["valve.discordant.paradoxical", "valve.discordant.normal-flow"],
        around(35, least=10.0, most=70.0),
        {"aortic_valve_area": 0.8, "aortic_vmax": 3.2, "lvef": 60.0},
    ),
    "discordant area with low flow, by ejection fraction": (
        "heart.aortic_valve",
        "lvef",
        ["valve.discordant.low-ef", "valve.discordant.paradoxical"],
        around(50, least=10.0, most=80.0),
        {"aortic_valve_area": 0.8, "aortic_vmax": 3.2, "stroke_volume_index": 30.0},
    ),
    "choice of valve, ESC": (
        "heart.aortic_valve",
        "age",
        ["valve.choice.esc-2025.tavi", "valve.choice.esc-2025.surgery"],
        around(70, least=18.0, most=100.0),
        {"aortic_vmax": 4.4},
    ),
    "choice of valve, ACC/AHA": (
        "heart.aortic_valve",
        "age",
        [f"valve.choice.acc-2020.{way}" for way in ("surgery", "shared", "tavi")],
        around(65, 80, least=18.0, most=100.0),
        {"aortic_vmax": 4.4},
    ),
}


@pytest.mark.parametrize("name", PARTITIONS)
def test_every_value_is_in_exactly_one_band_and_no_band_is_empty(name):
    site, key, bands, values, known = PARTITIONS[name]
    used = set()
    for value in values:
        found = fired(KNOWLEDGE, site, **known, **{key: value}) & set(bands)
        assert len(found) == 1, f"{key} {value}: {sorted(found) or 'no band'}"
        used |= found
    assert used == set(bands)


# site, the number, values from harmless to worst, what else is known of the patient, and of the finding
RISING = {
    "coronary score": ("artery.coronary", "agatston", around(1, 10, 100, 300, 1000, least=0.0, most=6000.0), {}, {}),
    "coronary score, young woman": (
        "artery.coronary",
        "agatston",
        around(1, 10, 100, 300, least=0.0, most=6000.0),
        {"age": 43.0, "sex": "female"},
        {},
    ),
    "valve score, woman": (
        "heart.aortic_valve",
        "agatston",
        around(800, 1200, 1300, 1600, least=0.0, most=6000.0),
        {"age": 70.0, "sex": "female"},
        {},
    ),
    "valve score, man": (
        "heart.aortic_valve",
        "agatston",
        around(1600, 2000, 3000, least=0.0, most=6000.0),
        {"age": 70.0, "sex": "male"},
        {},
    ),
    "AAC-24": ("artery.aorta.abdominal", "aac24", [float(score) for score in range(25)], {}, {}),
    "kidney stone": ("kidney.left", "diameter", around(5, 15, 20, least=0.5, most=60.0), {}, {}),
    "ureteral stone": ("ureter.left", "diameter", around(5, 10, least=0.5, most=40.0), {}, {}),
    "nodule": ("lung.nodule", "diameter", around(6, 8, least=0.5, most=60.0), {}, {}),
    "nodule of a smoker": (
        "lung.nodule",
        "diameter",
        around(6, 8, least=0.5, most=60.0),
        {"history": ("current smoker",)},
        {},
    ),
    "soft-tissue mass": ("soft_tissue", "diameter", around(20, 50, least=0.5, most=200.0), {}, {}),
    "gallstone": ("gallbladder", "diameter", around(30, 50, least=0.5, most=90.0), {}, {}),
    "calcified ring at the splenic artery": (
        "artery.splenic",
        "diameter",
        around(10, 30, least=1.0, most=90.0),
        {},
        {"pattern": "rim"},
    ),
    "breast": ("breast.left", "birads", ["2", "3", "4a", "4b", "4c", "5"], {}, {}),
    "coronary grade": ("artery.coronary", "extent", ["none", "mild", "moderate", "severe"], {}, {}),
    "valve grade": ("heart.aortic_valve", "extent", ["none", "mild", "moderate", "severe"], {}, {}),
    "Brooker": ("soft_tissue", "brooker", [1.0, 2.0, 3.0, 4.0], {}, {}),
}


@pytest.mark.parametrize("guidelines", ["esc", "us"])
@pytest.mark.parametrize("name", RISING)
def test_more_is_never_less_serious(name, guidelines):
    site, key, values, known, more = RISING[name]
    levels = [
        interpret((), patient((site, {**more, key: value}), **known), KNOWLEDGE, guidelines=guidelines).seriousness
        for value in values
    ]
    assert levels == sorted(levels, key=lambda level: level.rank), list(zip(values, levels, strict=True))
    assert levels[0].rank < levels[-1].rank


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("aortic_vmax", around(2, 3, 4, 5, least=1.0, most=6.0)),
        ("aortic_mean_gradient", around(20, 40, least=5.0, most=90.0)),
        ("aortic_valve_area", around(1, 1.5, least=0.4, most=3.0)[::-1]),
    ],
)
def test_a_worse_echocardiogram_is_never_less_serious(key, values):
    levels = [
        interpret((), patient(("heart.aortic_valve", {}), function={key: value}), KNOWLEDGE).seriousness
        for value in values
    ]
    assert levels == sorted(levels, key=lambda level: level.rank)
    assert levels[-1] is Seriousness.SIGNIFICANT


@pytest.mark.parametrize("sex", ["female", "male"])
def test_at_most_one_percentile_band_of_the_table_holds(sex):
    """The table of Hoff: one row an age, and a score of 100 or more needs no percentile."""
    for age in around(40, 45, 50, 55, 60, 65, least=18.0, most=95.0):
        for score in (0.0, 0.4, 1.0, 3.0, 4.0, 9.0, 23.0, 36.0, 57.0, 99.0, 100.0, 400.0):
            found = {
                one
                for one in fired(KNOWLEDGE, "artery.coronary", sex=sex, age=age, agatston=score)
                if one.startswith(("coronary.percentile.men", "coronary.percentile.women"))
            }
            assert len(found) <= 1, (age, score, found)
            assert not (found and (score >= 100.0 or score == 0.0))
            assert all(("women" in one) == (sex == "female") for one in found)


def test_reference_ranges_follow_each_other_without_gap_or_overlap():
    by_quantity = {}
    for band in KNOWLEDGE.labs.ranges:
        by_quantity.setdefault((band.of, band.sex), []).append(band)
    for name, bands in by_quantity.items():
        bands.sort(key=lambda band: band.from_age)
        for younger, older in pairwise(bands):
            assert younger.to_age == older.from_age, name
        assert bands[-1].to_age is None, name
        for band in bands:
            assert band.low is not None or band.high is not None
            assert band.low is None or band.high is None or band.low < band.high


def test_ranges_of_children_are_not_those_of_adults():
    """Phosphate of 6.0 mg/dL is normal in an infant and raised in an adult; no age, no word."""
    words = {}
    for age in (1.0, 40.0, None):
        known = patient(("lung", {"distribution": "diffuse"}), age=age, labs={"phosphate": 6.0, "calcium": 9.5})
        result = interpret((), known, KNOWLEDGE)
        words[age] = {one.rule for one in result.findings[0].kind.reasons}
    assert "kind.phosphate.raised.normal-tissue" in words[40.0]
    assert "kind.minerals.normal" in words[1.0]
    assert not {"kind.phosphate.raised.normal-tissue", "kind.minerals.normal"} & words[None]
