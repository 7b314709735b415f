"""Every calcification candidate of a CT: deposits, and what looked like one and is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.anatomy import Anatomy
from calciscope.domain.deposit import Deposit
from calciscope.domain.image import Volume
from calciscope.find.candidates import Candidate, artery_zone, split
from calciscope.find.classify import IN_ROOM, LUMP_HU, METAL_HU, Facts, rejected_as
from calciscope.find.context import Context, Surroundings, context
from calciscope.find.implants import FRAME, IN_HEART, METAL, STENT, STENT_LIKE, frames
from calciscope.find.islands import ROOMS, compact
from calciscope.find.levels import BRAIN_HU, Levels, above_noise, hot_voxels, levels
from calciscope.find.lines import line
from calciscope.find.neighbours import Judged, by_neighbours
from calciscope.find.rims import joined
from calciscope.find.scene import BRAIN, Bool, Scene, scene
from calciscope.find.shape import shape
from calciscope.find.stents import Coronaries, Verdict, notes, verdict
from calciscope.find.trunk import Trunk, near_skin, trunk

# Peaks that stand out of the tissue around by fewer SD of the noise are not kept, not even as rejected: there are
# thousands of them.
_SPECK_SD = 5.0
# More than any lump of calcium that noise has not joined, mm3.
_LINKED_MM3 = 30_000.0
_NOISY = "noise reaches the threshold of calcium: faint calcium cannot be told from it"
# The gland beside the airway counts where the anatomy has seen it, not where it only has its usual place.
_THYROID, _HEART, _SEEN = ("thyroid_gland", "thyroid_left", "thyroid_right"), ("heart_region", "heart"), 0.7
# Bone this far below a candidate is what it stands on, mm; so far around its outline is looked, mm.
_BELOW_MM, _AROUND_MM = 9.0, 3.0


@dataclass(frozen=True, slots=True)
class Found:
    """Deposits, and candidates that were rejected with the reason in ``rejected_as``; both by ascending slice.

    ``floor_hu`` is the attenuation from which calcium could be seen: the threshold that was asked for, or a higher one
    where contrast was given. ``notes`` tell of implants, and ``implants`` holds their voxels ``(n, 3)`` by the name of
    a structure (see :func:`calciscope.find.implants.marked`).
    """

    deposits: tuple[Deposit, ...]
    rejected: tuple[Deposit, ...]
    floor_hu: float
    notes: tuple[str, ...] = ()
    implants: Mapping[str, NDArray[np.int32]] = field(default_factory=lambda: MappingProxyType({}))


def find(volume: Volume, anatomy: Anatomy, *, series: str, threshold_hu: float) -> Found:
    """Deposits and rejected candidates of a CT volume.

    ``threshold_hu`` is the preset's; where contrast was given it is raised to what stands out of blood and enhanced
    tissue, and each deposit carries the one that was used. Ids are ``series`` with a number. Raises nothing.
    """
    view = scene(volume, anatomy)
    if view is None:
        return Found((), (), threshold_hu)
    calm = level = levels(view, threshold_hu)
    walls = artery_zone(view)
    parts = split(view, hot_voxels(view, level, walls), walls)
    noisy = above_noise(level)
    if noisy is not calm and any(len(one.voxels) * view.voxel_mm3 > _LINKED_MM3 for one in parts.candidates):
        level = noisy
        parts = split(view, hot_voxels(view, level, walls), walls)
    where = Coronaries.of(view)
    cages = frames(((one.voxels, one.hu) for one in parts.candidates), view.hu, where)
    masks = Surroundings(
        skeleton=parts.skeleton,
        lung=view.names_mask(("lung_left", "lung_right", "lung_upper_", "lung_middle_", "lung_lower_")),
        metal=view.names_mask(("metal",)) | (view.inside & np.asarray(view.hu > METAL_HU)) | cages,
        airway=view.names_mask(("airway", "trachea")),
        walls=walls,
        near_skin=near_skin(view),
        rooms=view.names_mask(ROOMS),
        brain=view.names_mask(BRAIN),
        thyroid=view.names_mask(tuple(name for name in _THYROID if _sure(anatomy, name))),
        heart=view.names_mask(tuple(name for name in _HEART if _sure(anatomy, name))),
        larynx=view.names_mask(("larynx",)),
        bowel=view.names_mask(("bowel", "small_bowel", "colon")),
    )
    place = trunk(view, masks.lung, masks.metal)
    judged: list[Judged] = []
    for candidate in joined(view, _worth(parts.candidates, level), parts.skeleton, walls):
        around = context(view, level, masks, candidate)
        facts = _facts(view, level, place, masks, candidate, around)
        judged.append(Judged(candidate, facts, rejected_as(facts)))
    found = by_neighbours(judged, view.spacing)
    found.sort(key=lambda item: tuple(item.candidate.voxels[0].tolist()))
    found, stents = _stents(found, view, where)
    kept = [item for item in found if item.reason is None]
    others = [item for item in found if item.reason is not None]
    deposits = tuple(_deposit(view, level, item, name=f"{series}-{n}") for n, item in enumerate(kept, start=1))
    return Found(
        deposits,
        tuple(_deposit(view, level, item, name=f"{series}-r{n}") for n, item in enumerate(others, start=1)),
        level.floor,
        (*_told(found, cages, where), *notes(set(stents.values())), *(() if level is calm else (_NOISY,))),
        MappingProxyType(_implants(view, found, stents)),
    )


def _told(found: Sequence[Judged], cages: Bool, where: Coronaries) -> list[str]:
    """What a reader should know of metal in the heart that is no stent."""
    valve = bool(cages.any())
    metal = [item.candidate.voxels for item in found if item.reason == "metal"]
    other = any(where.beside_heart(voxels) and not cages[tuple(voxels.T)].any() for voxels in metal)
    return [*([FRAME] if valve else []), *([IN_HEART] if other else [])]


def _stents(found: Sequence[Judged], view: Scene, where: Coronaries) -> tuple[list[Judged], dict[int, Verdict]]:
    """Deposits that are coronary stents as rejected, and the verdicts that say something, by position."""
    out: list[Judged] = list(found)
    stents: dict[int, Verdict] = {}
    for i, item in enumerate(found):
        if item.reason is None:
            says = verdict(item.candidate.voxels, item.candidate.hu, view.hu, item.facts.context, where)
            if says is not Verdict.NONE:
                stents[i] = says
            if says is Verdict.STENT:
                out[i] = replace(item, reason="stent")
    return out, stents


def _implants(view: Scene, found: Sequence[Judged], stents: Mapping[int, Verdict]) -> dict[str, NDArray[np.int32]]:
    """The voxels of metal and stents on the volume's grid."""
    parts: dict[str, list[NDArray[np.int32]]] = {
        METAL: [item.candidate.voxels for item in found if item.reason == "metal"],
        STENT: [found[i].candidate.voxels for i, says in stents.items() if says is Verdict.STENT],
        STENT_LIKE: [found[i].candidate.voxels for i, says in stents.items() if says is Verdict.MAYBE],
    }
    start = np.array(view.start, dtype=np.int32)
    return {name: np.concatenate(some) + start for name, some in parts.items() if some}


def _sure(anatomy: Anatomy, name: str) -> bool:
    """Whether an anatomy has seen a structure rather than guessed it."""
    return name in anatomy.structures and anatomy.structures[name].confidence >= _SEEN


def _worth(candidates: Sequence[Candidate], level: Levels) -> list[Candidate]:
    """Candidates that are more than a peak of noise."""
    return [candidate for candidate in candidates if not _speck(candidate, level)]


def _speck(candidate: Candidate, level: Levels) -> bool:
    """Whether a candidate is so faint that it is one of the many peaks of noise."""
    noise = float(level.noise_at(candidate.voxels).max())
    tissue = float(level.tissue_at(candidate.voxels).max())
    return float(candidate.hu.max()) < tissue + _SPECK_SD * noise


def _facts(
    view: Scene, level: Levels, place: Trunk, masks: Surroundings, candidate: Candidate, around: Context
) -> Facts:
    """What the rules need to know."""
    voxels = candidate.voxels
    extent = (np.ptp(voxels, axis=0) + 1) * np.array(view.spacing)
    middle = voxels[np.argmin(np.abs(voxels - np.median(voxels, axis=0)).sum(axis=1))]
    z, y = int(middle[0]), int(middle[1])
    whole = voxels + np.array(view.start)
    last = np.array(view.volume.geometry.shape) - 1
    in_heart = float(masks.heart[tuple(voxels.T)].mean())
    return Facts(
        context=around,
        voxels=len(voxels),
        rim=candidate.rim,
        floor=level.floor,
        volume=len(voxels) * view.voxel_mm3,
        peak=float(candidate.hu.max()),
        mean=float(candidate.hu.mean()),
        size=float(extent.max()),
        height=float(extent[0]),
        slices=int(np.ptp(voxels[:, 0])) + 1,
        width=float(extent[2]),
        blood=level.blood,
        region=view.anatomy.region_at(z + view.start[0]),
        at_border=bool(((whole == 0) | (whole == last)).any()),
        in_metal=float(masks.metal[tuple(voxels.T)].mean()),
        metal_in_slice=bool(place.metal[int(voxels[:, 0].min()) : int(voxels[:, 0].max()) + 1].any()),
        depth=place.depth(voxels),
        ribs=place.chest[0] <= z < place.chest[1],
        front=place.in_front(z, y),
        spine_mm=place.spine_distance(voxels),
        beyond_lungs=place.beyond_lungs(voxels),
        border_mm=float((np.minimum(whole, last - whole)[:, 1:].min(axis=0) * view.spacing[1:]).min()),
        ahead=place.ahead(voxels),
        at_end=bool(((whole == 0) | (whole == last))[:, 0].any()),
        in_brain=float(masks.brain[tuple(voxels.T)].mean()),
        in_thyroid=float(masks.thyroid[tuple(voxels.T)].mean()),
        in_larynx=float(masks.larynx[tuple(voxels.T)].mean()),
        in_heart=in_heart,
        in_bowel=float(masks.bowel[tuple(voxels.T)].mean()),
        over_bone=_over_bone(view, masks, voxels),
        lump=candidate.lump or _lump(view, candidate, around),
        # Only the heart draws lines.
        line=line(view, candidate, around.background) if in_heart > 0.0 else (0.0, 0.0),
    )


def _lump(view: Scene, candidate: Candidate, around: Context) -> bool:
    """Whether a candidate beside bone is a lump of calcium in a joint or tendon though it passed for bone there."""
    apart = around.touching == 0.0 and around.in_room > IN_ROOM and float(candidate.hu.max()) > LUMP_HU
    return apart and compact(candidate.voxels, view.spacing)


def _over_bone(view: Scene, masks: Surroundings, voxels: NDArray[np.int32]) -> bool:
    """Whether the skeleton lies close below a candidate."""
    reach = np.ceil(np.array([_BELOW_MM, _AROUND_MM, _AROUND_MM]) / np.array(view.spacing)).astype(int)
    low, high = voxels.min(axis=0) - reach, voxels.max(axis=0) + reach + 1
    low = np.maximum(low, 0)
    below = masks.skeleton[low[0] : int(voxels[:, 0].min()), low[1] : high[1], low[2] : high[2]]
    return bool(below.any())


def _deposit(view: Scene, level: Levels, item: Judged, *, name: str) -> Deposit:
    """A candidate as a deposit on the volume's grid."""
    candidate, around = item.candidate, item.facts.context
    voxels = (candidate.voxels + np.array(view.start, dtype=np.int32)).astype(np.int32)
    geometry = view.volume.geometry
    centre = _centre(voxels)
    points = geometry.to_mm(voxels.mean(axis=0))
    extent = (np.ptp(voxels, axis=0) + 1) * np.array(geometry.spacing)
    return Deposit(
        id=name,
        series=name.rpartition("-")[0],
        voxels=voxels,
        hu=candidate.hu,
        threshold_hu=next((t for t in (level.floor, level.threshold) if float(candidate.hu.min()) >= t), BRAIN_HU),
        background_hu=round(around.background, 1),
        center_index=centre,
        center_mm=(round(float(points[0]), 2), round(float(points[1]), 2), round(float(points[2]), 2)),
        extent_mm=(round(float(extent[2]), 2), round(float(extent[1]), 2), round(float(extent[0]), 2)),
        volume_mm3=round(len(voxels) * geometry.voxel_mm3, 3),
        shape=shape(voxels, geometry.spacing),
        context=around.as_numbers(),
        rejected_as=item.reason,
    )


def _centre(voxels: NDArray[np.int32]) -> tuple[int, int, int]:
    """The voxel index nearest to the mean of the voxels."""
    z, y, x = (int(v) for v in np.rint(voxels.mean(axis=0)))
    return (z, y, x)
