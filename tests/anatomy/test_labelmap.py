from types import MappingProxyType

import numpy as np
import pytest
import SimpleITK

from calciscope.anatomy import labelmap, provider
from calciscope.domain.anatomy import Anatomy, Manifest, Region, Structure, Tube
from calciscope.domain.image import Geometry, Volume
from calciscope.domain.labels import Labels
from calciscope.errors import AnatomyError, InputError
from calciscope.read.mask import read_label_map
from tests.read.make_dicom import Series
from tests.read.make_seg import save, segmentation

SHAPE = (10, 20, 30)
GEOMETRY = Geometry(SHAPE, (3.0, 2.0, 2.0), (-30.0, -20.0, 100.0))
NAMES = "label,structure\n1,liver\n2,aorta\n"


def volume():
    return Volume(np.zeros(SHAPE, dtype=np.int16), GEOMETRY)


def base(image):
    """An embedded stand-in: liver everywhere in the left half, spleen in the rest, curves of the aorta and a ureter."""
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[:, :, :15], labels[:, :, 15:] = 1, 2
    curve = np.array([[0.0, 0.0, 127.0], [0.0, 0.0, 100.0]])
    return Anatomy(
        labels=labels,
        structures=MappingProxyType({"liver": Structure("liver", 1, 0.6), "spleen": Structure("spleen", 2, 0.7)}),
        geometry=image.geometry,
        manifest=Manifest("embedded", "1", "Apache-2.0", ("a limit",)),
        regions=(Region("abdomen", 0, 10, 0.9),),
        tubes=MappingProxyType(
            {n: Tube(n, curve, np.full(2, 5.0), 0.8) for n in ("aorta_abdominal", "ureter_left", "iliac_artery_left")}
        ),
    )


def written(path, array, spacing=(2.0, 2.0, 3.0), origin=(-30.0, -20.0, 100.0), direction=None):
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    if direction:
        image.SetDirection(direction)
    SimpleITK.WriteImage(image, str(path))
    return path


def labelled():
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[2:5, 3:9, 20:28] = 1
    labels[6, 10, 5] = 2
    return labels


def load(tmp_path, array=None, names=NAMES, suffix="nii.gz", **grid):
    path = written(tmp_path / f"map.{suffix}", labelled() if array is None else array, **grid)
    (tmp_path / "names.csv").write_text(names)
    return labelmap.over(read_label_map(f"{path},{tmp_path / 'names.csv'}"), base)


@pytest.mark.parametrize("suffix", ["nii.gz", "nii", "nrrd", "mha"])
def test_structures_are_laid_on_top_and_replace_their_own(tmp_path, suffix):
    body = load(tmp_path, suffix=suffix)(volume())
    assert np.array_equal(body.mask("liver"), labelled() == 1)
    assert np.array_equal(body.mask("aorta"), labelled() == 2)
    assert body.mask("spleen").sum() == 10 * 20 * 15 - (labelled() == 1).sum()
    assert body.structures["liver"].confidence == labelmap.CONFIDENCE
    assert body.structures["spleen"].confidence == 0.7
    assert body.regions[0].name == "abdomen"
    assert [one.provider for one in body.manifests] == ["embedded", "label map"]
    assert body.provider_of("liver") == "label map"
    assert any("map." in limit for limit in body.laid_over[0].limits)


def test_curves_of_the_same_site_give_way(tmp_path):
    body = load(tmp_path)(volume())
    assert set(body.tubes) == {"ureter_left", "iliac_artery_left", "aorta (course)"}


def test_a_structure_of_one_side_leaves_the_other(tmp_path):
    body = load(tmp_path, names="label,structure\n1,iliac_artery_right\n2,ureter_left\n")(volume())
    assert set(body.tubes) == {"aorta_abdominal", "iliac_artery_left", "iliac_artery_right (course)"}


def test_any_orientation_and_grid_lands_in_the_same_place(tmp_path):
    flipped = labelled()[:, ::-1, ::-1].copy()
    turned = load(
        tmp_path, flipped, origin=(-30.0 + 58.0, -20.0 + 38.0, 100.0), direction=(-1, 0, 0, 0, -1, 0, 0, 0, 1)
    )(volume())
    assert np.array_equal(turned.mask("liver"), labelled() == 1)
    fine = labelled().repeat(2, axis=0).repeat(2, axis=1).repeat(2, axis=2)
    finer = load(tmp_path, fine, spacing=(1.0, 1.0, 1.5), origin=(-30.5, -20.5, 99.25))(volume())
    assert np.array_equal(finer.mask("liver"), labelled() == 1)


def test_unknown_structures_are_kept_and_named_in_the_notes(tmp_path):
    body = load(tmp_path, names="label,structure\n1,liver\n2,flux_capacitor\n")(volume())
    assert "flux_capacitor" in body.notes[0]
    assert body.mask("flux_capacitor").sum() == 1


def test_a_table_beside_the_map_is_found(tmp_path):
    path = written(tmp_path / "map.nii.gz", labelled())
    (tmp_path / "map.csv").write_text(NAMES)
    assert labelmap.over(read_label_map(str(path)), base)(volume()).has("aorta")


def test_no_overlap_is_said_on_use(tmp_path):
    segment = load(tmp_path, origin=(5000.0, 0.0, 0.0))
    with pytest.raises(AnatomyError, match="does not overlap"):
        segment(volume())


def test_a_dicom_seg_needs_no_table(tmp_path):
    grid = Series(np.zeros(SHAPE, dtype=np.int16), GEOMETRY.spacing, GEOMETRY.origin)
    both = {1: labelled() == 1, 2: labelled() == 2}
    path = save(segmentation(grid, both, labels={1: "liver", 2: "aorta"}), tmp_path / "seg.dcm")
    body = provider(str(path), read_label_map)(volume())
    assert np.array_equal(body.mask("liver"), both[1])
    assert np.array_equal(body.mask("aorta"), both[2])


def test_labels_that_overlap_lie_over_each_other_as_they_come():
    whole, part = (labelled() > 0).astype(np.int32), np.where(labelled() == 2, 70000, 0)
    names = MappingProxyType({1: "liver", 70000: "aorta"})
    body = labelmap.over(lambda image: Labels("m", (whole, part), GEOMETRY, names), base)(volume())
    assert np.array_equal(body.mask("liver"), labelled() == 1)
    assert np.array_equal(body.mask("aorta"), labelled() == 2)


def test_a_wrong_table_or_file_is_said_at_once(tmp_path):
    with pytest.raises(InputError, match="1 label has no name in the table: 2"):
        load(tmp_path, names="label,structure\n1,liver\n")
    with pytest.raises(AnatomyError, match=r"the label map none.nii does not exist"):
        provider(str(tmp_path / "none.nii"), read_label_map)
    with pytest.raises(AnatomyError, match=r"name table bare.csv does not exist"):
        provider(str(written(tmp_path / "bare.nii.gz", labelled())), read_label_map)
    with pytest.raises(AnatomyError, match="is no label map file"):
        provider("seg.txt", read_label_map)
