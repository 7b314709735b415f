"""However a volume is cut into slices, it comes back as it lies in the patient."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.domain.patient import Patient
from calciscope.errors import InputError
from calciscope.read.dicom_series import stacks
from calciscope.read.geometry import LARGEST_GAP_MM, canonical, plan, split_at_gaps
from calciscope.read.study import open_study
from tests.read.make_dicom import Series, phantom


def rotation(axis, angle):
    """The rotation by ``angle`` radians about an axis (Rodrigues)."""
    x, y, z = np.array(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def only(folder, **options):
    """The one series of a folder."""
    study = open_study([folder], Patient(), **options)
    assert not study.refused
    (series,) = study.series
    return series


orders = st.permutations([0, 1, 2]).map(tuple)
flips = st.sets(st.integers(0, 2)).map(lambda s: tuple(sorted(s)))
axes = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1)


@settings(max_examples=60, deadline=None)
@given(order=orders, turned=flips, seed=st.integers(0, 99), axis=axes, angle=st.sampled_from([0.0, 0.05, 0.3, 0.6]))
def test_axis_order_flips_and_obliquity_do_not_matter(tmp_path_factory, order, turned, seed, axis, angle):
    hu = phantom((4, 5, 6), seed)
    series = Series(hu, order=order, flips=turned, matrix=rotation(axis, angle))
    series.write(tmp_path_factory.mktemp("series"))
    volume = only(series.write(tmp_path_factory.mktemp("series"))[0].parent).volume
    assert np.array_equal(volume.hu, hu)
    assert volume.acquisition.slice_axis == order[0]
    assert np.allclose(volume.geometry.spacing, series.spacing)
    corners = np.array([[0, 0, 0], [3, 0, 0], [0, 4, 0], [0, 0, 5], [3, 4, 5]])
    steps = np.array(series.spacing[::-1]) * corners[:, ::-1]
    assert np.allclose(volume.geometry.to_mm(corners), steps @ series.matrix.T + series.origin, atol=1e-4)


@given(axis=axes, angle=st.floats(0, 3.1), order=orders, signs=st.tuples(*[st.sampled_from([-1, 1])] * 3))
def test_canonical_is_the_nearest_right_handed_frame(axis, angle, order, signs):
    triad = rotation(axis, angle)[list(order)] * np.array(signs)[:, None]
    way = canonical(triad)
    assert sorted(way.axes) == [0, 1, 2]
    turned = np.array([triad[way.axes[j]] * (-1 if j in way.flips else 1) for j in range(3)])[:, ::-1]
    assert all(turned[j, j] >= 0 for j in range(3))
    assert np.trace(turned) > 1 - 1e-9


def test_order_of_files_does_not_matter(tmp_path):
    hu = phantom()
    paths = Series(hu).write(tmp_path)
    for path, name in zip(paths, np.random.default_rng(1).permutation(len(paths)), strict=True):
        path.rename(tmp_path / f"IM{name}")
    assert np.array_equal(only(tmp_path).volume.hu, hu)


def test_missing_slices_are_filled_and_listed(tmp_path):
    hu = phantom((12, 8, 10))
    Series(hu).write(tmp_path, skip=(4, 7, 8))
    volume = only(tmp_path).volume
    a = volume.acquisition
    assert a.missing_slices == (4, 7, 8)
    assert a.increment == pytest.approx(3.0)
    assert a.resampled is None
    assert any("3 of 12 slices are missing" in note for note in a.notes)
    kept = [k for k in range(12) if k not in a.missing_slices]
    assert np.array_equal(volume.hu[kept], hu[kept])
    assert np.abs(volume.hu[4] - (hu[3].astype(float) + hu[5]) / 2).max() <= 0.5
    assert np.abs(volume.hu[7] - (hu[6].astype(float) * 2 + hu[9]) / 3).max() <= 0.5


@pytest.mark.parametrize(("order", "turned", "expected"), [((1, 0, 2), (1,), 1), ((2, 0, 1), (), 2)])
def test_missing_slices_are_counted_along_the_canonical_axis(tmp_path, order, turned, expected):
    hu = phantom((8, 9, 10))
    series = Series(hu, order=order, flips=turned)
    series.write(tmp_path, skip=(2,))
    a = only(tmp_path).volume.acquisition
    size = hu.shape[expected]
    assert a.slice_axis == expected
    assert a.missing_slices == ((size - 1 - 2) if turned else 2,)


def test_rounded_positions_are_equally_spaced(tmp_path):
    hu = phantom((20, 6, 6))
    series = Series(hu, spacing=(0.625, 1, 1))
    rounded = [round(100 + 0.625 * k, 1) for k in range(20)]
    series.but(each=lambda k: {"ImagePositionPatient": ["-30", "-40", str(rounded[k])]}).write(tmp_path)
    volume = only(tmp_path).volume
    assert volume.acquisition.resampled is None
    assert volume.acquisition.increment == pytest.approx(0.625, abs=0.005)
    assert np.array_equal(volume.hu, hu)


def test_unequal_spacing_is_resampled_and_said(tmp_path):
    # A linear ramp along z: linear interpolation must give it back exactly wherever the slices lie.
    z = np.cumsum([0, 2, 2, 3.1, 2, 1.3, 2, 2, 2.7, 2])
    hu = np.broadcast_to(np.round(z * 10)[:, None, None], (10, 4, 4)).astype(np.int16)
    Series(hu, each=lambda k: {"ImagePositionPatient": ["0", "0", str(z[k])]}).write(tmp_path)
    volume = only(tmp_path).volume
    assert "1.30 to 3.10 mm apart" in volume.acquisition.resampled
    assert volume.acquisition.missing_slices == ()
    expected = np.arange(volume.hu.shape[0]) * volume.geometry.spacing[0] * 10
    assert np.abs(volume.hu[:, 0, 0] - expected).max() <= 1
    assert volume.geometry.to_mm((volume.hu.shape[0] - 1, 0, 0))[2] == pytest.approx(z[-1], abs=1e-6)


@pytest.mark.parametrize("degrees", [-15, 20])
def test_gantry_tilt_is_straightened(tmp_path, degrees):
    # Slices are tilted about x, while the table moves along z: positions do not lie along the normal.
    angle = np.radians(degrees)
    matrix = rotation((1, 0, 0), angle)
    n, rows, columns = 9, 40, 12

    def position(k):
        return np.array([-6.0, -15.0, 2.0 * k])

    ball = position(n // 2) + rows / 2 * matrix[:, 1] + columns / 2 * matrix[:, 0]
    planes = []
    for k in range(n):
        r, c = np.mgrid[:rows, :columns]
        points = position(k) + r[..., None] * matrix[:, 1] + c[..., None] * matrix[:, 0]
        planes.append(np.where(np.linalg.norm(points - ball, axis=-1) < 4, 300, 0))
    series = Series(np.array(planes), spacing=(2, 1, 1), matrix=matrix)
    series.but(each=lambda k: {"ImagePositionPatient": [f"{v:.8g}" for v in position(k)]}).write(tmp_path)
    volume = only(tmp_path).volume
    assert f"gantry tilt of {abs(degrees)}.0 degrees" in volume.acquisition.resampled
    assert volume.geometry.spacing[0] == pytest.approx(2 * np.cos(angle))
    inside = np.argwhere(volume.hu > 150)
    assert np.allclose(volume.geometry.to_mm(inside).mean(axis=0), ball, atol=0.3)
    assert len(inside) * volume.geometry.voxel_mm3 == pytest.approx(4 / 3 * np.pi * 4**3, rel=0.1)


def test_slices_shifted_in_their_plane_share_one_grid(tmp_path):
    hu = phantom((6, 8, 10))
    shift = [0, 0, 0, 3, 3, 3]
    series = Series(hu, spacing=(3, 1, 1))
    series.but(each=lambda k: {"ImagePositionPatient": [str(shift[k]), "0", str(3 * k)]}).write(tmp_path)
    volume = only(tmp_path).volume
    assert volume.hu.shape == (6, 8, 13)
    assert "one grid" in volume.acquisition.resampled
    for k in range(6):
        assert np.array_equal(volume.hu[k, :, shift[k] : shift[k] + 10], hu[k])


def test_two_stacks_far_apart_are_not_joined(tmp_path):
    hu = phantom((20, 6, 6))
    Series(hu, spacing=(5, 1, 1)).write(tmp_path, skip=tuple(range(8, 16)))
    study = open_study([tmp_path], Patient())
    assert sorted(series.volume.hu.shape[0] for series in study.series) == [4, 8]
    for series in study.series:
        assert series.info.acquisition.missing_slices == ()
        assert any("more than 30 mm" in note for note in series.info.acquisition.notes)


def test_a_gap_up_to_the_largest_is_kept(tmp_path):
    hu = phantom((30, 6, 6))
    Series(hu, spacing=(5, 1, 1)).write(tmp_path, skip=tuple(range(8, 8 + int(LARGEST_GAP_MM / 5))))
    assert len(only(tmp_path).info.acquisition.missing_slices) == 6


def test_slices_beside_each_other_are_no_stack(tmp_path):
    from calciscope.read.dicom_scan import scan

    series = Series(phantom((3, 6, 6)), each=lambda k: {"ImagePositionPatient": [str(500 * k), "0", str(k)]})
    frames = [scan(path, path.name)[0] for path in series.write(tmp_path)]
    ((stack,),) = stacks(frames, lambda a, b: False)
    assert split_at_gaps(stack) == [stack]
    with pytest.raises(InputError, match="beside each other"):
        plan(stack)
