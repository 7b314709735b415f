"""``report.html``: one self-contained page that a radiologist reads and prints.

No script, no network access: a content security policy forbids both, and every text is escaped by the template.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from calciscope.domain import site as sites
from calciscope.domain.assessment import Assessment, Reason, Seriousness
from calciscope.report import facts, text
from calciscope.report.page import environment
from calciscope.report.pictures import DepositPictures, Overview

_LEVELS = {
    Seriousness.NONE: "nothing to act on",
    Seriousness.INCIDENTAL: "benign: report it, nothing to do",
    Seriousness.MONITOR: "follow-up, a test, or risk-factor care",
    Seriousness.SIGNIFICANT: "a treatment decision or a specialist",
    Seriousness.URGENT: "hours to days",
}
_SCALE = tuple(Seriousness)


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures of an assessment: crops by deposit id and one overview a series."""

    crops: Mapping[str, DepositPictures] = field(default_factory=lambda: MappingProxyType({}))
    overviews: tuple[Overview, ...] = ()


@dataclass
class Footnotes:
    """Numbers sources in the order in which the page cites them."""

    order: list[str] = field(default_factory=list)

    def mark(self, source: str) -> int:
        """The footnote number of a source, the next free one at its first citation."""
        if source not in self.order:
            self.order.append(source)
        return self.order.index(source) + 1


def render(assessment: Assessment, pictures: Pictures | None = None) -> str:
    """The page as a string."""
    templates = environment()
    templates.filters["number"] = text.number
    templates.filters["unit"] = text.unit
    templates.filters["inputs"] = _inputs
    templates.globals.update(
        measure_name=text.name,
        measure_value=text.value,
        measure_estimate=text.estimate,
        measure_rows=text.rows,
        reasons_of=text.reasons,
        marks_of=text.marks,
        scored=text.scored,
        place_name=sites.label,
        facts=facts.lines,
        levels=_LEVELS,
        scale=_SCALE,
    )
    shown = pictures or Pictures()
    return templates.get_template("report.html").render(
        a=assessment,
        crops=shown.crops,
        overviews=shown.overviews,
        footnotes=Footnotes(),
        citations={source.id: source for source in assessment.sources},
        ranked=sorted(assessment.findings, key=lambda finding: -Seriousness(finding.seriousness.value or "none").rank),
        level_of={
            deposit.id: finding.seriousness.value or "none"
            for finding in assessment.findings
            for deposit in finding.deposits
        },
    )


def write(assessment: Assessment, pictures: Pictures | None, path: Path) -> Path:
    """Write the page as UTF-8 and return the path."""
    path.write_text(render(assessment, pictures), encoding="utf-8")
    return path


# What stands above a reason anyway: where the finding is, and whether it was seen in an image.
_EVIDENT = frozenset({"site", "imaged"})


def _inputs(reason: Reason) -> str:
    """What a rule saw, in one line: ``diameter 9, location distal``; empty where it saw no more than the place."""
    shown = []
    for key, seen in reason.inputs.items():
        if key in _EVIDENT:
            continue
        if isinstance(seen, bool):
            value = "yes" if seen else "no"
        elif isinstance(seen, float):
            value = text.number(seen)
        elif isinstance(seen, list):
            value = "/".join(seen) if seen else "none stated"
        else:
            value = seen
        shown.append(f"{key.replace('_', ' ')} {value}")
    return ", ".join(shown)
