import base64
import io
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from calciscope.report.pictures import choose, crops, overview, window_of
from tests.report.make import placed, volume


def decode(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))


def points(path: str) -> np.ndarray:
    return np.array([[float(v) for v in pair.split()] for pair in re.findall(r"[\d.-]+ [\d.-]+", path)])


def test_the_outline_lies_around_the_bright_voxels():
    picture = crops(volume(), [placed()])["s1-d1"].planes[0]
    image = decode(picture.png)
    outline = points(picture.outline)
    left, top = outline.min(axis=0)
    right, bottom = outline.max(axis=0)
    rows, columns = np.nonzero(image > 200)
    assert columns.min() == pytest.approx(left, abs=picture.scale_mm)
    assert columns.max() == pytest.approx(right, abs=picture.scale_mm)
    assert rows.min() == pytest.approx(top, abs=picture.scale_mm)
    assert rows.max() == pytest.approx(bottom, abs=picture.scale_mm)


def test_coronal_pictures_have_the_head_on_top():
    volume_ = volume()
    hu = volume_.hu.copy()
    hu[18:] = -1000
    picture = crops(type(volume_)(hu, volume_.geometry), [placed()])["s1-d1"].planes[1]
    image = decode(picture.png)
    assert picture.plane == "coronal"
    assert image[0].mean() < image[-1].mean()


def test_pixels_are_square_in_millimetres():
    picture = crops(volume(), [placed()])["s1-d1"].planes[1]
    outline = points(picture.outline)
    width, height = outline.max(axis=0) - outline.min(axis=0)
    assert width / height == pytest.approx(6.0 / 6.0, abs=0.35)


def test_only_the_largest_deposit_of_a_site_gets_three_planes():
    large = placed()
    small = placed(low=(20, 40, 50), high=(21, 42, 52), identifier="s1-d2")
    made = crops(volume(), [small, large])
    assert len(made["s1-d1"].planes) == 3
    assert len(made["s1-d2"].planes) == 1


def test_a_site_with_many_deposits_shows_the_largest():
    items = [placed(low=(0, 0, 0), high=(1, 1, 1 + i), identifier=f"d{i}") for i in range(1, 10)]
    chosen = [item.deposit.id for item, _ in choose(items, per_site=3)]
    assert chosen == ["d9", "d8", "d7"]


def test_windows_follow_the_place_and_the_brightness():
    assert window_of(placed()) == "soft tissue"
    assert window_of(placed(site="lung.nodule")) == "lung"


@settings(max_examples=25, deadline=None)
@given(st.tuples(st.integers(0, 29), st.integers(0, 59), st.integers(0, 79)))
def test_a_deposit_at_any_edge_can_be_drawn(corner):
    item = placed(low=corner, high=tuple(c + 1 for c in corner), identifier="edge")
    for picture in crops(volume(), [item])["edge"].planes:
        assert decode(picture.png).shape == (picture.height, picture.width)
        assert picture.outline


def test_the_overview_marks_the_place_of_the_deposit():
    shown = overview(volume(), [placed()], "s1", height=300)
    image = decode(shown.png)
    assert image.shape == (shown.height, shown.width)
    marker = shown.markers[0]
    bright = np.argwhere(image == image.max()).mean(axis=0)
    assert [marker.y, marker.x] == pytest.approx(bright, abs=12)
