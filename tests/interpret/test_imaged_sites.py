"""Findings as images give them: every place with typical values, sets like those of real scans, and their wording."""

import re

import pytest

from calciscope.domain.assessment import Kind, Seriousness
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.patient import Patient
from calciscope.domain.site import REGIONS, UNPLACED, paths
from calciscope.interpret import interpret, load
from tests.interpret.make import measured, patient, seen

KNOWLEDGE = load()
# What an image can find (the places of the embedded atlas), with the kinds and levels that a radiologist would accept
# for one small deposit of an unknown patient.
TYPICAL = {
    "heart": ({"dystrophic"}, {"monitor"}),
    "artery": ({"dystrophic"}, {"monitor"}),
    "artery.aorta.arch": ({"dystrophic"}, {"monitor"}),
    "artery.aorta.thoracic": ({"dystrophic"}, {"monitor"}),
    "artery.aorta.abdominal": ({"dystrophic"}, {"monitor"}),
    "artery.iliac.left": ({"dystrophic"}, {"monitor"}),
    "artery.leg.left": ({"dystrophic"}, {"monitor"}),
    "artery.carotid.right": ({"dystrophic"}, {"monitor"}),
    "artery.brachiocephalic": ({"dystrophic"}, {"incidental"}),
    "lung.left": ({"dystrophic"}, {"incidental"}),
    "lung.nodule": ({"dystrophic"}, {"incidental"}),
    "pleura.left": ({"dystrophic"}, {"incidental"}),
    "node.mediastinal": ({"dystrophic"}, {"incidental"}),
    "node.hilar.left": ({"dystrophic"}, {"incidental"}),
    "liver": ({"dystrophic"}, {"incidental"}),
    "spleen": ({"dystrophic"}, {"incidental"}),
    "gallbladder": ({"lithiasis"}, {"incidental"}),
    "kidney.left": ({"lithiasis"}, {"incidental"}),
    "ureter.right": ({"lithiasis"}, {"monitor"}),
    "bladder": ({"lithiasis"}, {"monitor"}),
    "vein.pelvic": ({"dystrophic"}, {"incidental"}),
    "prostate": ({"physiological", "indeterminate"}, {"incidental"}),
    "uterus": ({"dystrophic"}, {"incidental"}),
    "thyroid.left": ({"dystrophic"}, {"incidental", "monitor"}),
    "brain.parenchyma": ({"dystrophic"}, {"incidental", "monitor"}),
    "brain.pineal": ({"physiological"}, {"none"}),
    "bowel": ({"indeterminate"}, {"incidental"}),
    "skin": ({"dystrophic", "idiopathic", "indeterminate"}, {"incidental"}),
    "soft_tissue": ({"dystrophic"}, {"incidental"}),
    "tendon.shoulder.left": ({"dystrophic"}, {"incidental"}),
    "joint.knee.left": ({"dystrophic"}, {"incidental"}),
    "chest": ({"dystrophic"}, {"incidental"}),
    "neck": ({"dystrophic"}, {"incidental"}),
    "limb": ({"dystrophic"}, {"incidental"}),
    "abdomen": ({"indeterminate"}, {"incidental"}),
    "pelvis": ({"indeterminate"}, {"incidental"}),
    UNPLACED: ({"indeterminate"}, {"incidental"}),
}
SENTENCE = re.compile(
    r"If .+, (calcification of the .+|the calcification that could not be placed|a next step) would be.+\.$"
)


def judged(*sites: MeasuredSite, known: Patient | None = None, guidelines: str = "esc"):
    return interpret(sites, known or patient(), KNOWLEDGE, guidelines=guidelines, imaged=True)


@pytest.mark.parametrize("site", TYPICAL)
def test_a_small_deposit_is_called_what_a_radiologist_would_call_it(site):
    kinds, levels = TYPICAL[site]
    (finding,) = judged(seen(site)).findings
    assert finding.kind.value in kinds
    assert finding.seriousness.value in levels


@pytest.mark.parametrize("site", paths())
def test_every_place_is_judged_by_its_own_chapter_with_reasons_and_sources(site):
    result = judged(seen(site))
    (finding,) = result.findings
    assert Kind(finding.kind.value)
    assert finding.kind.reasons
    assert any(not reason.rule.startswith("general.") for reason in finding.seriousness.reasons)
    known = {source.id for source in result.sources}
    assert {reason.source for reason in (*finding.kind.reasons, *finding.seriousness.reasons)} <= known
    texts = [advice.text for advice in finding.advice]
    assert len(texts) == len(set(texts))
    assert "No rule" not in result.answer
    if Seriousness(finding.seriousness.value).rank >= Seriousness.MONITOR.rank:
        assert texts, "to be acted on, and nothing is advised"


@pytest.mark.parametrize("site", paths())
def test_what_is_unknown_is_short_readable_and_can_be_answered(site):
    unknowns = judged(seen(site)).unknowns
    assert len(unknowns) <= 8
    for one in unknowns:
        for sentence in re.split(r"(?<=\.) (?=If )", one.would_change):
            assert SENTENCE.match(sentence), sentence
        assert "_" not in one.would_change
        assert one.would_change.count("If ") <= 2
    stated_only = {"location", "brooker", "gartner", "mole", "birads", "aac24", "vessels", "histology", "extent"}
    stated_only |= {"shemesh", "weston", "mac_score"}
    assert not stated_only & {one.input for one in unknowns}


def test_the_prior_is_no_reason_beside_a_better_one():
    for site in ("gallbladder", "artery.aorta.arch", "vein.pelvic", "ureter.left"):
        (finding,) = judged(seen(site)).findings
        assert "kind.prior" not in {reason.rule for reason in finding.kind.reasons}
    (stone,) = judged(seen("gallbladder")).findings
    assert stone.kind.alternatives == ()


def test_stones_of_both_kidneys_and_a_ureter():
    """As in a scan with a stone of about 9 mm in the right ureter and stones in both kidneys."""
    result = judged(
        seen("ureter.right", diameter=8.8, attenuation=1000.0, location="proximal"),
        seen("kidney.left", diameter=8.3, count=4.0),
        seen("kidney.right", diameter=6.1, count=3.0),
        seen("pelvis", diameter=12.0),
        seen("vein.pelvic", attenuation=700.0),
        seen("artery.aorta.abdominal"),
    )
    found = {one.site: one for one in result.findings}
    assert result.seriousness is Seriousness.SIGNIFICANT
    assert result.answer.startswith("Significant: lithiasis (stone) of the right ureter (8.8 mm)")
    assert {found[site].kind.value for site in ("ureter.right", "kidney.left", "kidney.right")} == {"lithiasis"}
    assert found["pelvis"].seriousness.value == "monitor"
    assert any("stone of the ureter or bladder" in advice.text for advice in found["pelvis"].advice)
    assert any("course of the ureter" in advice.text for advice in found["vein.pelvic"].advice)
    asked = {one.input: one.would_change for one in result.unknowns}
    assert "fever" in asked["symptoms"]
    assert "urgent" in asked["symptoms"]
    assert list(asked)[:2] == ["conditions", "symptoms"]
    assert "calcium" in asked
    assert not any("fop" in text for text in asked.values())


def test_gallstones_stand_before_a_speck_in_the_bowel_and_are_harmless_when_silent():
    result = judged(seen("bowel", volume=30.0), seen("gallbladder", diameter=33.0, volume=2700.0, pattern="rim"))
    found = {one.site: one for one in result.findings}
    assert result.answer.startswith("Incidental: lithiasis (stone) of the gallbladder")
    assert found["gallbladder"].seriousness.value == "incidental"
    assert any("largest single stone" in advice.text for advice in found["gallbladder"].advice)
    ill = judged(seen("gallbladder"), known=patient(symptoms=("fever", "abdominal pain")))
    assert ill.seriousness is Seriousness.URGENT


def test_the_parts_of_the_aorta_keep_their_own_advice_beside_the_sum():
    total = measured("artery.aorta", rollup=True, values={"agatston": 5800.0, "count": 4.0, "volume": 4800.0})
    parts = [seen(f"artery.aorta.{part}") for part in ("arch", "thoracic", "abdominal")]
    result = judged(total, *parts, seen("artery"))
    for finding in result.findings:
        rules = {reason.rule for reason in finding.seriousness.reasons}
        if finding.site.startswith("artery.aorta"):
            assert "aorta.default" in rules, finding.site
            assert finding.seriousness.value == "monitor"
    texts = [advice.text for advice in result.advice]
    assert sum("risk factors" in text for text in texts) == 1
    for one in result.unknowns:
        assert "now incidental" not in one.would_change


def test_the_parts_of_the_coronary_tree_share_the_level_of_the_total():
    total = measured("artery.coronary", rollup=True, values={"agatston": 450.0, "count": 2.0, "vessels": 2.0})
    result = judged(total, seen("artery.coronary.lad", agatston=90.0), seen("artery.coronary.rca", agatston=360.0))
    assert {one.seriousness.value for one in result.findings} == {"significant"}
    lad = next(one for one in result.findings if one.site.endswith("lad"))
    assert "coronary.score.a1" not in {reason.rule for reason in lad.seriousness.reasons}


@pytest.mark.parametrize(
    ("points", "diameter", "level"),
    [
        ([(0, 0, 0), (20, 0, 0), (0, 20, 30), (10, 5, 40), (15, 15, 15)], 14.0, "significant"),
        ([(0, 0, 0), (20, 0, 0), (0, 20, 30), (10, 5, 40), (15, 15, 15)], 4.0, "monitor"),
        ([(-150, 0, 0), (150, 0, 0), (0, 20, 30), (10, 5, 40), (15, 15, 15)], 14.0, "monitor"),
        ([(0, 0, 0), (20, 0, 0)], 14.0, "incidental"),
    ],
)
def test_a_cluster_in_soft_tissue_is_looked_at_for_a_mass(points, diameter, level):
    (finding,) = judged(seen("soft_tissue", at=points, diameter=diameter)).findings
    assert finding.seriousness.value == level
    assert any("sarcoma centre" in advice.text for advice in finding.advice) == (level == "significant")


@pytest.mark.parametrize("site", [*REGIONS, UNPLACED])
def test_a_large_deposit_is_not_called_harmless_before_its_place_is_known(site):
    small, large = (judged(seen(site, diameter=size)) for size in (4.0, 17.0))
    assert (small.seriousness, large.seriousness) == (Seriousness.INCIDENTAL, Seriousness.MONITOR)
    assert "Look at the picture" in large.advice[0].text


@pytest.mark.parametrize("values", [{"agatston": 2400.0}, {"volume": 2100.0}])
def test_much_calcium_in_the_heart_is_significant_with_or_without_a_score(values):
    site = seen("heart", **values)
    if "agatston" not in values:
        site = MeasuredSite("heart", placed=site.placed, values={"volume": 2100.0, "count": 1.0})
    assert judged(site).seriousness is Seriousness.SIGNIFICANT


def test_a_proximal_stone_is_not_taken_for_a_phlebolith():
    near, far = (judged(seen("ureter.left", location=place)).findings[0] for place in ("proximal", "distal"))
    assert not any("comet tail" in advice.text for advice in near.advice)
    assert any("comet tail" in advice.text for advice in far.advice)


def test_nothing_found_is_said_without_an_all_clear():
    assert judged().answer == "No calcium deposit was found in what was imaged."
    assert "all-clear" in interpret((), patient(), KNOWLEDGE).answer
