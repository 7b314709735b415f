"""The same object gives the same scores, to the last digit, however it is turned, stored, cut up or compressed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from math import prod

import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from calciscope.domain.image import Acquisition, Geometry, Volume
from calciscope.domain.patient import Patient
from calciscope.measure.agatston import Stack, score
from calciscope.measure.numbers import Region, Scan, numbers
from calciscope.measure.presets import preset, presets
from calciscope.read.study import open_study
from tests.read.make_dicom import Series, save_jpeg_lossless

SHAPE = (6, 12, 11)
# Square and oblong pixels, increments that no binary fraction holds, slices thinner than pixels are wide.
SPACINGS = [(3.0, 0.5, 0.5), (1.5, 0.7, 0.7), (2.5, 0.488281, 0.488281), (3.0, 0.6, 0.8), (0.625, 0.7, 0.7)]
AXES = list(permutations(range(3)))
FLIPS = [tuple(axis for axis in range(3) if bits >> axis & 1) for bits in range(8)]
# The edges of the density steps from both sides.
EDGES = [129, 130, 131, 199, 200, 299, 300, 399, 400, 3071]
# A failing case is whole files: making them smaller takes longer than reading them.
few = settings(max_examples=25, phases=[Phase.explicit, Phase.generate])


@dataclass(frozen=True)
class Scene:
    """Lesions in soft tissue, ``(z, y, x)`` in whole HU, with a little air as every scan has."""

    hu: np.ndarray
    spacing: tuple[float, float, float]

    @property
    def volume(self) -> Volume:
        return Volume(self.hu.copy(), Geometry(self.hu.shape, self.spacing), Acquisition(increment=self.spacing[0]))


@st.composite
def scenes(draw, step=1, spacings=tuple(SPACINGS)):
    """Several boxes of any size and place: touching at corners, at the borders, within each other."""
    hu = np.full(SHAPE, 40, dtype=np.int16)
    for _ in range(draw(st.integers(1, 6))):
        start = [draw(st.integers(0, size - 1)) for size in SHAPE]
        size = [draw(st.integers(1, most)) for most in (3, 5, 5)]
        box = tuple(slice(a, a + n) for a, n in zip(start, size, strict=True))
        value = draw(st.sampled_from(EDGES) | st.integers(100, 1500))
        uneven = np.random.default_rng(draw(st.integers(0, 999))).integers(-3, 4, hu[box].shape)
        hu[box] = value + (uneven if draw(st.booleans()) else 0)
    hu[0, 0, 0] = -1000
    return Scene((hu // step * step).astype(np.int16), draw(st.sampled_from(spacings)))


def scored(hu, spacing, slice_axis=0, thickness=None, name="standard"):
    """Agatston, volume and mass of everything above soft tissue, and the shares of the voxels in order of size."""
    rule = preset(name)
    voxels = np.argwhere(np.asarray(hu) >= 100)
    stack = Stack(tuple(spacing), slice_axis, thickness)
    got = score(voxels, np.asarray(hu)[tuple(voxels.T)], stack, rule.threshold(120.0), rule)
    return got.agatston, got.volume, got.mass, tuple(np.sort(got.share).tolist())


def measured(volume):
    """Every measure of everything above soft tissue as the whole way gives it."""
    scan = Scan.of(volume, preset())
    voxels = np.argwhere(volume.hu >= 100)
    assume(len(voxels))
    found = numbers(Region.of_mask(voxels, volume.hu[tuple(voxels.T)], scan), scan)
    return {name: one.value for name, one in found.measures.items()} | {"shares": found.shares.tolist()}


def read(path):
    study = open_study([path], Patient())
    assert not study.refused
    assert not study.unused
    return study.series[0].volume


def fractions(hu, tenths):
    """The attenuation with tenths of a HU, which no binary fraction holds: their sum depends on how it is taken."""
    return hu + 0.1 * np.random.default_rng(5).integers(0, 10, hu.shape) if tenths else hu


@given(scenes(), st.booleans(), st.sampled_from(AXES), st.sampled_from(FLIPS), st.sampled_from(sorted(presets())))
def test_turning_an_array(scene, tenths, axes, flips, name):
    hu = fractions(scene.hu, tenths)
    turned = np.flip(hu.transpose(axes), flips)
    spacing = [scene.spacing[axis] for axis in axes]
    assert scored(turned, spacing, axes.index(0), 2.0, name) == scored(hu, scene.spacing, 0, 2.0, name)


@given(scenes(), st.tuples(*[st.integers(0, 9)] * 3), st.randoms(use_true_random=False))
def test_moving_by_whole_voxels_and_listing_voxels_in_another_order(scene, shift, random):
    exact = fractions(scene.hu, tenths=True)
    hu = np.pad(exact, [(n, 1) for n in shift], constant_values=40)
    assert scored(hu, scene.spacing) == scored(exact, scene.spacing)
    voxels = np.argwhere(exact >= 100)
    order = random.sample(range(len(voxels)), len(voxels))
    rule, stack = preset(), Stack(scene.spacing)
    one, other = (
        score(list_, exact[tuple(list_.T)], stack, rule.threshold(120.0), rule) for list_ in (voxels, voxels[order])
    )
    assert (one.agatston, one.volume, one.mass) == (other.agatston, other.volume, other.mass)
    assert np.array_equal(one.share[order], other.share)


@given(
    scenes(step=8),
    st.sampled_from(["<i2", ">i2", "u2", "i4", "u4", "i8", "f4", "f8"]),
    st.sampled_from([-1024, 0, 1024]),
)
def test_type_of_an_array(scene, kind, raised):
    """The same attenuation in another type, also where an offset was taken off only now."""
    if kind.startswith("u"):
        raised = 1024
    stored = (scene.hu.astype(np.int32) + raised).astype(kind)
    hu = stored if not raised else stored.astype(np.float64) - raised
    assert scored(hu, scene.spacing) == scored(scene.hu, scene.spacing)


def nifti(scene, path, axes=(0, 1, 2), flips=(), kind="<i2", slope=1.0, intercept=0.0):
    """Write the scene with its array axes turned and its values stored in another way."""
    z, y, x = scene.spacing
    affine = np.diag([-x, -y, z, 1.0])
    affine[:3, 3] = (31.0, 47.0, -200.0)
    # A slope and intercept that are set say what stored values mean; nibabel then writes these as they are.
    stored = (scene.hu.transpose(2, 1, 0).astype(np.float64) - intercept) / slope
    image = nibabel.Nifti1Image(stored, affine)
    turned = np.array([[axes.index(2 - axis), -1 if axis in flips else 1] for axis in range(3)])
    image = image.as_reoriented(turned)
    image.set_data_dtype(np.dtype(kind))
    image.header.set_slope_inter(slope, intercept)
    nibabel.save(image, path)
    return path


@few
@given(scenes(), st.sampled_from(AXES), st.sampled_from(FLIPS), st.sampled_from([".nii", ".nii.gz"]))
def test_turning_a_nifti_file(tmp_path_factory, scene, axes, flips, suffix):
    path = nifti(scene, tmp_path_factory.mktemp("n") / f"a{suffix}", axes, flips)
    volume = read(path)
    assert np.array_equal(volume.hu, scene.hu)
    assert measured(volume) == measured(scene.volume)


STORED = [
    ("i2", 1, 0),
    ("u2", 1, -1024),
    ("i2", 1, -1024),
    ("i2", 2, 0),
    ("i2", 0.5, 0),
    ("u2", 0.125, -1024),
    ("u1", 16, -1024),
    ("i1", 16, 512),
    ("i4", 1, 0),
    ("u4", 0.25, -4096),
    ("f4", 1, 0),
    ("f4", 2, -1024),
    ("f8", 1, 0),
    ("f8", 0.5, 100),
]


@few
@given(scenes(step=16), st.sampled_from(STORED))
def test_storage_type_and_rescale_of_a_nifti_file(tmp_path_factory, scene, stored):
    kind, slope, intercept = stored
    if kind in ("u1", "i1"):
        scene = Scene(np.clip(scene.hu, -1008, 2544), scene.spacing)
    path = nifti(scene, tmp_path_factory.mktemp("n") / "a.nii", kind=kind, slope=slope, intercept=intercept)
    assert measured(read(path)) == measured(scene.volume)


@few
@given(
    scenes(),
    st.sampled_from(["LPS", "RAS", "SPL", "AIR", "PSR", "LSA"]),
    st.sampled_from([".nrrd", ".mha"]),
    st.sampled_from(["<i2", "<i4", "<f4", "<f8"]),
    st.booleans(),
)
def test_turning_packing_and_typing_nrrd_and_metaimage(tmp_path_factory, scene, orientation, suffix, kind, packed):
    image = SimpleITK.GetImageFromArray(scene.hu.astype(kind))
    image.SetSpacing(scene.spacing[::-1])
    path = tmp_path_factory.mktemp("i") / f"a{suffix}"
    SimpleITK.WriteImage(SimpleITK.DICOMOrient(image, orientation), str(path), packed)
    assert measured(read(path)) == measured(scene.volume)


def series(scene, **how):
    return Series(scene.hu, spacing=scene.spacing, header={"SliceThickness": f"{scene.spacing[0]:g}"}, **how)


@few
@given(
    scenes(), st.sampled_from([(0, 1, 2), (0, 2, 1)]), st.sampled_from(FLIPS), st.tuples(*[st.integers(-90, 90)] * 3)
)
def test_turning_and_moving_a_dicom_series(tmp_path_factory, scene, order, flips, origin):
    folder = tmp_path_factory.mktemp("d")
    series(scene, order=order, flips=flips, origin=tuple(map(float, origin))).write(folder)
    plain = tmp_path_factory.mktemp("d")
    series(scene).write(plain)
    got = read(folder)
    assert np.array_equal(got.hu, scene.hu)
    assert measured(got) == measured(read(plain))


@few
@given(
    scenes(step=4),
    st.sampled_from([(1, -1024, False), (1, 0, True), (2, -1024, False), (0.5, -1024, False), (0.25, 0, True)]),
    st.sampled_from([ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]),
)
def test_storage_and_rescale_of_a_dicom_series(tmp_path_factory, scene, stored, syntax):
    slope, intercept, signed = stored
    plain, other = tmp_path_factory.mktemp("d"), tmp_path_factory.mktemp("d")
    series(scene).write(plain)
    series(scene, slope=slope, intercept=intercept, signed=signed).write(other, syntax)
    assert measured(read(other)) == measured(read(plain))


@settings(few, max_examples=6)
@given(scenes(), st.sampled_from([RLELossless, JPEG2000Lossless, JPEGLSLossless, "JPEG lossless"]), st.booleans())
def test_lossless_compression_of_a_dicom_series(tmp_path_factory, scene, syntax, signed):
    plain, other = tmp_path_factory.mktemp("d"), tmp_path_factory.mktemp("d")
    # JPEG 2000 takes no image that is smaller than its smallest resolution.
    scene = Scene(np.pad(scene.hu, [(0, 0), (0, 32), (0, 32)], constant_values=40), scene.spacing)
    series(scene).write(plain)
    packed = series(scene, signed=signed, intercept=0 if signed else -1024)
    if syntax == "JPEG lossless":
        for number, header in enumerate(packed.datasets()):
            save_jpeg_lossless(header, other / f"{number}.dcm")
    else:
        packed.write(other, syntax)
    assert measured(read(other)) == measured(read(plain))


@few
@given(scenes(), st.sets(st.integers(1, SHAPE[0] - 1), max_size=3), st.booleans())
def test_cutting_a_stack_into_series(tmp_path_factory, scene, ends, interleaved):
    plain, cut = tmp_path_factory.mktemp("d"), tmp_path_factory.mktemp("d")
    whole = series(scene)
    whole.write(plain)
    part = [k % 2 if interleaved else sum(k >= end for end in ends) for k in range(SHAPE[0])]
    whole.but(each=lambda k: {"SeriesInstanceUID": f"1.2.9.{part[k] + 1}", "SeriesNumber": part[k] + 2}).write(cut)
    got, expected = read(cut), read(plain)
    assert np.array_equal(got.hu, expected.hu)
    assert got.geometry == expected.geometry
    assert measured(got) == measured(expected)


@given(scenes(), st.sampled_from(sorted(presets())))
def test_planes_of_3_mm_and_each_of_them_twice_at_half_the_increment(scene, name):
    """Contiguous slices of 1.5 mm whose pairs are alike: their mean is the slice of 3 mm, with the same maxima.

    Where the pairs differ the maxima differ too and no scaling can make the scores agree; and what is counted in 3-D
    voxels, or not scaled at all, counts each half.
    """
    rule = preset(name)
    assume(rule.scaling != "none" and rule.islands.dimension == 2 and rule.rounding == "none")
    thick = (3.0, *scene.spacing[1:])
    thin = (1.5, *scene.spacing[1:])
    one = scored(scene.hu, thick, thickness=3.0, name=name)
    other = scored(np.repeat(scene.hu, 2, axis=0), thin, thickness=1.5, name=name)
    assert other[:3] == one[:3]


def test_a_lesion_in_one_of_two_thin_slices_has_another_maximum_in_their_mean():
    thin = np.full((4, 9, 9), 40.0)
    thin[1, 2:6, 2:6] = 320.0
    mean = thin.reshape(2, 2, 9, 9).mean(axis=1)
    assert scored(thin, (1.5, 0.5, 0.5))[0] == 4 * 3 / 2
    assert scored(mean, (3.0, 0.5, 0.5))[0] == 4.0


@given(scenes(), st.integers(2, 4))
def test_scores_of_parts_far_apart_add_up(scene, copies):
    """Islands do not reach over an empty slice: the same object several times counts several times."""
    apart = np.concatenate([np.pad(scene.hu, [(0, 1), (0, 0), (0, 0)], constant_values=40)] * copies)
    one, many = scored(scene.hu, scene.spacing), scored(apart, scene.spacing)
    assert many[0] == pytest.approx(copies * one[0], rel=1e-12)
    assert many[1] == pytest.approx(copies * one[1], rel=1e-12)
    assert len(many[3]) == copies * len(one[3])


@given(scenes(), st.permutations(range(1, 6)))
def test_labels_may_have_any_numbers_in_any_order(scene, numbers_):
    """Each label is scored by itself, so what it is called changes nothing."""
    which = np.random.default_rng(prod(scene.hu.shape)).integers(1, 6, scene.hu.shape)
    rule, stack = preset(), Stack(scene.spacing)
    renamed = np.array([0, *numbers_])[which]

    def of(labels, number):
        voxels = np.argwhere((labels == number) & (scene.hu >= 100))
        got = score(voxels, scene.hu[tuple(voxels.T)], stack, rule.threshold(120.0), rule)
        return got.agatston, got.volume, got.mass

    assert [of(which, n) for n in range(1, 6)] == [of(renamed, numbers_[n - 1]) for n in range(1, 6)]
