"""Which series are used for what, and why the others are not. Pure: looks at headers only.

Every series is weighed by what speaks against it. Of all series that show the same part of the body the one with the
least against it is used to find deposits, and the one with the least against it as a calcium scan to score them; a
series that shows another part is used as well. Weights rank series; none of them enters a measurement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from calciscope.domain.image import Acquisition, Contrast, Geometry

FIND = "find"
SCORE = "score"

# Two series show the same part of the body where they share this much of the shorter one. Less is the overlap of
# neighbours; more would count many deposits twice if both were used.
_SAME_PART = 0.2

# Weights: what outranks what when series compete.
_NOT_ATTENUATION, _PROJECTED, _SHARP, _REFORMATTED = 8.0, 6.0, 4.0, 2.5
_CONTRAST, _SPOILED, _DERIVED, _LOSSY, _UNKNOWN = 2.0, 2.0, 1.0, 0.5, 0.5
_COVERAGE = 6.0
# Thickness (mm): finding wants thin slices without the noise of the thinnest; scoring was defined on 2.5 to 3 mm.
_FIND_THICKNESS = ((0.9, 0.5), (3.3, 0.0), (5.1, 1.0), (float("inf"), 3.0))
_SCORE_THICKNESS = ((1.9, 1.5), (2.4, 0.75), (3.3, 0.0), (5.1, 1.5), (float("inf"), 4.0))
# Another series takes over the scoring only if it is better by more than this.
_WORTH_CHANGING = 0.7
# Sums of weights that differ by less are equal.
_EQUAL = 1e-6


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is known of a series before its voxels are read.

    ``frame`` names the frame of reference, ``exam`` the examination (``date`` as YYYYMMDD, empty if unknown) and
    ``series`` the series that its slices come from: what tells candidates apart, never shown.
    """

    id: str
    acquisition: Acquisition
    geometry: Geometry
    image_type: tuple[str, ...] = ()
    frame: str = ""
    exam: str = ""
    date: str = ""
    series: frozenset[str] = frozenset()

    @property
    def slices(self) -> int:
        """Number of acquired slices."""
        return self.geometry.shape[self.acquisition.slice_axis]

    @property
    def span(self) -> tuple[float, float]:
        """From where to where it reaches along head to feet, in LPS mm."""
        ends = (
            self.geometry.to_mm((0.0, 0.0, 0.0))[2],
            self.geometry.to_mm(tuple(n - 1.0 for n in self.geometry.shape))[2],
        )
        half = self.geometry.spacing[0] / 2
        return float(min(ends)) - half, float(max(ends)) + half


@dataclass(frozen=True, slots=True)
class Choice:
    """What a series is used for (``find``, ``score``, nothing) and one sentence why."""

    id: str
    uses: frozenset[str]
    why: str


Against = dict[str, float]


def select(candidates: Sequence[Candidate]) -> tuple[Choice, ...]:
    """Choose among the series of one patient; the answers stand in the order of the candidates."""
    choices: dict[str, Choice] = {}
    usable: list[Candidate] = []
    for candidate in candidates:
        reason = never(candidate)
        if reason:
            choices[candidate.id] = Choice(candidate.id, frozenset(), reason)
        else:
            usable.append(candidate)
    current = _newest(usable, choices)
    for part in _parts(current):
        _choose(part, choices)
    return tuple(choices[candidate.id] for candidate in candidates)


def never(candidate: Candidate) -> str | None:
    """Why a series is no CT volume that can be measured, or ``None``."""
    kinds = " ".join(candidate.image_type)
    if "LOCALIZER" in kinds or "SCOUT" in kinds:
        return "a localizer: a projection for planning, not a CT volume"
    if candidate.slices < 2:
        return "one slice is not a volume"
    if any(word in kinds for word in ("IODINE", "ZEFF", "RHO", "Z_EFF", "ELECTRON DENSITY")):
        return "a material map of dual-energy CT, not Hounsfield units"
    return None


def _newest(usable: Sequence[Candidate], choices: dict[str, Choice]) -> list[Candidate]:
    """Set older examinations of the same part of the body aside: two dates are for comparing, not for adding up."""
    kept: list[Candidate] = []
    for candidate in usable:
        newer = next((other for other in usable if _supersedes(other, candidate)), None)
        if newer is None:
            kept.append(candidate)
        else:
            why = "an older examination of the same part of the body; give it by itself, or compare the two dates"
            choices[candidate.id] = Choice(candidate.id, frozenset(), why)
    return kept


def _supersedes(other: Candidate, candidate: Candidate) -> bool:
    newer = bool(other.date and candidate.date) and other.date > candidate.date
    return newer and other.exam != candidate.exam and _same_part(other, candidate)


def _shared(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Length that two spans have in common, mm."""
    return max(0.0, min(a[1], b[1]) - max(a[0], b[0]))


def _length(span: tuple[float, float]) -> float:
    return span[1] - span[0]


def _same_part(a: Candidate, b: Candidate) -> bool:
    regions = {(c.acquisition.body_part or "").upper() for c in (a, b)}
    if a.frame != b.frame and len(regions) == 2 and "" not in regions:
        # Heights of different frames of reference cannot be compared; the headers say that the parts differ.
        return False
    return _shared(a.span, b.span) > _SAME_PART * min(_length(a.span), _length(b.span))


def _parts(usable: Sequence[Candidate]) -> list[list[Candidate]]:
    """Series that show the same part of the body, directly or through a third one."""
    left, parts = list(usable), []
    while left:
        part = [left.pop(0)]
        for member in part:  # grows while it is walked
            joined = [other for other in left if _same_part(member, other)]
            part.extend(joined)
            left = [other for other in left if other not in joined]
        parts.append(part)
    return parts


def _choose(part: Sequence[Candidate], choices: dict[str, Choice]) -> None:
    low, high = min(c.span[0] for c in part), max(c.span[1] for c in part)
    against = {c.id: _against(c, high - low, _FIND_THICKNESS) for c in part}
    ranked = sorted(part, key=lambda c: (sum(against[c.id].values()), -_length(c.span), c.id))
    chosen: list[Candidate] = []
    for candidate in ranked:
        if not any(_same_part(candidate, other) for other in chosen):
            chosen.append(candidate)
    uses: dict[str, set[str]] = {c.id: {FIND} for c in chosen}
    scoring: dict[str, Candidate] = {}
    for finder in chosen:
        scorer = _scorer(finder, part)
        scoring[finder.id] = scorer
        uses.setdefault(scorer.id, set()).add(SCORE)
    for candidate in part:
        given = frozenset(uses.get(candidate.id, ()))
        if given:
            why = _why_used(candidate, given, against[candidate.id])
        else:
            rival = max(chosen, key=lambda c: _shared(c.span, candidate.span))
            why = _why_not(candidate, rival, against)
        choices[candidate.id] = Choice(candidate.id, given, why)


def _scorer(finder: Candidate, part: Sequence[Candidate]) -> Candidate:
    """The series to score with: the finder itself unless another of the same part is clearly a better calcium scan."""
    rivals = [c for c in part if c is finder or _same_part(c, finder)]
    total = {
        c.id: sum(_against(c, _length(finder.span), _SCORE_THICKNESS, contrast=3 * _CONTRAST).values()) for c in rivals
    }
    best = min(rivals, key=lambda c: (total[c.id], c.id))
    return best if total[finder.id] - total[best.id] > _WORTH_CHANGING else finder


def _against(
    candidate: Candidate, longest: float, thicknesses: Sequence[tuple[float, float]], contrast: float = _CONTRAST
) -> Against:
    """What speaks against a series, in words with their weight; ``longest`` is the length (mm) there is to cover."""
    a = candidate.acquisition
    kinds = " ".join(candidate.image_type)
    found: Against = {}
    if any(word in kinds for word in ("MIP", "MINIP", "AVERAGE")):
        found["a projection of several slices"] = _PROJECTED
    if any(word in kinds for word in ("VNC", "VIRTUAL", "MONO_E", "MONOENERGETIC")):
        found["computed from other images"] = _NOT_ATTENUATION
    if "SECONDARY" in kinds:
        found["derived from other images"] = _DERIVED
    if a.slice_axis != 0:
        found["not axial"] = _REFORMATTED
    elif any(word in kinds for word in ("MPR", "REFORMATTED")):
        found["a reformatted series"] = _UNKNOWN
    sharp = a.sharp_kernel
    if sharp:
        found[f"a sharp kernel ({a.kernel})"] = _SHARP
    elif sharp is None:
        found["an unknown kernel"] = _UNKNOWN
    if a.contrast is Contrast.GIVEN:
        found["contrast-enhanced"] = contrast
    elif a.contrast is Contrast.UNKNOWN:
        found["contrast unknown"] = _UNKNOWN
    thickness = a.slice_thickness or candidate.geometry.spacing[a.slice_axis]
    weight = next(points for limit, points in thicknesses if thickness <= limit)
    if weight:
        found[f"slices of {thickness:g} mm"] = weight
    if a.missing_slices or a.resampled:
        found["slices missing" if a.missing_slices else "resampled"] = _SPOILED
    if a.lossy:
        found["lossy compression"] = _LOSSY
    short = 1 - min(1.0, _length(candidate.span) / longest)
    if short > 0.02:
        found[f"covers {100 * (1 - short):.0f} % of the part"] = _COVERAGE * short
    return found


_USED_FOR = {
    frozenset({FIND, SCORE}): "used to find and to score deposits",
    frozenset({FIND}): "used to find deposits",
    frozenset({SCORE}): "used to score deposits",
}


def _why_used(candidate: Candidate, uses: frozenset[str], against: Against) -> str:
    a = candidate.acquisition
    thickness = a.slice_thickness or candidate.geometry.spacing[a.slice_axis]
    facts = [f"{candidate.slices} slices of {thickness:g} mm"]
    if a.kernel:
        word = {True: "sharp ", False: "soft ", None: ""}[a.sharp_kernel]
        facts.append(f"{word}kernel {a.kernel}")
    if a.contrast is not Contrast.UNKNOWN:
        facts.append("without contrast" if a.contrast is Contrast.NONE else "with contrast")
    hindrances = [
        word
        for word, weight in against.items()
        if weight > _UNKNOWN and not word.startswith(("slices of", "contrast-", "a sharp"))
    ]
    return f"{_USED_FOR[uses]}: {', '.join(facts + hindrances)}"


def _why_not(candidate: Candidate, rival: Candidate, against: dict[str, Against]) -> str:
    mine, theirs = against[candidate.id], against[rival.id]
    worse = sorted(((weight, word) for word, weight in mine.items() if word not in theirs), reverse=True)
    said = f"series {rival.id} shows the same part of the body"
    if worse and sum(mine.values()) - sum(theirs.values()) > _EQUAL:
        return f"{said} and suits better; against this one: {', '.join(word for _, word in worse[:2])}"
    return f"{said} equally well"
