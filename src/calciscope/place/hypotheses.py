"""Where a deposit may lie: every structure and tube near it, scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from calciscope.domain import site as sites
from calciscope.domain.anatomy import Anatomy, Structure
from calciscope.domain.deposit import Deposit
from calciscope.domain.image import Volume
from calciscope.domain.structures import Dictionary, Group, Meaning, Place
from calciscope.place import room
from calciscope.place.course import Course, bell, closeness, in_wall
from calciscope.place.features import crop, features

# Deposit voxels looked at; more say nothing new about where it lies.
_SAMPLE = 80
# Label voxels are looked at on a grid of about this size, mm; masks of the embedded provider are coarser than that.
_GRID_MM = 1.5
# How far the nearest label voxel can be from a point inside the label, in voxel diagonals.
_HALF_DIAGONAL = 0.51
# Deep inside a large vessel is lumen, less likely a deposit of the wall; within this depth (mm) all counts as wall.
_ALL_WALL_MM = 8.0
_LUMEN_SHARE = 0.6
# How exactly the outline of a room is known, mm.
_OUTLINE_MM = 5.0
# A group none of whose curves scores this much says nothing of a vessel beside it.
_EXPLAINED = 0.08
# How far outside of a room's outline its fat may still be, mm; how sure its fat makes a place where no curve is known.
_IN_FAT_MM, _NO_CURVES = 2.5, 0.85
# How far from the course at which it was sought an artery in that fat may run, mm, and how soft that limit is.
_ASTRAY_MM, _ASTRAY_SOFT_MM = 22.0, 6.0
# What is larger and on no curve is a sheet of the pericardium or a lump of a valve's ring rather than plaque, mm3.
_PLAQUE_MM3 = 800.0
# Ureter and iliac artery cross where both are read at this score at least; the lesser then counts this part of the
# better at least, so that neither is sure.
_CROSSING, _CROSSED = 0.25, 0.8
# Scores below this are left out.
_NOTHING = 0.01


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One reading: the site, its score (0 to 1), the structure that says so, and facts of the place.

    Readings of one ``group`` exclude each other: their scores add up to at most 1. ``certain`` is how sure the provider
    is of a group's structure; its score holds that already once the group has been weighed. ``each`` is how well each
    voxel looked at fits a structure of a group (0 to 1).
    """

    site: str
    score: float
    structure: str
    attributes: tuple[tuple[str, str], ...] = ()
    tissue: bool = False
    group: str | None = None
    certain: float = 1.0
    each: NDArray[np.float64] = field(default_factory=lambda: np.ones(1), repr=False, compare=False)


class Scorer:
    """Scores deposits of one volume against one anatomy."""

    def __init__(self, volume: Volume, anatomy: Anatomy, known: Dictionary) -> None:
        self.volume = volume
        self.anatomy = anatomy
        self.known = known
        self.by_label = {s.label: s for s in anatomy.structures.values() if s.name in known.meanings}
        self.reach = max((known.meanings[s.name].tolerance_mm for s in self.by_label.values()), default=0.0) * 2.5
        self.divided = {
            above
            for name in anatomy.structures
            if name in known.meanings
            for above in sites.ancestors(known.meanings[name].site or "")
        }
        self.borders = [
            (name, into)
            for name in anatomy.structures
            if name in known.meanings and (into := known.meanings[name].passes_into) and into[0] in anatomy.structures
        ]
        # Lowest and highest point of the structures that have such a border, mm, as they are asked for.
        self.heights: dict[str, tuple[float, float]] = {}
        self.curves = {
            name: Course(tube) for name, tube in anatomy.tubes.items() if name in known.meanings and len(tube.points)
        }

    def score(self, deposit: Deposit, seen: Mapping[str, float] | None = None) -> tuple[Hypothesis, ...]:
        """Hypotheses for a deposit, best first, one a site; ``seen`` are its features where they are known already."""
        step = max(1, len(deposit.voxels) // _SAMPLE)
        voxels = deposit.voxels[::step]
        points = self.volume.geometry.to_mm(voxels)
        region = self.anatomy.region_at(deposit.center_index[0])
        found = [*self._masks(deposit, voxels, region), *self._tubes(points, region)]
        found += [*self._over_borders(found, points), *self._over_forks(found, points)]
        if region is not None:
            certain = next((r.confidence for r in self.anatomy.regions if r.name == region), 0.0)
            found += [Hypothesis(s, weight * certain, region) for s, weight in self.known.regions.get(region, ())]
        seen = features(deposit, self.volume, self.anatomy) if seen is None else seen
        for group in self.known.groups.values():
            found = self._in_room(found, deposit, voxels, seen, group)
        return self._weighed(found, seen)

    def along(self, deposit: Deposit, places: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """Distance of every voxel of a deposit from each of the curves whose sites are ``places``: ``(n,)`` mm."""
        points = self.volume.geometry.to_mm(deposit.voxels)
        return {
            str(self.known.meanings[name].site): curve.beside(points, hollow=False)
            for name, curve in self.curves.items()
            if self.known.meanings[name].site in places
        }

    def _in_room(
        self,
        found: list[Hypothesis],
        deposit: Deposit,
        voxels: NDArray[np.int32],
        seen: Mapping[str, float],
        group: Group,
    ) -> list[Hypothesis]:
        """The readings after those of a group were weighed against each other; without the group's room they go."""
        members = [item for item in found if item.group == group.name]
        others = [item for item in found if item.group != group.name]
        own = [name for name in self.curves if self.known.meanings[name].group == group.name]
        if not own and group.fatty is None:
            return others
        where = room.depth(deposit, voxels, self.volume, self.anatomy, group)
        explained = max((item.score * float(item.each.mean()) for item in members), default=0.0)
        if where is None or explained < _EXPLAINED < self._best(others, group):
            return others
        within = closeness(-where.mm, group.tolerance_mm)
        if within < _NOTHING:
            return others
        if not own:
            return self._in_fat_alone(others, where, seen, group)
        sure = max(self.curves[name].confidence for name in own)
        in_fat = np.zeros(len(voxels))
        if group.fatty is not None:
            place, weight, _ = group.fatty
            in_fat = self._in_fat(where, seen, group) * self._not_astray(voxels, place, own)
            # What a curve of the place explains needs no general reading beside it.
            beside = np.array([item.each for item in members if sites.within(item.site, place)])
            each = in_fat * (1.0 - beside.max(axis=0) if len(beside) else 1.0)
            members.append(Hypothesis(place, weight, group.name, group=group.name, certain=sure, each=each))
        if group.surface is not None:
            place, weight, mm = group.surface
            each = bell(np.abs(where.mm), mm)
            members.append(Hypothesis(place, weight, group.name, group=group.name, certain=sure, each=each))
        if group.deep is not None:
            place, weight, mm = group.deep
            each = np.clip(where.mm / mm, 0.0, 1.0)
            members.append(Hypothesis(place, weight, group.name, group=group.name, certain=sure, each=each))
        weights = np.array([item.score * self._evidence(item.site, seen) * item.each for item in members])
        whole = 0.99 * within
        placed = [
            replace(item, score=whole * item.certain * share)
            for item, share in zip(members, room.shares(weights, group.none).mean(axis=1).tolist(), strict=True)
        ]
        # Where the curves are uncertain, that it runs in the room's fat may be surer than along which of them.
        if group.fatty is not None:
            place = group.fatty[0]
            within_it = [item.score for item in placed if sites.within(item.site, place)]
            could_be = float(in_fat.mean()) * (_NO_CURVES * where.certain - sure)
            if within_it and could_be > 0.0:
                more = could_be * sum(within_it) / max(sure, 1e-6)
                placed = [
                    replace(item, score=item.score + more if item.structure == group.name else item.score)
                    if item.site == place
                    else item
                    for item in placed
                ]
        # What nothing explains lies in the room only where it lies well inside.
        rest = max(0.0, whole - sum(item.score for item in placed))
        rest *= float(np.clip((where.mm + _OUTLINE_MM) / (2 * _OUTLINE_MM), 0.0, 1.0).mean())
        placed.append(Hypothesis(group.site, rest, group.name, group=group.name))
        return [item for item in others if item.structure not in group.replaces] + [
            item for item in placed if item.score > _NOTHING
        ]

    def _in_fat(self, where: room.Depth, seen: Mapping[str, float], group: Group) -> NDArray[np.float64]:
        """How well each voxel lies in the room's fat, from 0 to 1: half the share that is enough of it is none."""
        enough = group.fatty[2] if group.fatty is not None else 1.0
        share = float(np.clip(2.0 * seen["fat"] / enough - 1.0, 0.0, 1.0)) * (seen["volume_mm3"] <= _PLAQUE_MM3)
        return share * bell(-where.mm, _IN_FAT_MM)

    def _not_astray(self, voxels: NDArray[np.int32], place: str, own: Sequence[str]) -> NDArray[np.float64]:
        """How near each voxel lies to any course of a place, from 0 to 1: in the fat behind the heart nodes lie."""
        points = self.volume.geometry.to_mm(voxels)
        courses = [self.curves[name] for name in own if sites.within(self.known.meanings[name].site or "", place)]
        away = [course.distance(points)[0] for course in courses]
        return bell(np.min(away, axis=0) - _ASTRAY_MM, _ASTRAY_SOFT_MM) if away else np.ones(len(voxels))

    def _in_fat_alone(
        self, others: list[Hypothesis], where: room.Depth, seen: Mapping[str, float], group: Group
    ) -> list[Hypothesis]:
        """The readings where a room is in view whose curves are not: what runs in its fat, or the room as before."""
        if group.fatty is None:
            return others
        place, weight, _ = group.fatty
        fit = weight * self._evidence(place, seen) * float(self._in_fat(where, seen, group).mean())
        belief = where.certain * _NO_CURVES * float(room.shares(np.array([fit]), group.none)[0])
        if belief <= _NOTHING:
            return others
        # Both readings share what the room may claim: they exclude each other.
        kept = [
            replace(item, score=item.score * (1.0 - belief), group=group.name) if item.structure in group.room else item
            for item in others
        ]
        return [*kept, Hypothesis(place, belief, group.name, group=group.name)]

    def _best(self, others: list[Hypothesis], group: Group) -> float:
        """The best score of a vessel that a group replaces: where the group's own curves end, it goes on."""
        vessel = (item for item in others if item.structure in group.replaces)
        return max(
            (item.score for item in vessel if self.known.meanings[item.structure].place is Place.VESSEL_WALL),
            default=0.0,
        )

    def _evidence(self, place: str, seen: Mapping[str, float]) -> float:
        """What the deposit's features say for or against a site, as a factor."""
        factor = 1.0
        for rule in self.known.evidence:
            if any(sites.within(place, listed) for listed in rule.sites) and all(
                low <= seen[name] <= high for name, (low, high) in rule.when.items()
            ):
                factor *= rule.times
        return factor

    def _masks(self, deposit: Deposit, voxels: NDArray[np.int32], region: str | None) -> list[Hypothesis]:
        box = crop(deposit, self.volume, self.reach, _GRID_MM)
        labels = self.anatomy.labels[box.slices]
        cell = np.array(self.volume.geometry.spacing) * np.array(box.step)
        slack = _HALF_DIAGONAL * float(np.linalg.norm(cell))
        points = self.volume.geometry.to_mm(voxels)
        own = self.anatomy.labels[tuple(voxels.T)]
        centre = points.mean(axis=0)
        found = []
        for name, members in self._wholes(labels).items():
            meaning = self.known.meanings[name]
            place = self._site(meaning, region)
            if place is None or meaning.place is Place.REJECT:
                continue
            values = [member.label for member in members]
            where = np.argwhere(np.isin(labels, values)) * np.array(box.step) + np.array(box.start)
            tree = cKDTree(self.volume.geometry.to_mm(where))
            distance = np.asarray(tree.query(points)[0], dtype=np.float64) - slack
            # A voxel that carries the label is inside, however the thinned grid fell.
            distance[np.isin(own, values)] = 0.0
            sure = max(member.confidence for member in members)
            score = sure * meaning.weight * closeness(distance, meaning.tolerance_mm)
            if meaning.otherwise is not None:
                found.append(Hypothesis(meaning.otherwise, score, name, tissue=True))
            if score > _NOTHING:
                between = meaning.place is Place.TISSUE
                location = self._location(meaning, centre) or self._part(members, own)
                found.append(Hypothesis(place, score, name, location, between))
        return found

    def _over_borders(self, found: Sequence[Hypothesis], points: NDArray[np.float64]) -> Iterator[Hypothesis]:
        """The other stretch of a vessel, where a deposit lies near the border that nothing on the scan marks."""
        for one, (other, mm) in self.borders:
            for here, there in ((one, other), (other, one)):
                score = _read_as(found, here) * closeness(self._beyond(there, points), mm)
                if score > _NOTHING:
                    yield Hypothesis(str(self.known.meanings[there].site), score, there)

    def _over_forks(self, found: Sequence[Hypothesis], points: NDArray[np.float64]) -> Iterator[Hypothesis]:
        """The branches of a tube, where a deposit lies near its upper end: where it divides is not seen well."""
        for name, curve in self.curves.items():
            fork = self.known.meanings[name].forks_into
            if fork is None:
                continue
            branches, mm = fork
            score = _read_as(found, name) * closeness(curve.below_end(points), mm)
            if score > _NOTHING:
                for branch in branches:
                    yield Hypothesis(str(self.known.meanings[branch].site), score, branch)

    def _beyond(self, name: str, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far above or below a structure each point lies, mm."""
        if name not in self.heights:
            label = self.anatomy.structures[name].label
            slices = np.flatnonzero([(plane == label).any() for plane in self.anatomy.labels])
            ends = np.zeros((2, 3))
            ends[:, 0] = slices[[0, -1]] if slices.size else 0
            low, high = np.sort(self.volume.geometry.to_mm(ends)[:, 2])
            self.heights[name] = (float(low), float(high))
        low, high = self.heights[name]
        return np.asarray(np.maximum(np.maximum(low - points[:, 2], points[:, 2] - high), 0.0))

    def _wholes(self, labels: NDArray[np.unsignedinteger]) -> dict[str, list[Structure]]:
        """The structures among some labels by name; parts under the name of the structure they are parts of."""
        wholes: dict[str, list[Structure]] = {}
        for label in np.unique(labels):
            structure = self.by_label.get(int(label))
            if structure is not None:
                wholes.setdefault(self.known.meanings[structure.name].part_of or structure.name, []).append(structure)
        return wholes

    def _part(self, members: Sequence[Structure], own: NDArray[np.unsignedinteger]) -> tuple[tuple[str, str], ...]:
        """The named part of a structure in which most of a deposit lies, whose voxels have the labels ``own``."""
        for member in members:
            named = self.known.meanings[member.name].locations
            if named and self.known.meanings[member.name].part_of and float((own == member.label).mean()) > 0.5:
                return (("location", named[0]),)
        return ()

    def _tubes(self, points: NDArray[np.float64], region: str | None) -> list[Hypothesis]:
        found = []
        for name, curve in self.curves.items():
            meaning = self.known.meanings[name]
            place = self._site(meaning, region)
            if place is None or meaning.place is Place.REJECT:
                continue
            if meaning.group is not None:
                each = bell(curve.beside(points, hollow=meaning.hollow), meaning.tolerance_mm)
                each = in_wall(each) if meaning.hollow else each
                if float(each.mean()) > _NOTHING:
                    found.append(
                        Hypothesis(
                            place, meaning.weight, name, group=meaning.group, certain=curve.confidence, each=each
                        )
                    )
                continue
            off, radius = curve.distance(points)
            fit = closeness(off - radius, meaning.tolerance_mm)
            if meaning.place is Place.VESSEL_WALL:
                deep = np.maximum(0.0, np.median(radius - off) - meaning.tolerance_mm - _ALL_WALL_MM)
                fit *= max(_LUMEN_SHARE, 1.0 - 0.1 * float(deep))
            score = curve.confidence * meaning.weight * fit
            if score > _NOTHING:
                found.append(Hypothesis(place, score, name, self._location(meaning, points.mean(axis=0))))
        return found

    def _site(self, meaning: Meaning, region: str | None) -> str | None:
        """The site of a structure; the region names its part only where the anatomy has no structures for parts."""
        return meaning.site if meaning.site in self.divided else meaning.site_in(region)

    def _location(self, meaning: Meaning, point: NDArray[np.float64]) -> tuple[tuple[str, str], ...]:
        """The named part of the structure in which a point lies, by the landmarks that divide it (head first)."""
        if not meaning.locations:
            return ()
        marks = [self.anatomy.landmarks[name].point[2] for name in meaning.divided_by if name in self.anatomy.landmarks]
        if len(marks) < len(meaning.divided_by):
            return ()
        below = sum(1 for mark in marks if point[2] < mark)
        return (("location", meaning.locations[below]),)

    def _weighed(self, found: list[Hypothesis], seen: Mapping[str, float]) -> tuple[Hypothesis, ...]:
        """The best hypothesis of each site after the deposit's own features have spoken."""
        best: dict[str, Hypothesis] = {}
        explained = 0.0
        # Tissue last: it explains what the organs leave unexplained.
        for item in sorted(found, key=lambda item: item.tissue):
            score = item.score * ((1.0 - explained) ** 2 if item.tissue else 1.0)
            if item.group is None:
                score *= self._evidence(item.site, seen)
            score = min(score, 0.99)
            explained = explained if item.tissue else max(explained, score)
            if item.site not in best or best[item.site].score < score:
                best[item.site] = replace(item, score=score)
        return tuple(sorted(_crossed(best).values(), key=lambda item: (-item.score, item.site)))


def _read_as(found: Sequence[Hypothesis], structure: str) -> float:
    """The best score of a structure among some readings; 0 where none is of it."""
    return max((item.score for item in found if item.structure == structure), default=0.0)


def _crossed(best: Mapping[str, Hypothesis]) -> dict[str, Hypothesis]:
    """The readings by site; where ureter and iliac artery of a side are both near, each is a true rival of the other.

    At the pelvic brim the ureter lies on the artery: a stone and plaque are a few mm apart there.
    """
    out = dict(best)
    for side in ("left", "right"):
        pair = [f"ureter.{side}", f"artery.iliac.{side}"]
        if not all(site in best and best[site].score >= _CROSSING for site in pair):
            continue
        lower, higher = sorted(pair, key=lambda site: best[site].score)
        score = max(best[lower].score, _CROSSED * best[higher].score)
        out[lower] = replace(best[lower], score=score)
    return out
