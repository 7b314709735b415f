"""Lays an old scan on a new one: rigid as a whole, then shifted a little region by region, with a check that it worked.

Mutual information of Mattes (IEEE Trans Med Imaging 2003;22:120-8) on a coarse grid, from several starts, because
scans of two dates rarely begin at the same height; a region follows by correlation, because heart and bowel move
against the skeleton.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.compare.coarse import AIR_HU, ITK, Coarse, averaged, coarse, image_of
from calciscope.compare.starts import starts
from calciscope.domain.image import Volume

Points = NDArray[np.float64]

_COARSE_MM, _FINE_MM = 4.0, 2.0
_BINS, _SEED = 32, 20
# Share of samples, steps, first and last length of a step (mm): quick from every start, then well from the best one.
_QUICK, _WELL = (0.05, 60, 4.0, 0.2), (0.3, 80, 1.0, 0.005)
# Bodies and bones of one person laid on each other overlap by at least as much where both scans look; a twist of the
# spine or another breath costs bones more than the body. Below so many voxels bones say nothing.
_LEAST_BODY, _LEAST_BONE, _FEW_BONES = 0.85, 0.4, 150
# Two scans that share less than this part of the smaller one cannot be told to lie right.
_LEAST_SHARED = 0.15
# A region: how far around its deposits it looks, how far it may move, and what it must gain to be believed.
_AROUND_MM, _FARTHEST_MM, _LEAST_GAIN = 22.0, 10.0, 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """Where points of the old scan lie in the new one. ``ok`` is false, with ``why``, where the check failed.

    ``body_overlap`` and ``bone_overlap`` are Dice coefficients within what both scans show; ``bone_overlap`` is
    ``None`` where there is too little bone to say. ``shared`` is the part of the smaller body that both show.
    """

    transform: Any
    body_overlap: float
    bone_overlap: float | None
    shared: float
    rotation_deg: float
    shift_mm: float
    ok: bool
    why: str | None = None
    regions: tuple[tuple[Points, Points], ...] = ()

    def to_new(self, points: Points) -> Points:
        """LPS mm ``(n, 3)`` of the old scan as LPS mm of the new one; all of them follow the nearest region."""
        moved = points + self._shift(points.mean(axis=0))
        return _mapped(self.transform, moved)

    def to_old(self, points: Points) -> Points:
        """The inverse of :meth:`to_new`."""
        back = _mapped(self.transform.GetInverse(), points)
        return back - self._shift(back.mean(axis=0))

    def _shift(self, middle: Points) -> Points:
        near = [(float(np.linalg.norm(at - middle)), shift) for at, shift in self.regions]
        return min(near, key=lambda pair: pair[0])[1] if near else np.zeros(3)


def _mapped(transform: Any, points: Points) -> Points:
    matrix = np.array(transform.GetMatrix()).reshape(3, 3)
    centre, offset = np.array(transform.GetCenter()), np.array(transform.GetTranslation())
    return np.asarray((points - centre) @ matrix.T + centre + offset, dtype=np.float64)


def register(old: Volume, new: Volume) -> Registration:
    """Lay the old scan on the new one, both as they lie in the patient (LPS mm)."""
    fixed, moving = coarse(old, _COARSE_MM), coarse(new, _COARSE_MM)
    if not fixed.body.any() or not moving.body.any():
        return _failed(ITK.Euler3DTransform(), "no body was found in one of the scans")
    best: tuple[float, Any] | None = None
    for start in starts(fixed, moving):
        found = _optimised(fixed, moving, start, _QUICK)
        if best is None or found[0] < best[0]:
            best = found
    if best is None:
        return _failed(ITK.Euler3DTransform(), "no start was found from which the scans overlap")
    return _checked(fixed, moving, _optimised(fixed, moving, best[1], _WELL)[1])


def refined(found: Registration, old: Volume, new: Volume, groups: Sequence[Points]) -> Registration:
    """The registration with a small shift of its own for each group of deposits (LPS mm, old scan)."""
    if not found.ok or not groups:
        return found
    smooth, place = averaged(new, _FINE_MM)
    moving = image_of(smooth, place)
    regions = []
    for points in groups:
        shift = _local(found.transform, old, moving, points)
        regions.append((points.mean(axis=0), np.zeros(3) if shift is None else shift))
    return Registration(
        found.transform,
        found.body_overlap,
        found.bone_overlap,
        found.shared,
        found.rotation_deg,
        found.shift_mm,
        found.ok,
        found.why,
        tuple(regions),
    )


def _method() -> Any:
    method = ITK.ImageRegistrationMethod()
    # Sums of several threads differ in their last digit, and with them the result.
    method.SetNumberOfThreads(1)
    method.SetInterpolator(ITK.sitkLinear)
    return method


def _optimised(fixed: Coarse, moving: Coarse, start: Any, effort: tuple[float, int, float, float]) -> tuple[float, Any]:
    """The rigid transform from one start and its metric (lower is better)."""
    samples, steps, first, last = effort
    transform = ITK.Euler3DTransform(start)
    method = _method()
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(samples, _SEED)
    method.SetOptimizerAsRegularStepGradientDescent(first, last, steps, 0.7, 1e-8)
    method.SetOptimizerScalesFromPhysicalShift()
    around = ndimage.binary_dilation(fixed.body, iterations=3)
    method.SetMetricFixedMask(image_of(around.astype(np.uint8), fixed.geometry))
    method.SetInitialTransform(transform, inPlace=True)
    try:
        method.Execute(fixed.image(), moving.image())
    except RuntimeError:
        # ITK stops where all samples fall outside of the other image.
        return np.inf, start
    return float(method.GetMetricValue()), transform


def _checked(fixed: Coarse, moving: Coarse, transform: Any) -> Registration:
    """Overlap of bodies and bones where both scans look."""
    seen = np.ones(moving.geometry.shape, dtype=np.float32)

    def laid(values: NDArray[Any], outside: float) -> NDArray[np.float32]:
        return np.asarray(
            ITK.GetArrayFromImage(
                ITK.Resample(
                    image_of(values.astype(np.float32), moving.geometry), fixed.image(), transform, ITK.sitkLinear,
                    outside,
                )
            ),
            dtype=np.float32,
        )  # fmt: skip

    both = laid(seen, 0.0) > 0.5
    other_body, other_hu = laid(moving.body, 0.0) > 0.5, laid(moving.hu, AIR_HU)
    body = _dice(fixed.body & both, other_body & both)
    one, two = fixed.bone & both, (other_hu >= 180.0) & both
    bone = _dice(one, two) if min(one.sum(), two.sum()) >= _FEW_BONES else None
    voxel = fixed.geometry.voxel_mm3 / moving.geometry.voxel_mm3
    smaller = min(float(fixed.body.sum()), float(moving.body.sum()) / voxel)
    shared = float((fixed.body & both).sum()) / max(smaller, 1.0)
    matrix = np.array(transform.GetMatrix()).reshape(3, 3)
    angle = float(np.degrees(np.arccos(np.clip((np.trace(matrix) - 1) / 2, -1, 1))))
    middle = fixed.points(fixed.body).mean(axis=0)[None]
    shift = float(np.linalg.norm(_mapped(transform, middle) - middle))
    why = None
    if shared < _LEAST_SHARED:
        why = f"the scans share only {shared:.0%} of the smaller one"
    elif body < _LEAST_BODY:
        why = f"the bodies overlap by {body:.0%} only after it"
    elif bone is not None and bone < _LEAST_BONE:
        why = f"the bones overlap by {bone:.0%} only after it"
    return Registration(transform, body, bone, min(shared, 1.0), angle, shift, why is None, why)


def _failed(transform: Any, why: str) -> Registration:
    return Registration(transform, 0.0, None, 0.0, 0.0, 0.0, False, why)


def _dice(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> float:
    total = int(one.sum()) + int(two.sum())
    return 2.0 * int((one & two).sum()) / total if total else 0.0


def _local(transform: Any, old: Volume, moving: Any, points: Points) -> Points | None:
    """The shift (mm, before the rigid transform) by which a region follows better, or ``None``."""
    index = old.geometry.to_index(points)
    reach = _AROUND_MM / np.array(old.geometry.spacing)
    low = np.maximum(np.floor(index.min(axis=0) - reach).astype(int), 0)
    high = np.minimum(np.ceil(index.max(axis=0) + reach).astype(int) + 1, old.geometry.shape)
    box = (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2]))
    hu, geometry = averaged(old, _FINE_MM, box)
    if min(geometry.shape) < 4:
        return None
    method = _method()
    method.SetMetricAsCorrelation()
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 0.05, 40, 0.6, 1e-8)
    method.SetMovingInitialTransform(transform)
    shift = ITK.TranslationTransform(3)
    method.SetInitialTransform(shift, inPlace=True)
    fixed = image_of(hu, geometry)
    try:
        before = float(method.MetricEvaluate(fixed, moving))
        method.Execute(fixed, moving)
    except RuntimeError:
        return None
    found = np.array(shift.GetOffset())
    gained = before - float(method.GetMetricValue())
    return found if gained >= _LEAST_GAIN and np.linalg.norm(found) <= _FARTHEST_MM else None
