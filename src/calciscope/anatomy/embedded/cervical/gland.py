"""The thyroid gland: its iodine makes it denser than anything soft beside the windpipe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from calciscope.anatomy.embedded.cervical.axes import Axes
from calciscope.anatomy.embedded.frame import Frame, Mask

# Without contrast the gland is this much denser than muscle, and no denser than that, HU.
_DENSER, _DENSEST_HU = 20.0, 190.0
_MUSCLE_HU = (25.0, 85.0)
# Its lobes lie beside the windpipe: this far from its wall to the side, in front and behind, mm.
_ASIDE, _FRONT, _BEHIND = 24.0, 16.0, 16.0
# It touches the windpipe's wall within this, mm, and has at least this volume a lobe, ml; cartilage is thin.
_TOUCHES, _LEAST_ML = 9.0, 1.2
# Bone blurs this far, mm.
_BLUR_MM = 4.0
# Where it does not show: this far above the top of the lungs is its middle (with raised arms it lies at their height,
# with arms down 30 mm above them), and half its height, mm.
_ABOVE_LUNGS, _HALF_HEIGHT = 15.0, 26.0
# A lobe there lies this far from the windpipe's wall to the side and behind its middle, with these half-axes, mm.
_LOBE, _LOBE_HALF = (8.0, 2.0), (11.0, 15.0)
_SEEN, _GUESSED = 0.8, 0.45
# Lobes that lie at heights further apart than this are none, mm.
_LEVEL_MM = 25.0


@dataclass(frozen=True, slots=True, eq=False)
class Gland:
    """The lobes by name with how sure they are, and the coarse height of their middle.

    ``seen`` says that the gland stands out by itself; else it is where it usually lies.
    """

    masks: dict[str, tuple[Mask, float]]
    middle: float
    seen: bool


def find_gland(frame: Frame, axes: Axes, soft: Mask, *, enhanced: bool) -> Gland | None:
    """The thyroid gland; with contrast, or where it holds no iodine, where it usually lies above the lungs."""
    near = soft & (axes.front <= axes.wall + _FRONT) & (axes.front >= -axes.wall - _BEHIND)
    lobes = {
        side: near & (sign * axes.left >= 0.0) & (sign * axes.left <= axes.wall + _ASIDE * axes.size)
        for side, sign in (("left", 1.0), ("right", -1.0))
    }
    seen = {} if enhanced else _seen(frame, axes, lobes)
    lungs = np.flatnonzero(frame.lungs.any(axis=(1, 2)))
    if seen:
        middle = float(np.mean([ndimage.center_of_mass(mask)[0] for mask in seen.values()]))
        return Gland({f"thyroid_{side}": (mask, _SEEN) for side, mask in seen.items()}, middle, True)
    if not lungs.size or lungs[-1] >= frame.hu.shape[0] - 1:
        return None
    middle = lungs[-1] + _ABOVE_LUNGS * axes.size / frame.spacing[0]
    height = np.abs(np.arange(frame.hu.shape[0]) - middle) * frame.spacing[0] <= _HALF_HEIGHT * axes.size
    masks = {}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        aside = (sign * axes.left - axes.wall) / axes.size - _LOBE[0]
        off = np.hypot(aside / _LOBE_HALF[0], (axes.front / axes.size + _LOBE[1]) / _LOBE_HALF[1])
        # The gland is denser than fat.
        lobe = lobes[side] & (off <= 1.0) & (frame.hu > 0.0) & height[:, None, None]
        masks[f"thyroid_{side}"] = (np.asarray(lobe), _GUESSED)
    return Gland({name: item for name, item in masks.items() if item[0].any()}, float(middle), False)


def _seen(frame: Frame, axes: Axes, lobes: dict[str, Mask]) -> dict[str, Mask]:
    """The lobes that can be seen, by side."""
    slices = np.flatnonzero(axes.span)
    part = slice(int(slices[0]), int(slices[-1]) + 1)
    smooth = ndimage.gaussian_filter(np.clip(frame.hu[part], -200, 300), [1.5 / s for s in frame.spacing])
    muscle = smooth[frame.body[part] & ~frame.bone[part] & (smooth > _MUSCLE_HU[0]) & (smooth < _MUSCLE_HU[1])]
    if not muscle.size:
        return {}
    away = ndimage.distance_transform_edt(~frame.bone[part], sampling=frame.spacing)
    dense = (smooth > np.median(muscle) + _DENSER) & (smooth < _DENSEST_HU) & (away > _BLUR_MM)
    found: dict[str, Mask] = {}
    levels: dict[str, float] = {}
    for side, room in lobes.items():
        lobe = dense & room[part]
        core = ndimage.binary_opening(lobe, ndimage.generate_binary_structure(3, 1))
        labels, count = ndimage.label(core)
        if not count:
            continue
        ml = np.bincount(labels.ravel()) * float(np.prod(frame.spacing)) / 1000.0
        ml[0] = 0.0
        label = int(ml.argmax())
        own = labels == label
        reach = np.hypot(axes.left[part], axes.front[part]) - axes.wall[part]
        if ml[label] < _LEAST_ML * axes.size**3 or float(reach[own].min()) > _TOUCHES:
            continue
        whole = np.zeros(frame.hu.shape, dtype=np.bool_)
        # Nodules and calcium in it are gland too.
        whole[part] = ndimage.binary_dilation(ndimage.binary_closing(own, iterations=2) | own) & room[part]
        found[side], levels[side] = whole, float(ndimage.center_of_mass(own)[0])
    if len(found) == 2 and abs(levels["left"] - levels["right"]) * frame.spacing[0] > _LEVEL_MM:
        return {}
    return found
