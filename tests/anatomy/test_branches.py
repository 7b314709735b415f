"""The arteries that leave the arch, on a synthetic upper chest: fat between two lungs, a windpipe, discs of blood."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from calciscope.anatomy.embedded.branches import trace_branches, windpipe
from calciscope.anatomy.embedded.frame import Frame
from calciscope.anatomy.embedded.track import Track
from calciscope.domain.image import Geometry, Volume

SHAPE = (40, 90, 100)
SPACING = (2.5, 2.0, 2.0)
ROW, COLUMN = 45.0, 50.0
TOP = 12
BLOOD = 45.0
# To the left and in front of the windpipe at the top of the arch and 45 mm above it, and radius; mm.
COURSES = {
    "brachiocephalic_trunk": ((-4.0, 18.0), (-24.0, 14.0), 6.5),
    "common_carotid_artery_left": ((13.0, 12.0), (22.0, 8.0), 4.0),
    "subclavian_artery_left": ((21.0, -6.0), (30.0, -4.0), 5.0),
}


@dataclass
class Scene:
    """The frame, the true middle of each branch on each slice (left, front; mm), and the arch itself."""

    left_out: tuple[str, ...] = ()
    blood: float = BLOOD
    noise: float = 8.0
    with_windpipe: bool = True
    truth: dict[str, np.ndarray] = field(default_factory=dict)

    def frame(self) -> Frame:
        rng = np.random.default_rng(5)
        z, y, x = np.indices(SHAPE)
        left = (x - COLUMN) * SPACING[2]
        front = (ROW - y) * SPACING[1]
        lung = np.abs(left) > 48.0
        hu = np.where(lung, -850.0, -100.0)
        wind = np.hypot(left, front) < 9.0
        hu[wind] = -990.0
        share = (z - TOP) * SPACING[0] / 45.0
        for name, (low, high, radius) in COURSES.items():
            middle = [a + share * (b - a) for a, b in zip(low, high, strict=True)]
            self.truth[name] = np.stack([m[:, 0, 0] for m in middle], axis=1)
            if name not in self.left_out:
                hu[np.hypot(left - middle[0], front - middle[1]) < radius] = self.blood
        hu = (hu + rng.normal(0, self.noise, SHAPE)).astype(np.float32)
        volume = Volume(np.rint(hu).astype(np.int16), Geometry(SHAPE, SPACING, (0.0, 0.0, 0.0)))
        none = np.zeros(SHAPE, dtype=bool)
        return Frame(
            volume=volume, hu=hu, factor=(1, 1, 1), spacing=SPACING, body=~none, lung_left=lung & (left > 0),
            lung_right=lung & (left < 0), airway=wind if self.with_windpipe else none, bone=none, metal=none, fat=none,
            spine=np.full((SHAPE[0], 3), np.nan), regions=(),
        )  # fmt: skip

    def arch(self) -> Track:
        columns = COLUMN + np.linspace(-6.0, 12.0, 9)
        rows = ROW - np.linspace(10.0, -6.0, 9)
        height = TOP - 5.0 - 0.2 * np.abs(np.arange(9) - 4.0)
        return Track(np.column_stack([height, rows, columns]), np.full(9, 12.0), np.full(9, 0.6))

    def off(self, name: str, track: Track) -> float:
        """Mean distance (mm) of a track from the true branch."""
        where = track.points[track.points[:, 0] >= TOP]
        left = (where[:, 2] - COLUMN) * SPACING[2]
        front = (ROW - where[:, 1]) * SPACING[1]
        true = self.truth[name][np.rint(where[:, 0]).astype(int)]
        return float(np.hypot(left - true[:, 0], front - true[:, 1]).mean())


@pytest.mark.parametrize("blood", [45.0, 250.0])
def test_three_branches_are_followed_up_from_the_arch(blood):
    scene = Scene(blood=blood)
    found = trace_branches(scene.frame(), scene.arch(), blood)
    assert set(found) == set(COURSES)
    for name, (track, sure) in found.items():
        assert scene.off(name, track) < 3.0
        assert 0.5 < sure < 0.8
        assert np.ptp(track.points[:, 0]) * SPACING[0] > 25.0


def test_each_branch_begins_in_the_wall_of_the_arch():
    scene = Scene()
    found = trace_branches(scene.frame(), scene.arch(), BLOOD)
    for track, _ in found.values():
        assert track.points[0, 0] <= TOP - 2
        assert np.all(np.diff(track.points[:, 0]) > 0)


def test_a_branch_that_is_not_there_is_not_taken_from_its_neighbours():
    scene = Scene(left_out=("common_carotid_artery_left",))
    found = trace_branches(scene.frame(), scene.arch(), BLOOD)
    assert "common_carotid_artery_left" not in found
    for name in ("brachiocephalic_trunk", "subclavian_artery_left"):
        assert scene.off(name, found[name][0]) < 3.0


def test_a_vein_that_begins_far_from_the_arch_is_no_branch():
    scene = Scene()
    arch = scene.arch()
    # The arch lies behind and to the left: what looks like the first branch stands apart from it.
    aside = replace(
        arch, points=arch.points[5:] + np.array([0.0, 0.0, 8.0]), radius=arch.radius[5:], support=arch.support[5:]
    )
    found = trace_branches(scene.frame(), aside, BLOOD)
    assert "subclavian_artery_left" in found
    assert "brachiocephalic_trunk" not in found


def test_fat_alone_has_no_branches():
    scene = Scene(left_out=tuple(COURSES))
    assert trace_branches(scene.frame(), scene.arch(), BLOOD) == {}


def test_without_a_windpipe_nothing_tells_the_branches_apart():
    scene = Scene(with_windpipe=False)
    assert trace_branches(scene.frame(), scene.arch(), BLOOD) == {}


def test_the_windpipe_goes_straight_on_where_it_is_lost():
    frame = Scene().frame()
    frame.airway[22:] = False
    middles = windpipe(frame, 12, 30)
    assert middles is not None
    np.testing.assert_allclose(middles, np.tile([ROW, COLUMN], (18, 1)), atol=0.6)
    frame.airway[8:] = False
    assert windpipe(frame, 12, 39) is None
