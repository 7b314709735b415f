"""Where the deposits of a simulated patient really are, as a label map on the grid of the CT and its name table."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.domain.image import Geometry
from calciscope.simulate.ct import Mineral

# Blur carries calcium about this far (mm) over its border, and a reader draws a mask around what is seen.
MARGIN_MM = 1.5


def label_map(minerals: Sequence[Mineral], geometry: Geometry) -> NDArray[np.uint8]:
    """``(z, y, x)`` on the CT's grid: the number of each deposit from 1 on, in its order, 0 elsewhere.

    A voxel belongs to a deposit if any of its mineral lies in the voxel or within ``MARGIN_MM`` of it; where two
    deposits claim a voxel, the one whose mineral is nearer has it.
    """
    labels = np.zeros(geometry.shape, dtype=np.uint8)
    nearest = np.full(geometry.shape, np.inf, dtype=np.float32)
    reach = np.ceil(MARGIN_MM / np.asarray(geometry.spacing)).astype(int)
    for number, mineral in enumerate(minerals, start=1):
        z, y, x = (mineral.axis(k)[at] for k, at in enumerate(np.nonzero(mineral.density)))
        index = np.rint(geometry.to_index(np.stack([x, y, z], axis=1))).astype(int)
        index = index[((index >= 0) & (index < geometry.shape)).all(axis=1)]
        if not len(index):
            continue
        low = np.maximum(index.min(axis=0) - reach, 0)
        high = np.minimum(index.max(axis=0) + reach + 1, geometry.shape)
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        outside = np.ones(tuple(high - low), dtype=np.bool_)
        outside[tuple((index - low).T)] = False
        distance = ndimage.distance_transform_edt(outside, sampling=geometry.spacing).astype(np.float32)
        mine = (distance <= MARGIN_MM) & (distance < nearest[box])
        labels[box][mine] = number
        nearest[box][mine] = distance[mine]
    return labels


def write(labels: NDArray[np.uint8], sites: Sequence[str], geometry: Geometry, folder: Path) -> tuple[Path, Path]:
    """Write ``truth.nii.gz`` and its table ``truth.csv`` (``label,structure``) and return both paths.

    ``sites`` names label 1, 2, ... in order.

    Raises:
        OSError: the folder cannot be written.

    """
    # NIfTI counts x to the right's opposite and y to the front: LPS with its first two axes turned.
    turn = np.diag([-1.0, -1.0, 1.0])
    affine = np.eye(4)
    directions = np.array(geometry.direction, dtype=np.float64).reshape(3, 3)
    affine[:3, :3] = turn @ directions @ np.diag(geometry.spacing[::-1])
    affine[:3, 3] = turn @ np.array(geometry.origin)
    image = nibabel.Nifti1Image(labels.transpose(2, 1, 0), affine)  # type: ignore[no-untyped-call]
    nibabel.save(image, folder / "truth.nii.gz")
    table = folder / "truth.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["label", "structure"])
        rows.writerows(enumerate(sites, start=1))
    return folder / "truth.nii.gz", table
