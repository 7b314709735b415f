"""The patient file: quantities with units, refusals in one line, and files that are none."""

import json
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calciscope.errors import PatientFileError
from calciscope.read.patient import read_patient
from calciscope.read.quantities import definitions, parse

FULL = """
age: 62
sex: female
ancestry: white
height: 164 cm
weight: 71 kg
labs: {calcium: 11.8 mg/dL, ionised_calcium: 1.5 mmol/L, albumin: 3.1 g/dL, phosphate: 6.4 mg/dL, magnesium: 1.9 mg/dL,
       pth: 512 pg/mL, vitamin_d_25: 28 ng/mL, vitamin_d_1_25: 60 pg/mL, alp: 110 U/L, bicarbonate: 24 mmol/L,
       creatinine: 7.2 mg/dL, egfr: 8 mL/min/1.73m2, total_cholesterol: 190 mg/dL, hdl: 50 mg/dL, hba1c: 6.1 %,
       urine_albumin_creatinine: 20 mg/g, crp: 4 mg/L}
blood_pressure: 132/80 mmHg
conditions: [Chronic kidney disease  stage 5, haemodialysis, diabetes, current smoker]
medications: [warfarin, calcium acetate, statin]
history: [aortic valve replacement 2019]
symptoms: [painful necrotic skin ulcer on the thigh]
function: {aortic_vmax: 4.3 m/s, aortic_mean_gradient: 46 mmHg, aortic_valve_area: 0.8 cm2,
           stroke_volume_index: 32 mL/m2, lvef: 60 %, ankle_brachial_index: 1.5}
findings:
  - {site: heart.aortic_valve, agatston: 2400}
  - {site: breast.left, morphology: fine pleomorphic, distribution: segmental, birads: 4B}
  - {site: ureter.left, location: distal, diameter: 6 mm, attenuation: 900 HU}
  - {site: artery.coronary, agatston: 210, date: 2021-03-02}
  - {site: tendon.shoulder.right, gartner: II, mole: C}
"""


@pytest.fixture
def read(tmp_path):
    """Reads a text as a patient file; the refusals as ``input: why`` lines."""

    def reader(text, name="patient.yaml"):
        path = tmp_path / name
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(text, "utf-8")
        found = read_patient(path)
        return found.patient, [f"{one.input}: {one.why}" for one in found.refused]

    return reader


def test_reads_the_whole_contract(read):
    patient, refused = read(FULL)
    assert refused == []
    assert (patient.age, patient.sex, patient.ancestry, patient.height, patient.weight) == (
        62,
        "female",
        "white",
        164,
        71,
    )
    assert (patient.systolic, patient.diastolic) == (132, 80)
    assert len(patient.labs) == 17
    assert patient.labs["calcium"] == 11.8
    assert patient.function == {
        "aortic_vmax": 4.3,
        "aortic_mean_gradient": 46,
        "aortic_valve_area": 0.8,
        "stroke_volume_index": 32,
        "lvef": 60,
        "ankle_brachial_index": 1.5,
    }
    assert patient.conditions == ("chronic kidney disease stage 5", "haemodialysis", "diabetes", "current smoker")
    assert [finding.site for finding in patient.findings][:2] == ["heart.aortic_valve", "breast.left"]
    assert patient.findings[1].values["birads"] == "4b"
    assert patient.findings[2].values == {"location": "distal", "diameter": 6.0, "attenuation": 900.0}
    assert patient.findings[3].on == date(2021, 3, 2)
    assert patient.findings[4].values == {"gartner": 2.0, "mole": "c"}


def test_json_means_the_same_as_yaml(read):
    from_yaml, _ = read("{age: 0.5, sex: male, labs: {calcium: 2.35 mmol/L}, conditions: []}")
    from_json, refused = read(
        json.dumps({"age": 0.5, "sex": "male", "labs": {"calcium": "2.35 mmol/L"}, "conditions": []}), "patient.json"
    )
    assert from_json == from_yaml
    assert refused == []
    assert from_json.conditions == ()
    assert from_json.symptoms is None


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("calcium", "2.5 mmol/L", 10.02),
        ("calcium", "5 mEq/L", 10.02),
        ("ionised_calcium", "4.81 mg/dL", 1.2),
        ("albumin", "31 g/L", 3.1),
        ("phosphate", "1.45 mmol/l", 4.49),
        ("magnesium", "0.8 mmol/L", 1.945),
        ("pth", "6.9 pmol/L", 65.1),
        ("pth", "65 ng/L", 65),
        ("vitamin_d_25", "50 nmol/L", 20.0),
        ("vitamin_d_1_25", "144 pmol/L", 60.0),
        ("creatinine", "636 µmol/L", 7.19),
        ("creatinine", "636 umol/L", 7.19),
        ("egfr", "8 mL/min/1.73 m²", 8),
        ("hba1c", "43 mmol/mol", 6.08),
        ("total_cholesterol", "5 mmol/L", 193.4),
        ("urine_albumin_creatinine", "3 mg/mmol", 26.5),
        ("bicarbonate", "24 mEq/L", 24),
        ("alp", "1.5 ukat/L", 89.8),
        ("height", "1.64 m", 164),
        ("weight", "150 lb", 68.04),
        ("age", "6 months", 0.5),
        ("diameter", "0.6 cm", 6),
        ("volume", "0.2 mL", 200),
        ("mass", "0.05 g", 50),
        ("aortic_valve_area", "80 mm2", 0.8),
        ("agatston", "210", 210),
        ("brooker", "III", 3),
    ],
)
def test_units_are_converted(name, text, value):
    assert parse(definitions()[0][name], text) == pytest.approx(value, rel=2e-3)


@given(st.sampled_from(sorted(definitions()[0])), st.floats(0.01, 0.99))
def test_every_unit_of_a_quantity_gives_the_same_value(name, share):
    quantity = definitions()[0][name]
    value = quantity.low + share * (quantity.high - quantity.low)
    # Whole numbers have no other unit whose factor could leave a fraction.
    value = float(round(value)) if quantity.whole else value
    for unit, (factor, offset) in quantity.units.items():
        text = f"{(value - offset) / factor:.9g} {unit}"
        assert parse(quantity, text) == pytest.approx(value, rel=1e-6, abs=1e-6 * abs(factor))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("labs: {calcium: 9.4}", "labs.calcium: 9.4 has no unit; write 9.4 mg/dL or mmol/L"),
        ("labs: {calcium: 94 mg/dL}", "labs.calcium: 94 mg/dL is not possible"),
        ("labs: {calcium: 9.4 mmol/L}", "labs.calcium: 9.4 mmol/L is not possible"),
        ("labs: {calcium: 9.4 furlongs}", "labs.calcium: 'furlongs' is not a unit of total calcium; write it in mg/dL"),
        ("labs: {pth: '<5 pg/mL'}", "labs.pth: <5 pg/mL is a bound, not a value"),
        ("labs: {calcium: '9,4 mg/dL'}", "labs.calcium: 9,4 mg/dL has a comma"),
        ("labs: {calcium: normal}", "labs.calcium: normal is not a number"),
        ("labs: {calcium: }", "labs.calcium: has no value"),
        ("labs: {calcium: [9.4 mg/dL]}", "labs.calcium: is a list, not one value"),
        ("labs: {calcum: 9.4 mg/dL}", "labs.calcum: is not a known key; did you mean labs.calcium?"),
        ("labs: 9", "labs: is 9; write keys and values"),
        ("calcium: 9.4 mg/dL", "calcium: is not a known key here; write it as labs.calcium"),
        ("labs: {sex: male}", "labs.sex: is not a known key here; write sex at the top of the file"),
        ("agee: 3", "agee: is not a known key; did you mean age?"),
        ("function: {ejection fraction: 40 %}", "function.ejection fraction: is not a known key; did you mean"),
        ("findings: [{site: artery, avc: 9}]", "findings[1].avc: is not a known key; did you mean findings"),
        ("ethnicity: black", "ethnicity: is not a known key; did you mean ancestry?"),
        ("findings: [{site: kidney.left, hu: 900}]", "findings[1].hu: is not a known key; did you mean findings[1]."),
        ("zzzzzz: 3", "zzzzzz: is not a known key"),
        ("age: 430", "age: 430 is not possible (it would be outside 0 to 120 years)"),
        ("age: -1", "age: -1 is not possible"),
        ("age: old", "age: old is not a number"),
        ("height: 164", "height: 164 has no unit; write 164 cm or m"),
        ("sex: no", "sex: no is not female, male or unknown"),
        ("ancestry: martian", "ancestry: martian has no published reference here"),
        ("blood_pressure: 132/80", "blood_pressure: 132 has no unit; write 132 mmHg"),
        ("blood_pressure: high", "blood_pressure: high is not a blood pressure; write 132/80 mmHg"),
        ("blood_pressure: 80/132 mmHg", "blood_pressure: 80/132 mmHg has a diastolic value"),
        ("conditions: {a: b}", "conditions: is a mapping; write a list of words"),
        ("history: [MI: 2019]", "history[1]: is a mapping; write words, in quotes where they hold a colon"),
        ("findings: 3", "findings: is 3; write a list"),
        ("findings: [stone]", "findings[1]: is stone; write {site: ..., diameter: ...}"),
        ("findings: [{diameter: 3 mm}]", "findings[1]: has no site"),
        ("findings: [{site: heart.aorti}]", "findings[1].site: heart.aorti does not exist; did you mean heart."),
        ("findings: [{site: left kidny}]", "findings[1].site: left kidny does not exist"),
        ("findings: [{site: kidney.left, diametr: 4 mm}]", "findings[1].diametr: is not a known key; did you mean"),
        ("findings: [{site: kidney.left, diameter: 4}]", "findings[1].diameter: 4 has no unit; write 4 mm or cm"),
        ("findings: [{site: kidney.left, agatston: 4}]", "findings[1].agatston: is not a measure of left kidney"),
        ("findings: [{site: kidney.left, extent: huge}]", "findings[1].extent: huge is no extent"),
        ("findings: [{site: kidney.left, count: 2.5}]", "findings[1].count: 2.5 is not a whole number"),
        ("findings: [{site: kidney.left, pattern: }]", "findings[1].pattern: has no value"),
        ("findings: [{site: kidney.left, pattern: [a]}]", "findings[1].pattern: is a list; write words"),
        ("findings: [{site: breast.left, birads: 9}]", "findings[1].birads: 9 is no BI-RADS category"),
        ("findings: [{site: kidney.left, date: 2999-01-01}]", "findings[1].date: 2999-01-01 is in the future"),
        ("findings: [{site: kidney.left, date: last year}]", "findings[1].date: last year is not a date; write 2021"),
    ],
)  # fmt: skip
def test_refuses_in_one_line_and_uses_the_rest(read, text, line):
    patient, refused = read(f"{text}\nweight: 71 kg\n")
    assert len(refused) == 1, refused
    assert refused[0].startswith(line)
    assert "\n" not in refused[0]
    assert patient.weight == 71


def test_keys_that_stand_twice_are_refused_and_dropped_where_they_differ(read):
    patient, refused = read("labs: {calcium: 9.4 mg/dL, calcium: 11.8 mg/dL}\nage: 60\nage: 60\n")
    assert "labs.calcium: is given 2 times (9.4 mg/dL and 11.8 mg/dL); write it once" in refused
    assert "calcium" not in patient.labs
    assert patient.age == 60
    _, refused = read('{"age": 60, "age": 61, "age": 62}', "patient.json")
    assert refused == ["age: is given 3 times (60 and 61 and 62); write it once"]


def test_yaml_words_are_not_turned_into_other_things(read):
    patient, refused = read("age: 062\nconditions: [yes, 2019-01-01, 1e3]\nsex: F\nhistory: no\n")
    assert patient.age == 62
    assert patient.conditions == ("yes", "2019-01-01", "1e3")
    assert patient.sex == "female"
    assert patient.history == ()
    assert refused == []


def test_a_value_may_be_an_object_with_a_unit(read):
    patient, _ = read('{"labs": {"calcium": {"value": 2.5, "unit": "mmol/L"}}}', "patient.json")
    assert patient.labs["calcium"] == pytest.approx(10.02)


def test_words_may_be_one_text(read):
    patient, _ = read("conditions: diabetes, Hypertension; gout\n")
    assert patient.conditions == ("diabetes", "hypertension", "gout")


def test_byte_order_mark_is_no_part_of_the_first_key(read):
    patient, refused = read(b"\xef\xbb\xbfage: 40\n")
    assert (patient.age, refused) == (40, [])


def test_a_refused_finding_does_not_take_the_others_with_it(read):
    patient, refused = read("findings: [{site: nowhere.at.all}, {site: kidney.left, diameter: 3 mm}]")
    assert [finding.site for finding in patient.findings] == ["kidney.left"]
    assert len(refused) == 1


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        ("", "patient.yaml", "is empty"),
        ("# only a comment\n", "patient.yaml", "is empty"),
        ("", "patient.json", "is empty"),
        ("- a\n- b\n", "patient.yaml", "is not a patient file"),
        ("just words", "patient.yaml", "is not a patient file"),
        ("age: [1\nsex: male", "patient.yaml", "not YAML in line"),
        ("a: 1\n---\nb: 2\n", "patient.yaml", "not YAML"),
        ("age: !!python/object/apply:os.system ['true']", "patient.yaml", "not YAML"),
        ('{"age": 60,}', "patient.json", "not JSON in line 1"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "patient.yaml", "is not text"),
        (b"age: 60\x00", "patient.yaml", "is not text"),
        ("[" * 5000, "patient.json", "not a patient file"),
        (b"a" * 1_000_001, "patient.yaml", "is larger than 1 MB"),
    ],
)
def test_a_file_that_is_none_is_one_error_line(read, content, name, why):
    with pytest.raises(PatientFileError) as caught:
        read(content, name)
    assert str(caught.value).startswith(name)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_errors(tmp_path):
    with pytest.raises(PatientFileError, match="there is no such file"):
        read_patient(tmp_path / "none.yaml")
    with pytest.raises(PatientFileError, match="cannot be opened"):
        read_patient(tmp_path)


def test_values_of_unknown_keys_are_never_repeated(read):
    _, refused = read("name: Erika Mustermann\nlabs: {name: Erika Mustermann}\n")
    assert len(refused) == 2
    assert not any("Erika" in line for line in refused)


def test_an_alias_bomb_is_read_in_no_time(read):
    bomb = "a: &a [x, x]\n" + "".join(f"b{i}: &b{i} [*{'a' if i == 0 else f'b{i - 1}'}, *a]\n" for i in range(60))
    _, refused = read(f"{bomb}labs: *b59\nage: 60\n")
    assert any(line.startswith("labs: is a list") for line in refused)


_TEXT = st.text("ab1.:-,{}<\n µ", max_size=8)
_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)
_KEYS = st.sampled_from(["age", "sex", "labs", "findings", "conditions", "blood_pressure", "x"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(_KEYS, _ANY, max_size=4))
def test_anything_of_the_right_outer_shape_is_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "patient.json"
    path.write_text(json.dumps(data), "utf-8")
    if not data:
        assert read_patient(path).refused == ()
        return
    found = read_patient(path)
    assert all("\n" not in one.why for one in found.refused)
