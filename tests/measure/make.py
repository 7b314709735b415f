"""Voxels, deposits and scans for the tests of measuring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from calciscope.domain.anatomy import Anatomy, BloodPool, Manifest
from calciscope.domain.deposit import Deposit, PlacedDeposit, Placement, Shape
from calciscope.domain.image import Acquisition, Contrast, Geometry, Volume
from calciscope.measure.agatston import Score, Stack, score
from calciscope.measure.presets import preset

Voxels = dict[tuple[int, int, int], float]

REFERENCE = Acquisition(
    kvp=120.0,
    kernel="FC12",
    sharp_kernel=False,
    manufacturer="TOSHIBA",
    slice_thickness=3.0,
    increment=3.0,
    contrast=Contrast.NONE,
    description="CaSc gated",
    mass_factors=(0.75,),
)


def block(z: int, y: int, x: int, rows: int, columns: int, hu: float, slices: int = 1) -> Voxels:
    """A block of equal voxels from its first corner."""
    return {(z + k, y + i, x + j): hu for k in range(slices) for i in range(rows) for j in range(columns)}


@dataclass(frozen=True)
class Case:
    """One synthetic case: voxels, pixel and increment in mm, and the scores that are expected."""

    voxels: Voxels
    reference: float
    pixel: float = 0.5
    increment: float = 3.0
    thickness: float | None = None
    kvp: float = 120.0
    adapted: float | None = field(default=None)

    @property
    def standard(self) -> float:
        """What the default preset gives."""
        return self.reference if self.adapted is None else self.adapted

    def scored(self, name: str) -> Score:
        """The scores under a preset."""
        rule = preset(name)
        stack = Stack((self.increment, self.pixel, self.pixel), 0, self.thickness)
        voxels = np.array(list(self.voxels), dtype=np.int32)
        return score(voxels, np.array(list(self.voxels.values())), stack, rule.threshold(self.kvp), rule)


CASES: Mapping[str, Case] = {
    "C01": Case(block(5, 5, 5, 4, 4, 150), 4.0),
    "C02": Case(block(5, 5, 5, 4, 4, 400, 3), 48.0),
    "C03": Case(block(5, 5, 5, 4, 4, 400, 6), 48.0, increment=1.5),
    "C04": Case(block(5, 5, 5, 4, 4, 400, 6), 48.0, increment=1.5, thickness=3.0),
    "C05": Case(block(5, 5, 5, 4, 4, 400, 4), 160 / 3, increment=2.5),
    "C06": Case(block(5, 5, 5, 4, 4, 150) | block(5, 9, 9, 4, 4, 450), 32.0),
    "C07": Case(block(5, 5, 5, 4, 4, 150) | block(6, 5, 5, 4, 4, 350), 16.0),
    "C08": Case(block(5, 5, 5, 1, 3, 250, 4), 0.0),
    "C09": Case(block(5, 5, 5, 4, 4, 130), 4.0),
    "C10": Case(block(5, 5, 5, 4, 4, 199), 4.0),
    "C11": Case(block(5, 5, 5, 4, 4, 199.5), 4.0),
    "C12": Case(block(5, 5, 5, 1, 3, 150), 1.08, pixel=0.6),
    "C13": Case(block(5, 5, 5, 2, 2, 150), 1.0),
    "C14": Case(block(5, 5, 5, 2, 2, 150) | {(5, 5, 5): 450}, 16.0, pixel=1.0),
    "C15": Case(block(5, 4, 4, 6, 6, 100) | block(5, 5, 5, 4, 4, 250), 8.0),
    "C16": Case(block(5, 5, 5, 4, 4, 140), 4.0, kvp=100.0, adapted=0.0),
    "C17": Case(block(5, 5, 5, 4, 4, 230), 8.0, kvp=100.0),
    "C18": Case(block(5, 5, 5, 4, 4, 270), 8.0, kvp=80.0, adapted=4.0),
    "C19": Case(block(5, 5, 5, 1, 1, 140), 0.0, pixel=0.4),
    "C20": Case(block(5, 5, 5, 2, 2, 250), 18.0, pixel=1.5),
}


def geometry(
    spacing: tuple[float, float, float] = (3.0, 0.5, 0.5), shape: tuple[int, int, int] = (40, 80, 80)
) -> Geometry:
    """A grid."""
    return Geometry(shape, spacing)


def volume(grid: Geometry | None = None, acquisition: Acquisition = REFERENCE) -> Volume:
    """A scan; measuring reads its geometry and acquisition, the voxels come with the deposits."""
    grid = grid or geometry()
    return Volume(np.zeros(grid.shape, dtype=np.int16), grid, acquisition)


def anatomy(grid: Geometry | None = None, blood: float | None = 45.0, noise: float = 12.0) -> Anatomy:
    """An anatomy that knows the blood pool, or does not."""
    grid = grid or geometry()
    pool = None if blood is None else BloodPool(blood, noise, 500, "aorta")
    return Anatomy(np.zeros(grid.shape, dtype=np.uint8), {}, grid, Manifest("test", "1", "none"), blood_pool=pool)


def deposit(
    voxels: Voxels, grid: Geometry | None = None, name: str = "d1", threshold: float = 130.0, hollow: float = 0.0
) -> Deposit:
    """A deposit of these voxels."""
    grid = grid or geometry()
    index = np.array(list(voxels), dtype=np.int32)
    extent = (np.ptp(index, axis=0) + 1) * np.array(grid.spacing)
    middle = index.mean(axis=0)
    centre = grid.to_mm(middle)
    return Deposit(
        id=name,
        series="s1",
        voxels=index,
        hu=np.array(list(voxels.values()), dtype=np.float32),
        threshold_hu=threshold,
        background_hu=40.0,
        center_index=(int(middle[0]), int(middle[1]), int(middle[2])),
        center_mm=(float(centre[0]), float(centre[1]), float(centre[2])),
        extent_mm=(float(extent[2]), float(extent[1]), float(extent[0])),
        volume_mm3=len(index) * grid.voxel_mm3,
        shape=Shape(float(extent.max()), float(extent.min()), 0.8, hollow),
    )


def placed(one: Deposit, site: str, confidence: float = 0.9, **attributes: str) -> PlacedDeposit:
    """The deposit at a site."""
    return PlacedDeposit(one, Placement(site, confidence, "test", "test", attributes=attributes))


def painted(*deposits: Deposit, scan: Volume | None = None, tissue: float = 40.0) -> Volume:
    """The scan with soft tissue (HU) everywhere and the deposits in it: what their numbers are measured in."""
    scan = scan or volume()
    hu = np.full(scan.geometry.shape, tissue, dtype=np.float32)
    for one in deposits:
        hu[tuple(one.voxels.T)] = one.hu
    return Volume(hu, scan.geometry, scan.acquisition)
