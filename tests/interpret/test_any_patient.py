"""Laws that hold for any patient: never an error, never a lost finding, the same answer twice."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calciscope.domain import site as sites
from calciscope.domain.assessment import Kind, Seriousness
from calciscope.domain.patient import Patient, StatedFinding
from calciscope.interpret import interpret, load

KNOWLEDGE = load()
LABS = KNOWLEDGE.labs


def numbers(group):
    """Any possible values of any of a group's quantities."""
    return st.fixed_dictionaries(
        {},
        optional={
            name: st.floats(*one.plausible) if not one.whole else st.integers(*map(int, one.plausible)).map(float)
            for name, one in LABS.quantities.items()
            if one.group == group
        },
    )


def words(name):
    """A word that rules or people use under this key."""
    allowed = LABS.words[name].allowed
    known = [word for key, table in KNOWLEDGE.words.values.items() if key == name for word in table.values()]
    return st.sampled_from([*allowed, *known, "something else"])


PHRASES = st.none() | st.lists(st.sampled_from(sorted(KNOWLEDGE.words.lists)), max_size=4).map(
    lambda found: tuple(word.replace("_", " ") for word in found)
)
PLACES = st.sampled_from(sites.paths()).flatmap(
    lambda path: st.sampled_from([path, *(f"{path}.{side}" for side in sites.SIDES if sites.exists(f"{path}.{side}"))])
)
FINDINGS = st.builds(
    lambda place, numeric, spoken: StatedFinding(place, {**numeric, **spoken}),
    PLACES,
    numbers("finding"),
    st.fixed_dictionaries({}, optional={name: words(name) for name in LABS.words}),
)
PATIENTS = st.builds(
    Patient,
    age=st.none() | st.floats(0, 110),
    sex=st.sampled_from(["female", "male", "unknown"]),
    height=st.none() | st.floats(30, 220),
    labs=numbers("labs"),
    function=numbers("function"),
    conditions=PHRASES,
    medications=PHRASES,
    history=PHRASES,
    symptoms=PHRASES,
    findings=st.lists(FINDINGS, min_size=1, max_size=3).map(tuple),
)
SLOW = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@SLOW
@given(PATIENTS, st.sampled_from(["esc", "us"]))
def test_any_patient_is_judged(patient, guidelines):
    result = interpret((), patient, KNOWLEDGE, guidelines=guidelines)
    assert {one.site for one in result.findings} == {one.site for one in patient.findings}
    levels = [Seriousness(one.seriousness.value) for one in result.findings]
    assert result.seriousness.rank >= max(level.rank for level in levels)
    known = {source.id for source in result.sources}
    for finding in result.findings:
        assert finding.kind.value is None or Kind(finding.kind.value)
        for reason in (*finding.kind.reasons, *finding.seriousness.reasons):
            assert reason.status != "superseded"
            assert reason.source in known
    assert result.answer.endswith(".")
    assert "\n" not in result.answer
    assert len({one.input for one in result.unknowns}) == len(result.unknowns)
    for advice in result.advice:
        assert KNOWLEDGE.get(advice.rule) is not None


@SLOW
@given(PATIENTS)
def test_the_same_patient_gets_the_same_answer_in_any_order_of_findings(patient):
    first = interpret((), patient, KNOWLEDGE)
    assert first.findings == interpret((), patient, KNOWLEDGE).findings
    turned = Patient(
        **{name: getattr(patient, name) for name in Patient.__dataclass_fields__ if name != "findings"},
        findings=patient.findings[::-1],
    )
    backward = interpret((), turned, KNOWLEDGE)
    assert backward.seriousness is first.seriousness
    judged = {one.site: one.seriousness.value for one in first.findings}
    assert {one.site: one.seriousness.value for one in backward.findings} == judged


@SLOW
@given(PATIENTS)
def test_what_is_unknown_is_not_already_given(patient):
    result = interpret((), patient, KNOWLEDGE)
    given_keys = {*patient.labs, *patient.function}
    given_keys |= {name for name in ("age", "height", "weight") if getattr(patient, name) is not None}
    given_keys |= {
        name for name in ("conditions", "medications", "history", "symptoms") if getattr(patient, name) is not None
    }
    assert not given_keys & {one.input for one in result.unknowns}
