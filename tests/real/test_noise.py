"""The noise of real scans against the SD of homogeneous regions that a person chose."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from calciscope.domain.patient import Patient
from calciscope.measure.uncertainty.noise import image_noise
from calciscope.read.study import open_study

pytestmark = pytest.mark.real

# A disc in one tissue: scan, slice, row, column, radius (voxels) and what it is.
REGIONS = [
    ("chest-coronary", 5, 265, 160, 14, "liver"),
    ("chest-coronary", 40, 218, 241, 6, "blood in the ascending aorta"),
    ("chest-aorta", 32, 344, 277, 8, "blood in the descending aorta"),
    ("chest-abdomen-gallstone", 30, 240, 110, 15, "liver"),
    ("abdomen-pelvis-contrast", 110, 255, 170, 15, "liver"),
    ("limb-sts-007", 40, 115, 110, 12, "gluteal muscle"),
    ("limb-sts-013", 50, 185, 108, 9, "muscle"),
    ("limb-sts-013", 50, 70, 150, 9, "tumour"),
    ("limb-sts-028", 30, 105, 75, 15, "tumour"),
    ("qrm-phantom", 10, 200, 250, 30, "phantom body"),
    ("qrm-phantom", 22, 200, 240, 14, "phantom body"),
]


@cache
def scan(folder):
    """The largest series of a folder."""
    volumes = [one.volume for one in open_study([folder], Patient()).series]
    return max(volumes, key=lambda one: one.hu.size)


def spread(hu, z, y, x, radius):
    """Mean SD of the disc in five slices."""
    rows, columns = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    disc = rows**2 + columns**2 <= radius**2
    box = slice(y - radius, y + radius + 1), slice(x - radius, x + radius + 1)
    return float(np.mean([hu[level][box][disc].astype(float).std() for level in range(z - 2, z + 3)]))


@pytest.mark.parametrize(
    ("name", "z", "y", "x", "radius", "what"), REGIONS, ids=[f"{one[0]} {one[5]} {one[1]}" for one in REGIONS]
)
def test_noise_near_a_homogeneous_region_is_its_sd(scans, name, z, y, x, radius, what):
    volume = scan(scans / name)
    found = image_noise(volume.hu, volume.geometry.spacing, volume.acquisition.slice_axis, near=(z, y, x))
    assert found.sd == pytest.approx(spread(volume.hu, z, y, x, radius), rel=0.15)


def test_the_noise_of_the_phantom_is_correlated(scans):
    """Neighbouring pixels of 0.49 mm share noise, slices 3 mm apart hardly do."""
    volume = scan(scans / "qrm-phantom")
    found = image_noise(volume.hu, volume.geometry.spacing)
    assert 0.5 < found.in_plane_mm < 1.2
    assert found.between_mm < 3.0
    assert found.sd == pytest.approx(20.5, rel=0.1)
