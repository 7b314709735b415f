"""How sure a raw score is: ``knowledge/confidence.yaml`` says how often places with such a score were right."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from calciscope.domain import site as sites
from calciscope.domain.knowledge import table

# From this confidence on a place counts as sure.
SURE = 0.8


@dataclass(frozen=True, slots=True)
class Curve:
    """Confidence over raw score for some sites and all below them: straight lines between points, both ascending."""

    raw: tuple[float, ...]
    sure: tuple[float, ...]

    def at(self, score: float) -> float:
        """The confidence of a raw score; outside the points that of the nearest."""
        right = bisect_right(self.raw, score)
        if right == 0:
            return self.sure[0]
        if right == len(self.raw):
            return self.sure[-1]
        low, high = self.raw[right - 1], self.raw[right]
        share = (score - low) / (high - low)
        return self.sure[right - 1] + share * (self.sure[right] - self.sure[right - 1])


@dataclass(frozen=True, slots=True)
class Curves:
    """Curves by site (without side; ``artery.aorta.*`` is the aorta with all its parts, ``artery`` that site alone).

    ``most`` is how sure a place may be that has none.
    """

    by_site: Mapping[str, Curve]
    most: float

    def calibrated(self, place: str, score: float) -> float:
        """The confidence of a place with a raw score (both 0 to 1): by its own curve or that of the nearest above.

        A site that has no curve was never checked: its score stands, up to a limit.
        """
        base, _ = sites.split(place)
        for name in (base, *(f"{above}.*" for above in (base, *sites.ancestors(base)))):
            if name in self.by_site:
                return self.by_site[name].at(score)
        return min(score, self.most)


# Scores as they are: what a curve is fitted to.
RAW = Curves(MappingProxyType({}), 1.0)


@lru_cache(maxsize=1)
def curves() -> Curves:
    """The curves of ``knowledge/confidence.yaml``, which ``docs/make_anatomy.py`` writes."""
    fitted = table("confidence.yaml")
    found = {
        name: Curve(_ascending(entry["raw"]), _ascending(entry["sure"]))
        for entry in fitted["curves"]
        for name in entry["sites"]
    }
    return Curves(MappingProxyType(found), float(fitted["unchecked"]))


def _ascending(values: Sequence[float]) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    if not numbers or any(b < a for a, b in itertools.pairwise(numbers)):
        raise ValueError("a curve of confidence has points in ascending order")
    return numbers
