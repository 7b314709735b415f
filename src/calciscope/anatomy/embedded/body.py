"""The coarse grid and the body on it: block means, outside air, table and clothes."""

from __future__ import annotations

from dataclasses import replace

import cc3d
import edt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.frame import Mask
from calciscope.domain.image import Volume

# The grid aimed at, mm: in-plane and along z. Organs of a few cm keep their shape, a trunk has few million voxels.
_IN_PLANE = 2.9
_ALONG_Z = 3.0
# Skin is partly air on a coarse grid; half-way between air and fat.
_SKIN_HU = -500.0
# What encloses a lung is denser; a sheet or a mat is thin and half air on a coarse grid.
_WALL_HU = -250.0
# Clothes, table tops and arm rests are thinner than twice this, limbs and trunks are not, mm.
_THIN = 6.0
# A second leg or an arm is at least this part of the largest piece.
_PART = 0.04
# Room air is darker than this after averaging; inflated lung is not.
ROOM_AIR_HU = -940.0
# A view of whose border less than this is air of the room lies within the patient.
_NO_ROOM = 0.05
# Values below are written by scanners outside the field of view.
PADDING_HU = -1100.0
# Soft tissue of any kind with its noise, HU.
_SOFT_HU = (-50.0, 150.0)
# No tissue reaches this; enamel ends near 2,800 HU.
METAL_HU = 2800.0


def factors(spacing: tuple[float, float, float]) -> tuple[int, int, int]:
    """Whole-number block size ``(z, y, x)`` that brings a spacing nearest to about 3 mm."""
    z = max(1, round(_ALONG_Z / spacing[0]))
    y, x = (max(1, round(_IN_PLANE / s)) for s in spacing[1:])
    return (z, y, x)


def block_mean(hu: NDArray[np.int16] | NDArray[np.float32], factor: tuple[int, int, int]) -> NDArray[np.float32]:
    """Mean over whole blocks, ``(z // fz, y // fy, x // fx)`` float32; voxels beyond the last whole block are left out.

    Padding outside the field of view counts as air, so that it does not darken blocks at its edge.
    """
    fz, fy, fx = factor
    nz, ny, nx = (n // f for n, f in zip(hu.shape, factor, strict=True))
    out = np.empty((nz, ny, nx), dtype=np.float32)
    scale = np.float32(1.0 / (fz * fy * fx))
    for k in range(nz):
        # Slice by slice: the block of one coarse slice stays in the cache, and no float copy of the volume is made.
        rows = np.zeros((ny, nx * fx), dtype=np.float32)
        for z in range(k * fz, (k + 1) * fz):
            plane = hu[z, : ny * fy, : nx * fx]
            for dy in range(fy):
                rows += np.maximum(plane[dy::fy], -1024)
        total = np.zeros((ny, nx), dtype=np.float32)
        for dx in range(fx):
            total += rows[:, dx::fx]
        out[k] = total * scale
    return out


def noise(hu: NDArray[np.float32]) -> float:
    """Standard deviation of the noise in soft tissue, HU, from neighbours in a row; 0 without soft tissue."""
    soft = (hu > _SOFT_HU[0]) & (hu < _SOFT_HU[1])
    pairs = soft[:, :, 1:] & soft[:, :, :-1]
    if not pairs.any():
        return 0.0
    steps = np.abs(hu[:, :, 1:][pairs] - hu[:, :, :-1][pairs])
    # Half of the differences of normal noise are below 0.95 of its standard deviation.
    return float(np.median(steps)) / 0.954


def denoised(volume: Volume, factor: tuple[int, int, int]) -> Volume:
    """The volume smoothed by a little more than half a coarse voxel in the plane and half of one along z."""
    sigma = [share * f for share, f in zip((0.5, 0.6, 0.6), factor, strict=True)]
    padding = volume.hu < PADDING_HU
    smooth = ndimage.gaussian_filter(np.maximum(volume.hu, -1024).astype(np.float32), sigma, mode="nearest", truncate=3)
    return replace(volume, hu=np.where(padding, volume.hu, np.rint(smooth)).astype(np.int16))


def outside_view(hu: NDArray[np.int16] | NDArray[np.float32], factor: tuple[int, int, int]) -> Mask:
    """Coarse voxels outside the reconstructed field of view (padding values), sampled at each block's centre."""
    picked = tuple(slice(f // 2, (n // f) * f, f) for n, f in zip(hu.shape, factor, strict=True))
    return np.asarray(hu[picked] < PADDING_HU)


def find_body(hu: NDArray[np.float32], beyond: Mask, spacing: tuple[float, float, float]) -> Mask:
    """The patient without table and clothes, air-filled organs included, coarse ``(z, y, x)``.

    What is solid, cavities included, is opened (thin things fall off), the large pieces are kept and grown back, and
    what is enclosed by them in a slice is filled. Lung that reaches the edge of the field of view is enclosed too: it
    is brighter than the air of the room.
    """
    solid = hu > _SKIN_HU
    # With its cavities filled a thin chest wall is not mistaken for a thin thing. The air between the back and a mat is
    # no cavity.
    for z in range(solid.shape[0]):
        solid[z] |= ndimage.binary_fill_holes(hu[z] > _WALL_HU)
    opened = opening(solid, _THIN, spacing)
    labels = cc3d.connected_components(opened, connectivity=6)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    if sizes.size < 2:
        return np.zeros(hu.shape, dtype=np.bool_)
    keep = sizes >= max(_PART * int(sizes.max()), 1)
    body = keep[labels]
    body = grow_within(body, solid, 2)
    return filled(body, hu, beyond)


def opening(mask: Mask, radius: float, spacing: tuple[float, float, float]) -> Mask:
    """Opening with an in-plane disc of ``radius`` mm, slice by slice; the border of the grid does not erode."""
    out = np.empty_like(mask)
    for z in range(mask.shape[0]):
        core = depth(mask[z], spacing[1:]) > radius
        out[z] = mask[z] & (depth(~core, spacing[1:]) <= radius) if core.any() else core
    return out


def depth(mask: Mask, spacing: tuple[float, ...]) -> NDArray[np.float32]:
    """Distance in mm of each voxel of a mask to the nearest one outside it; the border of the grid is no outside."""
    return np.asarray(edt.edt(np.ascontiguousarray(mask), anisotropy=spacing, black_border=False), dtype=np.float32)


def grow_within(seed: Mask, inside: Mask, steps: int) -> Mask:
    """``seed`` grown by ``steps`` in-plane voxels, only through ``inside``."""
    cross = ndimage.generate_binary_structure(2, 1)[None]
    return np.asarray(ndimage.binary_dilation(seed, cross, iterations=max(1, steps), mask=inside) | seed)


def filled(body: Mask, hu: NDArray[np.float32], beyond: Mask) -> Mask:
    """``body`` with everything it encloses in each slice; gaps that leave the field of view are judged by their air."""
    out = body.copy()
    rims = _rims(beyond)
    within = _within(hu, rims)
    for z in range(body.shape[0]):
        if not body[z].any():
            continue
        labels, count = ndimage.label(~body[z] & ~beyond[z])
        if not count:
            continue
        at_rim = np.unique(labels[rims[z]])
        enclosed = np.ones(count + 1, dtype=np.bool_)
        enclosed[0] = False
        for label in at_rim[at_rim > 0].tolist():
            gap = labels == label
            # Every eighth voxel tells air from lung.
            bright = float(np.median(hu[z][gap][::8])) > ROOM_AIR_HU
            enclosed[label] = bright and (within or _between(body[z], gap) or _cut_lung(body[z], gap))
        out[z] |= enclosed[labels]
    return out


def _rims(beyond: Mask) -> Mask:
    """The sides of the view, slice by slice: where the image ends or padding begins."""
    rims = np.stack([ndimage.binary_dilation(plane) for plane in beyond])
    rims[:, [0, -1]] = True
    rims[:, :, [0, -1]] = True
    return np.asarray(rims & ~beyond)


def _within(hu: NDArray[np.float32], rims: Mask) -> bool:
    """Whether hardly any air of the room is seen at the sides of the view, which then lies within the patient."""
    return bool(rims.any()) and float((hu[rims] < ROOM_AIR_HU).mean()) < _NO_ROOM


def _cut_lung(body: Mask, gap: Mask) -> bool:
    """Whether a gap is lung in a small field of view, which cuts the patient on both sides and the wall behind.

    The chest wall lies in front of it, and something of the patient, the heart, beside it.
    """
    if not (body[:, 0].any() and body[:, -1].any()):
        return False
    before = np.maximum.accumulate(body, axis=0)
    beside = np.maximum.accumulate(body, axis=1) | np.maximum.accumulate(body[:, ::-1], axis=1)[:, ::-1]
    return float((before & beside)[gap].mean()) > 0.8


def _between(body: Mask, gap: Mask) -> bool:
    """Whether most of a gap has body in front of it and behind it: a lung does, padding under the patient does not."""
    before = np.maximum.accumulate(body, axis=0)
    behind = np.maximum.accumulate(body[::-1], axis=0)[::-1]
    return float((before & behind)[gap].mean()) > 0.6


def find_metal(volume: Volume, body: Mask, factor: tuple[int, int, int]) -> Mask:
    """Coarse voxels of the body that hold metal: attenuation no tissue reaches (enamel ends near 2,800 HU)."""
    hot = np.zeros(body.shape, dtype=np.bool_)
    places = np.argwhere(volume.hu > METAL_HU) // np.array(factor)
    inside = np.all(places < np.array(body.shape), axis=1)
    places = places[inside]
    hot[tuple(places.T)] = True
    return np.asarray(hot & body)
