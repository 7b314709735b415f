"""The inputs of rules: derived values, states by age and sex, places, and the values of a finding."""

import numpy as np
import pytest

from calciscope.domain.deposit import Deposit, PlacedDeposit, Placement, Shape
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.patient import Patient
from calciscope.errors import KnowledgeError
from calciscope.interpret import load
from calciscope.interpret.context import Inputs, evaluator, of_finding, of_patient, places, value_of

KNOWLEDGE = load()


def facts(**known):
    return of_patient(Patient(**known), KNOWLEDGE).facts


def test_what_is_not_known_is_absent():
    found = facts()
    assert set(found) == {"context"}
    assert found["context"] == []


def test_lists_hold_phrases_and_concepts_and_context_is_their_union():
    found = facts(conditions=("esrd on hemodialysis",), symptoms=())
    assert "dialysis" in found["conditions"]
    assert "esrd on hemodialysis" in found["conditions"]
    assert found["symptoms"] == ["asymptomatic"]
    assert facts(conditions=())["conditions"] == []
    assert "history" not in found
    assert {"dialysis", "ckd", "ckd_advanced"} <= set(found["context"])


def test_corrected_calcium_by_payne():
    assert facts(labs={"calcium": 8.0, "albumin": 2.0})["corrected_calcium"] == pytest.approx(9.6)
    assert "corrected_calcium" not in facts(labs={"calcium": 8.0})


# Expected values computed by hand from the published equations.
@pytest.mark.parametrize(
    ("age", "sex", "creatinine", "egfr"),
    [(50, "female", 0.7, 142 * 0.9938**50 * 1.012), (60, "male", 1.8, 142 * 2**-1.2 * 0.9938**60)],
)
def test_egfr_of_adults_by_ckd_epi_2021(age, sex, creatinine, egfr):
    assert facts(age=float(age), sex=sex, labs={"creatinine": creatinine})["egfr"] == pytest.approx(egfr)


def test_egfr_of_children_by_schwartz_and_a_stated_one_is_kept():
    assert facts(age=10.0, height=140.0, labs={"creatinine": 0.5})["egfr"] == pytest.approx(0.413 * 140 / 0.5)
    assert "egfr" not in facts(age=10.0, labs={"creatinine": 0.5})
    assert facts(age=60.0, sex="male", labs={"creatinine": 5.0, "egfr": 80.0})["egfr"] == 80.0


@pytest.mark.parametrize(
    ("age", "phosphate", "state"),
    [
        (40.0, 6.0, "high"),
        (2.0, 6.0, "normal"),
        (0.05, 8.0, "normal"),
        (13.0, 5.6, "high"),
        (17.0, 4.6, "normal"),
        (18.0, 4.6, "high"),
        (40.0, 2.0, "low"),
    ],
)
def test_states_follow_the_age_band(age, phosphate, state):
    assert facts(age=age, labs={"phosphate": phosphate})["phosphate_state"] == state


def test_adult_ranges_are_not_applied_to_children():
    assert "pth_state" not in facts(age=9.0, labs={"pth": 300.0})
    assert facts(age=40.0, labs={"pth": 300.0})["pth_state"] == "high"


def test_without_an_age_a_state_is_given_where_every_age_agrees():
    assert facts(labs={"calcium": 13.0})["calcium_state"] == "high"
    assert "calcium_state" not in facts(labs={"calcium": 10.7})


def test_ionised_calcium_decides_before_corrected_and_total():
    labs = {"calcium": 10.9, "albumin": 4.0, "ionised_calcium": 1.2}
    assert facts(age=50.0, labs=labs)["calcium_state"] == "normal"
    assert facts(age=50.0, labs={"calcium": 8.0, "albumin": 2.0})["calcium_state"] == "normal"
    assert facts(age=50.0, labs={"calcium": 8.0})["calcium_state"] == "low"


def test_mineral_state_needs_both():
    assert "mineral_state" not in facts(age=50.0, labs={"calcium": 9.4})
    assert facts(age=50.0, labs={"calcium": 9.4, "phosphate": 3.5})["mineral_state"] == "normal"
    assert facts(age=50.0, labs={"calcium": 9.4, "phosphate": 6.5})["mineral_state"] == "abnormal"


def test_places_are_counted_by_organ_without_sides_and_bystanders():
    organs = ["kidney.left", "kidney.right", "artery.coronary.lad", "artery.aorta"]
    found = places([*organs, "brain.pineal", "vein.pelvic", "chest", "unplaced"], KNOWLEDGE)
    assert found["organs"] == 2.0
    assert found["sites"].count("kidney") == 1


def deposit(volume, hu, sphericity):
    values = np.asarray(hu, dtype=np.float32)
    shape = Shape(4.0, 3.0, sphericity, 0.1)
    made = Deposit(
        id="d",
        series="s",
        voxels=np.zeros((len(hu), 3), np.int32),
        hu=values,
        threshold_hu=130.0,
        background_hu=40.0,
        center_index=(0, 0, 0),
        center_mm=(0.0, 0.0, 0.0),
        extent_mm=(1.0, 1.0, 1.0),
        volume_mm3=volume,
        shape=shape,
    )
    return PlacedDeposit(made, Placement("kidney.left", 0.9, "embedded", "kidney_left"))


def test_of_finding_adds_place_values_and_what_the_image_shows():
    known = of_patient(Patient(age=50.0), KNOWLEDGE)
    site = MeasuredSite(
        site="kidney.left",
        placed=(deposit(5.0, [200, 400], 0.9), deposit(50.0, [300, 900, 600], 0.5)),
        values={"diameter": 4, "pattern": "Egg-shell", "nonsense": 3.0},
        confidence=0.8,
    )
    found = of_finding(site, known, places(["kidney.left"], KNOWLEDGE), KNOWLEDGE).facts
    assert (found["site"], found["side"], found["imaged"], found["confidence"]) == ("kidney", "left", True, 0.8)
    assert found["diameter"] == 4.0
    assert isinstance(found["diameter"], float)
    assert found["pattern"] == "rim"
    assert "nonsense" not in found
    assert found["mean_hu"] == pytest.approx(480.0)
    assert found["peak_hu"] == 900.0
    assert found["sphericity"] == 0.5
    assert (found["organs"], found["age"]) == (1.0, 50.0)


def test_a_condition_that_cannot_be_computed_is_an_error_that_names_it():
    condition = KNOWLEDGE.combined[0][1]
    with pytest.raises(KnowledgeError, match=r"rule x: the condition .* cannot be computed"):
        value_of(condition, evaluator(Inputs({"calcium_state": "normal"})), "rule x")
