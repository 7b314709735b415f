"""A head that lies straight and one that is turned about every axis, each scanned in thick slices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from calciscope.anatomy.embedded.build import build
from calciscope.anatomy.embedded.cranial.cavity import inside_skull
from calciscope.anatomy.embedded.cranial.pose import Pose as Found
from calciscope.anatomy.embedded.cranial.pose import find_pose
from calciscope.anatomy.embedded.cranial.symmetry import Plane, find_plane
from calciscope.anatomy.embedded.frame import Frame
from calciscope.simulate.cranium import Skull
from calciscope.simulate.head import Pose, head_scan
from calciscope.simulate.patient import Simulated


@dataclass(frozen=True)
class Head:
    """A scan, how the head in it lies, and what is made of it."""

    made: Simulated
    pose: Pose
    frame: Frame
    core: np.ndarray
    plane: Plane
    found: Found

    def point(self, x: float, y: float, z: float) -> np.ndarray:
        """A place of the simulated head (its own axes) in LPS mm."""
        return self.pose.matrix @ np.array([x, y, z])


def head(pose: Pose, skull: Skull | None = None) -> Head:
    made = head_scan(3, matrix=128, pose=pose, skull=skull or Skull(), deposits=())
    frame = build(made.volume)
    core = inside_skull(frame)
    plane = find_plane(frame, core)
    return Head(made, pose, frame, core, plane, find_pose(frame, core, plane))


@pytest.fixture(scope="session")
def straight() -> Head:
    return head(Pose(pitch=-6.0))


@pytest.fixture(scope="session")
def turned() -> Head:
    return head(Pose(yaw=20.0, roll=-15.0, pitch=14.0))
