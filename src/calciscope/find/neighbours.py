"""Second look: what a candidate's neighbours say about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from calciscope.find.candidates import Candidate
from calciscope.find.classify import Facts, costal_reach, inflow_reach, is_inflow


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A candidate, what the rules saw of it, and what it is if it is no deposit."""

    candidate: Candidate
    facts: Facts
    reason: str | None


def by_neighbours(judged: Sequence[Judged], spacing: tuple[float, float, float]) -> list[Judged]:
    """Deposits that their neighbours show to be something else get that reason; the rest is unchanged.

    Pieces of a costal cartilage vouch for each other, and undiluted contrast for the veins on its side.
    """
    out = list(judged)
    inflow = [i for i, item in enumerate(out) if is_inflow(item.facts) and item.reason not in ("bone", "outside_body")]
    for i in inflow:
        out[i] = replace(out[i], reason="contrast")
    _spread(out, inflow, "contrast", [inflow_reach(item.facts) for item in out], spacing)
    while True:
        known = [i for i, item in enumerate(out) if item.reason == "costal_cartilage"]
        if not _spread(out, known, "costal_cartilage", [costal_reach(item.facts) for item in out], spacing):
            return out


def _spread(
    items: list[Judged],
    known: Sequence[int],
    reason: str,
    reach: Sequence[float],
    spacing: tuple[float, float, float],
) -> bool:
    """Give deposits within their reach (mm, each its own) of known ones their reason (in place); whether any was."""
    if not known:
        return False
    tree = cKDTree(np.concatenate([_points(items[i].candidate, spacing) for i in known]))
    changed = False
    for i, item in enumerate(items):
        if item.reason is None and reach[i] > 0.0:
            distance, _ = tree.query(_points(item.candidate, spacing))
            if float(np.min(distance)) < reach[i]:
                items[i] = replace(item, reason=reason)
                changed = True
    return changed


def _points(candidate: Candidate, spacing: tuple[float, float, float]) -> NDArray[np.float64]:
    """Some of the candidate's voxels in mm."""
    step = max(1, len(candidate.voxels) // 60)
    return np.asarray(candidate.voxels[::step] * np.array(spacing), dtype=np.float64)
