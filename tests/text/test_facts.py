"""What a report says of the patient besides calcium, and how it meets a patient file."""

import pytest

pytest.importorskip("spacy", reason="the text extra is not installed")

from calciscope import reported, reports
from calciscope.domain.patient import Patient, StatedFinding
from calciscope.interpret import interpret, rules
from calciscope.read.text import of_text
from calciscope.text import lexicon
from calciscope.text.reader import reader


def facts(text):
    return {(one.key or "-", one.value, one.denied) for one in reader().read(text).facts}


def phrases(text):
    return {f"{'no ' if one.denied else ''}{one.value}" for one in reader().read(text).facts}


@pytest.mark.parametrize(
    ("text", "age", "sex"),
    [
        ("INDICATION: 62-year-old woman with flank pain.", 62.0, "female"),
        ("HISTORY: 71 y/o M, fever.", 71.0, "male"),
        ("A 45-year-old African American man presents with pain.", 45.0, "male"),
        ("Age: 50 Sex: F\nFINDINGS: Stone.", 50.0, "female"),
        ("6-month-old girl.", 0.5, "female"),
        ("58M with hematuria.", 58.0, "male"),
        ("PET with 18F-FDG. 18 F was given.", None, None),
        ("XXXX-year-old male.", None, None),
        ("Family history: 70-year-old mother with stones.", None, None),
        ("Stable for 10 years.", None, None),
    ],
)
def test_age_and_sex(text, age, sex):
    found = {one.key: one.value for one in reader().read(text).facts if one.key}
    assert (found.get("age"), found.get("sex")) == (age, sex)


def test_two_ages_are_told_and_not_used():
    found = reader().read("62-year-old woman. In a 40-year-old patient this would differ.").facts
    assert [(one.value, one.used) for one in found if one.key == "age"] == [(62.0, False), (40.0, False)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FINDINGS: Moderate hydronephrosis.", {"hydronephrosis"}),
        ("FINDINGS: No hydronephrosis.", {"no hydronephrosis"}),
        ("INDICATION: Evaluate for hydronephrosis.", set()),
        ("INDICATION: Hydronephrosis.", set()),
        ("FINDINGS: Possible hydronephrosis.", set()),
        ("INDICATION: Flank pain and fever.", {"flank pain", "fever"}),
        ("INDICATION: Flank pain without fever.", {"flank pain", "no fever"}),
        ("PAST MEDICAL HISTORY: Fever.", set()),
        ("HISTORY: Status post CABG, on hemodialysis.", {"cabg", "dialysis"}),
        ("FINDINGS: Median sternotomy and changes of prior CABG.", {"cabg"}),
        ("FINDINGS: Dialysis catheter in place.", set()),
        ("HISTORY: Breast cancer.", {"breast cancer"}),
        ("FINDINGS: Known breast cancer.", {"breast cancer"}),
        ("FINDINGS: Calcifications suspicious for breast cancer.", set()),
        ("FINDINGS: The mass is consistent with renal cell carcinoma.", set()),
        ("FAMILY HISTORY: Breast cancer.", set()),
        ("HISTORY: Mother with breast cancer.", set()),
        ("INDICATION: Lung cancer screening.", set()),
        ("INDICATION: Rule out tuberculosis.", set()),
        ("HISTORY: Former smoker.", set()),
        ("HISTORY: Diabetes, hypertension, former smoker.", {"diabetes", "hypertension"}),
        ("FINDINGS: No evidence of malignancy.", set()),
    ],
)
def test_words_of_conditions_and_symptoms(text, expected):
    assert phrases(text) == expected


def test_every_phrase_is_one_of_the_vocabulary():
    words = rules.load().words
    for one in lexicon.read("facts")["facts"]:
        assert words.concepts_of(one["says"]), one["says"]
    for one in lexicon.read("attributes")["said"]:
        assert words.concepts_of(one["says"]), one["says"]


def beside(text, patient=None, **known):
    return reports.of(of_text(text)).beside(patient or Patient(**known), (), rules.load())


def used(stated):
    return {one.value: one.used for one in stated.facts}


def test_what_a_report_says_reaches_the_patient_and_leaves_the_rest_open():
    text = "INDICATION: 62-year-old woman with fever, on dialysis.\nFINDINGS: Stone in the left ureter."
    patient = beside(text).patient
    assert (patient.age, patient.sex) == (62.0, "female")
    assert (patient.symptoms, patient.conditions) == (("fever",), ("dialysis",))
    assert patient.partial == {"symptoms", "conditions"}
    meant = interpret((), patient, rules.load())
    assert meant.seriousness == "urgent"
    # What the report does not speak of may still be so.
    calm = interpret((), beside("HISTORY: Diabetes.\nFINDINGS: 3 mm stone in the left ureter.").patient, rules.load())
    assert any("sepsis" in one.would_change for one in calm.unknowns)


def test_what_is_denied_is_not_asked_for():
    def asked(text):
        stated = beside(text)
        found = interpret((), stated.patient, rules.load()).unknowns
        return " ".join(one.would_change for one in found if one.input == "conditions")

    assert "hydronephrosis" in asked("FINDINGS: 3 mm stone in the left kidney.")
    assert "hydronephrosis" not in asked("FINDINGS: 3 mm stone in the left kidney. No hydronephrosis.")


@pytest.mark.parametrize(
    ("text", "known", "value", "why"),
    [
        ("62-year-old woman.", {"age": 45.0}, 62.0, "45 years"),
        ("62-year-old woman.", {"sex": "male"}, "female", "male"),
        ("INDICATION: Fever.", {"symptoms": ()}, "fever", "no symptoms"),
        ("INDICATION: Fever.", {"symptoms": ("no fever",)}, "fever", "no fever"),
        ("FINDINGS: No hydronephrosis.", {"conditions": ("hydronephrosis",)}, "hydronephrosis", "hydronephrosis"),
    ],
)
def test_the_patient_file_goes_first_and_the_difference_is_told(text, known, value, why):
    stated = beside(text, **known)
    fact = next(one for one in stated.facts if one.value == value)
    assert not fact.used
    assert fact.why is not None
    assert why in fact.why
    assert all(getattr(stated.patient, key) == each for key, each in known.items())
    assert "patient file" in reported.sentence(stated.facts)


def test_what_agrees_is_no_difference():
    stated = beside("62-year-old woman.", age=61.0, sex="female")
    assert not reported.sentence(stated.facts)
    assert stated.patient.age == 61.0


def test_a_finding_of_the_patient_file_goes_first():
    patient = Patient(findings=(StatedFinding("ureter.left", {"diameter": 6.0}),))
    stated = beside("9 mm stone in the distal left ureter. No gallstones.", patient)
    (finding,) = stated.patient.findings
    assert dict(finding.values) == {"diameter": 6.0, "location": "distal"}
    (fact,) = [one for one in stated.facts if one.key == "findings"]
    assert (fact.value, fact.why) == ("ureter.left diameter 9", "the patient file says “6”, which is used")
    denied = beside("No stone in the left ureter.", patient)
    assert [one.denied for one in denied.facts] == [True]


def test_hydronephrosis_of_one_side_is_that_of_its_stones():
    text = "6 mm stone in the left ureter with left hydronephrosis. 3 mm stone in the right kidney."
    findings = {one.site: dict(one.values) for one in beside(text).patient.findings}
    assert findings["ureter.left"]["said"] == "hydronephrosis"
    assert "said" not in findings["kidney.right"]
    assert used(beside("Left hydronephrosis. Stone in the right kidney.")) == {"hydronephrosis": False}


def test_an_obstructing_stone_obstructs_and_another_does_not():
    text = "Obstructing stone in the left ureter. Nonobstructing stone in the right kidney."
    meant = interpret((), beside(text).patient, rules.load())
    rules_of = {one.site: {reason.rule for reason in one.seriousness.reasons} for one in meant.findings}
    assert "urinary.obstruction" in rules_of["ureter.left"]
    assert "urinary.obstruction" not in rules_of["kidney.right"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Grouped punctate calcifications in the left breast, new since last year.", "new calcification"),
        ("Stable grouped punctate calcifications in the left breast.", "stable calcification"),
        ("Calcified nodule in the right upper lobe, unchanged for 3 years.", "stable for 2 years"),
        ("Calcified nodule in the right upper lobe, unchanged.", None),
        ("Stable calcification of the aortic arch.", None),
    ],
)
def test_words_of_change_reach_the_rules_that_read_them(text, said):
    (finding,) = beside(text).patient.findings
    assert finding.values.get("said") == said
    assert reader().read(text).mentions[0].attributes["change"] in ("new", "stable")


def test_several_reports_that_differ_in_age_are_used_of_none():
    one, two = (reports.of(of_text(text)) for text in ("62-year-old woman.", "41-year-old woman."))
    patient, told = reported.beside(Patient(), (*one.facts, *two.facts), (), rules.load())
    assert patient.age is None
    assert patient.sex == "female"
    assert {fact.why for fact in told if fact.key == "age"} == {"the reports give several"}
