"""The neck: larynx, thyroid, the course of the carotid arteries, and the glands and nodes beside them.

Heights are counted from the middle of the thyroid gland, sides from the airway. No real neck of diagnostic quality was
at hand to check this on: every confidence stays below a sure placement's.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from calciscope.anatomy.embedded.bodies import grown
from calciscope.anatomy.embedded.cervical.axes import Axes, find_axes
from calciscope.anatomy.embedded.cervical.gland import find_gland
from calciscope.anatomy.embedded.frame import Frame, Mask, Part
from calciscope.domain.anatomy import BloodPool

# How sure the sheath is, and what is found by its height over the gland where that is seen and where it is guessed.
_SURE_COURSE, _SURE_REST = 0.72, (0.55, 0.72)
# The airway of the neck is followed this far below the top of the lungs, mm, and what lies beside it this far.
_INTO_CHEST, _BELOW_APEX = 30.0, 9.0
# Where so much of both sheaths, ml, is brighter than this, HU, and no blur of bone (mm), contrast was given: the gland
# does not stand out then.
_ENHANCED_HU, _VESSELS_ML, _BLUR_MM = 125.0, 1.5, 4.0
# Blood in the aorta is brighter than this with contrast, HU.
_BLOOD_HU = 85.0
# The carotid sheath runs this far to the side of the middle of the airway and before the vertebra's front, mm, with
# these half-axes of its room in cross-section: vessels and what their place varies by.
_SHEATH, _SHEATH_HALF = (23.0, 7.0), (12.0, 14.0)
# Nodes lie outside of it, under the muscle that turns the head.
_NODES_ASIDE, _NODES_FRONT = (36.0, 60.0), (-25.0, 24.0)
# Above the middle of the thyroid gland, mm: larynx, submandibular glands, tonsils and parotid glands begin and end
# (Gray's Anatomy, 41st ed. 2016: C4 to C6, C3, C2, and C1 to C2, of some 17 mm each).
_LARYNX, _SUBMANDIBULAR, _TONSIL, _PAROTID = (12.0, 54.0), (45.0, 80.0), (68.0, 98.0), (76.0, 125.0)
# A gland that is only guessed says nothing of what lies above it where less of the neck than this is in view, mm: the
# lower windpipe of a chest scan is no larynx.
_NECK_MM = 70.0
# Its cartilages lie this near to the airway's wall or middle, mm.
_LARYNX_AROUND = (12.0, 21.0)


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """``thyroid_*``, ``larynx``, ``carotid_sheath_*``, ``neck_nodes_*``, salivary glands, tonsils: what is in view."""
    span = [region for region in frame.regions if region.name == "neck"]
    if not span:
        return Part()
    start = min(region.start for region in span) // frame.factor[0]
    stop = min(max(region.stop for region in span) // frame.factor[0] + 1, frame.hu.shape[0])
    axes = find_axes(frame, max(0, start - round(_INTO_CHEST / frame.spacing[0])), stop)
    if axes is None:
        return Part(notes=("no windpipe seen in the neck: thyroid and carotid arteries were not sought",))
    soft = frame.body & ~frame.bone & ~frame.airway & ~frame.lungs & axes.span[:, None, None]
    # Lower down the first ribs and the vessels of the chest lie beside the airway.
    soft[: max(0, start - round(_BELOW_APEX / frame.spacing[0]))] = False
    masks: dict[str, tuple[Mask, float]] = {}
    size = axes.size
    for side, sign in (("left", 1.0), ("right", -1.0)):
        aside = sign * axes.left / size
        ahead = axes.ahead / size
        off = np.hypot((aside - _SHEATH[0]) / _SHEATH_HALF[0], (ahead - _SHEATH[1]) / _SHEATH_HALF[1])
        _keep(masks, f"carotid_sheath_{side}", soft & (off <= 1.0), _SURE_COURSE)
        _keep(masks, f"neck_nodes_{side}", soft & _in(aside, _NODES_ASIDE) & _in(ahead, _NODES_FRONT), _SURE_REST[0])
    pool = _vessels(frame, masks)
    enhanced = pool is not None or _blood(frame, so_far) > _BLOOD_HU
    gland = find_gland(frame, axes, soft, enhanced=enhanced)
    if gland is not None:
        for name, (lobe, sure) in tuple(gland.masks.items()):
            sheath = name.replace("thyroid", "carotid_sheath")
            if sheath not in masks:
                continue
            # A gland that is seen pushes the sheath aside; one that is only guessed does not.
            if gland.seen:
                masks[sheath] = (masks[sheath][0] & ~lobe, masks[sheath][1])
            else:
                gland.masks[name] = (lobe & ~masks[sheath][0], sure)
        masks |= gland.masks
        above = ((np.arange(frame.hu.shape[0]) - gland.middle) * frame.spacing[0] / size)[:, None, None]
        if gland.seen or (stop - start) * frame.spacing[0] >= _NECK_MM:
            _higher(masks, frame, axes, above, soft, _SURE_REST[int(gland.seen)])
    return Part(masks=masks, blood_pool=pool)


def _higher(
    masks: dict[str, tuple[Mask, float]], frame: Frame, axes: Axes, above: np.ndarray, soft: Mask, sure: float
) -> None:
    """What lies above the thyroid gland by its usual height over it (in place)."""
    size = axes.size
    for side in ("left", "right"):
        nodes = f"neck_nodes_{side}"
        if nodes in masks:
            masks[nodes] = (masks[nodes][0], sure)
    around = np.hypot(axes.front, axes.left) <= np.maximum(
        axes.wall + _LARYNX_AROUND[0] * size, _LARYNX_AROUND[1] * size
    )
    throat = frame.body & ~frame.airway & axes.span[:, None, None]
    _keep(masks, "larynx", throat & around & _in(above, _LARYNX) & (axes.ahead > 0.0), sure)
    tissue = soft & (frame.hu > -40.0)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        aside, front = sign * axes.left / size, axes.front / size
        wall = axes.wall / size
        places = {
            "submandibular_gland": _in(above, _SUBMANDIBULAR) & _in(aside, (17.0, 42.0)) & _in(front, (12.0, 50.0)),
            "palatine_tonsil": _in(above, _TONSIL)
            & (aside > wall - 2.0)
            & (aside < wall + 14.0)
            & _in(front, (-6.0, 22.0)),
            "parotid_gland": _in(above, _PAROTID) & _in(aside, (38.0, 66.0)) & _in(front, (-24.0, 24.0)),
        }
        for name, where in places.items():
            _keep(masks, f"{name}_{side}", tissue & where, sure)


def _vessels(frame: Frame, masks: Mapping[str, tuple[Mask, float]]) -> BloodPool | None:
    """Blood in the carotid sheaths if contrast was given: by what is bright in both and no blur of bone."""
    clear = (frame.hu > _ENHANCED_HU) & ~grown(frame.bone & frame.body, _BLUR_MM, frame.spacing)
    voxel_ml = float(np.prod(frame.spacing)) / 1000.0
    sheaths = [mask & clear for name, (mask, _) in masks.items() if name.startswith("carotid_sheath_")]
    if not sheaths or any(float(lumen.sum()) * voxel_ml <= _VESSELS_ML for lumen in sheaths):
        return None
    values = frame.hu[np.any(sheaths, axis=0)]
    level = float(np.median(values))
    return BloodPool(level, 1.4826 * float(np.median(np.abs(values - level))), int(values.size), "carotid sheath")


def _blood(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> float:
    """Attenuation of blood in the aorta, HU; 0 where none is in view."""
    lumen = [mask for name, (mask, _) in so_far.items() if name.startswith("aorta_")]
    values = frame.hu[np.any(lumen, axis=0)] if lumen else frame.hu[:0]
    return float(np.median(values)) if values.size else 0.0


def _in(values: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    return (values >= bounds[0]) & (values <= bounds[1])


def _keep(masks: dict[str, tuple[Mask, float]], name: str, mask: np.ndarray, confidence: float) -> None:
    """Adds a mask that is not empty."""
    if mask.any():
        masks[name] = (np.asarray(mask), confidence)
