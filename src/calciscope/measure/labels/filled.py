"""Whether what a mask covers is filled with contrast, seen in the image itself and without an anatomy.

A mask of the heart, of a vessel or of another organ holds far more tissue than calcium. Its inside, away from the edge,
then measures what blood or tissue measures: 30 to 60 HU without contrast, more with it. A mask of calcium alone has no
such inside and tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.anatomy import BloodPool
from calciscope.domain.image import Contrast, Volume
from calciscope.domain.labels import LabelArray
from calciscope.domain.site import within
from calciscope.measure.gate import acquisition_rules

Layer = LabelArray | NDArray[np.bool_]

# The inside of a label begins this far from its edge: past blur, and deeper than the half of any calcified plaque.
_DEPTH_MM = 3.0
# Less inside than this (mm3) is no organ and no large vessel; a stone or a plaque has less.
_LEAST_MM3 = 2000.0
# Of a vessel, whose inside measures less than calcium, so much is enough: no plaque is that faint.
_LEAST_FAINT_MM3 = 500.0
# What has no name may be bone plate, metal or stone: blood and soft tissue lie in this range, HU.
_TISSUE_HU = (0.0, 600.0)
# A region without any spread (HU) is a drawn object and no tissue.
_LEAST_SPREAD_HU = 1.0
# Blood spreads less than this (HU), even in thin slices; what spreads more is a mixture and vouches for nothing.
_MOST_SPREAD_HU = 60.0
# So many samples tell a median to a fraction of a HU.
_ENOUGH = 100_000
# The median absolute deviation of a normal distribution times this is its standard deviation.
_MAD_TO_SD = 1.4826


@dataclass(frozen=True, slots=True)
class Filling:
    """What a label is filled with; ``vessel``: the heart or a vessel by its name, and blood alone by its spread."""

    pool: BloodPool
    vessel: bool


def blood_in(
    volume: Volume, layers: Sequence[Layer], sites: Mapping[int, str | None], threshold: float
) -> Filling | None:
    """Attenuation inside the largest label that holds blood or tissue, or ``None`` where no label does.

    ``layers`` are on the grid of the volume; ``sites`` has the site of every label, ``None`` where its name tells none;
    from ``threshold`` (HU) on the inside of a small label may be calcium. Only labels of the heart, of vessels and of
    unknown places speak, the latter only where the header does not say that no contrast was given: other organs take
    up contrast to their own degree.
    """
    vessels = acquisition_rules().scored_sites
    unknown = volume.acquisition.contrast is not Contrast.NONE
    wanted = {
        label
        for label, site in sites.items()
        if (unknown if site is None else any(within(site, one) for one in vessels))
    }
    steps = [max(1, round(_DEPTH_MM / size)) for size in volume.geometry.spacing]
    stride = tuple(slice(None, None, step) for step in steps)
    each = volume.geometry.voxel_mm3 * float(np.prod(steps))
    best: Filling | None = None
    for layer in layers:
        sampled = layer[stride].copy()
        inside = np.flatnonzero(_deep(sampled))
        fewer = 1 + len(inside) // _ENOUGH
        inside = inside[::fewer]
        labels, hu = np.take(sampled, inside), np.take(volume.hu[stride], inside).astype(np.float64)
        for label in np.unique(labels).tolist():
            values = hu[labels == label]
            size = len(values) * fewer * each
            if label not in wanted or size < _LEAST_FAINT_MM3:
                continue
            middle = float(np.median(values))
            if size < _LEAST_MM3 and (sites[label] is None or middle >= threshold):
                continue
            spread = _MAD_TO_SD * float(np.median(np.abs(values - middle)))
            tissue = _TISSUE_HU[0] <= middle <= _TISSUE_HU[1] and spread >= _LEAST_SPREAD_HU
            if sites[label] is None and not tissue:
                continue
            blood = sites[label] is not None and spread <= _MOST_SPREAD_HU
            found = Filling(BloodPool(middle, spread, len(values), "inside the mask"), blood)
            # A known vessel is asked before anything larger without a name.
            if best is None or (found.vessel, found.pool.voxels) > (best.vessel, best.pool.voxels):
                best = found
    return best


def _deep(labels: Layer) -> NDArray[np.bool_]:
    """Samples whose six neighbours have the same label; those at the edge of the image have none."""
    deep = np.asarray(labels != 0)
    for axis in range(3):
        first, last = [slice(None)] * 3, [slice(None)] * 3
        first[axis], last[axis] = slice(None, -1), slice(1, None)
        same = labels[tuple(first)] == labels[tuple(last)]
        deep[tuple(first)] &= same
        deep[tuple(last)] &= same
        for end in (0, -1):
            border = [slice(None) if one != axis else end for one in range(3)]
            deep[tuple(border)] = False
    return deep
