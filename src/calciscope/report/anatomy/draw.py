"""The pictures of one anatomy: overviews, every structure, every curve, every landmark, every rejected candidate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from calciscope.domain import site as sites
from calciscope.domain.anatomy import Anatomy, Structure, Tube
from calciscope.domain.deposit import Deposit, PlacedDeposit
from calciscope.domain.image import Volume
from calciscope.domain.structures import Place, dictionary
from calciscope.report.anatomy.section import PLANES, Colour, Section, View
from calciscope.report.anatomy.sheet import captioned, colour_of, legend, stacked, tiled

_OWN: Colour = (255, 214, 0)
_DEPOSIT: Colour = (255, 70, 90)
_LARGE, _SMALL, _TINY = 320, 230, 170
_MARGIN_MM, _LEAST_MM, _BORDER_MM = 25.0, 80.0, 10.0
# Overviews: how many slices of each plane; they name structures, but not tissue that is nearly everywhere.
_SLICES = {0: 20, 1: 8, 2: 8}
_EVERYWHERE = frozenset({"body", "fat", "subcutaneous_fat", "muscle", "skin"})
_LEVELS_OF_TUBE = 5


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """What is drawn of a series: ``series`` is its number within the study, nothing of the patient."""

    series: str
    volume: Volume
    anatomy: Anatomy
    placed: tuple[PlacedDeposit, ...]
    rejected: tuple[Deposit, ...]


def window(name: str, anatomy: Anatomy, index: float) -> str:
    """The window that shows a structure best."""
    meaning = dictionary().meanings.get(name)
    if name.startswith(("lung", "airway", "trachea", "hilum", "pleura")):
        return "lung"
    if meaning is not None and meaning.place is Place.REJECT and meaning.rank >= 50:
        return "wide"
    if meaning is not None and meaning.site is not None and sites.within(meaning.site, "brain"):
        return "brain"
    return "brain" if anatomy.region_at(round(index)) == "head" and name != "eye" else "soft tissue"


def _body_box(scan: Scan) -> list[tuple[int, int]]:
    """First and last index of the patient along each axis; of the whole volume where the anatomy has no body."""
    inside = scan.anatomy.labels > 0
    for name in ("table", "metal"):
        inside &= ~scan.anatomy.mask(name)
    found = [np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    shape = scan.volume.geometry.shape
    return [(int(one[0]), int(one[-1])) if len(one) else (0, shape[n] - 1) for n, one in enumerate(found)]


def overviews(scan: Scan) -> Iterator[tuple[str, Image.Image]]:
    """One sheet a plane: slices through the whole scan with everything that was found, and the names in its colours."""
    anatomy, box = scan.anatomy, _body_box(scan)
    extent = [(last - first + 1) * mm for (first, last), mm in zip(box, scan.volume.geometry.spacing, strict=True)]
    drawn = [one for one in anatomy.structures.values() if one.name not in _EVERYWHERE]
    colours = {one.label: colour_of(n) for n, one in enumerate(drawn)}
    names = [(f"{one.name} {one.confidence:.2f}", colours[one.label]) for one in drawn]
    tubes = [(tube, colour_of(len(drawn) + n)) for n, tube in enumerate(anatomy.tubes.values())]
    names += [(f"curve {tube.name} {tube.confidence:.2f}", colour) for tube, colour in tubes]
    points = {mark.name: scan.volume.geometry.to_index(mark.point) for mark in anatomy.landmarks.values()}
    for plane, axis in PLANES:
        field = max(extent[one] for one in range(3) if one != axis) + _BORDER_MM
        middle = [(first + last) / 2 for first, last in box]
        images = []
        for at in np.unique(np.linspace(*box[axis], _SLICES[axis] + 2)[1:-1].astype(int)).tolist():
            middle[axis] = float(at)
            centre = (middle[0], middle[1], middle[2])
            section = Section(scan.volume, View(axis, centre, field, _LARGE))
            _labels(section, anatomy, colours)
            for tube, colour in tubes:
                _tube_in(section, scan.volume, tube, colour)
            for item in scan.placed:
                section.voxels(item.deposit.voxels, _DEPOSIT)
            for index in points.values():
                if abs(index[axis] - at) * scan.volume.geometry.spacing[axis] < 5.0:
                    section.cross(index.tolist(), _OWN)
            images.append(captioned([section.image()], f"{plane} {at}"))
        sheet = tiled(images, 5 if axis == 0 else 4)
        yield plane, stacked([sheet, legend(names, sheet.width)])


def structure(scan: Scan, one: Structure, box: tuple[slice, slice, slice], *, small: bool = False) -> Image.Image:
    """Three planes through the voxel of a structure that lies nearest to its centre; ``box`` holds the structure."""
    pixels = _TINY if small else _LARGE
    inside = scan.anatomy.labels[box] == one.label
    where = np.argwhere(inside)
    spacing = np.array(scan.volume.geometry.spacing)
    off = ((where - where.mean(axis=0)) * spacing) ** 2
    start = np.array([part.start for part in box])
    centre = (where[off.sum(axis=1).argmin()] + start).astype(float)
    size = float((np.array(inside.shape) * spacing).max())
    field = min(max(_LEAST_MM, size + 2 * _MARGIN_MM), max(scan.volume.geometry.extent_mm) + 2 * _MARGIN_MM)
    ml = len(where) * scan.volume.geometry.voxel_mm3 / 1000.0
    at = [int(value) for value in centre]
    shown = window(one.name, scan.anatomy, centre[0])
    sections = []
    for _, axis in PLANES:
        section = Section(scan.volume, View(axis, (centre[0], centre[1], centre[2]), field, pixels, shown))
        section.outline(section.plane_of(scan.anatomy.labels) == one.label, _OWN)
        sections.append(section.image())
    sure = f"{one.confidence:.2f}" if small else f" confidence {one.confidence:.2f} "
    return captioned(sections, f"{one.name} {sure} {ml:.1f} ml {at} {scan.anatomy.provider_of(one.name)}")


def tube(scan: Scan, one: Tube) -> Image.Image:
    """Axial planes along a curve with its radius, and its whole course seen from the front and from the side."""
    indices = scan.volume.geometry.to_index(one.points)
    shown = window(one.name, scan.anatomy, float(indices[:, 0].mean()))
    chosen = np.unique(np.linspace(0, len(indices) - 1, _LEVELS_OF_TUBE).astype(int))
    images = []
    for n in chosen.tolist():
        centre = (float(indices[n, 0]), float(indices[n, 1]), float(indices[n, 2]))
        section = Section(scan.volume, View(0, centre, _LEAST_MM, _SMALL, shown))
        section.circle(centre, float(one.radius[n]), _OWN)
        images.append(captioned([section.image()], f"axial {section.at}"))
    middle = indices[len(indices) // 2]
    length = np.ptp(one.points, axis=0).max() if len(indices) > 1 else 0.0
    for plane, axis in PLANES[1:]:
        centre = (float(np.mean(indices[[0, -1], 0])), float(middle[1]), float(middle[2]))
        section = Section(scan.volume, View(axis, centre, max(_LEAST_MM, float(length) + _MARGIN_MM), _SMALL, shown))
        section.curve(indices, _OWN)
        images.append(captioned([section.image()], f"{plane} {section.at}"))
    ends = " to ".join(str([round(value) for value in indices[n].tolist()]) for n in (0, -1))
    radius = f"{one.radius.min():.1f} to {one.radius.max():.1f}"
    by = scan.anatomy.provider_of(one.name)
    return captioned(images, f"curve {one.name}  confidence {one.confidence:.2f}  radius {radius} mm  {ends}  {by}")


def landmarks(scan: Scan) -> list[Image.Image]:
    """Three planes through every landmark."""
    images = []
    for mark in scan.anatomy.landmarks.values():
        index = scan.volume.geometry.to_index(mark.point)
        centre = (float(index[0]), float(index[1]), float(index[2]))
        sections = []
        for _, axis in PLANES:
            section = Section(scan.volume, View(axis, centre, 120.0, _TINY, window(mark.name, scan.anatomy, centre[0])))
            section.cross(centre, _OWN)
            sections.append(section.image())
        at = [round(value) for value in centre]
        images.append(captioned(sections, f"{mark.name} {mark.confidence:.2f} {at}"))
    return images


def candidate(scan: Scan, deposit: Deposit) -> Image.Image:
    """Three planes through a rejected candidate: itself in yellow, deposits that were kept in red."""
    centre = tuple(float(value) for value in deposit.voxels[_nearest(deposit.voxels)])
    field = max(60.0, max(deposit.extent_mm) + _MARGIN_MM)
    shown = "wide" if deposit.peak_hu > 700.0 else "soft tissue"
    sections = []
    for _, axis in PLANES:
        section = Section(scan.volume, View(axis, (centre[0], centre[1], centre[2]), field, _TINY, shown))
        for item in scan.placed:
            section.voxels(item.deposit.voxels, _DEPOSIT)
        section.voxels(deposit.voxels, _OWN)
        sections.append(section.image())
    at = [int(value) for value in centre]
    text = f"{deposit.id} {deposit.rejected_as} {at} {deposit.volume_mm3:.0f} mm3 peak {deposit.peak_hu:.0f} HU"
    return captioned(sections, text)


def boxes(anatomy: Anatomy) -> dict[str, tuple[slice, slice, slice]]:
    """The box around each structure that has voxels."""
    found = ndimage.find_objects(anatomy.labels.astype(np.int32, copy=False))
    named = {one.label: one.name for one in anatomy.structures.values()}
    return {named[n]: (box[0], box[1], box[2]) for n, box in enumerate(found, start=1) if box and n in named}


def _nearest(voxels: NDArray[np.int32]) -> int:
    """The voxel that lies nearest to the centre of all."""
    return int(np.abs(voxels - voxels.mean(axis=0)).sum(axis=1).argmin())


def _labels(section: Section, anatomy: Anatomy, colours: dict[int, Colour]) -> None:
    plane = section.plane_of(anatomy.labels)
    for label in np.unique(plane).tolist():
        if label in colours:
            section.outline(plane == label, colours[label])


def _tube_in(section: Section, volume: Volume, one: Tube, colour: Colour) -> None:
    """A circle where a curve crosses the plane."""
    axis = section.view.axis
    indices = volume.geometry.to_index(one.points)
    off = np.abs(indices[:, axis] - section.at) * volume.geometry.spacing[axis]
    if len(off) and off.min() <= volume.geometry.spacing[axis]:
        n = int(off.argmin())
        section.circle(indices[n].tolist(), float(one.radius[n]) if axis == 0 else 0.0, colour)


def by_reason(rejected: Sequence[Deposit]) -> dict[str, list[Deposit]]:
    """Rejected candidates by their reason, the largest first."""
    groups: dict[str, list[Deposit]] = {}
    for one in sorted(rejected, key=lambda one: (one.rejected_as or "", -one.volume_mm3)):
        groups.setdefault(one.rejected_as or "without a reason", []).append(one)
    return groups
