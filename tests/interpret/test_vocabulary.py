"""Words to concepts: whole words, the longest first, without those that are negated."""

from pathlib import Path

import pytest
import yaml

from calciscope.interpret import load
from calciscope.interpret.schema import Negations, Values, Vocabulary
from calciscope.interpret.vocabulary import compile_words, tokens

PHRASES = yaml.safe_load((Path(__file__).parent / "phrases.yaml").read_text(encoding="utf-8"))
WORDS = compile_words(
    Vocabulary(
        conditions={
            "current_smoker": ("smoker", "smoking"),
            "former_smoker": ("ex smoker",),
            "renal_failure": ("kidney failure",),
            "chronic_renal_failure": ("chronic kidney failure",),
        },
        symptoms={"fever": ("febrile",), "pain": ("painful",), "flank_pain": (), "chill": ()},
        history={"family_history": ("family history of gout",)},
        ignored=("hay fever",),
        implies={"flank_pain": ("pain",), "chronic_renal_failure": ("renal_failure",)},
        negations=Negations(
            before=("no", "denies", "never", "negative for", "family history of"),
            after=("absent", "ruled out", "no"),
            joins=("or",),
            stops=("but", ",", ";"),
        ),
        values={"morphology": Values(words={"fine linear branching": ("fine linear", "casting"), "coarse": ()})},
    )
)


@pytest.mark.parametrize(
    ("phrase", "concepts"),
    [
        ("fever", {"fever"}),
        ("Fever since Monday", {"fever"}),
        ("feverish", set()),
        ("hay fever", set()),
        ("hay fever, chills", {"chill"}),
        ("denies fever, chills, or flank pain", set()),
        ("denies fever, chills; flank pain or fever", {"chill", "flank_pain", "pain", "fever"}),
        ("fever: no", set()),
        ("fever, no chills", {"fever"}),
        ("fever no chills", {"fever"}),
        ("no fever", set()),
        ("No fever or chills", set()),
        ("denies fever, flank pain", {"flank_pain", "pain"}),
        ("no fever but painful", {"pain"}),
        ("fever absent", set()),
        ("fever ruled out, flank pain", {"flank_pain", "pain"}),
        ("negative for fever; chills", {"chill"}),
        ("never smoker", set()),
        ("ex-smoker", {"former_smoker"}),
        ("smoker", {"current_smoker"}),
        ("chronic kidney failure", {"chronic_renal_failure", "renal_failure"}),
        ("kidney failures", {"renal_failure"}),
        ("current_smoker", {"current_smoker"}),
        ("family history of gout", {"family_history"}),
        ("family history of fever", set()),
        ("", set()),
        ("...", set()),
    ],
)
def test_concepts_of_a_phrase(phrase, concepts):
    assert WORDS.concepts_of(phrase) == concepts
    assert WORDS.concepts_of(phrase) == concepts, "the second look-up is the remembered one"


def test_concepts_of_several_phrases_are_joined():
    assert WORDS.concepts_in(["fever", "no pain", "ex-smoker"]) == {"fever", "former_smoker"}
    assert WORDS.concepts_in([]) == frozenset()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("fine linear", "fine linear branching"),
        ("Fine-linear branching", "fine linear branching"),
        ("casting", "fine linear branching"),
        ("COARSE", "coarse"),
        (" Something Else ", "something else"),
    ],
)
def test_values_are_mapped_to_the_word_that_rules_compare(text, word):
    assert WORDS.value("morphology", text) == word
    assert WORDS.value("pattern", text) == text.strip().lower()


@pytest.mark.parametrize(
    ("key", "text", "word"),
    [
        ("pattern", "spotty calcification", "stippled"),
        ("morphology", "Popcorn-shaped calcifications", "coarse"),
        ("distribution", "grouped microcalcifications", "grouped"),
        ("extent", "heavily calcified", "severe"),
        ("margin", "spiculated margins", "spiculated"),
        ("pattern", "calcified mass", "calcified mass"),
    ],
)
def test_words_that_add_nothing_do_not_hide_a_value(key, text, word):
    assert load().words.value(key, text) == word


def test_tokens_are_singular_lower_case_words_and_marks():
    assert tokens("Ex-smoker's fevers, abscess") == ("ex", "smoker", "fever", ",", "abscess")


@pytest.mark.parametrize(
    ("phrase", "concept"),
    [
        ("ESRD on hemodialysis", "dialysis"),
        ("haemodialysis for 6 years", "dialysis"),
        ("chronic kidney disease stage 5", "ckd_advanced"),
        ("CKD stage 4", "ckd"),
        ("type 2 diabetes mellitus", "diabetes"),
        ("Coumadin", "warfarin"),
        ("scleroderma", "systemic_sclerosis"),
        ("limited cutaneous SSc", "systemic_sclerosis"),
        ("juvenile dermatomyositis", "connective_tissue_disease"),
        ("pulmonary tuberculosis 1985", "tuberculosis"),
        ("exertional dyspnoea", "dyspnoea"),
        ("shortness of breath", "dyspnoea"),
        ("painful necrotic skin ulcer on the thigh", "skin_necrosis"),
        ("calcium gluconate extravasation at the forearm 3 weeks ago", "calcium_extravasation"),
        ("total hip replacement 2023", "joint_replacement"),
        ("fever and rigors", "fever"),
        ("solitary kidney", "single_kidney"),
        ("renal colic", "renal_colic"),
        ("smokes 20 cigarettes a day", "current_smoker"),
        ("cholecalciferol 1000 IU", "vitamin_d_drug"),
        ("aortic valve replacement 2019", "aortic_valve_replacement"),
    ],
)
def test_the_embedded_vocabulary_understands_clinicians(phrase, concept):
    assert concept in load().words.concepts_of(phrase)


@pytest.mark.parametrize(
    ("phrase", "concept"),
    [
        ("never smoker", "current_smoker"),
        ("non-smoker", "current_smoker"),
        ("ex-smoker", "current_smoker"),
        ("no fever", "fever"),
        ("without hydronephrosis", "hydronephrosis"),
        ("family history of sarcoidosis", "sarcoidosis"),
        ("tuberculosis ruled out", "tuberculosis"),
        ("denies chest pain", "angina"),
    ],
)
def test_the_embedded_vocabulary_hears_a_no(phrase, concept):
    assert concept not in load().words.concepts_of(phrase)


@pytest.mark.parametrize(
    ("concept", "phrase"), [(concept, phrase) for concept, said in PHRASES["understood"].items() for phrase in said]
)
def test_letters_are_understood(concept, phrase):
    assert concept in load().words.concepts_of(phrase)


@pytest.mark.parametrize(
    ("concept", "phrase"), [(concept, phrase) for concept, said in PHRASES["denied"].items() for phrase in said]
)
def test_what_letters_deny_or_mean_otherwise_is_not_heard(concept, phrase):
    assert concept not in load().words.concepts_of(phrase)


@pytest.mark.parametrize("phrase", PHRASES["nothing"])
def test_phrases_that_say_nothing_of_calcium(phrase):
    assert load().words.concepts_of(phrase) == frozenset()
