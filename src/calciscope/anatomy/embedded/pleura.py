"""The pleura of ribs and diaphragm as a shell round each lung, and where the nodes of the mediastinum lie.

Plaques lie between lung and chest wall or on the dome of the diaphragm; towards heart and great vessels the shell is
left out, because calcium there has likelier causes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from calciscope.anatomy.embedded.arch import carina
from calciscope.anatomy.embedded.bodies import distance
from calciscope.anatomy.embedded.frame import Frame, Mask, Part

# The shell reaches this far out of the lung, mm.
_OUT = 6.0
# The mediastinum is kept this far away, mm.
_FROM_MIDDLE = 9.0
_CENTRAL = ("heart_region", "mediastinum", "hilum_left", "hilum_right", "arch_branches")
# Node stations against the fork of the windpipe, mm: beside and in front of the trachea up to this height, ...
_PARATRACHEAL_HIGH, _PARATRACHEAL_WIDE = 70.0, 17.0
# ... below the fork between the main bronchi, ...
_SUBCARINAL_LOW, _SUBCARINAL_WIDE, _SUBCARINAL_BACK = 38.0, 24.0, (-14.0, 20.0)
# ... and in the window between the arch and the left pulmonary artery.
_WINDOW_HIGH, _WINDOW_ASIDE, _WINDOW_DEEP = (-18.0, 26.0), (8.0, 42.0), 30.0
_SURE = 0.8


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """``pleura_left``, ``pleura_right`` and ``mediastinal_nodes``; nothing without lungs."""
    masks: dict[str, tuple[Mask, float]] = {}
    central = np.zeros(frame.hu.shape, dtype=np.bool_)
    for name, (mask, _) in so_far.items():
        if name in _CENTRAL or name.startswith("aorta"):
            central |= mask
    for side, lung in (("left", frame.lung_left), ("right", frame.lung_right)):
        shell = _shell(frame, lung, central | (frame.lung_right if side == "left" else frame.lung_left))
        if shell is not None and shell.any():
            masks[f"pleura_{side}"] = (shell, _SURE)
    nodes = _stations(frame, so_far)
    if nodes is not None and nodes.any():
        masks["mediastinal_nodes"] = (nodes, _SURE)
    return Part(masks=masks)


def _shell(frame: Frame, lung: Mask, others: Mask) -> Mask | None:
    """The surface of a lung that faces ribs or diaphragm."""
    if float(lung.sum()) * float(np.prod(frame.spacing)) < 60_000.0:
        return None
    spans = [np.flatnonzero(lung.any(axis=tuple(j for j in range(3) if j != k))) for k in range(3)]
    pad = [int(np.ceil(14.0 / s)) for s in frame.spacing]
    box = tuple(
        slice(max(0, int(span[0]) - p), int(span[-1]) + p + 1) for span, p in zip(spans, pad, strict=True)
    )  # fmt: skip
    own = lung[box]
    outside = distance(own, frame.spacing) <= _OUT
    middle = distance(others[box], frame.spacing) <= _FROM_MIDDLE
    shell = np.zeros(lung.shape, dtype=np.bool_)
    shell[box] = outside & ~own & ~middle & frame.body[box] & ~frame.airway[box]
    return shell


def _stations(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Mask | None:
    """Beside the trachea, below its fork, and in the aortopulmonary window: tissue that is no vessel or heart."""
    fork = carina(frame)
    if fork is None or "mediastinum" not in so_far:
        return None
    airway = np.argwhere(frame.airway[max(0, fork - 2) : fork + 3])
    if not len(airway):
        return None
    row, column = float(np.median(airway[:, 1])), float(np.median(airway[:, 2]))
    high, back, left = np.ogrid[tuple(slice(0, n) for n in frame.hu.shape)]
    up = (high - fork) * frame.spacing[0]
    behind = (back - row) * frame.spacing[1]
    aside = (left - column) * frame.spacing[2]
    window = (up > _WINDOW_HIGH[0]) & (up < _WINDOW_HIGH[1]) & (np.abs(behind) < _WINDOW_DEEP)
    window = window & (aside > _WINDOW_ASIDE[0]) & (aside < _WINDOW_ASIDE[1])
    below = (up <= 0.0) & (up > -_SUBCARINAL_LOW) & (np.abs(aside) < _SUBCARINAL_WIDE)
    below = below & (behind > _SUBCARINAL_BACK[0]) & (behind < _SUBCARINAL_BACK[1])
    last = min(frame.hu.shape[0], round(fork + _PARATRACHEAL_HIGH / frame.spacing[0]))
    beside = np.zeros(frame.hu.shape, dtype=np.bool_)
    for z in range(fork, last):
        if frame.airway[z].any():
            near = ndimage.distance_transform_edt(~frame.airway[z], sampling=frame.spacing[1:])
            beside[z] = (near <= _PARATRACHEAL_WIDE) & (behind[0] < 6.0)
    taken = so_far["mediastinum"][0]
    if "arch_branches" in so_far:
        # The room of the arteries holds the nodes at the side of the trachea too, but those are likelier arteries.
        taken = taken & ~so_far["arch_branches"][0]
    return np.asarray((window | below | beside) & taken)
