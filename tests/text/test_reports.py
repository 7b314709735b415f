"""Whole reports with their sections: every mention with its place, side and assertion, in the order of the text."""

from pathlib import Path

import pytest
import yaml

pytest.importorskip("spacy", reason="the text extra is not installed")

from calciscope.text.reader import reader

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
