"""Whole reports with their sections: every mention with its place, side and assertion, in the order of the text."""

from pathlib import Path

import pytest
import yaml

pytest.importorskip("spacy", reason="the text extra is not installed")

from calciscope.text.reader import reader

CHEST = yaml.safe_load((Path(__file__).parent / "chest.yaml").read_text("utf-8"))
REPORTS = yaml.safe_load((Path(__file__).parent / "reports.yaml").read_text("utf-8"))


def fits(mention, word, site, side, assertion):
    """What of an expected mention is not so."""
    wrong = []
    if mention is None or (word.lower() not in mention.text.lower() and mention.text.lower() not in word.lower()):
        return ["mention"]
    if mention.site not in site.split("|"):
        wrong.append(f"site {mention.site}")
    if (mention.laterality or "null") not in (side or "null").split("|"):
        wrong.append(f"side {mention.laterality}")
    if mention.assertion not in assertion.split("|"):
        wrong.append(f"says {mention.assertion}")
    return wrong


@pytest.mark.parametrize("report", REPORTS, ids=[one["id"] for one in REPORTS])
def test_a_report(report):
    found = list(reader().read(report["text"]).mentions)
    at = [found.pop(0) if found else None for _ in report["says"]]
    wrong = {
        (number, *said): bad
        for number, (one, said) in enumerate(zip(at, report["says"], strict=True))
        if (bad := fits(one, *said))
    }
    assert not wrong, wrong
    assert not found, [one.quote for one in found]


@pytest.mark.parametrize(("text", "says"), [(one[0], one[1:]) for one in CHEST], ids=[one[0][:30] for one in CHEST])
def test_a_finding_of_a_chest_radiograph(text, says):
    found = reader().read(text).mentions
    assert len(found) == len(says)
    assert not [bad for one, said in zip(found, says, strict=True) if (bad := fits(one, one.text, *said))]
