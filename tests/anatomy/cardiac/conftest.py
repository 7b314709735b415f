"""Simulated scans of the heart alone, each made and framed once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from calciscope.anatomy.embedded import cardiac, heart, vessels
from calciscope.anatomy.embedded.build import build
from calciscope.anatomy.embedded.frame import Frame, Mask, Part
from calciscope.simulate.gated import heart_scan
from calciscope.simulate.heart import Heart
from calciscope.simulate.patient import Simulated


@dataclass(frozen=True)
class Case:
    """A scan, its frame, the masks before the heart's parts were sought, and the parts that were found."""

    made: Simulated
    frame: Frame
    masks: dict[str, tuple[Mask, float]]
    part: Part

    def true(self, artery: str) -> np.ndarray:
        return self.made.body.courses[f"coronary.{artery}"].points

    def level_error(self) -> float:
        """How far (mm) the level found lies above the ostium of the left main."""
        return self.part.landmarks["left_main_level"].point[2] - self.true("lm")[0, 2]

    def off_course(self, artery: str) -> np.ndarray:
        """Distance (mm) of each true point from the course that was found."""
        found = self.part.tubes[f"coronary_{artery}"].points
        return np.linalg.norm(self.true(artery)[:, None] - found[None], axis=2).min(axis=1)


def case(seed: int, **options: object) -> Case:
    made = heart_scan(seed, **{"matrix": 180, "deposits": (), **options})  # type: ignore[arg-type]
    frame = build(made.volume)
    masks: dict[str, tuple[Mask, float]] = {}
    for finder in (vessels, heart):
        masks.update(finder.segment(frame, masks).masks)
    return Case(made, frame, masks, cardiac.segment(frame, masks))


@pytest.fixture(scope="session")
def usual() -> Case:
    """The reference heart in 200 mm."""
    return case(1, fov=200.0, heart=Heart())


@pytest.fixture(scope="session")
def small() -> Case:
    """Another heart in 165 mm: the lungs are cut and hardly any spine is in view."""
    return case(2, fov=165.0, heart=Heart(turn=8.0, tip=5.0, size=1.05, fat=1.2, wander=2.0, seed=4), noise=28.0)


@pytest.fixture(scope="session")
def lean() -> Case:
    """A small, upright heart with little fat, turned the other way."""
    return case(3, fov=220.0, heart=Heart(turn=-8.0, tip=-8.0, size=0.93, fat=0.8, main=0.7, wander=2.0, seed=5))
