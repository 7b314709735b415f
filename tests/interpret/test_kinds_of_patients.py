"""The kind, its likely cause and what stands close to it, in whole patients."""

import pytest

from calciscope.domain.assessment import Finding
from calciscope.domain.patient import Patient, StatedFinding
from calciscope.interpret.interpretation import Interpretation, interpret
from calciscope.interpret.rules import load

KNOWLEDGE = load()


def judged(*sites: str | tuple[str, dict[str, float | str]], **patient: object) -> Interpretation:
    findings = tuple(StatedFinding(*((site, {}) if isinstance(site, str) else site)) for site in sites)
    return interpret((), Patient(findings=findings, **patient), KNOWLEDGE)


def one(*sites: str | tuple[str, dict[str, float | str]], **patient: object) -> Finding:
    return judged(*sites, **patient).findings[0]


def said(finding: Finding) -> str:
    return " ".join(reason.statement for reason in finding.kind.reasons)


@pytest.mark.parametrize(
    ("site", "patient", "cause"),
    [
        ("soft_tissue", {"history": ("fell from a ladder: haematoma of the thigh 2019",)}, "trauma"),
        ("skin", {"conditions": ("limited cutaneous ssc",)}, "chronic inflammation"),
        ("pancreas", {}, "chronic inflammation"),
        ("node.hilar", {"conditions": ("silicosis",)}, "chronic inflammation"),
        ("lung.nodule", {"history": ("treated for pulmonary tb in 1980",)}, "infection"),
        ("node.mesenteric", {}, "a healed infection"),
        ("node.axillary.left", {"conditions": ("breast cancer",)}, "a tumour"),
        ("artery.coronary", {"conditions": ("t2dm",)}, "atherosclerosis"),
        ("heart.aortic_valve", {}, "degeneration"),
        ("tendon.shoulder.right", {}, "degeneration"),
        ("soft_tissue", {"history": ("gluteal injections",)}, "iatrogenic (an operation or injection)"),
        ("heart.pericardium", {"history": ("mediastinal radiotherapy 1998",)}, "iatrogenic (radiation)"),
    ],
)
def test_the_causes_of_dystrophic_calcification_are_named(site, patient, cause):
    finding = one(site, **patient)
    assert finding.kind.value == "dystrophic"
    assert f"The likely cause is {cause}." in said(finding)


def test_no_cause_of_damage_is_named_for_another_kind():
    finding = one(("kidney.left", {"diameter": 6.0}), history=("blunt trauma",))
    assert finding.kind.value == "lithiasis"
    assert "likely cause" not in said(finding)


def test_an_indeterminate_kind_says_between_which():
    finding = one(
        "skin", age=50.0, labs={"calcium": 11.5, "phosphate": 5.5}, conditions=("systemic sclerosis",), symptoms=()
    )
    assert finding.kind.value == "indeterminate"
    assert set(finding.kind.between) == {"dystrophic", "metastatic"}
    assert [other.value for other in finding.kind.alternatives[:2]] == list(finding.kind.between)


def test_the_answer_names_the_kinds_that_stand_close():
    assert "calcification (dystrophic or a stone) of the abdomen" in judged("abdomen").answer
    assert one("artery.coronary").kind.between == ()


def test_a_kidney_stone_does_not_make_a_lung_granuloma_metastatic():
    finding = one(("lung.nodule", {"diameter": 4.0}), ("kidney.left", {"diameter": 4.0}))
    assert finding.kind.value == "dystrophic"


def test_ionised_calcium_decides_before_corrected_and_corrected_before_total():
    base = {"phosphate": 3.5, "calcium": 8.0, "albumin": 2.0}
    assert "Calcium is raised" not in said(one("stomach", age=60.0, labs=base))
    high = {**base, "calcium": 10.0}
    assert "Calcium is raised" in said(one("stomach", age=60.0, labs=high))
    assert "Calcium is raised" not in said(one("stomach", age=60.0, labs={**high, "ionised_calcium": 1.2}))


@pytest.mark.parametrize(("age", "raised"), [(0.05, False), (2.0, False), (8.0, True), (40.0, True)])
def test_a_phosphate_of_a_newborn_is_not_judged_by_the_range_of_adults(age, raised):
    finding = one("stomach", age=age, labs={"phosphate": 6.0, "calcium": 9.8})
    assert ("Phosphate is raised" in said(finding)) == raised


PATTERNS = [
    ({"calcium": 11.6, "phosphate": 2.2, "pth": 130.0}, (), "primary hyperparathyroidism"),
    ({"calcium": 11.6, "pth": 130.0}, (), "primary hyperparathyroidism"),
    ({"calcium": 8.6, "phosphate": 6.4, "pth": 500.0}, ("on dialysis",), "over time with nephrology"),
    ({"calcium": 11.6, "phosphate": 6.4, "pth": 900.0}, ("kidney transplant",), "autonomous parathyroid glands"),
    ({"calcium": 13.0, "phosphate": 3.0, "pth": 5.0, "bicarbonate": 36.0}, (), "every source of calcium"),
    ({"calcium": 13.0, "pth": 5.0, "vitamin_d_25": 210.0}, (), "dose and source of vitamin D"),
    ({"calcium": 12.0, "pth": 5.0, "vitamin_d_1_25": 120.0}, (), "sarcoidosis, tuberculosis and lymphoma"),
    ({"calcium": 12.8, "phosphate": 2.0, "pth": 5.0}, (), "parathyroid hormone-related protein"),
    ({"calcium": 6.8, "phosphate": 6.0, "pth": 4.0}, (), "for hypoparathyroidism"),
]


@pytest.mark.parametrize(("labs", "conditions", "words"), PATTERNS)
@pytest.mark.parametrize("site", ["artery.coronary", "stomach"])
def test_a_mineral_pattern_names_its_cause_whatever_was_found(site, labs, conditions, words):
    result = judged(site, age=60.0, sex="female", labs=labs, conditions=conditions)
    assert words in " ".join(advice.text for advice in result.advice)


def test_an_adult_pattern_is_not_read_into_a_child():
    result = judged("kidney.left", age=6.0, labs={"calcium": 10.6, "phosphate": 5.3, "pth": 70.0})
    assert not any("hyperparathyroidism" in advice.text for advice in result.advice)


def test_a_phlebolith_in_the_course_of_the_ureter_is_given_no_rate_of_passage():
    finding = one(("ureter.right", {"pattern": "comet tail", "diameter": 4.0, "location": "distal"}))
    assert finding.kind.value == "dystrophic"
    assert finding.seriousness.value == "incidental"
    assert not any(reason.rule.startswith("ureter.passage") for reason in finding.seriousness.reasons)


def test_a_comet_tail_does_not_calm_where_the_ureter_is_dilated():
    finding = one(("ureter.right", {"pattern": "comet tail", "diameter": 4.0}), conditions=("hydronephrosis",))
    assert finding.seriousness.value == "significant"


def test_nephrocalcinosis_from_the_urine_is_not_called_dystrophic():
    labs = {"calcium": 9.2, "phosphate": 3.0, "bicarbonate": 15.0}
    finding = one(
        ("kidney.left", {"pattern": "medullary nephrocalcinosis"}), age=35.0, labs=labs, conditions=("distal rta",)
    )
    assert set(finding.kind.between) == {"metastatic", "dystrophic"}


LYSIS = {"phosphate": 9.5, "calcium": 7.2}


@pytest.mark.parametrize(
    ("labs", "conditions", "kind", "cause"),
    [
        ({**LYSIS, "urate": 12.0}, (), "metastatic", "tumour lysis"),
        ({**LYSIS, "creatine_kinase": 40000.0}, (), "metastatic", "rhabdomyolysis"),
        (LYSIS, ("lymphoma", "chemotherapy"), "metastatic", "tumour lysis"),
        (LYSIS, ("tumour lysis syndrome",), "metastatic", "dying cells"),
        (LYSIS, (), "indeterminate", ""),
        (
            {**LYSIS, "urate": 9.0, "pth": 500.0, "creatinine": 5.0},
            (),
            "indeterminate",
            "Secondary hyperparathyroidism",
        ),
    ],
)
def test_dying_cells_are_named_as_the_cause_at_a_kidney(labs, conditions, kind, cause):
    person = Patient(age=55.0, sex="male", labs=labs, conditions=conditions, findings=(StatedFinding("kidney.left"),))
    (finding,) = interpret((), person, load()).findings
    assert finding.kind.value == kind
    assert cause in " ".join(reason.statement for reason in finding.kind.reasons + finding.seriousness.reasons)
    assert (kind == "indeterminate") == bool(finding.kind.between)
