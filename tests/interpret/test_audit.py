"""A folder of knowledge is looked through at once, and every mistake is one line that names the file and the rule."""

from pathlib import Path

import pytest
import yaml

from calciscope.errors import KnowledgeError
from calciscope.interpret.audit import audit
from calciscope.interpret.context import Inputs, complete
from calciscope.interpret.judge import case, judge
from calciscope.interpret.rules import EMBEDDED, load

GOOD = {
    "id": "ward.gland",
    "when": "diameter >= 4.0",
    "then": {"seriousness": "monitor"},
    "statement": "Our clinic follows every stone of 4 mm and more.",
    "source": "ward",
    "status": "current",
    "examples": [
        {"given": {"site": "parathyroid", "diameter": 5.0}, "gives": {"seriousness": "monitor"}},
        {"given": {"site": "parathyroid", "diameter": 3.0}, "gives": None},
    ],
}


@pytest.fixture
def folder(tmp_path):
    """Writes a folder with rules of the parathyroid, each :data:`GOOD` with some keys replaced, and gives its path."""

    def make(*rules, sites=("parathyroid",), **files) -> Path:
        (tmp_path / "sites").mkdir(exist_ok=True)
        chapter = {"chapter": "Ward", "sites": list(sites), "rules": [GOOD | rule for rule in rules]}
        (tmp_path / "sites" / "ward.yaml").write_text(yaml.safe_dump(chapter), encoding="utf-8")
        (tmp_path / "sources.yaml").write_text("ward: {citation: Ward rules, year: 2026}\n", encoding="utf-8")
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
        return tmp_path

    return make


def test_the_embedded_knowledge_has_no_mistake():
    assert audit() == ()


def test_a_good_folder_has_none(folder):
    assert audit(folder({})) == ()


MISTAKES = {
    "condition": ({"when": "diameter >= "}, "the condition 'diameter >= ' is not CEL"),
    "input": ({"when": "width >= 4.0"}, "the condition uses width, which is no input"),
    "source": ({"source": "nobody"}, "its source nobody is not in sources.yaml"),
    "site": ({"sites": ["kidny"]}, "there is no site kidny; did you mean kidney?"),
    "concept": ({"when": "'dialysys' in context"}, "dialysys is no concept; did you mean dialysis?"),
    "status": ({"status": "new"}, "status"),
    "key": ({"advise": "x"}, "advise"),
    "nothing": ({"then": {}}, "says nothing"),
    "never": ({"examples": [GOOD["examples"][1]]}, "has no example in which it fires"),
    "impossible": ({"when": "birads == '5'"}, "can never fire: birads is given at breast only"),
    "no word": ({"when": "kind == 'lithiasys'"}, "can never fire: lithiasys is no kind; it is dystrophic, metastatic"),
    "no state": ({"when": "calcium_state == 'raised'"}, "raised is no calcium_state; it is low, normal, high"),
    "no place": ({"when": "site == 'parathyriod'"}, "there is no site parathyriod; did you mean parathyroid?"),
    "beyond": ({"when": "diameter > 700.0"}, "can never fire: diameter is between 0.01 and 600 mm"),
    "no measure": (
        {"then": {"category": {"measure": "diametre", "scheme": "W", "value": "A"}}},
        "gives a class of diametre, which is no measure",
    ),
    "unknown rule": ({"refines": ["no.rule"]}, "speaks of rule no.rule, which does not exist"),
    "words": ({"plain": {"because": "a small stone"}}, "'a small stone' is no whole sentence"),
    "example": ({"when": "diameter >= 6.0"}, "example 1: the rule does not fire"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_with_file_and_rule(folder, name):
    change, words = MISTAKES[name]
    found = [line for line in audit(folder(change)) if words in line]
    assert len(found) == 1, audit(folder(change))
    assert "\n" not in found[0]
    assert "ward.gland" in found[0]


def test_all_mistakes_are_told_at_once(folder):
    found = audit(folder({"source": "nobody"}, {"id": "ward.two", "when": "width >= 4.0"}))
    assert {line.split(":")[1].strip() for line in found} >= {"rule ward.gland", "rule ward.two"}


def test_a_rule_that_is_there_twice_is_told(folder):
    assert any("is there twice" in line for line in audit(folder({}, {})))


def test_a_source_that_nothing_rests_on_is_told(folder):
    place = folder({})
    (place / "sources.yaml").write_text("ward: {citation: A}\nother: {citation: B}\n", encoding="utf-8")
    assert audit(place) == ("sources.yaml: other is cited by no rule; cite it or take it out",)


def test_a_file_that_is_never_read_is_told(folder):
    place = folder({}, vocabulry="{}")
    assert audit(place) == ("vocabulry.yaml: is never read; rename it vocabulary.yaml",)


def test_an_empty_folder_and_no_folder_are_told(tmp_path):
    assert audit(tmp_path) == (f"{tmp_path.name}: holds no knowledge file; rules stand in sites/NAME.yaml",)
    with pytest.raises(KnowledgeError, match="there is no knowledge folder of this name"):
        audit(tmp_path / "absent")


def test_a_file_that_is_no_yaml_is_told_and_the_others_are_looked_at(folder):
    found = audit(folder({"status": "new"}, labs="a: [", vocabulary="- one"))
    assert [line.split(":")[0] for line in found] == ["labs.yaml", "vocabulary.yaml", "ward.yaml"]


def band(name: str, when: str, value: str) -> dict:
    """A rule that gives a band of the ward's own scheme."""
    number = float(when.split()[-1])
    at = {">=": number, "<": number - 1.0, "<=": number, ">": number + 1.0}[when.split()[-2]]
    category = {"measure": "diameter", "scheme": "Ward", "value": value}
    return {
        "id": f"ward.{name}",
        "when": when,
        "then": {"category": category},
        "examples": [{"given": {"site": "parathyroid", "diameter": at}, "gives": {"category": category}}],
    }


def test_bands_with_a_gap_are_told(folder):
    found = audit(folder(band("small", "diameter < 4.0", "S"), band("large", "diameter > 4.0", "L")))
    assert found == ("rules ward.small and ward.large: no band of Ward holds diameter 4",)


def test_bands_that_overlap_are_told(folder):
    found = audit(folder(band("small", "diameter <= 4.0", "S"), band("large", "diameter >= 4.0", "L")))
    assert any("bands of Ward overlap at diameter 4" in line for line in found)


def test_bands_that_meet_are_right(folder):
    assert audit(folder(band("small", "diameter < 4.0", "S"), band("large", "diameter >= 4.0", "L"))) == ()


def test_rules_that_contradict_each_other_are_told_unless_one_says_so(folder):
    other = {"id": "ward.other", "then": {"seriousness": "significant"}, "examples": [
        {"given": {"site": "parathyroid", "diameter": 5.0}, "gives": {"seriousness": "significant"}}]}  # fmt: skip
    found = audit(folder({}, other))
    assert any("ward.gland and ward.other fire together and answer the same question" in line for line in found)
    named = other | {"conflicts_with": ["ward.gland"]}
    assert not any("ward.gland and ward.other" in line for line in audit(folder({}, named)))


def test_a_cap_below_a_floor_is_a_contradiction(folder):
    low = {"when": "count >= 1.0", "then": {"at_most": "incidental"}, "id": "ward.low", "examples": [
        {"given": {"site": "parathyroid", "count": 2.0, "diameter": 5.0},
         "gives": {"at_most": "incidental"}}]}  # fmt: skip
    high = {"then": {"at_least": "significant"}, "id": "ward.high", "examples": [
        {"given": {"site": "parathyroid", "diameter": 5.0}, "gives": {"at_least": "significant"}}]}  # fmt: skip
    found = audit(folder(low, high))
    assert any("ask for at most incidental and at least significant" in line for line in found)


def test_a_rule_that_refines_another_speaks_instead_of_it(folder):
    narrow = {"id": "ward.narrow", "when": "diameter >= 8.0", "refines": ["ward.gland"], "then": {"note": "Large."},
              "examples": [{"given": {"site": "parathyroid", "diameter": 9.0},
                            "gives": {"note": "Large."}}]}  # fmt: skip
    knowledge = load((folder({}, narrow),))
    assert spoken(knowledge, 5.0) == {"ward.gland"}
    assert spoken(knowledge, 9.0) == {"ward.narrow"}


def spoken(knowledge, diameter: float) -> set[str]:
    """The ward's rules that speak of a calcified parathyroid gland of this size."""
    inputs = complete(Inputs({"diameter": diameter, "context": [], "site": "parathyroid"}), knowledge)
    verdict = judge(case("parathyroid", inputs, knowledge, there=True, guidelines="esc"))
    return {rule.id for rule in verdict.fired if rule.id.startswith("ward.")}


def test_every_embedded_source_is_cited_somewhere():
    root = EMBEDDED.parents[2]
    files = [*EMBEDDED.rglob("*.yaml"), *EMBEDDED.parent.rglob("*.py"), *(root / "docs").glob("*.md")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files if path.name != "sources.yaml")
    missing = [name for name in load().sources if name not in text]
    assert not missing


RANGES = {
    "{of: calcum, low: 8, high: 11}": "range of calcum: there is no quantity of this name",
    "{of: calcium, low: 11, high: 8}": "its low limit 11 is not below its high limit 8",
    "{of: calcium}": "has neither a low nor a high limit",
    "{of: calcium, low: 8, from_age: 9, to_age: 9}": "from_age 9 is not below to_age 9",
    "{of: calcium, low: 8, to_age: 9}, {of: calcium, low: 8, from_age: 10}": "none holds from 9 to 10 years",
    "{of: calcium, low: 8}, {of: calcium, low: 8, from_age: 10}": "two ranges hold at 10 years",
}


@pytest.mark.parametrize("ranges", RANGES)
def test_a_reference_range_that_cannot_be_is_told(folder, ranges):
    text = ranges.replace("}", ", source: ward, status: current}")
    found = audit(folder({}, labs=f"ranges: [{text}]\n"))
    assert [line for line in found if RANGES[ranges] in line and line.startswith("labs.yaml")], found


def test_a_good_reference_range_and_one_of_a_sex_are_none(folder):
    own = "{of: calcium, low: 8, high: 10, source: ward, status: current}"
    women = "{of: calcium, low: 8, high: 9, sex: female, source: ward, status: current}"
    assert audit(folder({}, labs=f"ranges: [{women}, {own}]\n")) == ()


def test_one_mistake_hides_no_other(folder):
    """Neither a stray file nor a rule that breaks the schema keeps the rest from being looked at."""
    found = audit(
        folder(
            {"status": "new"},
            {"id": "ward.two", "source": "nobody"},
            {"id": "ward.three", "when": "diameter >= 6.0"},
            vocabulry="{}",
            labs="ranges: [{of: calcum, low: 1, source: ward, status: current}]",
        )
    )
    for words in ("vocabulry.yaml", "ward.gland", "ward.two", "ward.three, example 1", "range of calcum"):
        assert sum(words in line for line in found) == 1, (words, found)
