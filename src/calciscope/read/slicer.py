"""Segmentations of 3D Slicer (``.seg.nrrd``): segments with names, in several layers where they overlap.

Each segment has keys ``SegmentN_Name``, ``SegmentN_LabelValue`` and ``SegmentN_Layer`` in the header; layers are values
of one voxel. Older versions wrote no label values, and one layer a segment
(https://slicer.readthedocs.io/en/latest/user_guide/modules/segmentations.html).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from types import MappingProxyType
from typing import Any

import numpy as np

from calciscope.domain.labels import LabelArray, Labels, told_apart, whole_numbers
from calciscope.errors import InputError
from calciscope.read.files import File
from calciscope.read.geometry import canonical, canonical_geometry
from calciscope.read.volume_files import checked, itk_grid, open_itk

_BROKEN = "its header does not describe its segments; export it again"


@dataclass(frozen=True, slots=True)
class _Segment:
    number: int
    name: str
    value: int
    layer: int


def read_slicer(file: File, name: str) -> Labels | None:
    """The segments of a NRRD file as labels under their own names; ``None`` where its header names no segments.

    A segment keeps its label value as number where no other segment has it, else its place in the list counts.
    Raises :class:`~calciscope.errors.InputError` where it cannot be read.
    """
    image = open_itk(file)
    segments = _segments(image)
    if not segments:
        return None
    if image.GetDimension() != 3:
        raise InputError(f"it has {image.GetDimension()} dimensions; give one segmentation at one time")
    grid = checked(itk_grid(image))
    values = grid.values.reshape(*grid.values.shape[:3], -1)
    if max(one.layer for one in segments) >= values.shape[3]:
        raise InputError(_BROKEN)
    way = canonical(grid.directions)
    geometry = canonical_geometry(way, values.shape[:3], grid.spacing.tolist(), grid.origin, grid.directions)
    numbered = [
        _numbered(whole_numbers(values[..., layer]), [one for one in segments if one.layer == layer])
        for layer in range(values.shape[3])
    ]
    # A layer without any voxel says nothing; one stays, so that there is a grid.
    kept = [layer for layer in numbered if layer.any()] or numbered[:1]
    layers = tuple(np.ascontiguousarray(np.flip(np.transpose(layer, way.axes), way.flips)) for layer in kept)
    present = {int(one) for layer in layers for one in np.unique(layer)}
    names = told_apart({one.number: one.name for one in segments})
    return Labels(name, layers, geometry, MappingProxyType({one: names[one] for one in sorted(present - {0})}))


def _segments(image: Any) -> list[_Segment]:
    keys = frozenset(image.GetMetaDataKeys())
    several = image.GetNumberOfComponentsPerPixel() > 1
    found: list[tuple[str, int, int]] = []
    for place in count():
        start = f"Segment{place}_"
        if not {f"{start}ID", f"{start}Name", f"{start}LabelValue"} & keys:
            break

        def told(what: str, otherwise: str, start: str = start) -> str:
            return str(image.GetMetaData(start + what)).strip() if start + what in keys else otherwise

        value, layer = told("LabelValue", "1"), told("Layer", str(place if several else 0))
        if not (value.isdecimal() and layer.isdecimal() and int(value) > 0):
            raise InputError(_BROKEN)
        found.append((told("Name", told("ID", "")), int(value), int(layer)))
    own = len({value for _, value, _ in found}) == len(found)
    return [
        _Segment(value if own else place, name, value, layer)
        for place, (name, value, layer) in enumerate(found, start=1)
    ]


def _numbered(values: LabelArray, segments: list[_Segment]) -> LabelArray:
    """A layer with the numbers of its segments in place of their label values."""
    here = {one.value: one.number for one in segments}
    if set(np.unique(values).tolist()) - {0, *here}:
        raise InputError("it holds voxels that belong to none of its segments; export it again")
    if all(value == number for value, number in here.items()):
        return values
    table = np.zeros(max(here) + 1, dtype=np.int32)
    for value, number in here.items():
        table[value] = number
    return np.asarray(table[values])
