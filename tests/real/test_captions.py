"""Mentions in figure captions that were annotated by hand (tests/real/text: by id, without the text itself)."""

import csv
from pathlib import Path

import pytest

pytest.importorskip("spacy", reason="the text extra is not installed")

from calciscope.text.reader import reader

_CAPTIONS = Path(__file__).resolve().parents[3] / "shared" / "text" / "figure_captions.csv"
_FOLDER = Path(__file__).parent / "text"
# At least this share of the places is right; 0.89 of the first held-out captions and 0.93 of the second were when they
# were read for the first time.
_LEAST = 0.90
_SETS = ("captions_develop.csv", "captions_report.csv", "captions_second.csv")


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def measured(annotated: Path) -> dict[str, float]:
    """Recall and precision of mentions, and the share with the right site, side and assertion."""
    texts = {row["id"]: row["caption"] for row in _rows(_CAPTIONS)}
    known: dict[str, list[dict[str, str]]] = {}
    for row in _rows(annotated):
        known.setdefault(row["id"], []).append(row)
    right = dict.fromkeys(("found", "site", "side", "assertion"), 0)
    missed = extra = 0
    for key, rows in known.items():
        left = list(reader().read(texts[key]).mentions)
        for row in (row for row in rows if row["start"]):
            start, end = int(row["start"]), int(row["end"])
            one = next((each for each in left if each.start < end and start < each.end), None)
            if one is not None:
                left.remove(one)
            if row["sites"] == "OPTIONAL":
                continue
            if one is None:
                missed += 1
                continue
            right["found"] += 1
            right["site"] += one.site in row["sites"].split("|")
            right["side"] += (one.laterality or "") in row["laterality"].split("|")
            right["assertion"] += one.assertion in row["assertion"].split("|")
        extra += len(left)
    found = right.pop("found")
    shares = {name: count / found for name, count in right.items()}
    return {"recall": found / (found + missed), "precision": found / (found + extra), **shares}


@pytest.mark.real
@pytest.mark.parametrize("annotated", _SETS)
def test_captions_are_read_as_a_person_read_them(annotated: str) -> None:
    if not _CAPTIONS.is_file():
        pytest.skip(f"{_CAPTIONS.name} is not beside the checkout")
    shares = measured(_FOLDER / annotated)
    assert shares["recall"] >= 0.95
    assert shares["precision"] >= 0.95
    assert shares["site"] >= _LEAST
    assert shares["assertion"] >= 0.95
    assert shares["side"] >= 0.95
