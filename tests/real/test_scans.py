"""The main job on real scans: what a person sees in the pictures is found, placed and judged; nothing else is."""

import pytest

from tests.real.scans import NAMES, deposits, places, run, wrongly_found

pytestmark = pytest.mark.real


def finding(scans, name, site):
    for found in run(scans, name).assessment.findings:
        if found.site == site:
            return found
    pytest.fail(f"no finding at {site}")


@pytest.mark.parametrize("name", NAMES)
def test_every_annotated_deposit_is_found(scans, name):
    missed = [place.at for place in places(scans, name) if place.outcome == "missed"]
    assert not missed


@pytest.mark.parametrize("name", NAMES)
def test_no_annotated_deposit_is_at_a_wrong_site(scans, name):
    wrong = [(place.at, place.deposit.site, place.sites) for place in places(scans, name) if place.outcome == "wrong"]
    assert not wrong


def test_most_annotated_deposits_are_at_their_exact_site(scans):
    all_places = [place for name in NAMES for place in places(scans, name)]
    assert sum(place.outcome == "exact" for place in all_places) >= 0.7 * len(all_places)


@pytest.mark.parametrize("name", NAMES)
def test_what_looks_like_a_deposit_and_is_not_stays_out(scans, name):
    assert not wrongly_found(scans, name)


def test_gallstones_are_stones_in_the_gallbladder(scans):
    assert finding(scans, "chest-abdomen-gallstone", "gallbladder").kind.value == "lithiasis"


def test_phleboliths_are_incidental_and_iliac_calcium_is_arterial(scans):
    assert finding(scans, "limb-sts-007", "vein.pelvic").seriousness.value == "incidental"
    iliac = {place.at: place.deposit.site for place in places(scans, "limb-sts-007") if place.at[0] > 40}
    assert iliac == {(55, 28, 236): "artery.iliac.left", (43, 47, 237): "artery.iliac.left"}


def test_a_ten_millimetre_stone_in_the_ureter_is_significant(scans):
    stone = finding(scans, "totalsegmentator/example_ct", "ureter.right")
    assert stone.kind.value == "lithiasis"
    assert stone.seriousness.value in ("significant", "urgent")
    assert stone.measures["diameter"].value == pytest.approx(10.0, abs=3.0)


def test_a_hip_prosthesis_is_metal(scans):
    assessment = run(scans, "totalsegmentator/example_ct").assessment
    assert any(candidate.rejected_as == "metal" for candidate in assessment.rejected)
    assert not [d for d in deposits(assessment) if d.center_index[0] <= 18 and d.center_index[2] > 80]


def test_lossy_compression_and_the_voltage_show_in_the_score(scans):
    assessment = run(scans, "chest-coronary").assessment
    scored = [f.measures["agatston"] for f in assessment.findings if f.site.startswith(("heart", "artery"))]
    assert scored
    for measure in scored:
        assert measure.validity == "adjusted"
        assert "130 kV" in measure.why
        assert "loss" in measure.why


def test_contrast_refuses_the_agatston_score_and_keeps_the_rest(scans):
    aorta = finding(scans, "abdomen-pelvis-contrast", "artery.aorta.abdominal")
    assert aorta.measures["agatston"].validity == "refused"
    assert aorta.measures["agatston"].value is None
    assert "contrast" in aorta.measures["agatston"].why
    assert aorta.measures["volume"].value is not None


@pytest.mark.parametrize("name", NAMES)
def test_numbers_and_records_hold_together(scans, name):
    assessment = run(scans, name).assessment
    records = deposits(assessment)
    assert len({record.id for record in records}) == len(records)
    for found in assessment.findings:
        assert all(record.site == found.site for record in found.deposits)
        for key, measure in found.measures.items():
            assert (measure.value is None) == (measure.validity == "refused"), key
            assert measure.validity == "valid" or measure.why, key
