"""Mentions to findings, sections, language, and other parts by themselves."""

import pytest

pytest.importorskip("spacy", reason="the text extra is not installed")

import calciscope
from calciscope.errors import InputError
from calciscope.text import told
from calciscope.text.language import foreign
from calciscope.text.reader import reader


def of(text):
    return told(reader().read(text).mentions)


def stated(text):
    return {one.site: dict(one.values) for one in of(text).stated}


def test_one_finding_a_place_with_what_all_mentions_say():
    text = "FINDINGS: 3 mm left renal stone. There is a 7 mm calculus in the left kidney (900 HU).\nIMPRESSION: Stone."
    assert stated(text)["kidney.left"] == {"diameter": 7.0, "attenuation": 900.0}


def test_a_mention_without_a_side_is_of_the_only_side_that_is_named():
    assert list(stated("Stone in the left kidney.\n\nIMPRESSION: Renal stone.")) == ["kidney.left"]
    both = stated("Stone in the left kidney. Stone in the right kidney. Renal stone.")
    assert {"kidney.left", "kidney.right"} <= set(both)


def test_both_sides_are_one_finding():
    assert stated("Bilateral renal calculi.") == {"kidney": {"symmetry": "bilateral"}}


def test_numbers_of_several_places_are_of_none():
    assert stated("Calcification of the mitral annulus and the aortic arch, 1200 HU.") == {
        "heart.mitral_annulus": {},
        "artery.aorta.arch": {},
    }


def test_breast_words_reach_the_rules():
    text = "Mammogram of the left breast: fine pleomorphic calcifications in a segmental distribution. BI-RADS 4C."
    assert stated(text)["breast.left"] == {
        "morphology": "fine pleomorphic",
        "distribution": "segmental",
        "birads": "4c",
    }


def test_what_is_denied_is_free_only_where_nothing_else_is_said():
    assert of("No renal calculi.").absent == ("kidney",)
    assert of("No renal calculi. Stone in the right kidney.").absent == ()
    assert [one.site for one in of("Possible gallstone.").possible] == ["gallbladder"]
    assert of("Possible gallstone. Gallstones are present.").possible == ()


@pytest.mark.parametrize(
    ("text", "assertion", "section"),
    [
        ("PAST MEDICAL HISTORY: Gallstones.", "historical", "history"),
        ("FAMILY HISTORY: Gallstones.", "other", "family"),
        ("INDICATION: Gallstones.", "possible", "indication"),
        ("IMPRESSION: Gallstones.", "affirmed", "impression"),
        ("HISTORY: pain.\nFINDINGS: Gallstones.", "affirmed", "findings"),
        ("History: pain. Impression: Gallstones.", "affirmed", "impression"),
        ("HISTORY: No gallstones.", "negated", "clinical"),
    ],
)
def test_sections(text, assertion, section):
    (one,) = reader().read(text).mentions
    assert (one.assertion, one.section) == (assertion, section)


def test_a_heading_of_an_organ_says_the_place_and_side():
    (one,) = reader().read("Left breast: Grouped calcifications.").mentions
    assert (one.site, one.laterality) == ("breast", "left")


def test_lines_that_a_page_broke_are_one_sentence():
    (one,) = reader().read("There is no evidence of any suspicious finding such as a mass or\ncalcification.").mentions
    assert one.assertion == "negated"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Calcifications discales chez le cas 2 à hauteur de C3 sur une coupe de la colonne", "French"),
        ("Nachweis von Kalk in der Niere und keine Steine in der Blase", "German"),
        ("Se observan calcificaciones en el riñón derecho y litiasis en la vejiga", "Spanish"),
        ("腎臓に結石があります", "another script"),
        ("Right renal stone", None),
        ("No calcification is seen in the kidney.", None),
        ("Calcified granuloma, RUL.", None),
        ("", None),
    ],
)
def test_language(text, language):
    assert foreign(text) == language


def test_an_empty_text_has_no_mentions():
    assert reader().read("").mentions == ()
    assert reader().read("...\n\n---").mentions == ()


def test_the_function_takes_a_text_or_a_path(tmp_path):
    found = calciscope.explain("Nonobstructing 4 mm calculus in the left kidney.")
    assert [one.site for one in found.findings] == ["kidney.left"]
    (tmp_path / "a.txt").write_text("Gallstones.")
    assert calciscope.explain(tmp_path / "a.txt").mentions[0].site == "gallbladder"
    with pytest.raises(InputError, match="French"):
        calciscope.explain("Calcification du rein avec une lithiase de la vessie et des uretères")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("CT Abdomen: Nierenstein links, 5 mm. Verkalkung der Aorta.", "German"),
        ("Calcul du rein gauche de 6 mm.", "French"),
        ("Litiasis renal izquierda. Calcificaciones vasculares.", "Spanish"),
        ("Calcolo renale sinistro di 6 mm. Calcificazioni dell'aorta addominale.", "Italian"),
        ("Njursten på vänster sida, 6 mm. Förkalkningar i aorta.", "Swedish"),
        ("左肾结石,大小约6毫米。主动脉钙化。", "another script"),
        (
            "Veselības stāvoklis apmierinošs, sūdzību nav, ieteikumi pēc gada.",
            "another language",
        ),
        ("Calcul.", "French"),
        ("Kidney stone 6 mm left.", None),
        ("Normal chest.", None),
        ("Report Type E O H S O H, Dr. De Los Santos: renal calculus.", None),
    ],
)
def test_short_texts_of_other_languages(text, language):
    assert reader().read(text).language == language
