"""DICOM Segmentation objects: binary, fractional and label map, frames in any order, segments that overlap.

DICOM PS3.3 C.8.20 (Segmentation) and PS3.3 C.8.20.4 (Label Map Segmentation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset

from calciscope.domain.image import Geometry
from calciscope.domain.labels import LabelArray, Labels, told_apart
from calciscope.errors import InputError
from calciscope.read.dicom_scan import DAMAGE
from calciscope.read.geometry import canonical, canonical_geometry
from calciscope.read.identifiers import identifiers_of, masked, without_names
from calciscope.read.modality import modality_of, name_of
from calciscope.read.refusals import MOST_VOXELS, PLAUSIBLE_MM, TOO_LARGE
from calciscope.read.tags import first_item, number, numbers, positive, text, uid, whole

# A fractional segment holds a voxel from half of its largest value on, as PS3.3 C.8.20.2.3 leaves to the reader.
_HALF = 0.5
# Frames of one object are parallel; directions are rounded to six digits or finer.
_PARALLEL = 1e-4
# A frame may lie this share of the distance of neighbouring frames off its place.
_TOLERANCE = 0.1
_DAMAGED = "it cannot be read: a damaged or incomplete DICOM segmentation; export it again"


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """An opened SEG. ``series`` are the series it was made on, ``frame`` their frame of reference; never shown."""

    name: str
    series: frozenset[str]
    frame: str
    header: FileDataset

    def labels(self, image: Geometry | None = None) -> Labels:
        """Every segment as a label under its own number and label text.

        ``image`` tells how far apart the slices lie where the object holds few of them and does not say it itself.
        Raises :class:`~calciscope.errors.InputError` where the frames cannot be laid out.
        """
        try:
            return _labels(self.header, self.name, image)
        except DAMAGE as error:
            raise InputError(_DAMAGED) from error


def open_segmentation(path: Path, name: str) -> Segmentation:
    """Read a SEG file. Raises :class:`~calciscope.errors.InputError` where it is none."""
    try:
        header = dcmread(path, force=True)
        modality = modality_of(text(header, "Modality"), uid(header, "SOPClassUID"))
        name = masked(name, identifiers_of(header))
    except DAMAGE as error:
        raise InputError(_DAMAGED) from error
    if modality != "SEG":
        raise InputError(
            f"it holds {name_of(modality)}, not a segmentation; give a DICOM SEG, NIfTI, NRRD or MetaImage"
        )
    series = {uid(one, "SeriesInstanceUID") for one in header.get("ReferencedSeriesSequence") or ()} - {""}
    return Segmentation(name, frozenset(series), uid(header, "FrameOfReferenceUID"), header)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one frame lies, from its own functional groups or the shared ones; lengths in mm."""

    position: NDArray[np.float64]
    row: NDArray[np.float64]
    column: NDArray[np.float64]
    spacing: tuple[float, float]
    between: float | None
    thickness: float | None
    segment: int

    @classmethod
    def of(cls, own: Dataset, shared: Dataset) -> _Place:
        def group(keyword: str) -> Dataset:
            return first_item(own, keyword) or first_item(shared, keyword) or Dataset()

        position = numbers(group("PlanePositionSequence"), "ImagePositionPatient")
        orientation = numbers(group("PlaneOrientationSequence"), "ImageOrientationPatient")
        measures = group("PixelMeasuresSequence")
        spacing = numbers(measures, "PixelSpacing")
        if len(position) != 3 or len(orientation) != 6:
            raise InputError("it does not say for each of its frames where it lies; export it again")
        if len(spacing) != 2 or min(spacing) < PLAUSIBLE_MM[0] or max(spacing) > PLAUSIBLE_MM[1]:
            raise InputError("its pixel spacing is missing or not that of an image; export it again")
        return cls(
            position=np.array(position),
            row=np.array(orientation[:3]),
            column=np.array(orientation[3:]),
            spacing=(spacing[0], spacing[1]),
            between=positive(measures, "SpacingBetweenSlices"),
            thickness=positive(measures, "SliceThickness"),
            segment=whole(group("SegmentIdentificationSequence"), "ReferencedSegmentNumber"),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    """Where each frame goes: its slice and the row and column of its first pixel, on the grid of ``shape``."""

    slices: NDArray[np.intp]
    corners: NDArray[np.intp]
    size: tuple[int, int]
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: NDArray[np.float64]
    directions: NDArray[np.float64]

    def plane(self, layer: LabelArray, frame: int) -> LabelArray:
        """The part of a layer that a frame covers."""
        row, column = self.corners[frame]
        return layer[self.slices[frame], row : row + self.size[0], column : column + self.size[1]]


def _labels(header: FileDataset, name: str, image: Geometry | None) -> Labels:
    frames = max(1, whole(header, "NumberOfFrames", 1))
    rows, columns = whole(header, "Rows"), whole(header, "Columns")
    shared = first_item(header, "SharedFunctionalGroupsSequence") or Dataset()
    each: Sequence[Dataset] = header.get("PerFrameFunctionalGroupsSequence") or [Dataset()]
    if len(each) != frames or rows < 1 or columns < 1:
        raise InputError(_DAMAGED)
    places = [_Place.of(one, shared) for one in each]
    layout = _laid_out(places, (rows, columns), image)
    if max(frames * rows * columns, int(np.prod(layout.shape, dtype=np.int64))) > MOST_VOXELS:
        raise InputError(TOO_LARGE)
    pixels = header.pixel_array.reshape(frames, rows, columns)
    kind = text(header, "SegmentationType").upper()
    if kind == "LABELMAP":
        layers = [_layer(layout)]
        for number_, plane in enumerate(pixels):
            target = layout.plane(layers[0], number_)
            target[:] = np.where(plane > 0, plane, target)
    else:
        largest = number(header, "MaximumFractionalValue") if kind == "FRACTIONAL" else None
        layers = _packed(pixels >= max(1.0, _HALF * (largest or 1.0)), [place.segment for place in places], layout)
    way = canonical(layout.directions)
    geometry = canonical_geometry(way, layout.shape, layout.spacing, layout.origin, layout.directions)
    turned = tuple(np.ascontiguousarray(np.flip(np.transpose(layer, way.axes), way.flips)) for layer in layers)
    present = sorted({int(one) for layer in turned for one in np.unique(layer)} - {0})
    names = _names(header)
    return Labels(name, turned, geometry, MappingProxyType({one: names.get(one, str(one)) for one in present}))


def _laid_out(places: Sequence[_Place], size: tuple[int, int], image: Geometry | None) -> _Layout:
    first = places[0]
    normal = np.cross(first.row, first.column)
    if any(
        max(np.abs(one.row - first.row).max(), np.abs(one.column - first.column).max()) > _PARALLEL
        or one.spacing != first.spacing
        for one in places
    ):
        raise InputError("its frames differ in direction or pixel spacing; export it as one stack")
    away = np.array([one.position for one in places]) - first.position
    along = away @ normal
    step = _step(along, first, normal, image)
    pixels = np.rint(np.stack([away @ first.column / first.spacing[0], away @ first.row / first.spacing[1]], axis=1))
    slices = np.rint((along - along.min()) / step).astype(np.intp)
    corners = pixels.astype(np.intp)
    low = corners.min(axis=0)
    origin = first.position + normal * along.min()
    origin = origin + first.column * low[0] * first.spacing[0] + first.row * low[1] * first.spacing[1]
    reach = corners.max(axis=0) - low
    return _Layout(
        slices=slices,
        corners=corners - low,
        size=size,
        shape=(int(slices.max()) + 1, size[0] + int(reach[0]), size[1] + int(reach[1])),
        spacing=(step, *first.spacing),
        origin=origin,
        directions=np.stack([normal, first.column, first.row]),
    )


def _step(along: NDArray[np.float64], first: _Place, normal: NDArray[np.float64], image: Geometry | None) -> float:
    """Distance of neighbouring slices: the first of what is known that puts every frame on a slice."""
    steps = np.diff(np.unique(np.round(along, 3)))
    own = float(steps.min()) if len(steps) else None
    of_image = None
    if image is not None:
        # The spacing of the image along the axis that the frames are stacked along.
        axes = np.array(image.direction).reshape(3, 3).T[::-1]
        of_image = image.spacing[int(np.abs(axes @ normal).argmax())]
    # Slices thinner than they lie apart leave slices of the image between them, on which nothing was drawn.
    apart = first.between and first.thickness and first.thickness < (1 - _TOLERANCE) * first.between
    known = (of_image, first.between) if apart else (first.between, of_image)
    for step in (*known, first.thickness, own):
        if step and float(np.abs(along / step - np.rint(along / step)).max()) <= _TOLERANCE:
            return float(step)
    if own is None:
        raise InputError("it does not say how thick its one slice is; export it again")
    raise InputError("its frames lie at unequal distances; export it on the grid of its image")


def _layer(layout: _Layout) -> LabelArray:
    return np.zeros(layout.shape, dtype=np.uint16)


def _packed(pixels: NDArray[np.bool_], segments: Sequence[int], layout: _Layout) -> list[LabelArray]:
    """Segments in as few layers as they fit into without overlap."""
    layers: list[LabelArray] = [_layer(layout)]
    for segment in sorted(set(segments)):
        frames = [number_ for number_, one in enumerate(segments) if one == segment]
        free = (
            layer for layer in layers if not any((layout.plane(layer, one)[pixels[one]] != 0).any() for one in frames)
        )
        layer = next(free, None)
        if layer is None:
            layer = _layer(layout)
            layers.append(layer)
        for one in frames:
            layout.plane(layer, one)[pixels[one]] = segment
    return layers


def _names(header: FileDataset) -> dict[int, str]:
    """Label text of each segment without what names the patient; segments of one text keep their number with it."""
    hidden = identifiers_of(header)
    found = {
        whole(one, "SegmentNumber"): without_names(text(one, "SegmentLabel"), *hidden)
        for one in header.get("SegmentSequence") or ()
    }
    return told_apart(found)
