from types import MappingProxyType

import numpy as np
import pytest
import SimpleITK

from calciscope.anatomy import labelmap, provider
from calciscope.domain.anatomy import Anatomy, Manifest, Region, Structure, Tube
from calciscope.domain.image import Geometry, Volume
from calciscope.errors import AnatomyError

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
    return labelmap.load(f"{path},{tmp_path / 'names.csv'}", base)


@pytest.mark.parametrize("suffix", ["nii.gz", "nii", "nrrd", "mha"])
def test_structures_are_laid_on_top_and_replace_their_own(tmp_path, suffix):
    body = load(tmp_path, suffix=suffix)(volume())
    assert np.array_equal(body.mask("liver"), labelled() == 1)
    assert np.array_equal(body.mask("aorta"), labelled() == 2)
    assert body.mask("spleen").sum() == 10 * 20 * 15 - (labelled() == 1).sum()
    assert body.structures["liver"].confidence == labelmap.CONFIDENCE
    assert body.structures["spleen"].confidence == 0.7
    assert body.regions[0].name == "abdomen"
    assert body.manifest.provider == "label map over embedded"
    assert any("map." in limit for limit in body.manifest.limits)


def test_curves_of_the_same_site_give_way(tmp_path):
    body = load(tmp_path)(volume())
    assert set(body.tubes) == {"ureter_left", "iliac_artery_left"}


def test_a_structure_of_one_side_leaves_the_other(tmp_path):
    body = load(tmp_path, names="label,structure\n1,iliac_artery_right\n2,ureter_left\n")(volume())
    assert set(body.tubes) == {"aorta_abdominal", "iliac_artery_left"}


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
    assert labelmap.load(str(path), base)(volume()).has("aorta")


def test_no_overlap_is_said_on_use(tmp_path):
    segment = load(tmp_path, origin=(5000.0, 0.0, 0.0))
    with pytest.raises(AnatomyError, match="does not overlap"):
        segment(volume())


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("label,structure\n1,liver\n", "1 labels have no name in the table: 2"),
        ("liver,1\n", "must start with the line label,structure"),
        ("label,structure\none,liver\n", "line 2"),
        ("label,structure\n1,liver\n1,spleen\n", "label 1 has two names"),
    ],
)
def test_wrong_name_tables(tmp_path, names, says):
    with pytest.raises(AnatomyError, match=says):
        load(tmp_path, names=names)


def test_wrong_files(tmp_path):
    with pytest.raises(AnatomyError, match=r"the label map none.nii does not exist"):
        labelmap.load(str(tmp_path / "none.nii"), base)
    path = written(tmp_path / "map.nii.gz", labelled())
    with pytest.raises(AnatomyError, match=r"name table map.csv does not exist"):
        labelmap.load(str(path), base)
    (tmp_path / "seg.dcm").write_bytes(b"x")
    with pytest.raises(AnatomyError, match="DICOM SEG is not supported yet"):
        labelmap.load(str(tmp_path / "seg.dcm"), base)
    (tmp_path / "seg.txt").write_text("x")
    with pytest.raises(AnatomyError, match="is no label map"):
        labelmap.load(str(tmp_path / "seg.txt"), base)
    (tmp_path / "bad.nii").write_text("x")
    (tmp_path / "bad.csv").write_text(NAMES)
    with pytest.raises(AnatomyError, match="cannot be read as an image"):
        labelmap.load(str(tmp_path / "bad.nii"), base)
    with pytest.raises(AnatomyError, match="only background"):
        load(tmp_path, np.zeros(SHAPE, dtype=np.uint8))
    with pytest.raises(AnatomyError, match="are no labels"):
        load(tmp_path, labelled().astype(np.float32) + 0.5)


@pytest.mark.parametrize("spec", ["", " ", ",", " , names.csv"])
def test_no_name_at_all_is_said_as_that(spec):
    with pytest.raises(AnatomyError, match="no anatomy is named; give a provider, FILE or FILE,NAMES"):
        provider(spec)
