import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.domain.image import Geometry
from calciscope.simulate.canvas import Canvas, texture
from calciscope.simulate.shapes import ellipsoid, tube
from calciscope.simulate.tissue import TISSUES

SHAPE, SPACING = (40, 48, 56), (1.5, 1.25, 1.25)
ORIGIN = tuple(-0.5 * s * (n - 1) for s, n in zip(SPACING[::-1], SHAPE[::-1], strict=True))


def canvas(scale=(1.0, 1.0, 1.0), **more):
    return Canvas(Geometry(SHAPE, SPACING, ORIGIN), scale, **{"kvp": 120.0, "contrast": False, **more})


def volume_of(made, tissue):
    """Volume in mm3 by the share that attenuation says, which is where soft edges show."""
    share = (made.hu + 1000.0) / (made.values[tissue] + 1000.0)
    return float(share.sum()) * made.geometry.voxel_mm3


@given(st.tuples(*[st.floats(-2, 2)] * 3), st.floats(5.0, 16.0))
@settings(max_examples=15, deadline=None)
def test_soft_edges_keep_the_volume_wherever_a_ball_lies(centre, radius):
    made = canvas()
    made.paint(ellipsoid(centre, (radius,) * 3), "liver")
    assert volume_of(made, "liver") == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.03)


def test_a_thin_plate_keeps_most_of_its_mass():
    made = canvas()
    made.paint(tube(np.array([(0.0, 0, -15), (0, 0, 15)]), 1.2), "muscle")
    expected = np.pi * 1.2**2 * 30 + 4 / 3 * np.pi * 1.2**3
    assert volume_of(made, "muscle") == pytest.approx(expected, rel=0.2)


def test_the_sparse_way_paints_what_the_dense_way_does():
    dense, sparse = canvas(), canvas()
    small = ellipsoid((3, 2, 1), (6, 4, 7))
    dense.paint(small, "liver")
    whole = tuple(slice(0, n) for n in SHAPE)
    sparse.fill(whole, sparse.distance(small, whole), "liver")
    np.testing.assert_allclose(dense.hu, sparse.hu, atol=1e-3)
    np.testing.assert_array_equal(dense.labels, sparse.labels)


def test_later_paint_covers_and_names():
    made = canvas()
    made.paint(ellipsoid((0, 0, 0), (15, 15, 15)), "fat")
    made.paint(ellipsoid((0, 0, 0), (8, 8, 8)), "liver", "organ")
    middle = tuple(n // 2 for n in SHAPE)
    assert made.labels[middle] == made.names["organ"]
    assert made.hu[middle] == made.values["liver"]
    assert {"fat", "organ"} == set(made.names)


def test_a_viscus_has_a_wall_and_a_content():
    made = canvas()
    made.hollow(ellipsoid((0, 0, 0), (18, 18, 18)), "muscle", 4.0, "urine", "bladder")
    row = made.hu[SHAPE[0] // 2, SHAPE[1] // 2]
    assert row[SHAPE[2] // 2] == pytest.approx(made.values["urine"], abs=0.5)
    assert row.max() == pytest.approx(made.values["muscle"], abs=1.0)
    assert set(np.unique(made.labels)) == {0, made.names["bladder"]}


def test_bone_is_dense_outside_and_spongy_inside():
    made = canvas()
    made.bone(ellipsoid((0, 0, 0), (18, 18, 18)), "bone", 3.0)
    row = made.hu[SHAPE[0] // 2, SHAPE[1] // 2]
    assert row.max() > 600
    assert row[SHAPE[2] // 2] < 250


def test_scale_enlarges_what_is_painted():
    plain, large = canvas(), canvas((1.2, 1.1, 1.3))
    ball = ellipsoid((0, 0, 0), (9, 9, 9))
    plain.paint(ball, "liver")
    large.paint(ball, "liver")
    assert volume_of(large, "liver") / volume_of(plain, "liver") == pytest.approx(1.2 * 1.1 * 1.3, rel=0.06)


def test_shapes_outside_the_grid_leave_it_alone():
    made = canvas()
    made.paint(ellipsoid((900, 0, 0), (9, 9, 9)), "liver")
    made.hollow(ellipsoid((0, 900, 0), (9, 9, 9)), "muscle", 2.0, "urine", "x")
    assert (made.hu == -1000).all()
    assert not made.labels.any()


def test_roughness_follows_the_tissue_and_spares_air():
    made = canvas()
    made.paint(ellipsoid((0, 0, 0), (18, 18, 18)), "trabecular")
    before = made.hu.copy()
    made.roughen(np.random.default_rng(1))
    added, inside = made.hu - before, made.labels == made.names["trabecular"]
    assert added[inside].std() == pytest.approx(TISSUES["trabecular"].texture, rel=0.2)
    assert abs(added[inside].mean()) < 6.0
    assert not added[~inside].any()


def test_texture_is_smooth_with_unit_variance():
    block = texture(np.random.default_rng(1), SPACING)
    assert block.std() == pytest.approx(1.0, abs=1e-3)
    assert float((block[:, :, 1:] * block[:, :, :-1]).mean()) > 0.6
    np.testing.assert_array_equal(block, texture(np.random.default_rng(1), SPACING))


def test_values_depend_on_voltage_and_contrast():
    assert canvas(kvp=80.0).values["shaft"] > canvas(kvp=140.0).values["shaft"]
    assert canvas(contrast=True).values["blood"] > canvas().values["blood"] + 80
    assert canvas(contrast=True).values["fat"] == canvas().values["fat"]
