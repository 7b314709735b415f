"""Anatomies laid over each other: what a better provider saw replaces, structure by structure, what lies beneath."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.courses import SUFFIX, courses
from calciscope.domain import site as sites
from calciscope.domain.anatomy import Anatomy, Structure, Tube
from calciscope.domain.structures import Meaning, Place, dictionary
from calciscope.errors import AnatomyError

# What no organ of another provider can hide: it is no tissue, and the search for calcium must know of it.
_STAYS = frozenset({"metal", "table"})
# Of these another provider may know more, but never all: both are kept under the one name.
_ADDED = frozenset({"airway", "bone", "metal"})
# Below this rank a structure is a background (body, fat, skin, muscle) that hides nothing.
_BACKGROUND_RANK = 10
# A structure that lies within another by this share of its voxels is a part of it and stays visible.
_PART = 0.7
# A structure of another name at the same site replaces an organ only if it is more than a small part of it.
_LEAST_SHARE = 0.25
# Parts of the structure beneath (of the aorta, say) divide the new one up to this far from them, mm, on such a grid.
_DIVIDES_MM, _GRID_MM = 20.0, 2.0

_Labels = NDArray[np.uint8] | NDArray[np.uint16]


def overlay(base: Anatomy, over: Anatomy) -> Anatomy:
    """``base`` with the structures, curves and landmarks of ``over`` laid on top; both are of the same volume.

    A structure that ``over`` has is taken from it alone. What ``base`` has at the same site goes too, but for curves
    that run within the new masks; its parts that
    ``over`` does not tell apart (ascending aorta and arch of an ``aorta``) divide the new structure among them.
    Structures finer than what covers them (a pineal gland in a brain) stay, and so do those that share a room (inside
    the heart) and metal. Backgrounds and structures without a known meaning are painted only where nothing better is.
    Where it had nothing, the regions, the blood pool and the body are those of ``base``. Raises
    :class:`~calciscope.errors.AnatomyError` where ``over`` is of another grid.
    """
    if over.labels.shape != base.labels.shape:
        raise AnatomyError(
            f"the anatomy of {over.manifest.provider} has the grid {over.labels.shape}, "
            f"not that of the volume {base.labels.shape}"
        )
    base = _one_skeleton(base, over)
    shared = _Shared(base, over)
    dropped = {n for n in base.structures if shared.replaces(n)}
    parts = shared.parts(set(base.structures) - dropped)
    labels, values = _painted(shared, dropped, parts)
    provider = over.manifest.provider
    structures = {n: one for n, one in base.structures.items() if n not in dropped}
    for name, whole in parts.items():
        # Where it is says the new one, which part of it the base: the part is as sure as both together.
        sure = math.sqrt(structures[name].confidence * over.structures[whole].confidence)
        structures[name] = replace(structures[name], confidence=sure, provider=provider)
    for name, value in values.items():
        one = over.structures[name]
        structures[name] = Structure(name, value, one.confidence, one.provider or provider)
    tubes = {n: tube for n, tube in base.tubes.items() if not shared.replaces(n, curve=True)}
    tubes |= {n: replace(tube, provider=tube.provider or provider) for n, tube in over.tubes.items()}
    body = replace(
        base,
        labels=labels,
        structures=MappingProxyType(structures),
        tubes=MappingProxyType(tubes),
        landmarks=MappingProxyType({**base.landmarks, **over.landmarks}),
        regions=base.regions or over.regions,
        blood_pool=base.blood_pool or over.blood_pool,
        notes=tuple(dict.fromkeys((*base.notes, *over.notes))),
        laid_over=(*base.laid_over, *over.manifests),
    )
    new = courses(body, [*values, *parts])
    return replace(body, tubes=MappingProxyType({**tubes, **new})) if new else body


def _one_skeleton(base: Anatomy, over: Anatomy) -> Anatomy:
    """``base`` with its bones as one where ``over`` tells them apart: two counts of the vertebrae must not mix."""
    parts = [base.structures[name] for name in base.bones if name != "bone"]
    if not parts or not any(name != "bone" for name in over.bones):
        return base
    whole = base.structures.get("bone") or replace(parts[0], name="bone")
    table = np.arange(int(base.labels.max()) + 1, dtype=np.uint16)
    for one in parts:
        table[one.label : one.label + 1] = whole.label
    names = {one.name for one in parts}
    structures = {name: one for name, one in base.structures.items() if name not in names} | {"bone": whole}
    marks = {name: mark for name, mark in base.landmarks.items() if not name.startswith("disc_")}
    return replace(
        base,
        labels=table[base.labels],
        structures=MappingProxyType(structures),
        landmarks=MappingProxyType(marks),
    )


class _Shared:
    """How the structures of two anatomies of one volume relate, by meaning and by voxels."""

    def __init__(self, base: Anatomy, over: Anatomy) -> None:
        self.base, self.over = base, over
        self.known: Mapping[str, Meaning] = dictionary().meanings
        self.counts = _overlaps(over.labels, base.labels)
        sizes = self.counts.sum(axis=1)
        self.given = {n for n, one in over.structures.items() if _at(sizes, one.label)}
        # What says where an organ is; a region or a tissue only says what is about there.
        self.organs = {n for n in self.given if n in self.known and self.known[n].place not in _VAGUE}
        groups = dictionary().groups.values()
        self.rooms = {name for group in groups for name in group.room}

    def replaces(self, name: str, *, curve: bool = False) -> bool:
        """Whether a structure or curve of the base gives way."""
        given_as, name = name, name.removesuffix(SUFFIX)
        if name in _ADDED:
            return False
        if name in self.over.tubes or (name in self.given and not curve):
            return True
        meaning = self.known.get(name)
        if meaning is None or meaning.site is None or meaning.group is not None or name in self.rooms:
            return False
        covering = [n for n in self.organs if n == name or _covers(self.known[n], meaning)]
        if not covering:
            return False
        if curve:
            return not self._follows(self.base.tubes[given_as], covering)
        if any(self._is_part(name, n) for n in covering):
            return False
        if meaning.place is not Place.ORGAN:
            return True
        volume = sum(self._size(n) for n in covering)
        own = int(self.counts[:, self.base.structures[name].label].sum())
        return volume >= _LEAST_SHARE * own

    def parts(self, names: Collection[str]) -> dict[str, str]:
        """Structures of the base that divide one of the new ones, with its name."""
        found = {}
        for name in names:
            meaning = self.known.get(name)
            if meaning is None or meaning.site is None:
                continue
            whole = [n for n in self.organs if _covers(self.known[n], meaning) and self._is_part(name, n)]
            if whole:
                found[name] = max(whole, key=lambda n: len(self.known[n].site or ""))
        return found

    def hides(self, above: str, below: str, parts: Mapping[str, str]) -> bool:
        """Whether a voxel of both shows the new structure."""
        if below in _STAYS or parts.get(below) == above:
            return False
        ranks = [self.known[n].rank if n in self.known else 0 for n in (above, below)]
        vague = above not in self.known or self.known[above].place is Place.TISSUE or ranks[0] < _BACKGROUND_RANK
        if vague:
            return ranks[0] > ranks[1]
        inner = self.known.get(below)
        if inner is None or inner.place is Place.REJECT or ranks[1] <= ranks[0]:
            return True
        upper, lower = self.over.structures[above].label, self.base.structures[below].label
        return bool(self.counts[upper, lower] < _PART * self.counts[:, lower].sum())

    def _is_part(self, name: str, whole: str) -> bool:
        """Whether a structure of the base is a part of the site of a new one, and not all of it."""
        return self.known[name].site != self.known[whole].site

    def _follows(self, tube: Tube, covering: Collection[str]) -> bool:
        """Whether a curve of the base runs within the new masks: then it is their course, and stays."""
        index = np.rint(self.base.geometry.to_index(tube.points)).astype(int)
        inside = ((index >= 0) & (index < self.over.labels.shape)).all(axis=1)
        own = [self.over.structures[n].label for n in covering]
        hits = np.isin(self.over.labels[tuple(index[inside].T)], own).sum()
        return bool(len(index)) and bool(hits >= _PART * len(index)) and tube.name not in self.over.tubes

    def _size(self, name: str) -> int:
        return int(self.counts[self.over.structures[name].label].sum())


_VAGUE = (Place.REGION, Place.TISSUE)


def _covers(outer: Meaning, inner: Meaning) -> bool:
    """Whether a structure stands for the site of another or more, on the same side of the body."""
    if inner.site is None or outer.site is None or not sites.within(inner.site, outer.site):
        return False
    side, other = (next((s for s in sites.SIDES if one.name.endswith(s)), None) for one in (inner, outer))
    return other is None or side == other


def _overlaps(over: _Labels, base: _Labels) -> NDArray[np.intp]:
    """How many voxels have each pair of labels: rows are those of ``over``, columns those of ``base``."""
    rows, columns = int(over.max()) + 1, int(base.max()) + 1
    counts = np.zeros(rows * columns, dtype=np.intp)
    for above, below in zip(over, base, strict=True):
        pairs = above.ravel().astype(np.int64) * columns + below.ravel()
        counts += np.bincount(pairs, minlength=rows * columns)
    return counts.reshape(rows, columns)


def _at(values: NDArray[np.intp], label: int) -> int:
    return int(values[label]) if label < len(values) else 0


def _painted(shared: _Shared, dropped: set[str], parts: Mapping[str, str]) -> tuple[_Labels, dict[str, int]]:
    """The label map of both, and the labels of the new structures in it."""
    base, over = shared.base, shared.over
    # What nothing explains any more is still the patient, and not the air outside of the body.
    ground = base.structures["body"].label if "body" in base.structures and "body" not in dropped else 0
    beneath = np.arange(shared.counts.shape[1], dtype=np.uint16)
    for name in (*dropped, *parts):
        beneath[_within(base.structures[name].label, beneath)] = ground
    first = max((one.label for one in base.structures.values()), default=0) + 1
    values = {name: first + n for n, name in enumerate(sorted(shared.given))}
    values |= {name: base.structures[name].label for name in _ADDED & values.keys() & base.structures.keys()}
    # For each pair of labels the one that shows.
    shows = np.repeat(beneath[None, :], shared.counts.shape[0], axis=0)
    for name, value in values.items():
        row = over.structures[name].label
        shows[row, 0] = value
        for one in base.structures.values():
            if one.label >= shows.shape[1]:
                continue
            gone = one.name in dropped or parts.get(one.name, name) != name
            if gone or shared.hides(name, one.name, parts):
                shows[row, one.label] = value
            else:
                shows[row, one.label] = one.label
    result = np.empty(base.labels.shape, dtype=np.uint16)
    for z in range(len(result)):
        result[z] = shows[over.labels[z], base.labels[z]]
    for whole in sorted(set(parts.values())):
        _divide(result, base, values[whole], [n for n, of in parts.items() if of == whole])
    present = set(np.flatnonzero(np.bincount(result.ravel())).tolist())
    return result, {name: value for name, value in values.items() if value in present}


def _within(label: int, table: NDArray[np.uint16]) -> slice:
    return slice(label, label + 1) if label < len(table) else slice(0, 0)


def _divide(labels: NDArray[np.uint16], base: Anatomy, whole: int, names: list[str]) -> None:
    """Give voxels of a structure the label of the nearest of its parts that the base tells apart, in place."""
    own = [base.structures[name].label for name in names]
    found = ndimage.find_objects(np.isin(labels, [whole, *own]).astype(np.uint8))
    if not found:
        return
    box = found[0]
    spacing = base.geometry.spacing
    step = tuple(slice(None, None, max(1, int(_GRID_MM / mm))) for mm in spacing)
    coarse = np.where(np.isin(base.labels[box], own), base.labels[box], 0)[step]
    if not coarse.any():
        return
    sampling = [mm * (part.step or 1) for mm, part in zip(spacing, step, strict=True)]
    away, nearest = ndimage.distance_transform_edt(coarse == 0, sampling=sampling, return_indices=True)
    named = np.where(away <= _DIVIDES_MM, coarse[tuple(nearest)], whole).astype(np.uint16)
    cut = labels[box]
    where = np.nonzero(cut == whole)
    at = tuple(index // (part.step or 1) for index, part in zip(where, step, strict=True))
    cut[where] = named[at]
