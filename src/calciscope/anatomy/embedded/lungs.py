"""Lungs and airway on the coarse grid."""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.body import depth
from calciscope.anatomy.embedded.frame import Mask

# Lung, its vessels' blurred rims left out; half-way between inflated lung and soft tissue.
_LUNG_HU = -400.0
# Gas in bowel, stomach and airways is darker than inflated lung, even an emphysematous one at its median.
_GAS_HU = -955.0
# Gas is at most this much brighter than the air of the room, HU.
_ABOVE_ROOM = 42.0
# A lung of this size, ml, is one for sure; what is smaller than this part of it and lies below this part of it is none.
_WHOLE_LUNG_ML, _SMALL_PART, _LOW_PART = 400.0, 0.3, 0.1
# Stool mixed with gas is brighter than lung at its median.
_STOOL_HU = -600.0
# A lung that is whole is larger than any gas-filled loop that might pass for one, ml; bases cut by the scan are small.
_LUNG_ML = 60.0
_BASE_ML = 3.0
# Lung is even: interquartile range of its core, HU. Stool is not.
_TEXTURE_HU = 160.0
# A trachea in cross-section, mm2, and how much it may move from slice to slice, mm.
_TRACHEA_MM2 = (50.0, 900.0)
_STEP = 9.0
_TRACHEA_HU = -750.0
# Cross-section of a neck or head, mm2; in a trunk without lung beside it a column of gas is bowel.
_NECK_MM2 = 35000.0
# Shorter columns of gas are no trachea, mm.
_TRACHEA_MM = 24.0


def find_airway(hu: NDArray[np.float32], body: Mask, spacing: tuple[float, float, float]) -> Mask:
    """Trachea and main bronchi: a round column of air that runs down through slices, coarse ``(z, y, x)``.

    Sections of air of the right size are linked from slice to slice; the longest chain that starts nearest to the top
    and is not bowel (it lies over lung or in a neck, and is nearly straight) is the trachea. Empty if there is none.
    """
    air = (hu < _TRACHEA_HU) & body
    area = spacing[1] * spacing[2]
    chains: list[list[tuple[int, int, float, float]]] = []
    open_chains: list[list[tuple[int, int, float, float]]] = []
    planes: dict[int, NDArray[np.int32]] = {}
    for z in range(hu.shape[0] - 1, -1, -1):
        found, count = ndimage.label(air[z])
        labels = np.asarray(found, dtype=np.int32)
        planes[z] = labels
        still: list[list[tuple[int, int, float, float]]] = []
        if count:
            index = np.arange(1, count + 1)
            sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:].astype(np.float64) * area
            centres = np.array(ndimage.center_of_mass(air[z], labels, index)) * spacing[1:]
            round_enough = _roundness(labels, sizes) > 0.4
            fits = np.flatnonzero((sizes >= _TRACHEA_MM2[0]) & (sizes <= _TRACHEA_MM2[1]) & round_enough)
            taken: set[int] = set()
            for chain in open_chains:
                _, _, y, x = chain[-1]
                near = [(float(np.hypot(centres[i, 0] - y, centres[i, 1] - x)), int(i)) for i in fits if i not in taken]
                if near and min(near)[0] <= _STEP * max(1.0, spacing[0] / 3.0):
                    i = min(near)[1]
                    taken.add(i)
                    chain.append((z, i + 1, float(centres[i, 0]), float(centres[i, 1])))
                    still.append(chain)
            for i in fits.tolist():
                if i not in taken:
                    chain = [(z, i + 1, float(centres[i, 0]), float(centres[i, 1]))]
                    chains.append(chain)
                    still.append(chain)
        open_chains = still
    airway = np.zeros(hu.shape, dtype=np.bool_)
    best = max(chains, key=lambda c: _trachea_likeness(c, hu, body, spacing), default=None)
    if best is None or _trachea_likeness(best, hu, body, spacing) <= 0:
        return airway
    for z, label, _, _ in best:
        airway[z] |= planes[z] == label
    return airway


def _roundness(labels: NDArray[np.int32], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the bounding box that each section fills; a disc fills 0.79, a branching loop little."""
    boxes = ndimage.find_objects(labels)
    filled = np.bincount(labels.ravel(), minlength=len(boxes) + 1)[1:]
    box = np.array([np.prod([s.stop - s.start for s in b]) if b else 1 for b in boxes], dtype=np.float64)
    # Elongated boxes are no trachea either: up to twice as long as wide.
    sides = np.array([[s.stop - s.start for s in b] if b else [1, 1] for b in boxes], dtype=np.float64)
    slim = sides.min(axis=1) * 2.5 < sides.max(axis=1)
    return np.asarray(np.where(slim, 0.0, filled / box))


def _trachea_likeness(
    chain: list[tuple[int, int, float, float]],
    hu: NDArray[np.float32],
    body: Mask,
    spacing: tuple[float, float, float],
) -> float:
    """Length of a chain in mm if it can be a trachea, else 0: long, near the midline, straight, lung beside it."""
    length = len(chain) * spacing[0]
    if length < _TRACHEA_MM:
        return 0.0
    path = np.array([c[2:] for c in chain])
    drift = np.hypot(*np.diff(path, axis=0).T).mean() if len(chain) > 1 else 0.0
    if drift > 0.9 * spacing[0]:
        return 0.0
    away: list[float] = []
    beside: list[bool] = []
    for z, _, _, x in chain:
        columns = np.flatnonzero(body[z].any(axis=0))
        middle = 0.5 * (columns[0] + columns[-1]) * spacing[2]
        away.append(abs(x - middle) / max(1.0, 0.5 * (columns[-1] - columns[0]) * spacing[2]))
        lung = (hu[z] < _STOOL_HU) & (hu[z] > _GAS_HU) & body[z]
        beside.append(float(lung.sum()) * spacing[1] * spacing[2] > 2000.0)
    if np.median(away) > 0.35:
        return 0.0
    narrow = float(np.median([float(body[c[0]].sum()) for c in chain])) * spacing[1] * spacing[2] < _NECK_MM2
    if np.mean(beside) < 0.4 and not narrow:
        return 0.0
    return length * (0.3 + float(np.mean(beside)))


def find_lungs(
    hu: NDArray[np.float32], body: Mask, airway: Mask, spacing: tuple[float, float, float], middle: float
) -> tuple[Mask, Mask]:
    """Left and right lung, coarse ``(z, y, x)``, vessels inside filled; both empty where none is in view.

    ``middle`` is the column of the body's midline. Gas in stomach and bowel is darker at its core or too small; the
    bases of a scan that begins in the abdomen are small but reach its top slice.
    """
    aerated = (hu < _LUNG_HU) & body & ~ndimage.binary_dilation(airway)
    gas_hu = _darkest_lung(hu, body)
    aerated &= ~_gas(hu, aerated, spacing, gas_hu)
    labels = cc3d.connected_components(aerated, connectivity=6, out_dtype=np.uint32)
    sizes = np.bincount(labels.ravel()) * float(np.prod(spacing)) / 1000.0
    sizes[0] = 0.0
    none = np.zeros(hu.shape, dtype=np.bool_)
    candidates = np.flatnonzero(sizes >= _BASE_ML)
    if not candidates.size:
        return none, none.copy()
    core = ndimage.binary_erosion(aerated, border_value=1)
    textures = dict(zip(candidates.tolist(), _textures(hu, labels, core, candidates), strict=True))
    top = set(np.unique(labels[-1]).tolist())
    keep = np.zeros(sizes.size, dtype=np.bool_)
    for label in candidates.tolist():
        median, spread = textures[label]
        if gas_hu < median < _STOOL_HU:
            keep[label] = sizes[label] >= _LUNG_ML or (label in top and spread < _TEXTURE_HU)
    keep &= ~_below_lungs(labels, sizes, keep)
    if not keep.any():
        return none, none.copy()
    lungs = keep[labels]
    lungs = _closed(lungs, spacing) & body & ~airway
    return split(lungs, middle, spacing)


def _darkest_lung(hu: NDArray[np.float32], body: Mask) -> float:
    """The attenuation below which is gas, HU: higher where noise, cut off at the scale's end, brightens the room."""
    room = float(np.median(hu[~body][::16])) if not body.all() else -1000.0
    return max(_GAS_HU, min(room + _ABOVE_ROOM, -900.0))


def _below_lungs(
    labels: NDArray[np.unsignedinteger], sizes: NDArray[np.floating], keep: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Pools of stool and gas below a lung: small beside it, and lower than nearly all of it."""
    largest = int(np.argmax(np.where(keep, sizes, 0.0)))
    none = np.zeros(keep.size, dtype=np.bool_)
    if sizes[largest] < _WHOLE_LUNG_ML:
        return none
    heights = np.cumsum((labels == largest).sum(axis=(1, 2)))
    low = int(np.searchsorted(heights, _LOW_PART * heights[-1]))
    for label in np.flatnonzero(keep & (sizes < _SMALL_PART * sizes[largest])).tolist():
        slices = np.flatnonzero((labels == label).any(axis=(1, 2)))
        none[label] = slices.size > 0 and float(slices.mean()) < low
    return none


def _gas(hu: NDArray[np.float32], aerated: Mask, spacing: tuple[float, float, float], gas_hu: float = _GAS_HU) -> Mask:
    """Gas of stomach and bowel with its blurred rim: dark pools that border on wall more than on lung.

    A bulla is as dark but lies in lung; it is kept.
    """
    dark = aerated & (ndimage.uniform_filter(hu, size=3) < gas_hu)
    labels = cc3d.connected_components(dark, connectivity=6)
    stats = cc3d.statistics(labels)
    out = np.zeros_like(aerated)
    lung_like = (hu > gas_hu + 25.0) & (hu < _STOOL_HU) & aerated
    reach = 3
    for label, count in enumerate(stats["voxel_counts"].tolist()):
        if label == 0 or count * float(np.prod(spacing)) < 1000.0:
            continue
        box = tuple(slice(max(0, s.start - reach), s.stop + reach) for s in stats["bounding_boxes"][label])
        pool = labels[box] == label
        rim = ndimage.binary_dilation(pool, iterations=reach - 1)
        # Two voxels away from a pool of gas blur is over: there is lung, or there is not.
        shell = ndimage.binary_dilation(rim) & ~rim
        if float(lung_like[box][shell].mean()) < 0.3:
            out[box] |= rim
    return out


def _textures(
    hu: NDArray[np.float32], labels: NDArray[np.unsignedinteger], core: Mask, wanted: NDArray[np.int64]
) -> list[tuple[float, float]]:
    """Median and interquartile range of each component's core, or of the whole where it has none."""
    boxes = cc3d.statistics(labels)["bounding_boxes"]
    out = []
    for label in wanted.tolist():
        where = boxes[label]
        part = labels[where] == label
        inner = part & core[where]
        low, median, high = np.percentile(hu[where][inner if inner.any() else part], (25, 50, 75)).tolist()
        out.append((median, high - low))
    return out


def _closed(lungs: Mask, spacing: tuple[float, float, float]) -> Mask:
    """Lungs with vessels and small nodules filled: holes of each slice and dents narrower than about 8 mm."""
    steps = max(1, round(4.0 / spacing[1]))
    cross = ndimage.generate_binary_structure(2, 1)
    out = np.zeros_like(lungs)
    for z in np.flatnonzero(lungs.any(axis=(1, 2))).tolist():
        plane = np.pad(lungs[z], steps + 1)
        plane = ndimage.binary_closing(plane, cross, iterations=steps)
        labels, count = ndimage.label(~plane)
        sizes = np.bincount(labels.ravel(), minlength=count + 1) * spacing[1] * spacing[2]
        # The heart may be enclosed on a slice; vessels and nodules are smaller than 4 cm2.
        small = sizes < 400.0
        small[0] = False
        plane |= small[labels]
        out[z] = plane[steps + 1 : -steps - 1, steps + 1 : -steps - 1]
    return out


def split(lungs: Mask, middle: float, spacing: tuple[float, float, float]) -> tuple[Mask, Mask]:
    """Left and right lung of both: cores that come apart when thinned are grown back, each keeping what is nearest.

    Thinning goes on until two large cores on either side of column ``middle`` remain. The patient's left is at
    higher columns.
    """
    left, right = np.zeros_like(lungs), np.zeros_like(lungs)
    columns = np.flatnonzero(lungs.any(axis=(0, 1)))
    deep = depth(lungs, spacing)
    owner = np.zeros(lungs.shape, dtype=np.int8)
    sided = False
    for level in (0.0, 3.0, 6.0, 10.0, 15.0, 20.0):
        cores = cc3d.connected_components(deep > level, connectivity=6)
        stats = cc3d.statistics(cores)
        sizes = stats["voxel_counts"]
        sizes[0] = 0
        large = np.flatnonzero(sizes > 0.02 * sizes.sum())
        if not large.size:
            break
        owner[:] = 0
        sided = True
        for label in large.tolist():
            box = stats["bounding_boxes"][label]
            low, high = box[2].start, box[2].stop - 1
            # A piece that reaches far over the midline on both sides holds both lungs.
            reach = 0.12 * (columns[-1] - columns[0])
            sided &= not (low < middle - reach and high > middle + reach)
            owner[box][cores[box] == label] = 1 if stats["centroids"][label][2] > middle else 2
        if sided:
            break
    if not sided and lungs.any():
        # Never came apart: the midline divides them.
        owner[lungs] = 2
        beyond = int(np.ceil(middle))
        owner[..., beyond:][lungs[..., beyond:]] = 1
    loose = lungs & (owner == 0)
    if loose.any():
        # Only the lungs' own box matters.
        spans = [np.flatnonzero(lungs.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
        region = tuple(slice(int(span[0]), int(span[-1]) + 1) for span in spans)
        _, nearest = ndimage.distance_transform_edt(owner[region] == 0, sampling=spacing, return_indices=True)
        owner[region] = np.where(loose[region], owner[region][tuple(nearest)], owner[region])
    left = lungs & (owner == 1)
    right = lungs & (owner == 2)
    return np.asarray(left), np.asarray(right)
