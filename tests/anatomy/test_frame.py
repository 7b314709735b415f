"""The frame as a whole, the label map, and the provider's door."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.anatomy import provider
from calciscope.anatomy.embedded import FINDERS, segment
from calciscope.anatomy.embedded.assemble import assemble, enlarged
from calciscope.anatomy.embedded.build import build
from calciscope.anatomy.embedded.frame import Part
from calciscope.domain.anatomy import Tube
from calciscope.domain.image import Geometry, Volume
from calciscope.errors import AnatomyError
from tests.anatomy.figure import Figure


@pytest.fixture(scope="module")
def frame():
    return build(Figure().trunk().spine().chest().table().volume())


def test_everything_shares_one_grid(frame):
    shape = frame.hu.shape
    for mask in (frame.body, frame.lung_left, frame.lung_right, frame.airway, frame.bone, frame.metal, frame.fat):
        assert mask.shape == shape
        assert mask.dtype == np.bool_
    assert frame.spine.shape == (shape[0], 3)


def test_structures_of_the_frame_are_in_the_body(frame):
    for mask in (frame.lungs, frame.airway, frame.bone, frame.fat):
        assert mask.any()
        assert not (mask & ~frame.body).any()
    assert not (frame.bone & frame.lungs).any()


def test_the_regions_of_the_figure(frame):
    assert [r.name for r in frame.regions] == ["abdomen", "chest", "neck"]


@given(st.tuples(*[st.floats(0, 40)] * 3))
def test_millimetres_and_coarse_indices_are_inverse(index):
    figure = build(
        Volume(np.full((6, 12, 12), -1000, np.int16), Geometry((6, 12, 12), (1.5, 1.0, 1.0), (3.0, -7.0, 2.0)))
    )
    assert np.allclose(figure.to_coarse(figure.to_mm(np.array(index))), index, atol=1e-6)


def test_a_volume_of_air_or_one_slice_makes_a_frame():
    for shape in ((4, 30, 30), (1, 30, 30)):
        frame = build(Volume(np.full(shape, -1000, dtype=np.int16), Geometry(shape, (5.0, 0.8, 0.8))))
        assert not frame.body.any()
        assert frame.regions == ()


def test_the_label_map_is_on_the_grid_of_the_volume():
    figure = Figure(shape=(31, 85, 121), spacing=(2.0, 2.9, 2.9)).trunk()
    volume = figure.volume()
    anatomy = assemble(build(volume), ())
    assert anatomy.labels.shape == volume.hu.shape
    assert anatomy.labels.dtype == np.uint8
    body = anatomy.labels > 0
    assert (body & figure.truth["body"]).sum() / figure.truth["body"].sum() > 0.97


@given(st.tuples(*[st.integers(1, 4)] * 3), st.tuples(*[st.integers(1, 5)] * 3), st.integers(0, 3))
def test_enlarging_repeats_each_voxel(factor, shape, more):
    coarse = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    full = tuple(n * f + min(more, f - 1) for n, f in zip(shape, factor, strict=True))
    large = enlarged(coarse, factor, full)
    assert large.shape == full
    assert np.array_equal(large[:: factor[0], :: factor[1], :: factor[2]][: shape[0], : shape[1], : shape[2]], coarse)


def test_what_ranks_higher_is_painted_over_what_ranks_lower(frame):
    everywhere = frame.body.copy()
    few = np.zeros_like(everywhere)
    few[10:14, 30:40, 50:60] = True
    anatomy = assemble(frame, (Part(masks={"aorta_abdominal": (few, 0.8)}), Part(masks={"liver": (everywhere, 0.7)})))
    assert anatomy.mask("aorta_abdominal")[few & ~frame.bone].all()
    assert anatomy.structures["liver"].confidence == 0.7
    assert not anatomy.mask("liver")[anatomy.mask("bone")].any()


def test_a_structure_that_is_wholly_covered_is_absent(frame):
    few = np.zeros_like(frame.body)
    few[10, 40, 60] = True
    parts = (Part(masks={"liver": (few, 0.5), "aorta_abdominal": (few, 0.5)}),)
    anatomy = assemble(frame, parts)
    assert "liver" not in anatomy.structures
    assert "aorta_abdominal" in anatomy.structures


def test_curves_landmarks_and_notes_are_carried(frame):
    curve = Tube("ureter_left", np.zeros((2, 3)), np.ones(2), 0.5)
    anatomy = assemble(frame, (Part(tubes={"ureter_left": curve}, notes=("a note",)),))
    assert anatomy.tubes["ureter_left"] is curve
    assert "spine" in anatomy.tubes
    assert anatomy.notes == ("a note",)
    assert anatomy.manifest.provider == "embedded"


def test_the_embedded_provider_makes_an_anatomy(monkeypatch):
    # The figure is alike throughout, as phantoms are.
    monkeypatch.setattr("calciscope.anatomy.embedded.phantom.is_phantom", lambda frame: False)
    volume = Figure().trunk().spine().chest().volume()
    anatomy = provider("embedded")(volume)
    assert {"body", "bone", "lung_left", "lung_right"} <= set(anatomy.structures)
    assert np.array_equal(anatomy.labels, segment(volume).labels)
    assert len(FINDERS) == len(set(FINDERS))


@pytest.mark.parametrize("spec", ["no-such-provider", "missing.nii.gz", "missing.nii.gz,names.csv"])
def test_an_unknown_provider_is_refused_in_one_line(spec):
    with pytest.raises(AnatomyError) as error:
        provider(spec)
    assert "\n" not in str(error.value)
