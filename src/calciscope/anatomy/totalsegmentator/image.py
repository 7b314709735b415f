"""A volume as the image that TotalSegmentator reads, and its label map as an anatomy."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import nibabel
import numpy as np
from numpy.typing import NDArray

from calciscope.anatomy.totalsegmentator.tasks import Tasks
from calciscope.domain.anatomy import Anatomy, Manifest, Structure
from calciscope.domain.image import Geometry, Volume
from calciscope.domain.site import SIDES
from calciscope.errors import AnatomyError

# The corners of two grids may lie this far apart, mm, and are still the same: rounding of headers.
_SAME_MM = 0.01


def image_of(volume: Volume) -> nibabel.Nifti1Image:
    """The volume as a NIfTI image: axes ``(x, y, z)``, world coordinates RAS."""
    values = np.asarray(volume.hu).transpose(2, 1, 0)
    return nibabel.Nifti1Image(values, _affine(volume.geometry))  # type: ignore[no-untyped-call]


def _affine(geometry: Geometry) -> NDArray[np.float64]:
    affine = np.eye(4)
    affine[:3, :3] = np.array(geometry.direction).reshape(3, 3) * np.array(geometry.spacing[::-1])
    affine[:3, 3] = geometry.origin
    # NIfTI counts towards the right of the patient's left and the front of the back the other way round.
    affine[:2] *= -1.0
    return affine


def labels_of(result: object, image: nibabel.Nifti1Image) -> NDArray[np.integer]:
    """The label map ``(x, y, z)`` of a result; raises :class:`AnatomyError` where it does not fit the image."""
    if not isinstance(result, nibabel.Nifti1Image):
        raise AnatomyError(f"TotalSegmentator gave {type(result).__name__} and no image; is its version 2.4 or later?")
    if result.shape != image.shape or np.abs(_corners(result) - _corners(image)).max() > _SAME_MM:
        raise AnatomyError("TotalSegmentator gave a label map on another grid than the volume's")
    return np.asarray(result.dataobj).astype(np.uint16)


def _corners(image: nibabel.Nifti1Image) -> NDArray[np.float64]:
    ends = np.array([[0, 0, 0, 1], [*(size - 1 for size in image.shape[:3]), 1]], dtype=np.float64)
    return np.asarray(ends @ np.asarray(image.affine).T, dtype=np.float64)


def anatomy_of(
    labels: NDArray[np.integer], classes: Mapping[int, str], geometry: Geometry, confidence: float, known: Tasks
) -> Anatomy:
    """An anatomy of the classes that are used, under their names here; several classes may be parts of one."""
    ours = {number: name for number, theirs in classes.items() if (name := known.structure(theirs)) is not None}
    values = {name: n for n, name in enumerate(sorted(set(ours.values())), start=1)}
    table = np.zeros(max(int(labels.max()), max(classes, default=0)) + 1, dtype=np.uint16)
    for number, name in ours.items():
        table[number] = values[name]
    painted = np.ascontiguousarray(table[labels].transpose(2, 1, 0))
    present = set(np.flatnonzero(np.bincount(painted.ravel(), minlength=2)).tolist())
    structures = {name: Structure(name, n, confidence) for name, n in values.items() if n in present}
    swapped = _swapped(painted, structures)
    for name in swapped:
        del structures[name]
    stems = sorted({name.rpartition("_")[0] for name in swapped})
    return Anatomy(
        labels=painted,
        structures=MappingProxyType(structures),
        geometry=geometry,
        manifest=Manifest("totalsegmentator", "", ""),
        notes=(f"TotalSegmentator: left and right of {', '.join(stems)} were swapped; not used",) if stems else (),
    )


def _swapped(labels: NDArray[np.uint16], structures: Mapping[str, Structure]) -> set[str]:
    """Structures of both sides whose left one lies to the patient's right of the right one: neither can be trusted."""
    size = int(labels.max()) + 1
    count, across = np.zeros(size), np.zeros(size)
    column = np.broadcast_to(np.arange(labels.shape[2], dtype=np.float64), labels.shape[1:]).ravel()
    for plane in labels:
        count += np.bincount(plane.ravel(), minlength=size)
        across += np.bincount(plane.ravel(), weights=column, minlength=size)
    wrong: set[str] = set()
    for stem in {name.rpartition("_")[0] for name in structures if name.endswith(SIDES)}:
        pair = [structures.get(f"{stem}_{side}") for side in SIDES]
        left, right = (across[one.label] / count[one.label] if one else np.nan for one in pair)
        # Canonical columns run to the patient's left.
        if left < right:
            wrong |= {f"{stem}_{side}" for side in SIDES}
    return wrong
