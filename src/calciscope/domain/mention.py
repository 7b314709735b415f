"""A mention: where a report speaks of calcium, and what was understood."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Assertion(StrEnum):
    """What the report says of a mention: that it is there, is not, may be, was, or is somebody else's."""

    AFFIRMED = "affirmed"
    NEGATED = "negated"
    POSSIBLE = "possible"
    HISTORICAL = "historical"
    OTHER = "other"


class Mention(BaseModel):
    """One mention of calcium in a report.

    ``start`` and ``end`` are offsets of characters in the text, ``text`` is what stands between them. ``site`` is a
    path of the site tree without a side, ``also`` are further places of the same mention ("of the ascending and the
    descending aorta"). ``laterality`` is ``left``, ``right``, ``bilateral`` or null. ``report`` names the text where
    several were read. ``because`` are the words of the text that decided site and assertion.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: int
    end: int
    text: str
    kind: str
    site: str
    also: tuple[str, ...] = ()
    laterality: str | None = None
    assertion: Assertion
    attributes: dict[str, float | str] = {}
    section: str | None = None
    sentence: tuple[int, int]
    because: dict[str, str] = {}
    report: str | None = None


class Disagreement(BaseModel):
    """Where a report and an image of the same patient say different things of one place."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: str
    report: str
    image: str
