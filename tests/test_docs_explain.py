"""What docs/explain.md says of the command: its lines run, its names are those of the code."""

import re
import shlex
from pathlib import Path

import pytest

pytest.importorskip("spacy", reason="the text extra is not installed")

from calciscope.domain.mention import Assertion, Mention, PatientFact
from calciscope.text import lexicon, told
from calciscope.text.reader import reader
from tests.studies import run

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = (DOCS / "explain.md").read_text("utf-8")
COMMANDS = [line for line in PAGE.split("```")[1].splitlines() if " explain " in line]
REPORT = "FINDINGS: 6 mm stone in the left ureter."


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_page_runs(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("REPORT.txt", "other.txt"):
        Path(name).write_text(REPORT, encoding="utf-8")
    Path("reports.csv").write_text(f'id,text\n7,"{REPORT}"\n', encoding="utf-8")
    words = shlex.split(line.partition(" > ")[0].partition(" < ")[0])[1:]
    words = [name for word in words for name in (sorted(map(str, Path().glob(word))) if "*" in word else [word])]
    monkeypatch.setattr("sys.stdin", Path("REPORT.txt").open(encoding="utf-8"))  # noqa: SIM115
    ran = run(*words)
    assert ran.code == 0, ran.err
    assert "ureter" in ran.out


def test_the_keys_of_a_mention_and_its_attributes_are_there():
    table = PAGE[PAGE.index("| key | means |") : PAGE.index("- **affirmed**")]
    rows = [row.split("|") for row in table.splitlines()[2:] if row.startswith("|")]
    keys = {key for row in rows for key in re.findall(r"`(\w+)`", row[1])}
    assert keys
    assert keys <= set(Mention.model_fields)
    known = {
        *lexicon.read("attributes")["words"],
        "size_mm",
        "hu",
        "agatston",
        "birads",
        "cac_drs",
        "change_years",
        "change_as_of",
    }
    row = next(line for line in table.splitlines() if line.startswith("| `attributes`"))
    assert set(re.findall(r"`(\w+)`", row)) - {"attributes"} <= known
    assert all(f"`{one}`" in table for one in Assertion)
    assert {"used", "why"} <= set(PatientFact.model_fields)


def test_every_file_of_words_is_named():
    files = {path.name for path in (DOCS.parent / "src/calciscope/knowledge/text").glob("*.yaml")}
    named = set(re.findall(r"`(\w+\.yaml)`", PAGE))
    assert named <= files
    assert files - named <= {"words.yaml", "patient.yaml"}


def test_what_is_asked_and_what_was_compared_with_is_no_finding():
    text = "INDICATION: Rule out stone.\nCOMPARISON: CT showed gallstones.\nFINDINGS: Noncalcified nodule."
    assert [one.assertion for one in reader().read(text).mentions] == ["possible", "historical", "negated"]
    assert not told(reader().read(text).mentions).stated
    assert not told(reader().read(text).mentions).possible
