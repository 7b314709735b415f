"""Loading: a hospital's folder adds and overrides; every mistake is one line that names file and rule."""

import pytest

from calciscope.errors import KnowledgeError
from calciscope.interpret import interpret, load
from calciscope.interpret.examples import check, failure
from tests.interpret.make import PLACE, hospital, patient, rule


def test_the_embedded_knowledge_is_loaded_once():
    assert load() is load()
    assert load().folders == ()


def test_a_hospital_adds_a_rule_and_its_name_is_known(tmp_path):
    added = rule("local.ganglion", "diameter > 5.0", {"seriousness": "urgent"})
    knowledge = hospital(tmp_path / "ward7", [added])
    assert knowledge.folders == ("ward7",)
    assert len(knowledge.rules) == len(load().rules) + 1
    finding = interpret((), patient((PLACE, {"diameter": 6.0})), knowledge).findings[0]
    assert finding.seriousness.value == "urgent"
    assert finding.seriousness.reasons[0].rule == "local.ganglion"
    # The embedded knowledge is not touched by it.
    assert load().get("local.ganglion") is None


def test_a_hospital_overrides_a_rule_by_its_id(tmp_path):
    ours = rule("general.reported", "kind != 'physiological'", {"seriousness": "monitor"}, default=True)
    knowledge = hospital(tmp_path, [ours], sites=[])
    assert len(knowledge.rules) == len(load().rules)
    assert knowledge.get("general.reported").rule.then.seriousness == "monitor"


def test_a_hospitals_ranges_words_and_sources_go_first(tmp_path):
    knowledge = hospital(
        tmp_path,
        [rule("local.source", then={"note": "A note."}, source="ward-7")],
        labs="ranges: [{of: phosphate, low: 2.0, high: 7.0, from_age: 18, source: ward-7, status: current}]\n",
        vocabulary="conditions: {dialysis: [blood washing]}\n",
        sources="ward-7: {citation: Ward 7, year: 2024}\n",
    )
    known = patient(("lung", {}), age=50.0, labs={"phosphate": 6.0, "calcium": 9.0}, conditions=("blood washing",))
    finding = interpret((), known, knowledge).findings[0]
    rules = [reason.rule for reason in finding.kind.reasons]
    assert "kind.phosphate.raised.normal-tissue" not in rules
    assert "kind.imbalance.kidney-failure" in rules
    assert "dialysis" in knowledge.words.concepts_of("haemodialysis"), "the embedded words stay"


def bad(folder, entry, **files):
    with pytest.raises(KnowledgeError) as caught:
        hospital(folder, entry if isinstance(entry, list) else [entry], **files)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (rule("bad.cel", "diameter >"), "ganglion.yaml: rule bad.cel: the condition 'diameter >' is not CEL"),
        (rule("bad.name", "diametre > 5.0"), "ganglion.yaml: rule bad.name: the condition uses diametre, which is no"),
        (rule("bad.source", source="nobody-1900"), "ganglion.yaml: rule bad.source: its source nobody-1900 is not in"),
        (rule("bad.status", status="maybe"), "ganglion.yaml: rule bad.status status: Input should be 'current'"),
        (rule("bad.then", then={"level": "urgent"}), "ganglion.yaml: rule bad.then then level: Extra inputs"),
        (rule("bad.level", then={"seriousness": "dire"}), "ganglion.yaml: rule bad.level then seriousness: Input"),
        (rule("bad.key", colour="red"), "ganglion.yaml: rule bad.key colour: Extra inputs"),
        (rule("bad.example", examples=[]), "ganglion.yaml: rule bad.example examples: "),
        (rule("bad.given", examples=[{"given": {"diametre": 3.0}, "gives": {}}]), "an example gives diametre"),
        (rule("bad.kind", "kind == 'metastatic'", {"kind": {"tumoral": 1}}), "a rule that asks for the kind cannot"),
        (rule("bad.conflict", conflicts_with=["no.rule"]), "rule bad.conflict speaks of rule no.rule, which does not"),
        ([rule("twice.there"), rule("twice.there")], "ganglion.yaml: rule twice.there is there twice"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_that_names_the_rule(tmp_path, entry, says):
    assert says in bad(tmp_path, entry)


def test_a_wrong_file_is_named(tmp_path):
    assert "labs.yaml: not YAML in line" in bad(tmp_path / "a", rule(), labs="quantities: [")
    assert "labs.yaml: is not a mapping" in bad(tmp_path / "b", rule(), labs="- a\n")
    assert "sources.yaml: source x has no citation" in bad(tmp_path / "c", rule(), sources="x: {year: 1900}\n")
    assert "vocabulary.yaml: not YAML in line 1: a is there twice" in bad(
        tmp_path / "d", rule(), vocabulary="{a: 1, a: 2}"
    )
    assert "kinds.yaml: rules: Field required" in bad(
        tmp_path / "e", rule(), kinds="chapter: x\nmargin: 1\nnothing: []\n"
    )


def test_a_folder_that_is_not_there_and_a_binary_file(tmp_path):
    with pytest.raises(KnowledgeError, match="nowhere: there is no knowledge folder"):
        load((tmp_path / "nowhere",))
    (tmp_path / "sources.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(KnowledgeError, match=r"sources\.yaml: cannot be read as text"):
        load((tmp_path,))


def test_words_of_a_loop_are_no_inputs(tmp_path):
    looped = rule("loop.words", "['a', 'b'].exists(word, word in context)", {"note": "A note."})
    assert hospital(tmp_path, [looped]).get("loop.words").condition.names == {"context"}


def test_rules_hold_at_and_below_their_sites():
    compiled = load().get("kind.prior")
    assert compiled.holds_at("anything")
    at = next(one for one in load().rules if one.sites == ("artery.coronary",))
    assert at.holds_at("artery.coronary.lad")
    assert not at.holds_at("artery")
    assert not at.holds_at("artery.coronaryx")


def test_examples_are_run(tmp_path):
    good = {"given": {"diameter": 6.0}, "gives": {"seriousness": "urgent"}}
    wrong = [
        ({"given": {"diameter": 4.0}, "gives": {"seriousness": "urgent"}}, "does not fire"),
        ({"given": {"diameter": 6.0}, "gives": None}, "the rule fires"),
        ({"given": {"diameter": 6.0}, "gives": {"seriousness": "monitor"}}, "gives seriousness urgent"),
        ({"given": {"diameter": 6.0}, "gives": {"advice": "Do."}}, "says nothing of advice"),
        ({"given": {}, "gives": {}}, "does not give diameter"),
        ({"given": {"site": "kidney.left", "diameter": 6.0}, "gives": {}}, "does not fire"),
        ({"given": {"diameter": "large"}, "gives": {}}, "cannot be computed"),
    ]
    entry = rule(
        "example.rule", "diameter > 5.0", {"seriousness": "urgent"}, examples=[good, *(one for one, _ in wrong)]
    )
    knowledge = hospital(tmp_path, [entry])
    compiled = knowledge.get("example.rule")
    assert failure(compiled, compiled.rule.examples[0], knowledge) is None
    lines = [line for line in check(knowledge) if line.startswith("rule example.rule")]
    assert len(lines) == len(wrong)
    for (_, said), line in zip(wrong, lines, strict=True):
        assert said in line
    assert lines[0].startswith("rule example.rule, example 2: ")
