"""Simulated knees, shoulders, hips, breasts and chests with calcium at known places: what is found, and placed where.

``python docs/anatomy_limbs.py N`` prints the section for N scenes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from calciscope.anatomy.embedded import segment
from calciscope.domain import site as sites
from calciscope.domain.deposit import Deposit
from calciscope.find.ct import find
from calciscope.find.shape import shape
from calciscope.place import place
from calciscope.simulate.places import KINDS, Place, Scene, scene

# A deposit is a place's if a voxel of it lies this near to the place's calcium, mm.
NEAR_MM = 2.0
# A parent this high says only which part of the body, or nothing.
REGIONS = (*sites.REGIONS, sites.UNPLACED)
# A wrong place given as surely as this is a confident one.
SURE = 0.7


@dataclass(frozen=True)
class Row:
    """One place: the scene, the true site, and what became of it; where it was missed, ``given`` is why.

    ``outcome`` is ``exact``, ``parent`` (a parent of the true site, or the part of the body), ``wrong`` or ``missed``;
    ``invented`` is a deposit where no calcium is.
    """

    kind: str
    seed: int
    site: str
    name: str
    given: str
    confidence: float
    outcome: str
    handed: str = ""
    handed_confidence: float = 0.0

    @property
    def handed_outcome(self) -> str:
        """What the placing makes of the calcium itself, however it was found."""
        return outcome(self.site, self.handed) if self.site else ""


def rows(count: int, kinds: Sequence[str] = KINDS) -> list[Row]:
    """The places of ``count`` scenes of the kinds in turn."""
    return [row for seed in range(count) for row in look(scene(seed, kinds[seed % len(kinds)]))]


def look(made: Scene) -> list[Row]:
    """Find and place what is in a scene, and compare."""
    anatomy = segment(made.volume)
    found = find(made.volume, anatomy, series="s", threshold_hu=130.0)
    placed = place(found.deposits, made.volume, anatomy)
    whole = [_deposit(made, truth) for truth in made.places]
    handed = place(whole, made.volume, anatomy)
    left = list(placed)
    out = []
    for truth, by_hand in zip(made.places, handed, strict=True):
        given_by_hand = (by_hand.placement.site, by_hand.placement.confidence)
        reach = truth.reach_mm + NEAR_MM
        own = [item for item in placed if _distance(item.deposit, made, truth.centre_mm) <= reach]
        left = [item for item in left if item not in own]
        if not own:
            taken = [item for item in found.rejected if _distance(item, made, truth.centre_mm) <= reach]
            why = str(max(taken, key=lambda item: item.volume_mm3).rejected_as) if taken else ""
            out.append(Row(made.kind, made.seed, truth.site, truth.name, why, 0.0, "missed", *given_by_hand))
            continue
        best = max(own, key=lambda item: item.deposit.volume_mm3)
        given, sure = best.placement.site, best.placement.confidence
        out.append(
            Row(made.kind, made.seed, truth.site, truth.name, given, sure, outcome(truth.site, given), *given_by_hand)
        )
    out += [
        Row(made.kind, made.seed, "", "", item.placement.site, item.placement.confidence, "invented") for item in left
    ]
    return out


def outcome(true: str, given: str) -> str:
    """``exact``, ``parent`` or ``wrong``; a site without the side that it has is exact but for the side."""
    if given == true or (sites.split(true)[1] and given == sites.split(true)[0]):
        return "exact"
    return "parent" if given in REGIONS or sites.within(true, given) else "wrong"


def _deposit(made: Scene, truth: Place) -> Deposit:
    """The calcium of a place as a deposit, so that placing is asked apart from finding."""
    geometry = made.volume.geometry
    voxels = truth.voxels
    hu = made.volume.hu[tuple(voxels.T)].astype(np.float32)
    z, y, x = (int(v) for v in np.rint(voxels.mean(axis=0)))
    extent = (np.ptp(voxels, axis=0) + 1) * np.array(geometry.spacing)
    return Deposit(
        id=truth.name,
        series="s",
        voxels=voxels,
        hu=hu,
        threshold_hu=130.0,
        background_hu=40.0,
        center_index=(z, y, x),
        center_mm=truth.centre_mm,
        extent_mm=(float(extent[2]), float(extent[1]), float(extent[0])),
        volume_mm3=len(voxels) * geometry.voxel_mm3,
        shape=shape(voxels, geometry.spacing),
    )


def _distance(item: Deposit, made: Scene, centre: tuple[float, float, float]) -> float:
    points = made.volume.geometry.to_mm(item.voxels)
    return float(np.linalg.norm(points - np.asarray(centre), axis=1).min())


def section(found: Iterable[Row]) -> str:
    """Markdown: one line for each true site, and the sums."""
    every = list(found)
    scenes = len({(row.kind, row.seed) for row in every})
    real = [row for row in every if row.site]
    lines = [
        "## Joints, chest wall, lungs and breast",
        "",
        f"{scenes} simulated scans of a knee, a shoulder, hips, shoulders with raised arms, breasts and chests, with "
        f"{len(real)} pieces of calcium at known places. *Exact* is the true site, *broader* a parent of it or the "
        f"part of the body; *wrong and sure* is a wrong site at {SURE} or more. What touches bone or lies in costal "
        "cartilage is often taken for it and missed: *handed over* is what the placing makes of the calcium itself.",
        "",
        "| true site | there | found | exact | broader | wrong | wrong and sure | confidence, median "
        "| handed over: exact | broader | wrong | wrong and sure |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    names = sorted({sites.split(row.site)[0] for row in real})
    lines += [_line(name, [row for row in real if sites.split(row.site)[0] == name]) for name in names]
    lines.append(_line("**all**", real))
    invented = [row for row in every if row.outcome == "invented"]
    lines += ["", f"{len(invented)} deposits were found where no calcium is."]
    return "\n".join(lines) + "\n"


def _line(name: str, part: Sequence[Row]) -> str:
    def count(which: str) -> int:
        return sum(row.outcome == which for row in part)

    seen = [row.confidence for row in part if row.outcome == "exact"]
    sure = sum(row.outcome == "wrong" and row.confidence >= SURE for row in part)
    hands = [sum(row.handed_outcome == which for row in part) for which in ("exact", "parent", "wrong")]
    mistaken = sum(row.handed_outcome == "wrong" and row.handed_confidence >= SURE for row in part)
    middle = f"{np.median(seen):.2f}" if seen else "-"
    return (
        f"| {name} | {len(part)} | {len(part) - count('missed')} | {count('exact')} | {count('parent')} "
        f"| {count('wrong')} | {sure} | {middle} | {hands[0]} | {hands[1]} | {hands[2]} | {mistaken} |"
    )


if __name__ == "__main__":
    sys.stdout.write(section(rows(int(sys.argv[1]) if len(sys.argv) > 1 else 30)))
