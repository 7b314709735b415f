"""The embedded provider: anatomy from attenuation and shape, without weights or a network.

``segment`` builds the body frame, lets each organ finder add its part, and assembles the label map.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from calciscope.anatomy.embedded import (
    abdomen,
    bones,
    cardiac,
    chest_wall,
    head,
    heart,
    joints,
    knee,
    limb,
    mediastinum,
    neck,
    orientation,
    phantom,
    pleura,
    vessels,
)
from calciscope.anatomy.embedded.assemble import assemble
from calciscope.anatomy.embedded.build import build
from calciscope.anatomy.embedded.frame import Frame, Mask, Part
from calciscope.anatomy.embedded.plausible import plausible
from calciscope.domain.anatomy import Anatomy
from calciscope.domain.image import Volume

Finder = Callable[[Frame, Mapping[str, tuple[Mask, float]]], Part]

# In this order: each finder sees the masks of those before it.
FINDERS: tuple[Finder, ...] = (
    vessels.segment,
    heart.segment,
    mediastinum.segment,
    cardiac.segment,
    neck.segment,
    head.segment,
    limb.segment,
    bones.segment,
    abdomen.segment,
    joints.segment,
    knee.segment,
    chest_wall.segment,
    pleura.segment,
    bones.domes,
    bones.vertebrae,
)


def segment(volume: Volume) -> Anatomy:
    """The anatomy of a CT volume of any part of the body; what is not in view is absent, all organs in a phantom."""
    frame = build(volume)
    if phantom.is_phantom(frame):
        nothing = np.zeros_like(frame.body)
        lost = np.full_like(frame.spine, np.nan)
        empty = replace(frame, lung_left=nothing, lung_right=nothing, airway=nothing, bone=nothing, fat=nothing)
        return assemble(replace(empty, spine=lost, regions=(), notes=(phantom.NOTE,)), [])
    so_far: dict[str, tuple[Mask, float]] = {}
    parts: list[Part] = []
    for find in FINDERS:
        part = plausible(frame, find(frame, so_far))
        so_far.update(part.masks)
        parts.append(part)
        if part.not_bone is not None:
            frame = replace(frame, bone=frame.bone & ~part.not_bone)
    return assemble(frame, [*parts, Part(notes=orientation.check(frame, so_far))])
