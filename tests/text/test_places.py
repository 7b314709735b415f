"""Place, side, further places, attributes and scores."""

from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("spacy", reason="the text extra is not installed")

from calciscope.domain.mention import Mention
from calciscope.domain.site import exists
from calciscope.text.lexicon import lexicon
from calciscope.text.reader import reader

_CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "places.yaml").read_text("utf-8"))


def _first(text: str) -> Mention:
    return reader().read(text).mentions[0]


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case["text"])
def test_place_and_side(case: dict[str, Any]) -> None:
    found = _first(case["text"])
    assert found.site == case["site"]
    if "side" in case:
        assert found.laterality == case["side"]
    assert found.assertion == "affirmed"


_ANATOMY: dict[str, dict[str, list[str]]] = yaml.safe_load((Path(__file__).parent / "anatomy.yaml").read_text("utf-8"))
_ASKED = {"calcification": "Calcification of the {}.", "stones": "A stone in the {}.", "named": "There is a {}."}


@pytest.mark.parametrize(("sort", "site"), [(sort, site) for sort, by in _ANATOMY.items() for site in by])
def test_names_of_the_body(sort: str, site: str) -> None:
    wrong = {}
    for name, *more in (name.split("|") for name in _ANATOMY[sort][site]):
        found = _first(_ASKED[sort].format(name)).site
        if found not in {*site.split("|"), *more}:
            wrong[name] = found
    assert not wrong


_CAPTIONS: list[dict[str, str]] = yaml.safe_load((Path(__file__).parent / "captions.yaml").read_text("utf-8"))


@pytest.mark.parametrize("case", _CAPTIONS, ids=lambda case: case["text"][:60])
def test_of_several_places_that_of_the_calcium(case: dict[str, str]) -> None:
    found = _first(case["text"])
    assert found.site in case["site"].split("|")
    assert found.assertion == case.get("said", "affirmed")
    if "side" in case:
        assert found.laterality == case["side"]


def test_a_list_of_places_is_one_mention_of_all() -> None:
    found = _first("Calcification of the aortic arch, mitral annulus and coronary arteries.")
    assert {found.site, *found.also} == {"artery.aorta.arch", "heart.mitral_annulus", "artery.coronary"}


def test_a_sentence_without_a_place_goes_on_with_the_last_one() -> None:
    found = reader().read("There is a mass in the left adrenal gland. It contains calcification.").mentions
    assert (found[0].site, found[0].laterality) == ("adrenal", "left")


@pytest.mark.parametrize(
    ("text", "site"),
    [
        ("A gallstone is seen occupying the third portion of the duodenum.", "bowel"),
        ("Scattered vascular calcifications of the forearm and hand.", "artery.arm"),
        ("Vascular calcification of the fingers.", "artery.arm"),
        ("Arterial calcification in the left foot.", "artery.leg"),
        ("Atherosclerotic calcification of the neck vessels.", "artery.carotid"),
        ("Calcified forearm arteries.", "artery.arm"),
        ("A large gallstone impacted in the terminal ileum.", "bowel"),
        ("Gallstones are seen, and the duodenum is normal.", "gallbladder"),
        (
            "Vascular calcification that looks like a railway line on both sides of the wall of the tibial artery.",
            "artery.leg",
        ),
    ],
)
def test_where_a_named_stone_lies_and_what_a_general_word_means(text: str, site: str) -> None:
    assert _first(text).site == site


def test_the_examination_says_the_place_of_what_has_none() -> None:
    assert _first("Mammogram. Pleomorphic calcifications are seen.").site == "breast"


def test_nothing_is_guessed() -> None:
    assert _first("Calcification.").site == "unplaced"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("There is a 6 mm calculus in the left kidney.", {"size_mm": 6.0}),
        ("Calculus in the left kidney measuring 1.2 cm.", {"size_mm": 12.0}),
        ("A 4 x 7 mm calculus in the left kidney.", {"size_mm": 7.0}),
        ("Nine-millimeter stone in the cystic duct.", {"size_mm": 9.0}),
        ("Three calculi in the right kidney.", {"count": 3.0}),
        ("The gallbladder holds multiple gallbladder stones.", {"count": "multiple"}),
        ("Multiple calculi in the right kidney.", {"count": "multiple"}),
        ("Calculus in the left kidney (1100 HU).", {"hu": 1100.0}),
        ("Severe coronary artery calcification.", {"extent": "severe"}),
        ("Fine pleomorphic calcifications of the breast in a segmental distribution.",
         {"morphology": "fine pleomorphic", "distribution": "segmental"}),
        ("Unchanged calcified granuloma.", {"change": "stable"}),
        ("Popcorn calcification in a lung nodule.", {"pattern": "popcorn"}),
        ("Obstructing calculus in the distal left ureter.", {"obstruction": "obstructing", "location": "distal"}),
        ("Grouped calcifications in the left breast, BI-RADS 4B.", {"birads": "4b"}),
    ],
)  # fmt: skip
def test_attributes(text: str, expected: dict[str, object]) -> None:
    found = _first(text).attributes
    assert {key: found.get(key) for key in expected} == expected


@pytest.mark.parametrize(
    "text",
    [
        "A 5 x 6 cm mass with several calcifications in the abdomen.",
        "There is a 3 cm cyst of the liver with mural calcification.",
        "The aorta measures 4.5 cm with calcification of its wall.",
        "Large heterogeneous mass with calcification.",
    ],
)
def test_the_size_of_what_holds_calcium_is_not_that_of_the_calcium(text: str) -> None:
    assert not {"size_mm", "size_word"} & set(_first(text).attributes)


@pytest.mark.parametrize(
    ("text", "site", "value"),
    [
        ("Agatston score of 210.", "artery.coronary", 210.0),
        ("The total calcium score is 1,234.", "artery.coronary", 1234.0),
        ("Coronary calcium score: 0", "artery.coronary", 0.0),
        ("Aortic valve calcium score: 2400.", "heart.aortic_valve", 2400.0),
        ("Total Agatston score 410 AU", "artery.coronary", 410.0),
    ],
)
def test_scores(text: str, site: str, value: float) -> None:
    found = [one for one in reader().read(text).mentions if one.kind == "score"]
    assert [(one.site, one.attributes["agatston"]) for one in found] == [(site, value)]


def test_scores_of_single_arteries() -> None:
    text = "Calcium score: LM: 0, LAD: 120, LCx: 30, RCA: 60. Total calcium score 210."
    found = {one.site: one.attributes["agatston"] for one in reader().read(text).mentions}
    assert found["artery.coronary.lad"] == 120.0
    assert found["artery.coronary"] == 210.0
    assert found["artery.coronary.lm"] == 0.0


def test_a_score_without_a_number_is_no_mention() -> None:
    assert reader().read("CT for calcium scoring was performed.").mentions == ()


@pytest.mark.parametrize(
    "text",
    [
        "Calcifying epithelial odontogenic tumor.",
        "Serum calcium was 9.8 mg/dL.",
        "Patient takes a calcium channel blocker.",
        "CT renal stone protocol was performed.",
        "The lungs are clear.",
    ],
)
def test_what_is_no_mention(text: str) -> None:
    assert reader().read(text).mentions == ()


def test_every_place_of_the_words_exists() -> None:
    for phrase, term in lexicon().phrases:
        paths = [dict(term.inside).get("site")] if term.layer == "target" else []
        paths += [term.key] if term.layer in ("place", "weak", "lesion", "modality") else []
        paths += [term.value] if term.layer == "score" else []
        for path in paths:
            assert path is None or exists(path), phrase
    for pair, path in lexicon().joined.items():
        assert all(map(exists, (*pair, path)))
    for (general, word), path in lexicon().beside_words.items():
        assert exists(general), word
        assert path.startswith(f"{general}."), word


def test_offsets_are_those_of_the_text() -> None:
    text = "Findings:\n\tA calcified  granuloma.\r\nImpression: No  renal\nstones; aortic calcification."
    for one in reader().read(text).mentions:
        assert text[one.start : one.end] == one.text
        assert one.sentence[0] <= one.start < one.end <= one.sentence[1]
