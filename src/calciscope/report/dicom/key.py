"""Key images: an axial slice through the largest deposit of each site, outlined, as Secondary Capture (PS3.3 A.8)."""

from __future__ import annotations

from collections.abc import Sequence

import highdicom as hd
import numpy as np
from highdicom.sc import SCImage
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from scipy import ndimage

from calciscope.domain import product
from calciscope.domain import site as sites
from calciscope.domain.assessment import Assessment
from calciscope.domain.deposit import PlacedDeposit
from calciscope.domain.image import Volume
from calciscope.report import pictures
from calciscope.report.dicom import codes, study
from calciscope.report.dicom.study import Imaged, Stamp

# Slices are enlarged so often that the outline is thin beside a deposit of one pixel.
_ENLARGED = 2


def chosen(seen: Imaged) -> tuple[PlacedDeposit, ...]:
    """The deposits that get a key image: the largest of each site."""
    return tuple(item for item, _ in pictures.choose(seen.placed, per_site=1))


def drawn(volume: Volume, item: PlacedDeposit, placed: Sequence[PlacedDeposit]) -> NDArray[np.uint8]:
    """The axial slice that holds most of a deposit as ``(row, column, 3)``, twice enlarged, with outlines."""
    planes, counts = np.unique(item.deposit.voxels[:, 0], return_counts=True)
    at = int(planes[counts.argmax()])
    level, width = {
        "lung": pictures.LUNG, "wide": pictures.WIDE, "soft tissue": pictures.SOFT_TISSUE
    }[pictures.window_of(item)]  # fmt: skip
    scaled = (volume.hu[at].astype(np.float32) - (level - width / 2)) * (255.0 / width)
    grey = np.clip(scaled, 0, 255).astype(np.uint8).repeat(_ENLARGED, 0).repeat(_ENLARGED, 1)
    image = np.repeat(grey[..., None], 3, axis=2)
    for one in placed:
        inside = one.deposit.voxels[one.deposit.voxels[:, 0] == at]
        if not len(inside):
            continue
        mask = np.zeros(volume.hu.shape[1:], dtype=bool)
        mask[inside[:, 1], inside[:, 2]] = True
        large = mask.repeat(_ENLARGED, 0).repeat(_ENLARGED, 1)
        image[ndimage.binary_dilation(large) & ~large] = codes.colour(one.placement.site)
    return image


def write(
    number: int, item: PlacedDeposit, seen: Imaged, headers: Sequence[Dataset], assessment: Assessment, stamp: Stamp
) -> Dataset:
    """The image of a deposit, the ``number``-th of its series: every deposit that the slice cuts is outlined."""
    source = study.completed(headers[:1])[0]
    spacing = seen.volume.geometry.spacing
    made = SCImage.from_ref_dataset(
        ref_dataset=source,
        pixel_array=drawn(seen.volume, item, seen.placed),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system=hd.CoordinateSystemNames.PATIENT,
        series_instance_uid=stamp.uid("key", "series", seen.series),
        series_number=study.SERIES_NUMBERS["key"],
        sop_instance_uid=stamp.uid("key", seen.series, item.deposit.id),
        instance_number=number,
        manufacturer=product.MANUFACTURER,
        manufacturer_model_name=product.MODEL,
        software_versions=assessment.provenance.calciscope,
        pixel_spacing=(spacing[1] / _ENLARGED, spacing[2] / _ENLARGED),  # type: ignore[arg-type]  # DS, in mm
        patient_orientation=("L", "P"),
        series_description="Calciscope key images",
        specific_character_set=study.characters("", [source]),
        content_date=stamp.created.date(),
        content_time=stamp.created.time(),
    )
    made.copy_patient_and_study_information(source)
    made.ImageComments = f"{sites.label(item.placement.site)}, deposit {item.deposit.id}"
    made.BurnedInAnnotation = "NO"
    made.Laterality = ""
    return made
