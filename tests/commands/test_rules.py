"""``calciscope rules``: listed, searched, printed, and a folder checked."""

import json

import pytest
from typer.testing import CliRunner

from calciscope.cli import app
from calciscope.errors import KnowledgeError
from calciscope.interpret import load
from calciscope.report import rules as text

KNOWLEDGE = load()


def run(*arguments: str):
    return CliRunner().invoke(app, ["rules", *arguments])


def test_without_more_words_every_rule_is_listed():
    out = run().stdout.splitlines()
    assert out[-1] == f"{len(KNOWLEDGE.rules)} of {len(KNOWLEDGE.rules)} rules"
    listed = {line.split()[0] for line in out if line.startswith("  ")}
    assert listed == {rule.id for rule in KNOWLEDGE.rules}


def test_words_are_sought_in_the_whole_rule():
    found = {one["id"] for one in json.loads(run("list", "--json", "Jendeberg", "PASSED").stdout)}
    assert "ureter.passage.jendeberg.4mm" in found
    for name in found:
        whole = " ".join(text.everything(KNOWLEDGE.get(name), KNOWLEDGE)).lower()
        assert "jendeberg" in whole
        assert "passed" in whole


def test_a_site_narrows_the_list_to_its_rules_and_those_above_and_below():
    ids = {one["id"] for one in json.loads(run("list", "--site", "artery.coronary.lad", "--json").stdout)}
    assert "coronary.score.a2" in ids
    assert not any(name.startswith("ureter.") for name in ids)


def test_a_status_narrows_the_list():
    found = json.loads(run("list", "--status", "superseded", "--json").stdout)
    assert {one["status"] for one in found} <= {"superseded"}
    assert run("list", "--status", "old").exit_code == 2


def test_an_unknown_site_is_told_with_the_nearest():
    result = run("list", "--site", "kidny")
    assert result.exit_code == 2
    assert "kidney" in result.stderr


@pytest.mark.parametrize("rule", KNOWLEDGE.rules[::23], ids=lambda rule: rule.id)
def test_a_rule_is_printed_with_everything_behind_it(rule):
    out = run("show", rule.id).stdout
    one = rule.rule
    assert out.startswith(f"{rule.id} ({one.status})")
    for part in (one.statement, one.when, KNOWLEDGE.sources[one.source].citation, *filter(None, [one.then.advice])):
        assert part in out
    assert out.count("  example   ") == len(one.examples)


def test_the_json_of_a_rule_is_what_its_file_says():
    (one,) = json.loads(run("show", "coronary.score.a2", "--json").stdout)
    assert one["when"] == KNOWLEDGE.get("coronary.score.a2").rule.when
    assert one["at"] == ["artery.coronary"]


def test_an_unknown_rule_is_told_with_the_nearest():
    result = run("show", "coronary.score.a9")
    assert isinstance(result.exception, KnowledgeError)
    assert "did you mean coronary.score.a" in str(result.exception)


def test_what_a_rule_says_is_told_in_full():
    for rule in KNOWLEDGE.rules:
        lines = list(text.said(rule.rule.then))
        parts = rule.rule.then.model_dump(exclude_defaults=True)
        assert len(lines) == len(parts) - ("kind" in parts) + len(parts.get("kind", {}))


def test_a_folder_without_mistakes_is_counted(tmp_path):
    (tmp_path / "sites").mkdir()
    (tmp_path / "sources.yaml").write_text("ward: {citation: Ward rules}\n")
    (tmp_path / "sites" / "ward.yaml").write_text(
        "chapter: Ward\nsites: [parathyroid]\nrules:\n"
        "  - {id: ward.one, when: 'true', then: {note: Ours.}, statement: A sentence of our own ward., source: ward,\n"
        "     status: current, examples: [{given: {}, gives: {note: Ours.}}]}\n"
    )
    result = run("check", str(tmp_path))
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path.name}: nothing wrong; 1 rules added, 0 replaced\n")


def test_every_mistake_of_a_folder_is_a_line(tmp_path):
    (tmp_path / "labs.yaml").write_text("a: [")
    (tmp_path / "kinds.yml").write_text("{}")
    result = run("check", str(tmp_path))
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["kinds.yml", "labs.yaml"]
    assert str(result.exception) == f"{tmp_path.name}: 2 mistakes"
