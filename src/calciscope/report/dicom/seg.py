"""DICOM Segmentation (PS3.3 A.51): a segment a site that has deposits, or a segment a deposit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import highdicom as hd
import numpy as np
from highdicom.color import CIELabColor
from highdicom.content import (
    AlgorithmIdentificationSequence,
    PixelMeasuresSequence,
    PlaneOrientationSequence,
    PlanePositionSequence,
)
from highdicom.seg import Segmentation, SegmentDescription
from highdicom.sr import CodedConcept
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.sr.codedict import codes as dictionary
from pydicom.valuerep import DS

from calciscope.domain import product
from calciscope.domain import site as sites
from calciscope.domain.assessment import Assessment
from calciscope.domain.deposit import PlacedDeposit
from calciscope.domain.image import Geometry
from calciscope.domain.origin import Origin
from calciscope.report.dicom import codes, study
from calciscope.report.dicom.study import Imaged, Stamp

# A plane lies on a slice where it is nearer to it than this share of the increment, as the reader has it.
_ON_SLICE = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """A segmentation and which segment (from 1) holds which site or deposit: by site path, or by deposit id."""

    series: str
    image: Segmentation
    numbers: dict[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """The acquired grid: planes with their first pixel, row and column direction, and spacings in mm."""

    shape: tuple[int, int, int]
    origin: NDArray[np.float64]
    steps: NDArray[np.float64]

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Between planes, rows and columns."""
        plane, row, column = (float(one) for one in np.linalg.norm(self.steps, axis=1))
        return plane, row, column

    def position(self, plane: int) -> NDArray[np.float64]:
        """LPS centre of the first pixel of a plane, mm."""
        return np.asarray(self.origin + plane * self.steps[0], dtype=np.float64)


def write(
    seen: Imaged, origin: Origin, assessment: Assessment, stamp: Stamp, *, each_deposit: bool = False
) -> Segments:
    """The segmentation of the deposits of one series, at least one, on its acquired grid.

    Only planes with calcium are stored. Each refers to its source slice; a plane that was missing in the source and
    filled in refers to none. ``origin`` must hold what :func:`study.missing` asks for.
    """
    groups = _groups(seen.placed, each_deposit)
    headers = study.completed(origin.headers)
    grid = _acquired(seen.volume.geometry, origin)
    voxels = [
        np.concatenate([_native(item.deposit.voxels, seen.volume.geometry, origin) for item in items])
        for _, items in groups
    ]
    planes = np.unique(np.concatenate(voxels)[:, 0])
    # Deposits share no voxel, so that one layer holds every segment: a layer for each would be gigabytes.
    mask = np.zeros((len(planes), *grid.shape[1:]), dtype=np.min_scalar_type(len(groups)))
    for number, indices in enumerate(voxels):
        mask[np.searchsorted(planes, indices[:, 0]), indices[:, 1], indices[:, 2]] = number + 1
    on = [_slice_at(grid, origin, int(plane)) for plane in planes]
    positions = [
        grid.position(int(plane)) if found is None else origin.positions[found]
        for plane, found in zip(planes, on, strict=True)
    ]
    orientation = [*(grid.steps[2] / grid.spacing[2]), *(grid.steps[1] / grid.spacing[1])]
    for one in headers:
        if not one.get("SliceThickness") and "SharedFunctionalGroupsSequence" not in one:
            one.SliceThickness = f"{grid.spacing[0]:.6g}"
    first = headers[0].SeriesInstanceUID
    image = Segmentation(
        source_images=[one for one in headers if one.SeriesInstanceUID == first],
        further_source_images=[one for one in headers if one.SeriesInstanceUID != first] or None,
        pixel_array=mask,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _described(number + 1, key, items, assessment, stamp) for number, (key, items) in enumerate(groups)
        ],
        series_instance_uid=stamp.uid("seg", "series", seen.series),
        series_number=study.SERIES_NUMBERS["seg"],
        sop_instance_uid=stamp.uid("seg", seen.series, each_deposit),
        instance_number=1,
        manufacturer=product.MANUFACTURER,
        manufacturer_model_name=product.MODEL,
        software_versions=assessment.provenance.calciscope,
        device_serial_number=study.SERIAL,
        content_label="CALCIFICATION",
        content_description="Calcification found by Calciscope",
        content_creator_name="Calciscope^",
        series_description="Calciscope segmentation",
        specific_character_set=study.characters("", headers),
        content_date=stamp.created.date(),
        content_time=stamp.created.time(),
        coding_schemes=[codes.scheme()],
        plane_positions=[
            PlanePositionSequence(hd.CoordinateSystemNames.PATIENT, place.tolist()) for place in positions
        ],
        plane_orientation=PlaneOrientationSequence(hd.CoordinateSystemNames.PATIENT, orientation),
        pixel_measures=PixelMeasuresSequence(
            pixel_spacing=(grid.spacing[1], grid.spacing[2]),
            slice_thickness=grid.spacing[0],
            spacing_between_slices=grid.spacing[0],
        ),
    )
    _refer(image, headers, origin)
    _told_apart(image)
    # The library takes the measures of the source. The mask is made of voxels of the grid, however thick slices were:
    # readers take the thickness for the distance of planes.
    (measures,) = image.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    measures.SliceThickness = measures.SpacingBetweenSlices = DS(grid.spacing[0], auto_format=True)
    return Segments(seen.series, image, {key: number + 1 for number, (key, _) in enumerate(groups)})


def _groups(placed: Sequence[PlacedDeposit], each_deposit: bool) -> list[tuple[str, list[PlacedDeposit]]]:
    """Deposits by site, in the order of the site tree's paths; with ``each_deposit`` each under its own id."""
    if each_deposit:
        return [(item.deposit.id, [item]) for item in placed]
    by_site: dict[str, list[PlacedDeposit]] = {}
    for item in placed:
        by_site.setdefault(item.placement.site, []).append(item)
    return sorted(by_site.items())


def _native(voxels: NDArray[np.integer], geometry: Geometry, origin: Origin) -> NDArray[np.intp]:
    """Canonical indices ``(n, 3)`` as acquired ones ``(plane, row, column)``."""
    canonical = np.array(voxels, dtype=np.intp)
    for axis in origin.flips:
        canonical[:, axis] = geometry.shape[axis] - 1 - canonical[:, axis]
    native = np.empty_like(canonical)
    native[:, list(origin.axes)] = canonical
    return native


def _acquired(geometry: Geometry, origin: Origin) -> _Grid:
    """The grid of a canonical geometry as it was acquired."""
    directions = np.array(geometry.direction).reshape(3, 3).T[::-1]  # rows: the canonical axes z, y, x
    steps = directions * np.array(geometry.spacing)[:, None]
    start = np.array(geometry.origin)
    for axis in origin.flips:
        start = start + steps[axis] * (geometry.shape[axis] - 1)
        steps[axis] = -steps[axis]
    shape = [0, 0, 0]
    turned = np.empty_like(steps)
    for axis, native in enumerate(origin.axes):
        turned[native], shape[native] = steps[axis], geometry.shape[axis]
    return _Grid((shape[0], shape[1], shape[2]), start, turned)


def _slice_at(grid: _Grid, origin: Origin, plane: int) -> int | None:
    """Which source slice a plane is, pixel for pixel; ``None`` where it is none."""
    away = np.linalg.norm(origin.positions - grid.position(plane), axis=1)
    nearest = int(away.argmin())
    return nearest if away[nearest] <= _ON_SLICE * min(grid.spacing) else None


def _refer(image: Segmentation, headers: Sequence[Dataset], origin: Origin) -> None:
    """Give frames on source slices their reference: the library gives none where one frame of all has none.

    PS3.3 C.7.6.16.2.6 Derivation Image.
    """
    for frame in image.PerFrameFunctionalGroupsSequence:
        if frame.get("DerivationImageSequence"):
            continue
        position = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, dtype=np.float64)
        away = np.linalg.norm(origin.positions - position, axis=1)
        nearest = int(away.argmin())
        derivation = Dataset()
        derivation.DerivationCodeSequence = Items(
            [CodedConcept.from_code(dictionary.cid7203.SegmentationImageDerivation)]
        )
        derivation.SourceImageSequence = Items([])
        if away[nearest] < 1e-3:
            header, number = origin.items[nearest]
            source = Dataset()
            source.ReferencedSOPClassUID = headers[header].SOPClassUID
            source.ReferencedSOPInstanceUID = headers[header].SOPInstanceUID
            if number:
                source.ReferencedFrameNumber = number
            source.SpatialLocationsPreserved = "YES"
            purpose = dictionary.cid7202.SourceImageForImageProcessingOperation
            source.PurposeOfReferenceCodeSequence = Items([CodedConcept.from_code(purpose)])
            derivation.SourceImageSequence.append(source)
            frame.DerivationImageSequence = Items([derivation])


def _told_apart(image: Segmentation) -> None:
    """Say with every frame which segment it is, also where there is but one: many readers look nowhere else."""
    shared = image.SharedFunctionalGroupsSequence[0]
    if "SegmentIdentificationSequence" in shared:
        for frame in image.PerFrameFunctionalGroupsSequence:
            frame.SegmentIdentificationSequence = shared.SegmentIdentificationSequence
        del shared.SegmentIdentificationSequence


def _described(
    number: int, key: str, items: Sequence[PlacedDeposit], assessment: Assessment, stamp: Stamp
) -> SegmentDescription:
    """What a segment is: its place, type, colour, who found it, and how it is tracked."""
    path = items[0].placement.site
    region, side = codes.place(path)
    name = sites.label(path) if key == path else f"{sites.label(path)} {key}"
    made = SegmentDescription(
        segment_number=number,
        segment_label=name[:64],
        segmented_property_category=codes.category(),
        segmented_property_type=codes.type_of(path),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=AlgorithmIdentificationSequence(
            name="Calciscope",
            family=dictionary.cid7162.MorphologicalOperations,
            version=assessment.provenance.calciscope,
            source=product.MANUFACTURER,
            parameters={"preset": assessment.provenance.preset},
        ),
        tracking_uid=stamp.uid("track", key),
        tracking_id=f"Calciscope {key}",
        anatomic_regions=[region],
        display_color=CIELabColor.from_rgb(*codes.colour(path)),
    )
    if side is not None:
        made.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = Items([side])
    return made
