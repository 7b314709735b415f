"""A real chest cut as a gated scan of the heart is: what was placed in the whole scan is placed alike in each view."""

import numpy as np
import pytest

from calciscope.anatomy.embedded import segment
from calciscope.domain import site as sites
from calciscope.domain.image import Geometry, Volume
from calciscope.find import ct
from calciscope.place import place
from calciscope.read.study import open_study
from tests.real import scans as real

pytestmark = pytest.mark.real

# Side of the view and how far its middle lies to the left of the heart's and behind it, mm.
VIEWS = [(220.0, 0.0, 12.0), (180.0, -10.0, 15.0), (160.0, 10.0, 18.0)]


@pytest.fixture(scope="module")
def chest(scans):
    name = "chest-coronary"
    scan = open_study([real.path_of(scans, name)], None).series[0].volume
    return scan, segment(scan).mask("heart_region"), real.annotations(scans, name)["deposits"]


def cut(scan, heart, side, left, behind):
    """The view as a volume, and its first voxel in the whole scan."""
    spacing = np.array(scan.geometry.spacing)
    where = np.argwhere(heart)
    middle = where.mean(axis=0) + np.array([0.0, behind, left]) / spacing
    half = np.array([0.0, side / 2, side / 2]) / spacing
    low, high = np.rint(middle - half).astype(int), np.rint(middle + half).astype(int)
    low[0], high[0] = where[:, 0].min() - round(8 / spacing[0]), where[:, 0].max() + round(20 / spacing[0])
    low = np.maximum(low, 0)
    hu = np.ascontiguousarray(scan.hu[tuple(slice(a, b) for a, b in zip(low, high, strict=True))])
    origin = tuple(float(v) for v in scan.geometry.to_mm(low))
    return Volume(hu, Geometry(hu.shape, scan.geometry.spacing, origin), scan.acquisition), low


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: f"{view[0]:.0f} mm")
def test_a_small_view_of_the_heart_is_read_as_the_whole_chest_is(chest, view):
    scan, heart, known = chest
    small, low = cut(scan, heart, *view)
    anatomy = segment(small)
    assert {region.name for region in anatomy.regions} == {"chest"}
    found = ct.find(small, anatomy, series="view", threshold_hu=130.0)
    placed = place(found.deposits, small, anatomy)
    coronary = missed = 0
    for entry in known:
        at = np.array(entry["at"]) - low
        if (at < 6).any() or (at >= np.array(small.hu.shape) - 6).any():
            continue
        gaps = [np.abs(item.deposit.voxels - at).max(axis=1).min() for item in placed]
        best = int(np.argmin(gaps))
        if gaps[best] > 3:
            missed += 1
            continue
        given = placed[best].placement.site
        fits = any(sites.within(given, right) or sites.within(right, given) for right in entry["site"])
        assert fits or given == "heart", (entry, given)
        coronary += sites.within(given, "artery.coronary")
    assert coronary >= 6
    assert missed <= 1
    # Neither the wall of the chest nor what the beating heart draws is counted.
    true = sum(sites.within(right, "artery.coronary") for entry in known for right in entry["site"][:1])
    assert sum(sites.within(item.placement.site, "artery.coronary") for item in placed) <= true + 3
    assert not [item.placement.site for item in placed if item.placement.site.startswith(("soft_tissue", "limb"))]
