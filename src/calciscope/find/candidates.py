"""Candidates: connected bright voxels, with the skeleton taken out and what grows on it cut off."""

from __future__ import annotations

from dataclasses import dataclass

import cc3d
import edt
import numpy as np
from numpy.typing import NDArray

from calciscope.find.columns import columns
from calciscope.find.islands import islands
from calciscope.find.scene import Bool, Scene

# A piece of which this share is bone by the anatomy, and that is this large, is skeleton, mm3. Smaller ones are judged.
_BONY_SHARE = 0.3
_SKELETON_MM3 = 3000.0
# Bright voxels further than this from what the anatomy calls bone grow on the skeleton and are looked at, mm.
_OUTGROWTH_MM = 4.0
# Arteries in whose wall calcium is looked for even where it touches bone, and how far their wall reaches, mm.
_ARTERIES = ("aorta", "iliac_artery", "brachiocephalic", "carotid_artery", "subclavian_artery")
_WALL_MM = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """Bright voxels that hang together: ``voxels`` ``(n, 3)`` in the scene's crop, ``hu`` ``(n,)``.

    ``rim`` says that they are the rim of a body whose core is not bright, ``lump`` that they stand out of a bone by
    their form (:mod:`calciscope.find.islands`, :mod:`calciscope.find.columns`).
    """

    voxels: NDArray[np.int32]
    hu: NDArray[np.float32]
    rim: bool = False
    lump: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Candidates, and the bright voxels of the skeleton at full resolution."""

    candidates: tuple[Candidate, ...]
    skeleton: Bool


def split(scene: Scene, hot: Bool, walls: Bool) -> Split:
    """Skeleton and candidates of bright voxels (26-connected).

    A large piece that is mostly bone by the anatomy is skeleton. What of it lies several mm outside of the anatomy's
    bone, or in the course of a large artery, is cut off and becomes a candidate: calcium that touches bone only through
    blur must not vanish in it. Whether such a piece is bone after all is for the rules to say. In joints and where
    tendons insert, lumps that touch bone are candidates of their own, and so is plaque of the carotid arteries.
    """
    prior = scene.prior & ~walls
    labels, count = cc3d.connected_components(hot & ~walls, connectivity=26, return_N=True, out_dtype=np.uint32)
    flat = np.flatnonzero(labels)
    owner = labels.ravel()[flat]
    sizes = np.bincount(owner, minlength=count + 1)
    bony = np.bincount(owner, weights=prior.ravel()[flat], minlength=count + 1)
    # Small fields of view and thin slices cut bones into small pieces: a tenth of the largest is large.
    volumes = sizes * scene.voxel_mm3
    largest = float(volumes[1:].max(initial=0.0))
    is_bone = (bony > _BONY_SHARE * sizes) & (volumes >= min(_SKELETON_MM3, 0.1 * largest))
    is_bone[0] = False
    stem = flat[is_bone[owner]]
    stem = stem[~_outgrowth(scene, prior, stem)]
    skeleton = np.zeros(hot.shape, dtype=np.bool_)
    skeleton.ravel()[stem] = True
    rest = hot.copy()
    rest.ravel()[stem] = False
    lumps = [*islands(scene, skeleton), *columns(scene, skeleton)]
    for voxels in lumps:
        skeleton[tuple(voxels.T)] = False
    apart = [Candidate(v, scene.hu[tuple(v.T)].astype(np.float32), lump=True) for v in lumps]
    return Split((*_pieces(scene, rest), *apart), skeleton)


def artery_zone(scene: Scene) -> Bool:
    """Voxels within the course of a large artery, wall included: balls along its curve."""
    zone = np.zeros(scene.hu.shape, dtype=np.bool_)
    spacing = np.array(scene.spacing)
    for name, tube in scene.anatomy.tubes.items():
        if not name.startswith(_ARTERIES):
            continue
        index = scene.volume.geometry.to_index(tube.points) - np.array(scene.start)
        for centre, radius in zip(index, tube.radius + _WALL_MM, strict=True):
            low = np.maximum(np.ceil(centre - radius / spacing), 0).astype(int)
            high = np.minimum(np.floor(centre + radius / spacing) + 1, zone.shape).astype(int)
            if np.any(low >= high):
                continue
            z, y, x = np.ogrid[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
            away = ((z - centre[0]) * spacing[0]) ** 2 + ((y - centre[1]) * spacing[1]) ** 2
            zone[low[0] : high[0], low[1] : high[1], low[2] : high[2]] |= (
                away + ((x - centre[2]) * spacing[2]) ** 2 <= radius**2
            )
    return zone


def _outgrowth(scene: Scene, prior: Bool, stem: NDArray[np.int64]) -> Bool:
    """Which bright voxels of the skeleton (flat indices) lie outside of the anatomy's bone."""
    if not stem.size or not prior.any():
        return np.zeros(stem.shape, dtype=np.bool_)
    step = [max(1, round(2.0 / s)) for s in scene.spacing]
    spacing = [s * n for s, n in zip(scene.spacing, step, strict=True)]
    grid = prior[:: step[0], :: step[1], :: step[2]]
    away = edt.edt(np.ascontiguousarray(~grid), anisotropy=tuple(spacing), black_border=False)
    index = np.unravel_index(stem, scene.hu.shape)
    last = [n - 1 for n in away.shape]
    where = tuple(np.minimum(v // s, n) for v, s, n in zip(index, step, last, strict=True))
    return np.asarray(away[where] > _OUTGROWTH_MM)


def _pieces(scene: Scene, rest: Bool) -> list[Candidate]:
    """One candidate for each connected piece."""
    labels = cc3d.connected_components(rest, connectivity=26, out_dtype=np.uint32)
    flat = np.flatnonzero(labels)
    if not flat.size:
        return []
    owner = labels.ravel()[flat]
    order = np.argsort(owner, kind="stable")
    flat, owner = flat[order], owner[order]
    voxels = np.stack(np.unravel_index(flat, scene.hu.shape), axis=1).astype(np.int32)
    hu = scene.hu[voxels[:, 0], voxels[:, 1], voxels[:, 2]].astype(np.float32)
    cuts = np.flatnonzero(np.diff(owner)) + 1
    return [Candidate(v, h) for v, h in zip(np.split(voxels, cuts), np.split(hu, cuts), strict=True)]
