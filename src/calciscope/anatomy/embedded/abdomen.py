"""Abdomen and pelvis: the organ finders in the order in which one helps the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from calciscope.anatomy.embedded import (
    adrenals,
    appendix,
    bowel,
    gallbladder,
    kidneys,
    liver,
    pancreas,
    pelvis,
    peritoneum,
    tissues,
    ureters,
)
from calciscope.anatomy.embedded.frame import Frame, Mask, Part
from calciscope.domain.anatomy import Landmark, Tube

Finder = Callable[[Frame, Mapping[str, tuple[Mask, float]]], Part]


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """Everything of the abdomen and pelvis, and the tissue between organs in any part of the body."""
    # Two bones side by side in a limb are no pelvis.
    trunk = any(region.name in ("pelvis", "abdomen") for region in frame.regions) or pelvis.closed_ring(frame)
    ring = pelvis.find(frame) if trunk else None
    inner = tissues.shell(frame)
    finders: tuple[Finder, ...] = (
        liver.segment,
        kidneys.segment,
        partial(gallbladder.segment, inner=inner),
        partial(pelvis.segment, pelvis=ring),
        partial(ureters.segment, ring=ring),
        pancreas.segment,
        adrenals.segment,
        partial(bowel.segment, ring=ring, inner=inner),
        partial(appendix.segment, ring=ring, inner=inner),
        partial(peritoneum.segment, inner=inner),
        partial(tissues.segment, ring=ring, inner=inner),
    )
    masks: dict[str, tuple[Mask, float]] = {}
    tubes: dict[str, Tube] = {}
    landmarks: dict[str, Landmark] = {}
    notes: list[str] = []
    for find in finders:
        part = find(frame, {**so_far, **masks})
        masks.update(part.masks)
        tubes.update(part.tubes)
        landmarks.update(part.landmarks)
        notes += part.notes
    return Part(masks=masks, tubes=tubes, landmarks=landmarks, notes=tuple(notes))
