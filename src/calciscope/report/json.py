"""``assessment.json``: the assessment as its published schema has it."""

from __future__ import annotations

from pathlib import Path

from calciscope.domain.assessment import Assessment


def write(assessment: Assessment, path: Path) -> Path:
    """Write the assessment as UTF-8 JSON and return the path."""
    path.write_text(assessment.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return path
