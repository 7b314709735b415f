"""Inside the heart: root and valves, coronary arteries, as curves in a frame of the heart's own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from calciscope.anatomy.embedded.cardiac import heart_frame, template
from calciscope.anatomy.embedded.cardiac.courses import Surface, along_groove, depth_limit, on_surface
from calciscope.anatomy.embedded.cardiac.heart_frame import HeartFrame
from calciscope.anatomy.embedded.cardiac.level import hung, to_box
from calciscope.anatomy.embedded.frame import Frame, Mask, Part
from calciscope.anatomy.embedded.heart import between_lungs
from calciscope.domain.anatomy import Landmark, Tube

# The leaflets take up this share of the root's radius, and lie below the ostia, mm along the axis.
_LEAFLETS, _LEAFLETS_BELOW = 0.65, 7.0
# A frame this sure overrules the track of the aorta.
_SURE_FRAME = 0.6
# How much too low the top of the heart region may be, mm.
_NECK_MM = 25.0
# The fork of the left main belongs to it, not to both of its branches, mm.
_FORK_MM = 4.0
# Fat along a course at which a groove is clearly seen.
_CLEAR_GROOVE = 0.35


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """Curves ``coronary_lm``, ``_lad``, ``_lcx``, ``_rca``, ``aortic_valve``, ``aortic_root``, ``ascending_wall`` and
    ``mitral_annulus``, with the left main's ostium as landmark; nothing where the heart's frame is not sane."""
    if "heart_region" not in so_far:
        return Part()
    region, certain = so_far["heart_region"]
    heart = _with_neck(frame, region, so_far)
    made = heart_frame.find(frame, heart, certain, so_far)
    if made is None:
        return Part(notes=("the heart's parts are not told apart: no frame of the heart is certain enough",))
    tubes = _root(frame, made) | _arteries(frame, made, heart)
    ring = hung(frame, made.origin, template.mitral_ring(made.size))
    tubes["mitral_annulus"] = _tube(frame, "mitral_annulus", ring, 2.0, made.confidence)
    x, y, z = (float(v) for v in frame.to_mm(made.origin))
    notes = tuple(f"the heart's parts are less certain: {why}" for why in made.flags)
    return Part(
        masks=_agreed(frame, made, so_far),
        tubes=tubes,
        landmarks={"left_main_level": Landmark("left_main_level", (x, y, z), made.confidence)},
        notes=notes,
    )


def _with_neck(frame: Frame, region: Mask, so_far: Mapping[str, tuple[Mask, float]]) -> Mask:
    """The heart region with the aorta in it, and what lies above it between the lungs, which may be its top."""
    heart = region.copy()
    top = int(np.flatnonzero(region.any(axis=(1, 2)))[-1])
    last = min(len(heart), top + 1 + round(_NECK_MM / frame.spacing[0]))
    for name in ("aorta_ascending", "aorta_arch"):
        if name in so_far:
            heart[: top + 1] |= so_far[name][0][: top + 1]
    neck = between_lungs(frame, top + 1, last)
    if "aorta_descending" in so_far:
        neck &= ~so_far["aorta_descending"][0]
    return heart | neck


def _agreed(frame: Frame, made: HeartFrame, so_far: Mapping[str, tuple[Mask, float]]) -> dict[str, tuple[Mask, float]]:
    """The ascending aorta without the slices on which it lies elsewhere than the root: those are a chamber's."""
    if "aorta_ascending" not in so_far or made.confidence < _SURE_FRAME:
        return {}
    mask, certain = so_far["aorta_ascending"]
    kept = mask.copy()
    for z in np.flatnonzero(mask.any(axis=(1, 2))).tolist():
        point = made.axis_at(float(z), frame.spacing)
        if point is not None:
            away = np.linalg.norm((np.argwhere(mask[z]).mean(axis=0) - point) * frame.spacing[1:])
            kept[z] &= away <= made.radius
    if kept.sum() == mask.sum():
        return {}
    region, sure = so_far["heart_region"]
    return {"aorta_ascending": (kept, certain), "heart_region": (region | (mask & ~kept), sure)}


def _root(frame: Frame, made: HeartFrame) -> dict[str, Tube]:
    """Valve, sinuses and the wall above them."""
    points, height = made.along_root(frame.spacing)
    leaflets = height <= -_LEAFLETS_BELOW
    tubes = {
        "aortic_root": _tube(frame, "aortic_root", points, made.radius, made.confidence),
        "aortic_valve": _tube(frame, "aortic_valve", points[leaflets], _LEAFLETS * made.radius, made.confidence),
    }
    rise = (made.track.points[:, 0] - made.origin[0]) * frame.spacing[0]
    above = made.track.part(rise > height[0])
    if len(above) > 1:
        mm = frame.to_mm(above.points[::-1])
        tubes["ascending_wall"] = Tube("ascending_wall", mm, above.radius[::-1].copy(), made.confidence)
    return tubes


def _arteries(frame: Frame, made: HeartFrame, heart: Mask) -> dict[str, Tube]:
    """The coronary arteries along their grooves."""
    factor = np.array(frame.factor, dtype=np.float64)
    surface = Surface.of(heart, frame.spacing)
    tubes = {}
    for name, usual in template.courses(made.size).items():
        deepest = template.DEEPEST[name]
        coarse = on_surface(hung(frame, made.origin, usual), surface, frame.spacing, deepest)
        box = to_box(frame, made.fat.box, coarse)
        course, fat = along_groove(box, made.fat, depth_limit(coarse, frame.spacing, deepest))
        coarse = (made.fat.box.to_volume(course) - (factor - 1) / 2) / factor
        if name in ("lad", "lcx"):
            coarse = coarse[_apart(coarse, frame.spacing) >= _FORK_MM]
        # A course without fat around it is only the usual one.
        sure = made.confidence * (0.85 + 0.15 * min(1.0, fat / _CLEAR_GROOVE))
        tubes[f"coronary_{name}"] = _tube(frame, f"coronary_{name}", coarse, template.RADIUS[name], sure)
    return tubes


def _apart(coarse: NDArray[np.float64], spacing: tuple[float, float, float]) -> NDArray[np.float64]:
    """Distance of each point of a course from its first, mm."""
    return np.asarray(np.linalg.norm((coarse - coarse[0]) * spacing, axis=1))


def _tube(frame: Frame, name: str, coarse: NDArray[np.float64], radius: float, confidence: float) -> Tube:
    return Tube(name, frame.to_mm(coarse), np.full(len(coarse), radius), round(confidence, 3))
