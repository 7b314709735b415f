"""What a deposit and the tissue around it look like: the features that evidence in ``structures.yaml`` speaks of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from calciscope.domain.anatomy import Anatomy, Tube
from calciscope.domain.deposit import Deposit
from calciscope.domain.image import Volume
from calciscope.place.signs import UNSEEN, signs

# Tissue within this distance of a deposit counts as its surroundings, mm; the nearest voxel is left out because it
# mixes both (partial volume).
SHELL_MM = 4.0
# Whether a deposit lies in a bundle between muscles or inside a solid mass shows only a little further out, mm.
NEIGHBOURHOOD_MM = 12.0
_NEIGHBOURHOOD_GRID_MM = 1.5
# A distance to what is not in view, mm; the joints that tell how low in the pelvis a deposit lies.
FAR_MM = 999.0
_HIPS = ("femoral_head_left", "femoral_head_right")
# The curves of the aorta in the heart, how far inside of their circles is well inside, mm, and enough voxels to tell.
_AORTIC, _WELL_INSIDE_MM, _FEW_VOXELS = ("aortic_root", "ascending_wall"), 1.5, 80
# A frame that its own measures doubt may lie at another level: it forbids nothing.
_SURE_LEVEL = 0.8
# A kidney and its parts, by the beginnings of their names.
_KIDNEYS = ("kidney_left", "kidney_right", "kidney_cortex", "kidney_medulla", "kidney_sinus", "kidney_cyst")
_FAT = (-150.0, -30.0)
_AIR = -400.0
# Tissue that is at least half fat after smoothing over this much, mm.
_FATTY_HU, _SMOOTHING_MM = -30.0, 1.3
# A larger deposit's surroundings are sampled at every second or third voxel: shares need no more.
_ENOUGH_VOXELS = 200_000


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """The part of a volume around a deposit, thinned by ``step``: ``start`` is the canonical index of its corner."""

    start: tuple[int, int, int]
    stop: tuple[int, int, int]
    step: tuple[int, int, int]

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """How to cut it out of an array of the whole volume."""
        z, y, x = (slice(a, b, s) for a, b, s in zip(self.start, self.stop, self.step, strict=True))
        return (z, y, x)


def crop(deposit: Deposit, volume: Volume, margin_mm: float, grid_mm: float = 0.0) -> Crop:
    """The box of a deposit with a margin, thinned to a grid of about ``grid_mm`` (0: every voxel)."""
    spacing = np.array(volume.geometry.spacing)
    margin = np.ceil(margin_mm / spacing).astype(int)
    low = np.maximum(deposit.voxels.min(axis=0) - margin, 0)
    high = np.minimum(deposit.voxels.max(axis=0) + margin + 1, volume.geometry.shape)
    step = np.maximum(np.floor(grid_mm / spacing).astype(int), 1)
    while np.prod(np.ceil((high - low) / step)) > _ENOUGH_VOXELS:
        step = step + 1
    values = [tuple(int(v) for v in row) for row in (low, high, step)]
    return Crop((*values[0],), (*values[1],), (*values[2],))  # type: ignore[arg-type]


def surroundings(
    deposit: Deposit, volume: Volume, reach_mm: float = SHELL_MM, grid_mm: float = 0.0
) -> NDArray[np.float32]:
    """Attenuation of the tissue within ``reach_mm`` of the deposit, without it and the voxels that touch it."""
    box = crop(deposit, volume, reach_mm, grid_mm)
    hu = volume.hu[box.slices]
    own = np.zeros(hu.shape, dtype=np.bool_)
    own[tuple(((deposit.voxels - np.array(box.start)) // np.array(box.step)).T)] = True
    spacing = [s * n for s, n in zip(volume.geometry.spacing, box.step, strict=True)]
    distance = ndimage.distance_transform_edt(~own, sampling=spacing)
    touching = ndimage.binary_dilation(own, np.ones((3, 3, 3), dtype=np.bool_))
    return np.asarray(hu[(distance <= max(reach_mm, 1.5 * min(spacing))) & ~touching], dtype=np.float32)


def features(deposit: Deposit, volume: Volume, anatomy: Anatomy | None = None) -> dict[str, float]:
    """Features by name: sizes in mm and mm3, attenuation in HU, shares from 0 to 1.

    ``others`` and ``both_sides`` are those of a deposit alone; :func:`calciscope.place.company.company` knows more.
    """
    around = surroundings(deposit, volume)
    wide = surroundings(deposit, volume, NEIGHBOURHOOD_MM, _NEIGHBOURHOOD_GRID_MM)
    shape = deposit.shape
    air = _share(around, -np.inf, _AIR)
    return {
        "length_mm": shape.length,
        "width_mm": shape.width,
        "elongation": shape.length / max(shape.width, 0.1),
        "sphericity": shape.sphericity,
        "hollow": shape.hollow,
        "volume_mm3": deposit.volume_mm3,
        "peak_hu": deposit.peak_hu,
        "mean_hu": deposit.mean_hu,
        "fat": _share(around, *_FAT),
        "air": air,
        "lung": max(air, deposit.context.get("lung", 0.0)),
        "bright": deposit.context.get("contrast", 0.0),
        "artery_mm": deposit.context.get("distance_to_artery_mm", NEIGHBOURHOOD_MM),
        "fat_near": _share(wide, *_FAT),
        "air_near": _share(wide, -np.inf, _AIR),
        "to_fat_mm": to_fat(deposit, volume),
        "bone_mm": deposit.context.get("distance_to_bone_mm", NEIGHBOURHOOD_MM),
        "skin_mm": deposit.context.get("distance_to_skin_mm", NEIGHBOURHOOD_MM),
        "airway_mm": deposit.context.get("distance_to_airway_mm", NEIGHBOURHOOD_MM),
        "others": 0.0,
        "both_sides": 0.0,
        **signs(deposit, volume),
        **_urinary(deposit, anatomy),
        "in_aorta": in_aorta(deposit, volume, anatomy),
        "cut": float(deposit.voxels[:, 0].min() == 0 or deposit.voxels[:, 0].max() == volume.geometry.shape[0] - 1),
        "above_ostia_mm": above_ostia(deposit, anatomy),
    }


def above_ostia(deposit: Deposit, anatomy: Anatomy | None) -> float:
    """How far a deposit's centre lies above the left main's ostium, mm (negative below; -:data:`FAR_MM` if unknown)."""
    level = anatomy.landmarks.get("left_main_level") if anatomy is not None else None
    if level is None or level.confidence < _SURE_LEVEL:
        return -FAR_MM
    return float(deposit.center_mm[2] - level.point[2])


def in_aorta(deposit: Deposit, volume: Volume, anatomy: Anatomy | None) -> float:
    """Share of a deposit's voxels that lie well inside the circles of the aorta within the heart (0 without any)."""
    tubes = [anatomy.tubes[name] for name in _AORTIC if name in anatomy.tubes] if anatomy is not None else []
    if not tubes:
        return 0.0
    parts = [_fine(tube) for tube in tubes]
    axis, radius = np.concatenate([p for p, _ in parts]), np.concatenate([r for _, r in parts])
    points = volume.geometry.to_mm(deposit.voxels[:: max(1, len(deposit.voxels) // _FEW_VOXELS)])
    away, nearest = cKDTree(axis).query(points)
    # A point beyond an end of the curve is in no circle.
    beyond = np.abs(points[:, 2] - axis[nearest, 2]) > radius[nearest] / 2
    return float(((away < radius[nearest] - _WELL_INSIDE_MM) & ~beyond).mean())


def _fine(tube: Tube) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points of a tube ``(n, 3)`` about every 2 mm, and its radius there, mm."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(tube.points, axis=0), axis=1))])
    fine = np.linspace(0.0, along[-1], int(along[-1] / 2.0) + 2)
    points = np.stack([np.interp(fine, along, tube.points[:, k]) for k in range(3)], axis=1)
    return points, np.asarray(np.interp(fine, along, tube.radius))


def urine_hu(volume: Volume, anatomy: Anatomy) -> dict[str, float]:
    """Mean attenuation of the urine in the bladder (HU), :data:`UNSEEN` without one: contrast is excreted into it."""
    bladder = anatomy.structures.get("urinary_bladder")
    if bladder is None:
        return {"urine_hu": UNSEEN}
    step = (slice(None), slice(None, None, 2), slice(None, None, 2))
    inside = anatomy.labels[step] == bladder.label
    return {"urine_hu": float(volume.hu[step][inside].mean()) if inside.any() else UNSEEN}


def _urinary(deposit: Deposit, anatomy: Anatomy | None) -> dict[str, float]:
    """How far a deposit lies below the end of a widened ureter and above the hip joints, :data:`FAR_MM` if unknown.

    And the share of it ``in_kidney``, within the kidney's outline, sinus included.
    """
    found = {"below_hydroureter_mm": FAR_MM, "above_hips_mm": UNSEEN, "in_kidney": 0.0, "urine_hu": UNSEEN}
    if anatomy is None:
        return found
    kidneys = [item.label for name, item in anatomy.structures.items() if name.startswith(_KIDNEYS)]
    if kidneys:
        found["in_kidney"] = float(np.isin(anatomy.labels[tuple(deposit.voxels.T)], kidneys).mean())
    point = np.array(deposit.center_mm)
    for side in ("left", "right"):
        tube = anatomy.tubes.get(f"hydroureter_{side}")
        if tube is not None:
            found["below_hydroureter_mm"] = min(
                found["below_hydroureter_mm"], float(np.linalg.norm(tube.points[-1] - point))
            )
    hips = [anatomy.landmarks[name].point[2] for name in _HIPS if name in anatomy.landmarks]
    if hips:
        found["above_hips_mm"] = float(point[2] - np.mean(hips))
    return found


def to_fat(deposit: Deposit, volume: Volume) -> float:
    """Distance from the deposit's surface to the nearest fat or lung, mm, at most :data:`NEIGHBOURHOOD_MM`.

    Attenuation is averaged over about 3 mm first: a dark voxel of noise is no fat.
    """
    box = crop(deposit, volume, NEIGHBOURHOOD_MM + 2.0, _NEIGHBOURHOOD_GRID_MM)
    hu = volume.hu[box.slices].astype(np.float32)
    own = np.zeros(hu.shape, dtype=np.bool_)
    own[tuple(((deposit.voxels - np.array(box.start)) // np.array(box.step)).T)] = True
    spacing = [s * n for s, n in zip(volume.geometry.spacing, box.step, strict=True)]
    # Calcium would hide the fat that it touches.
    smooth = ndimage.gaussian_filter(np.minimum(hu, 100.0), [_SMOOTHING_MM / s for s in spacing])
    loose = (smooth < _FATTY_HU) & ~own
    if not loose.any():
        return NEIGHBOURHOOD_MM
    away = ndimage.distance_transform_edt(~own, sampling=spacing)
    return min(NEIGHBOURHOOD_MM, float(away[loose].min()))


def _share(values: NDArray[np.float32], low: float, high: float) -> float:
    return float(((values > low) & (values < high)).mean()) if values.size else 0.0
