"""A small synthetic body with a hand-made anatomy: muscle in fat, a bony column, lungs where asked for."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from calciscope.domain.anatomy import Anatomy, BloodPool, Manifest, Region, Structure, Tube
from calciscope.domain.image import Geometry, Volume

SHAPE, SPACING, ORIGIN = (24, 120, 130), (2.5, 1.0, 1.0), (-60.0, 20.0, -300.0)
MUSCLE, FAT, AIR, BONE = 50.0, -100.0, -1000.0, 500.0


class Body:
    """HU of a body and the masks of its anatomy; coordinates in voxels ``(z, y, x)``."""

    def __init__(self, noise=8.0, seed=1, region="pelvis"):
        self.z, self.y, self.x = np.ogrid[tuple(slice(0, n) for n in SHAPE)]
        self.hu = np.full(SHAPE, AIR)
        self.region = region
        self.masks = {}
        self.tubes = {}
        self.pool = None
        body = self.ellipse((60, 65), (54, 60))
        inner = self.ellipse((60, 65), (48, 54))
        self.hu[body] = FAT
        self.hu[inner] = MUSCLE
        self.masks["body"] = body
        self.masks["subcutaneous_fat"] = body & ~inner
        self.noise = np.random.default_rng(seed).normal(0, noise, SHAPE)
        self.column()

    def ellipse(self, centre, radii):
        inside = ((self.y - centre[0]) / radii[0]) ** 2 + ((self.x - centre[1]) / radii[1]) ** 2 < 1
        return np.broadcast_to(inside, SHAPE).copy()

    def ball(self, centre, radius_mm):
        z, y, x = (c * s for c, s in zip(centre, SPACING, strict=True))
        d = (self.z * SPACING[0] - z) ** 2 + (self.y * SPACING[1] - y) ** 2 + (self.x * SPACING[2] - x) ** 2
        return d < radius_mm**2

    def column(self):
        """A vertebral column at the back with marrow; the anatomy knows it."""
        bone = self.ellipse((92, 65), (11, 13))
        self.hu[bone] = BONE
        self.hu[self.ellipse((92, 65), (8, 10))] = 220.0
        self.masks["bone"] = bone
        points = np.array([self.mm((z, 92, 65)) for z in (SHAPE[0] - 1, 0)])
        self.tubes["spine"] = Tube("spine", np.linspace(points[0], points[1], SHAPE[0]), np.full(SHAPE[0], 11.0), 0.9)

    def lungs(self):
        for name, x in (("lung_right", 35), ("lung_left", 95)):
            where = self.ellipse((55, x), (28, 18))
            self.hu[where] = -850.0
            self.masks[name] = where

    def artery(self, centre, radius, hu=45.0, name="aorta"):
        where = self.ellipse(centre, (radius, radius))
        self.hu[where] = hu
        points = np.linspace(self.mm((SHAPE[0] - 1, *centre)), self.mm((0, *centre)), 2 * SHAPE[0])
        self.tubes[name] = Tube(name, points, np.full(len(points), float(radius)), 0.9)
        return where

    def enhanced(self, hu):
        self.pool = BloodPool(hu, 12.0, 1000, "aorta")

    def mm(self, index):
        return Geometry(SHAPE, SPACING, ORIGIN).to_mm(tuple(float(v) for v in index))

    def put(self, where, hu):
        self.hu[where] = hu
        return where

    def made(self):
        """The volume and its anatomy."""
        geometry = Geometry(SHAPE, SPACING, ORIGIN)
        hu = np.rint(np.where(self.hu > -950, self.hu + self.noise, self.hu)).astype(np.int16)
        labels = np.zeros(SHAPE, dtype=np.uint8)
        structures = {}
        for label, (name, mask) in enumerate(self.masks.items(), start=1):
            labels[mask] = label
            structures[name] = Structure(name, label, 0.9)
        anatomy = Anatomy(
            labels=labels,
            structures=MappingProxyType(structures),
            geometry=geometry,
            manifest=Manifest("test", "1", "none"),
            regions=(Region(self.region, 0, SHAPE[0], 0.9),),
            tubes=MappingProxyType(self.tubes),
            blood_pool=self.pool,
        )
        return Volume(hu, geometry), anatomy


def measured(hu, labels, names, region, spacing, noise=8.0, seed=2):
    """A volume with noise and its anatomy: labels 1, 2, ... are the names, one region all along."""
    geometry = Geometry(hu.shape, spacing, (0.0, 0.0, 0.0))
    anatomy = Anatomy(
        labels=labels,
        structures=MappingProxyType({name: Structure(name, n, 0.9) for n, name in enumerate(names, start=1)}),
        geometry=geometry,
        manifest=Manifest("test", "1", "none"),
        regions=(Region(region, 0, hu.shape[0], 0.9),),
    )
    grain = np.random.default_rng(seed).normal(0, noise, hu.shape)
    return Volume(np.rint(hu + grain).astype(np.int16), geometry), anatomy
