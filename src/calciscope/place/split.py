"""A lesion that runs from one artery into the next: its voxels go to the nearer one, each part as a deposit of its own.

The parts are children of the deposit that was found: they have its id with a letter, share its threshold, background
and context, and no voxel belongs to two of them. What each holds adds up to the total in the roll-up of the arteries.
"""

from __future__ import annotations

from dataclasses import replace
from string import ascii_lowercase

import numpy as np
from numpy.typing import NDArray

from calciscope.domain import site as sites
from calciscope.domain.deposit import Deposit
from calciscope.domain.image import Geometry
from calciscope.place.hypotheses import Hypothesis, Scorer

# Sites between which a lesion is divided, and how surely it must lie in any of them.
_ARTERIES = "artery.coronary"
DIVIDED = ("artery.coronary.lm", "artery.coronary.lad", "artery.coronary.lcx", "artery.coronary.rca")
_CERTAIN = 0.5
# What is shorter than this lies in one artery, mm; less than this share, or this many mm3, is no part of its own.
_LENGTH_MM, _SHARE, _PART_MM3 = 8.0, 0.15, 8.0


def parts(deposit: Deposit, hypotheses: tuple[Hypothesis, ...], scorer: Scorer) -> tuple[Deposit, ...]:
    """The parts of a deposit by artery, the largest first; the deposit itself where it lies in one."""
    own = [item for item in hypotheses if item.site in DIVIDED]
    if deposit.shape.length < _LENGTH_MM or sum(item.score for item in own) < _CERTAIN:
        return (deposit,)
    away = scorer.along(deposit, [item.site for item in own])
    if len(away) < 2:
        return (deposit,)
    table = np.stack(list(away.values()))
    best = table.argmin(axis=0)
    voxel = deposit.volume_mm3 / len(deposit.voxels)
    counts = np.bincount(best, minlength=len(table))
    least = max(_SHARE * len(best), _PART_MM3 / voxel)
    # What is too little to be a part goes to the nearest of the others.
    table[counts < least] = np.inf
    if (counts >= least).sum() < 2:
        return (deposit,)
    best = table.argmin(axis=0)
    order = sorted(np.unique(best).tolist(), key=lambda k: -int((best == k).sum()))
    geometry = scorer.volume.geometry
    return tuple(
        part(deposit, best == k, f"{deposit.id}{letter}", geometry)
        for k, letter in zip(order, ascii_lowercase, strict=False)
    )


def of_whole(found: tuple[Hypothesis, ...], whole: tuple[Hypothesis, ...]) -> tuple[Hypothesis, ...]:
    """The readings ``found`` for a part of a lesion, best first, as sure of an artery as those of the ``whole`` are.

    Calcium in one piece lies in one system: a part that touches a valve is no valve if the lesion is arterial.
    """
    group = next((item.group for item in whole if item.site in DIVIDED), None)
    arterial, other = (
        sum(item.score for item in found if item.group == group and _arterial(item) == wanted)
        for wanted in (True, False)
    )
    belief = min(sum(item.score for item in whole if item.group == group and _arterial(item)), arterial + other)
    if group is None or not 0.0 < arterial < belief:
        return found
    more, less = belief / arterial, (arterial + other - belief) / other
    scaled = [
        replace(item, score=item.score * (more if _arterial(item) else less)) if item.group == group else item
        for item in found
    ]
    return tuple(sorted(scaled, key=lambda item: (-item.score, item.site)))


def _arterial(item: Hypothesis) -> bool:
    return sites.within(item.site, _ARTERIES)


def part(deposit: Deposit, keep: NDArray[np.bool_], name: str, geometry: Geometry) -> Deposit:
    """The voxels of a deposit that are kept, as a deposit of its own; ``keep`` is ``(n,)``."""
    voxels = deposit.voxels[keep]
    spacing = np.array(geometry.spacing)
    points = voxels * spacing
    middle = points.mean(axis=0)
    _, axes = np.linalg.eigh((points - middle).T @ (points - middle))
    along = np.sort(np.ptp(points @ axes, axis=0)) + float(np.cbrt(geometry.voxel_mm3))
    z, y, x = (round(float(v)) for v in voxels.mean(axis=0))
    mm_x, mm_y, mm_z = (float(v) for v in geometry.to_mm(voxels.mean(axis=0)))
    deep, high, wide = (float(v) for v in np.ptp(points, axis=0) + spacing)
    return replace(
        deposit,
        id=name,
        voxels=voxels,
        hu=deposit.hu[keep],
        center_index=(z, y, x),
        center_mm=(mm_x, mm_y, mm_z),
        extent_mm=(wide, high, deep),
        volume_mm3=deposit.volume_mm3 * len(voxels) / len(deposit.voxels),
        shape=replace(deposit.shape, length=round(float(along[-1]), 2), width=round(float(along[0]), 2)),
    )
