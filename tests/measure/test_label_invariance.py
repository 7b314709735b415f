"""The same labels on the same object give the same numbers, to the last digit, in any order, turn, file or name."""

from __future__ import annotations

import nibabel
import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import calciscope
from tests.measure.test_invariance import AXES, FLIPS, Scene, nifti, scenes, series

SCORES = ("agatston", "volume", "mass", "integrated_mass", "volume_fraction_mass")
SPACING = (3.0, 0.6, 0.8)
scene_of_one_grid = scenes(spacings=(SPACING,))
# A failing case is whole volumes: making them smaller takes longer than reading them.
few = settings(max_examples=20, phases=[Phase.explicit, Phase.generate])
fewer = settings(few, max_examples=6)


def labels_of(scene: Scene, seed: int) -> np.ndarray:
    """Labels in blocks that cut through the lesions; a part of the volume has none."""
    blocks = np.random.default_rng(seed).integers(0, 4, (3, 4, 4)).astype(np.uint8)
    return blocks.repeat(2, 0).repeat(3, 1).repeat(3, 2)[: scene.hu.shape[0], : scene.hu.shape[1], : scene.hu.shape[2]]


def values(result, only=None, rename=None):
    """Value and interval of every measure of every label and of all together."""
    named = {(rename or {}).get(name, name): measures for name, measures in result.labels.items()}
    return {
        (label, name): (one.value, one.interval)
        for label, measures in (*named.items(), ("total", result.total))
        for name, one in measures.items()
        if only is None or name in only
    }


def all_of(hu, labels, spacing=SPACING, **how):
    return calciscope.score(hu, labels, spacing, measures="all", kvp=120.0, contrast="none", **how)


@few
@given(scene_of_one_grid, st.integers(0, 99), st.sampled_from(FLIPS), st.sampled_from(AXES))
def test_turning_image_and_mask_together(scene, seed, flips, axes):
    labels = labels_of(scene, seed)
    hu, mask = (np.flip(array.transpose(axes), flips) for array in (scene.hu, labels))
    spacing = [SPACING[axis] for axis in axes]
    assert values(all_of(hu, mask, spacing), SCORES) == values(all_of(scene.hu, labels), SCORES)


@few
@given(
    scene_of_one_grid, st.integers(0, 99), st.permutations([1, 2, 3]), st.sampled_from([np.uint8, np.int64, np.float32])
)
def test_numbers_and_type_of_labels(scene, seed, numbers, kind):
    labels = labels_of(scene, seed)
    renamed = np.array([0, *(60 * n for n in numbers)])[labels].astype(kind)
    back = {str(60 * n): str(k) for k, n in enumerate(numbers, start=1)}
    assert values(all_of(scene.hu, renamed), SCORES, back) == values(all_of(scene.hu, labels), SCORES)


@few
@given(scene_of_one_grid, st.integers(0, 99), st.integers(1, 3))
def test_a_label_alone_is_what_it_is_among_others(scene, seed, label):
    """Islands are clipped at the edge of their label, so what lies next to it changes no score by threshold."""
    labels = labels_of(scene, seed)
    if not (labels == label).any():
        return
    among = values(all_of(scene.hu, labels), ("agatston", "volume", "mass"))
    alone = values(all_of(scene.hu, np.where(labels == label, labels, 0)), ("agatston", "volume", "mass"))
    name = str(label)
    assert {key: one for key, one in alone.items() if key[0] == name} == {
        key: one for key, one in among.items() if key[0] == name
    }


@few
@given(
    scene_of_one_grid, st.integers(0, 99), st.sampled_from(["int16", "int32", "float32", "float64", ">i2", "fortran"])
)
def test_type_and_layout_of_the_image(scene, seed, kind):
    labels = labels_of(scene, seed)
    hu = np.asfortranarray(scene.hu) if kind == "fortran" else scene.hu.astype(kind)
    assert values(all_of(hu, labels), SCORES) == values(all_of(scene.hu, labels), SCORES)


@few
@given(scene_of_one_grid, st.integers(0, 99), st.tuples(*[st.integers(0, 5)] * 3))
def test_moving_image_and_mask_by_whole_voxels(scene, seed, shift):
    """Also masses over a region with its surroundings, as long as the image reaches around these."""
    labels, margin = labels_of(scene, seed), (4, 18, 14)

    def padded(array, fill, more=(0, 0, 0)):
        return np.pad(array, [(m + n, m) for m, n in zip(margin, more, strict=True)], constant_values=fill)

    moved = all_of(padded(scene.hu, 40, shift), padded(labels, 0, shift))
    assert values(moved, SCORES) == values(all_of(padded(scene.hu, 40), padded(labels, 0)), SCORES)


def nifti_mask(scene, labels, path, axes=(0, 1, 2), flips=(), origin=(30.0, 40.0, 100.0)):
    """The mask of a DICOM series as a file whose axes are turned."""
    z, y, x = scene.spacing
    affine = np.diag([-x, -y, z, 1.0])
    affine[:3, 3] = origin
    image = nibabel.Nifti1Image(labels.transpose(2, 1, 0), affine)
    turned = np.array([[axes.index(2 - axis), -1 if axis in flips else 1] for axis in range(3)])
    nibabel.save(image.as_reoriented(turned), path)
    return path


@fewer
@given(scene_of_one_grid, st.integers(0, 99), st.sampled_from(AXES), st.sampled_from(FLIPS), st.sampled_from([2, 3, 4]))
def test_files_cut_into_series_under_a_mask_that_lies_otherwise(tmp_path_factory, scene, seed, axes, flips, end):
    labels = labels_of(scene, seed)
    labels[0, 0, 0] = 1
    folder = tmp_path_factory.mktemp("f")
    whole = series(scene)
    whole.write(folder / "whole")
    whole.but(each=lambda k: {"SeriesInstanceUID": f"1.2.9.{1 + (k >= end)}"}).write(folder / "cut")
    plain = nifti_mask(scene, labels, folder / "plain.nii.gz")
    turned = nifti_mask(scene, labels, folder / "turned.nii.gz", axes, flips)
    one = calciscope.score(folder / "whole", plain)
    other = calciscope.score(folder / "cut", turned)
    assert values(one) == values(other)
    assert values(one, SCORES).keys() >= {("1", name) for name in ("agatston", "volume", "mass")}


@fewer
@given(scene_of_one_grid, st.integers(0, 99))
def test_arrays_nifti_and_dicom_agree(tmp_path_factory, scene, seed):
    labels = labels_of(scene, seed)
    labels[0, 0, 0] = 1
    folder = tmp_path_factory.mktemp("f")
    series(scene).write(folder / "dicom")
    image = nifti(scene, folder / "image.nii")
    by_nifti = calciscope.score(
        image,
        nifti_mask(scene, labels, folder / "mask.nii", origin=(31.0, 47.0, -200.0)),
        measures="all",
        intervals=False,
    )
    by_array = values(all_of(scene.hu, labels), ("agatston", "volume", "mass"))
    by_dicom = calciscope.score(
        folder / "dicom",
        nifti_mask(scene, labels, folder / "m.nii"),
        measures="all",
        intervals=False,
    )
    assert by_array == values(by_nifti, ("agatston", "volume", "mass"))
    assert by_array == values(by_dicom, ("agatston", "volume", "mass"))
