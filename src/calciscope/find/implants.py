"""Metal that is not bright enough to be told by its attenuation alone: frames of valves, and coronary stents.

Slices of 3 mm average thin struts with what lies between them, so that a frame reaches 800 to 2,000 HU and a stent
400 to 1,500 HU, as calcium does. What tells them is their form: a frame is a cage as wide as the root, mostly hollow;
a stent is a tube of even width and brightness over 10 to 35 mm of a coronary artery, which plaque is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.anatomy import Anatomy
from calciscope.domain.deposit import Deposit
from calciscope.find.scene import Hu
from calciscope.find.shape import shape

# A cage: bright struts, at least as large as the smallest valve and no larger than the longest frame, mm; its surface
# is that of a ball of the same volume at most by this factor. A mineral ring is flatter, a porcelain aorta longer.
_FRAME_HU, _FRAME_MM3 = 800.0, 800.0
_FRAME_WIDTH, _FRAME_LENGTH, _CAGE = 14.0, 70.0, 0.37
# A stent: its length and its seeming width with blur, mm, its peak, how even it is from station to station.
_STENT_LENGTH, _STENT_WIDTH, _STENT_HU = (11.0, 40.0), 8.0, 320.0
_STATION_MM, _EVEN = 3.0, 0.1
# Its seeming cross-section, mm2: a lumen of 2.5 to 4 mm with its wall and blur.
_SECTION = (9.0, 32.0)

# A stent lies in the course of an artery as far as that can be traced, mm.
_ON_COURSE_MM = 6.0

STENT = "a stent may be in view in a coronary artery: its attenuation counts as calcium, check the score"
FRAME = "the frame of a valve prosthesis may be in view: it is not counted, and that valve has no calcium score"


def is_frame(voxels: NDArray[np.int32], hu: NDArray[np.float32], spacing: tuple[float, float, float]) -> bool:
    """Whether a candidate's form is that of a valve's frame; ``voxels`` ``(n, 3)``, ``hu`` ``(n,)``, spacing in mm."""
    volume = len(voxels) * float(np.prod(spacing))
    if volume < _FRAME_MM3 or float(hu.max()) < _FRAME_HU:
        return False
    form = shape(voxels, spacing)
    return form.width > _FRAME_WIDTH and form.length < _FRAME_LENGTH and form.sphericity < _CAGE


def is_stent(voxels: NDArray[np.int32], hu: NDArray[np.float32], spacing: tuple[float, float, float]) -> bool:
    """Whether a deposit's form is that of a coronary stent; arguments as for :func:`is_frame`."""
    if float(hu.max()) < _STENT_HU:
        return False
    form = shape(voxels, spacing)
    volume = len(voxels) * float(np.prod(spacing))
    if not (_STENT_LENGTH[0] < form.length < _STENT_LENGTH[1] and form.width < _STENT_WIDTH):
        return False
    if not _SECTION[0] < volume / form.length < _SECTION[1]:
        return False
    return evenness(voxels, hu, spacing) < _EVEN


def evenness(voxels: NDArray[np.int32], hu: NDArray[np.float32], spacing: tuple[float, float, float]) -> float:
    """Relative SD of what lies in stations of 3 mm along the longest axis, without the ends; infinite for few."""
    points = (voxels - voxels.mean(axis=0)) * np.asarray(spacing)
    _, axes = np.linalg.eigh(points.T @ points)
    along = points @ axes[:, -1]
    station = ((along - along.min()) / _STATION_MM).astype(int)
    sums = np.bincount(station, weights=hu)[1:-1]
    if len(sums) < 3:
        return float("inf")
    # A slice's thickness makes stations beat against slices; neighbours together do not.
    pairs = sums[1:] + sums[:-1]
    return float(pairs.std() / max(float(pairs.mean()), 1e-6))


def frames(
    parts: Iterable[tuple[NDArray[np.int32], NDArray[np.float32]]], hu: Hu, spacing: tuple[float, float, float]
) -> NDArray[np.bool_]:
    """The voxels ``(z, y, x)`` of the candidates (voxels and HU) that are frames."""
    mask = np.zeros(hu.shape, dtype=np.bool_)
    for voxels, values in parts:
        if is_frame(voxels, values, spacing):
            mask[tuple(voxels.T)] = True
    return mask


def notes(
    deposits: Sequence[Deposit], framed: bool, anatomy: Anatomy, spacing: tuple[float, float, float]
) -> tuple[str, ...]:
    """What a reader should know of implants: the frame of a valve that was left out, a stent that was not."""
    said = [FRAME] if framed else []
    courses = [tube.points for name, tube in anatomy.tubes.items() if name.startswith("coronary_")]
    if courses:
        line = np.concatenate(courses)
        for one in deposits:
            away = np.linalg.norm(line - np.asarray(one.center_mm), axis=1).min()
            if away < _ON_COURSE_MM and is_stent(one.voxels, np.asarray(one.hu, dtype=np.float32), spacing):
                said.append(STENT)
                break
    return tuple(said)
