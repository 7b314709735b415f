"""A ureter is found as a round dot in fat, slice by slice, near where it is guessed to run."""

import numpy as np
import pytest

from calciscope.anatomy.embedded import ureter_path
from calciscope.anatomy.embedded.frame import Frame
from calciscope.domain.image import Geometry, Volume

SLICES, SIZE, MM = 30, 60, 1.5
FAT, URINE, MUSCLE = -100, 10, 55


def course(swing=4.0):
    """Row and column (voxels) of the true ureter on each slice, from the head down."""
    z = np.arange(SLICES)
    return np.column_stack([30 + swing * np.sin(z / 9.0), 30 + 0.15 * z])


def frame(radius=3.0, swing=4.0, extra=(), noise=12.0, line=None):
    """Fat with a ureter of ``radius`` mm, and ``extra`` discs ``(z, row, column, mm, HU)``."""
    hu = np.full((SLICES, SIZE, SIZE), float(FAT))
    rows, columns = np.mgrid[:SIZE, :SIZE]
    for z, (row, column) in enumerate(course(swing) if line is None else line):
        away = np.hypot(rows - row, columns - column) * MM
        size = radius[z] if np.ndim(radius) else radius
        # The image is blurred over about a pixel.
        hu[SLICES - 1 - z] += np.clip((size - away) / MM + 0.5, 0, 1) * (URINE - FAT)
    for z, row, column, mm, level in extra:
        ball = np.hypot(rows - row, columns - column) * MM <= mm
        hu[max(0, z - 2) : z + 3, ball] = level
    hu += np.random.default_rng(5).normal(0, noise, hu.shape)
    volume = Volume(hu.astype(np.int16), Geometry(hu.shape, (3.0, MM, MM)))
    none = np.zeros(hu.shape, dtype=bool)
    return Frame(
        volume, hu.astype(np.float32), (1, 1, 1), (3.0, MM, MM), ~none, none, none, none, none, none, none,
        np.full((SLICES, 3), np.nan), (),
    )  # fmt: skip


def guess(off=(4.0, -3.0)):
    levels = np.arange(SLICES - 1, -1, -1, dtype=float)
    return np.column_stack([levels, np.full(SLICES, 30.0 + off[0]), np.full(SLICES, 32.0 + off[1])])


def error_mm(path, swing=4.0):
    return np.linalg.norm(path.points[:, 1:] - course(swing), axis=1) * MM


@pytest.mark.parametrize("radius", [1.8, 3.0, 5.0])
@pytest.mark.parametrize("off", [(0.0, 0.0), (4.0, -4.0), (-4.0, 3.0)])
def test_the_path_leaves_the_guess_for_the_ureter(radius, off):
    path = ureter_path.follow(frame(radius), guess(off))
    # Anywhere in the middle of a wide one is as good.
    assert np.median(error_mm(path)) < max(2.5, radius)
    assert path.clear.mean() > 0.6
    assert path.points[:, 0].tolist() == list(range(SLICES - 1, -1, -1))


def test_where_nothing_is_seen_the_guess_stands():
    path = ureter_path.follow(frame(radius=0.0, noise=0.0), guess())
    assert np.abs(path.points - guess()).max() < 1.0
    assert path.clear.max() < 0.2


def test_a_phlebolith_beside_the_ureter_does_not_draw_it():
    plain = ureter_path.follow(frame(), guess())
    row, column = course()[15]
    drawn = ureter_path.follow(frame(extra=[(SLICES - 16, row + 4, column + 5, 3.0, 600)]), guess())
    assert np.abs(drawn.points - plain.points).max() * MM < 3.0


def test_a_muscle_beside_it_is_no_ureter():
    """The edge of a large body is brighter than fat too, but it is no dot."""
    row, column = course()[15]
    wall = [(z, row + 14, column, 15.0, MUSCLE) for z in range(SLICES)]
    path = ureter_path.follow(frame(extra=wall), guess())
    assert np.median(error_mm(path)) < 3.0


def test_the_guess_may_leave_the_image():
    far = guess(off=(80.0, 80.0))
    path = ureter_path.follow(frame(), far)
    assert np.isfinite(path.points).all()
    assert path.points.shape == far.shape


@pytest.mark.parametrize(("radius", "wide"), [(2.0, False), (4.8, True), (11.0, False)])
def test_a_ureter_is_widened_between_a_normal_one_and_a_loop_of_bowel(radius, wide):
    path = ureter_path.follow(frame(radius, swing=1.0), guess((0.0, 0.0)))
    assert (ureter_path.widened(path, 3.0) is not None) == wide


def test_the_widened_part_ends_at_the_stone():
    radius = [4.8 if z < 20 else 1.8 for z in range(SLICES)]
    path = ureter_path.follow(frame(radius, swing=1.0), guess((0.0, 0.0)))
    part = ureter_path.widened(path, 3.0)
    assert part.stop == pytest.approx(20, abs=2)
    assert path.radius[part].mean() > 1.5 * path.radius[part.stop + 2 :].mean()


def test_a_short_wide_part_is_not_told():
    radius = [4.8 if 12 <= z < 15 else 1.8 for z in range(SLICES)]
    path = ureter_path.follow(frame(radius, swing=1.0), guess((0.0, 0.0)))
    assert ureter_path.widened(path, 3.0) is None
    assert ureter_path.widened(path.upto(2), 3.0) is None
