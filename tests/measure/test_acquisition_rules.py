"""Every rule of ``knowledge/acquisition.yaml`` by itself: when it acts, on which numbers, and what it says."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.domain.anatomy import BloodPool
from calciscope.domain.assessment import Validity
from calciscope.domain.site import exists
from calciscope.errors import KnowledgeError
from calciscope.measure import gate
from calciscope.measure.gate import NUMBERS, STRICTNESS, Gate, Rule, acquisition_rules, facts, judge
from calciscope.measure.presets import preset
from tests.measure.make import REFERENCE, block, deposit, geometry

RULES = acquisition_rules().rules
BY_ID = {rule.id: rule for rule in RULES}
THRESHOLD = preset().threshold(120.0)
TEXTS = {"kernel": "FC52", "resampled": "gantry tilt", "contrast": "given"}
VESSEL = "artery.carotid.left"

each_rule = pytest.mark.parametrize("rule", RULES, ids=BY_ID)
each_conditional_rule = pytest.mark.parametrize("rule", [r for r in RULES if r.when], ids=lambda rule: rule.id)


def reference(**changes):
    """The facts of a scan under reference conditions, some of them changed."""
    blood = BloodPool(45.0, 12.0, 500, "aorta")
    one = deposit(block(5, 9, 9, 4, 4, 300))
    return facts(REFERENCE, geometry(), blood, [one], THRESHOLD, 120.0) | changes


def limits(condition):
    low = condition.above if condition.above is not None else condition.from_
    high = condition.below if condition.below is not None else condition.upto
    return low, high


def fulfilling(name, condition):
    """A value of the fact that meets the condition."""
    if condition.known is False:
        return None
    if condition.is_ is not None:
        return condition.is_
    if name in TEXTS:
        return TEXTS[name]
    low, high = limits(condition)
    if low is not None and high is not None:
        return (low + high) / 2
    if low is not None:
        return low * 1.1
    return high * 0.9 if high is not None else 320.0


def failing(name, condition):
    """Values of the fact that do not meet the condition."""
    if condition.known is False:
        return [TEXTS.get(name, 45.0)]
    if condition.is_ is not None:
        return [None, (not condition.is_) if isinstance(condition.is_, bool) else condition.is_ + "?"]
    low, high = limits(condition)
    outside = [None]
    outside += [low - 1.0] if low is not None else []
    outside += [high + 1.0] if high is not None else []
    outside += [condition.above] if condition.above is not None else []
    outside += [condition.below] if condition.below is not None else []
    return outside


def met(rule):
    return reference(**{name: fulfilling(name, condition) for name, condition in rule.when.items()})


def where(rule):
    """A site that the rule is for."""
    if rule.sites:
        return rule.sites[0]
    return "kidney.left" if rule.except_sites else VESSEL


@pytest.fixture
def alone(monkeypatch):
    """Judge by one rule only."""

    def judged(rule, known, site, threshold=THRESHOLD):
        only = acquisition_rules().model_copy(update={"rules": (rule,)})
        with monkeypatch.context() as patched:
            patched.setattr(gate, "acquisition_rules", lambda: only)
            return judge(known, site, threshold)

    return judged


@each_rule
def test_a_rule_acts_on_the_numbers_it_names_and_on_no_other(rule, alone):
    got = alone(rule, met(rule), where(rule))
    assert {number: one.validity for number, one in got.items() if one.why} == dict(rule.effect)
    assert all(got[number] == Gate() for number in set(NUMBERS) - set(rule.effect))


@each_rule
def test_its_sentence_is_filled(rule, alone):
    (said,) = {one.why for one in alone(rule, met(rule), where(rule)).values() if one.why}
    assert not re.search(r"[{}]|None|nan", said)
    for name, kind in re.findall(r"\{(\w+)(?::([^}]*))?\}", rule.why):
        assert format(met(rule)[name], kind) in said
    assert said.count("(") == said.count(")")
    assert "; " not in said, "reasons are joined and split at this"
    assert not said.endswith(".")


@each_rule
def test_in_the_whole_set_it_is_at_least_as_strict_and_says_so(rule, alone):
    site = where(rule)
    whole, single = judge(met(rule), site, THRESHOLD), alone(rule, met(rule), site)
    for number in rule.effect:
        assert STRICTNESS[whole[number].validity] >= STRICTNESS[rule.effect[number]]
        assert single[number].why in whole[number].why.split("; ")


@each_conditional_rule
def test_each_of_its_conditions_is_needed(rule, alone):
    for name, condition in rule.when.items():
        for value in failing(name, condition):
            got = alone(rule, met(rule) | {name: value}, where(rule))
            assert all(one == Gate() for one in got.values()), (name, value)


@each_conditional_rule
def test_under_reference_conditions_it_is_silent(rule):
    assert not rule.acts(reference(), where(rule))


@pytest.mark.parametrize("rule", [r for r in RULES if r.sites or r.except_sites], ids=lambda rule: rule.id)
def test_it_keeps_to_its_sites(rule):
    for place in (*rule.sites, *rule.except_sites):
        assert exists(place)
        assert rule.acts(met(rule), place) is (place in rule.sites)
        assert rule.acts(met(rule), f"{place}.part") is (place in rule.sites)
        assert rule.acts(met(rule), f"{place}_other") is (not rule.sites)


@pytest.mark.parametrize(
    ("fact", "grows"),
    [("blood_pool_hu", True), ("noise", True), ("pixel", True), ("step_ratio", None), ("thickness", None)],
)
@given(data=st.data())
def test_a_worse_scan_is_never_judged_more_mildly(fact, grows, data):
    """The further from the reference, the stricter or as strict; both ways from it where it is a middle."""
    middle = {"step_ratio": 1.0, "thickness": 3.0}.get(fact, 0.0)
    near, far = sorted(data.draw(st.lists(st.floats(0.0, 200.0), min_size=2, max_size=2)))
    side = 1.0 if grows or data.draw(st.booleans()) else -1.0
    contrast = data.draw(st.sampled_from(["none", "given", "unknown"]))
    scale = 1.0 if side > 0 else middle / 201.0
    judged = [
        judge(reference(contrast=contrast, **{fact: middle + side * scale * away}), VESSEL, THRESHOLD)
        for away in (near, far)
    ]
    for number in NUMBERS:
        assert STRICTNESS[judged[0][number].validity] <= STRICTNESS[judged[1][number].validity]


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "blood_pool_hu": st.none() | st.floats(-50, 500),
        "noise": st.none() | st.floats(0, 100),
        "contrast": st.sampled_from(["none", "given", "unknown"]),
        "kernel": st.none() | st.just("FC12"),
        "kernel_sharp": st.none() | st.booleans(),
        "kvp": st.none() | st.floats(70, 150),
        "kvp_off": st.none() | st.booleans(),
        "tin_filter": st.booleans(),
        "thickness": st.floats(0.3, 12),
        "step_ratio": st.floats(0.2, 3),
        "pixel": st.floats(0.1, 4),
        "gated": st.booleans(),
        "lossy": st.booleans(),
        "resampled": st.none() | st.just("gantry tilt"),
        "missing": st.booleans(),
        "at_edge": st.booleans(),
        "threshold_raised": st.none() | st.floats(131, 600),
        "peak": st.none() | st.floats(130, 8000),
    },
)


def consistent(known):
    """Facts that one scan can have: what names a kernel or a voltage knows it."""
    if known["kernel"] is None:
        known = known | {"kernel_sharp": None}
    return known | {"kvp_off": None} if known["kvp"] is None else known


@given(CHANGES, st.sampled_from(["heart.aortic_valve", VESSEL, "kidney.left", "unplaced"]))
def test_any_scan_gets_whole_sentences_for_all_that_is_not_valid(changes, site):
    known = consistent(reference(**changes))
    acting = [rule for rule in RULES if rule.acts(known, site)]
    for number, one in judge(known, site, THRESHOLD).items():
        asked = [rule.effect[number] for rule in acting if number in rule.effect]
        assert one.validity is max(asked, key=STRICTNESS.__getitem__, default=Validity.VALID)
        assert bool(one.why) is bool(asked)
        assert not re.search(r"[{}]|None|nan", one.why or "")


def test_a_sentence_that_cannot_be_filled_names_its_rule(alone):
    broken = Rule(
        id="x.broken", when={}, effect={"mass": Validity.ADJUSTED}, why="{no_fact} HU", source="s", status="current"
    )
    with pytest.raises(KnowledgeError, match=r"x\.broken"):
        alone(broken, reference(), VESSEL)


def test_the_sums_and_parents_are_places_of_the_tree():
    rules = acquisition_rules()
    places = [*rules.scored_sites, *rules.vessels, *(one.site for one in rules.rollups)]
    places += [place for one in rules.sums for place in (one.site, *one.places)]
    assert all(exists(place) for place in places)
    assert all(place.startswith(one.site + ".") for one in rules.sums for place in one.places)
