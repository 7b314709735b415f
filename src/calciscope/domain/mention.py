"""A mention: where a report speaks of calcium, and what was understood."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from calciscope.domain.site import SIDES, exists


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
    several were read. ``because`` are the words that decided site and assertion, ``quote`` is the piece of the
    sentence that holds them and the mention.
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
    quote: str = ""
    report: str | None = None

    def path(self, base: str | None = None) -> str:
        """The path of its place, or of another one, with its side where the tree has two of the place."""
        place = base or self.site
        sided = f"{place}.{self.laterality}"
        return sided if self.laterality in SIDES and exists(sided) else place

    def paths(self) -> tuple[str, ...]:
        """The paths of all its places."""
        return tuple(self.path(base) for base in (self.site, *self.also))


class Disagreement(BaseModel):
    """Where a report and an image of the same patient say different things of one place."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: str
    report: str
    image: str


class PatientFact(BaseModel):
    """What a report says of the patient besides calcium, and whether it was used.

    ``key`` is ``age`` (years), ``sex`` or a list of the patient file (``conditions``, ``history``, ``symptoms``,
    ``medications``), ``value`` the number or phrase, ``denied`` whether the report says that it is not so. ``start``
    and ``end`` are offsets of characters in the text (0 where the header of a file says it), ``laterality`` is the
    side that stands beside it. Where ``used`` is false ``why`` says what goes before it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    value: float | str
    denied: bool = False
    laterality: str | None = None
    start: int
    end: int
    text: str
    report: str | None = None
    used: bool = True
    why: str | None = None
