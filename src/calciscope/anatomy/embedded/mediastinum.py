"""What lies between the lungs besides heart and aorta, the lung hila, and the arteries that leave the arch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from calciscope.anatomy.embedded.aorta import spine_track
from calciscope.anatomy.embedded.arch import carina
from calciscope.anatomy.embedded.frame import Frame, Mask, Part
from calciscope.anatomy.embedded.heart import between_lungs, heart_floor

# Half the width of the mediastinum, mm; beyond it the domes of the diaphragm rise between the lungs' outlines.
_HALF_WIDTH = 65.0
# The hilum against the fork of the windpipe: how far it reaches up and down, mm.
_HILUM_ABOVE = 8.0
_HILUM_BELOW = 55.0
# Bronchi and vessels fan out over this width beside the mediastinum and this depth around the main bronchus, mm.
_HILUM_WIDE = 28.0
_HILUM_DEEP = 38.0
# The arteries to head and arms run between the arch and the top of the lungs, close to the windpipe, mm.
_BRANCHES_AROUND = 40.0
_BRANCHES = ("brachiocephalic_trunk", "subclavian_artery", "common_carotid_artery")
# The branches leave the arch within this height, mm; above it they leave the middle.
_BRANCHES_HIGH = 70.0


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """``mediastinum``, ``arch_branches`` (their room), ``hilum_left``, ``hilum_right``; nothing without both lungs."""
    central = between_lungs(frame)
    if central.any(axis=(1, 2)).sum() * frame.spacing[0] < 30.0:
        return Part()
    taken = np.zeros(central.shape, dtype=np.bool_)
    for name, (mask, _) in so_far.items():
        if name == "heart_region" or name.startswith("aorta"):
            taken |= mask
        elif name.startswith(_BRANCHES):
            # What touches the wall of an artery is plaque rather than a node.
            taken |= ndimage.binary_dilation(mask, iterations=2)
    height = np.arange(central.shape[0])[:, None, None]
    rest = central & ~taken & ~frame.bone & (height >= heart_floor(frame)[None])
    spine = spine_track(frame)
    if np.isfinite(spine[:, 1]).any():
        columns = np.arange(frame.hu.shape[2]) - float(np.nanmedian(spine[:, 1]))
        rest[:, :, np.abs(columns) * frame.spacing[2] > _HALF_WIDTH] = False
    for z in np.flatnonzero(rest.any(axis=(1, 2))).tolist():
        row, _, radius = spine[z]
        if np.isfinite(row):
            rest[z, max(0, int(row - 0.8 * radius / frame.spacing[1])) :] = False
    masks: dict[str, tuple[Mask, float]] = {}
    fork = carina(frame)
    branches = _branches(frame, so_far, rest)
    if branches is not None:
        masks["arch_branches"] = (branches, 0.6)
        rest = rest & ~branches
    if fork is not None:
        for side, lung in (("left", frame.lung_left), ("right", frame.lung_right)):
            hilum = _hilum(frame, lung, central, fork, -1.0 if side == "right" else 1.0) & ~taken & ~frame.bone
            if hilum.any():
                masks[f"hilum_{side}"] = (hilum, 0.7)
                rest = rest & ~hilum
    masks["mediastinum"] = (rest, 0.8 if fork is not None else 0.7)
    return Part(masks=masks)


def _hilum(frame: Frame, lung: Mask, central: Mask, fork: int, sign: float) -> Mask:
    """Where bronchi and vessels enter one lung: a band beside the mediastinum around the main bronchus."""
    mask = np.zeros(lung.shape, dtype=np.bool_)
    low = max(0, round(fork - _HILUM_BELOW / frame.spacing[0]))
    high = min(lung.shape[0], round(fork + _HILUM_ABOVE / frame.spacing[0]) + 1)
    airway = np.argwhere(frame.airway[max(0, fork - 2) : fork + 1])
    if not len(airway):
        return mask
    middle_row, middle_column = np.median(airway[:, 1]), np.median(airway[:, 2])
    rows = (np.arange(lung.shape[1]) - middle_row) * frame.spacing[1]
    aside = sign * (np.arange(lung.shape[2]) - middle_column) * frame.spacing[2]
    for z in range(low, high):
        if not lung[z].any():
            continue
        from_lung = ndimage.distance_transform_edt(~lung[z], sampling=frame.spacing[1:])
        middle = central[z] & (from_lung > 12.0)
        if not middle.any():
            continue
        from_middle = ndimage.distance_transform_edt(~middle, sampling=frame.spacing[1:])
        near = (from_middle <= _HILUM_WIDE + 10.0) & (from_lung <= 12.0)
        mask[z] = near & (np.abs(rows) <= _HILUM_DEEP)[:, None] & (aside > 12.0)[None]
    # Only tissue counts, not the air of the lung itself; a node borders on vessels and bronchi.
    tissue = ndimage.binary_dilation(mask & (frame.hu > -500.0), iterations=1)
    return np.asarray(mask & tissue)


def _branches(frame: Frame, so_far: Mapping[str, tuple[Mask, float]], rest: Mask) -> Mask | None:
    """The room above the arch in which its branches run, in front of and beside the windpipe."""
    if "aorta_arch" not in so_far:
        return None
    arch = so_far["aorta_arch"][0]
    slices = np.flatnonzero(arch.any(axis=(1, 2)))
    if not slices.size:
        return None
    top = int(slices[-1])
    first = max(0, round(top - 8.0 / frame.spacing[0]))
    last = min(arch.shape[0], round(top + _BRANCHES_HIGH / frame.spacing[0]))
    _, column = np.median(np.argwhere(arch[top]), axis=0)
    mask = np.zeros(arch.shape, dtype=np.bool_)
    columns = np.abs(np.arange(arch.shape[2]) - column) * frame.spacing[2]
    mask[first:last] = rest[first:last] & (columns <= _BRANCHES_AROUND)[None, None]
    mask &= frame.hu > -30.0
    return mask if mask.any() else None
