"""A synthetic body for the frame: ellipses of fat and muscle, spine with canal, ribs, lungs, windpipe, a table."""

from __future__ import annotations

import numpy as np

from calciscope.domain.image import Geometry, Volume

AIR, LUNG, FAT, MUSCLE, MARROW, CORTEX, CORD, GAS = -1000.0, -850.0, -100.0, 50.0, 220.0, 700.0, 25.0, -990.0
SHAPE, SPACING = (60, 84, 120), (4.0, 3.0, 3.0)


class Figure:
    """Coordinates in mm: ``x`` to the left of the midline, ``y`` to the back of the body's middle, ``z`` up."""

    def __init__(self, shape=SHAPE, spacing=SPACING, width=300.0, depth=210.0, seed=0):
        self.shape, self.spacing = shape, spacing
        z, y, x = (np.arange(n) * s for n, s in zip(shape, spacing, strict=True))
        self.z = np.broadcast_to(z[:, None, None], shape)
        self.y = np.broadcast_to((y - y.mean())[None, :, None], shape)
        self.x = np.broadcast_to((x - x.mean())[None, None, :], shape)
        self.hu = np.full(shape, AIR, dtype=np.float32)
        self.width, self.depth = width, depth
        self.noise = np.random.default_rng(seed).normal(0.0, 8.0, shape)
        self.truth = {}

    def put(self, where, hu, name=None):
        self.hu[where] = hu
        if name:
            self.truth[name] = self.truth.get(name, np.zeros(self.shape, dtype=bool)) | where
        return where

    def ellipse(self, centre, radii):
        return ((self.x - centre[0]) / radii[0]) ** 2 + ((self.y - centre[1]) / radii[1]) ** 2 < 1

    def ball(self, centre, radius):
        x, y, z = centre
        return (self.x - x) ** 2 + (self.y - y) ** 2 + (self.z - z) ** 2 < radius**2

    def trunk(self):
        self.put(self.ellipse((0, 0), (self.width / 2, self.depth / 2)), FAT, "body")
        self.put(self.ellipse((0, 0), (self.width / 2 - 15, self.depth / 2 - 15)), MUSCLE)
        return self

    def table(self):
        y = self.depth / 2 + 9
        self.put((self.y > y) & (self.y < y + 6), 100.0, "table")
        return self

    def spine(self, low=0.0, high=1e9, x=0.0):
        span = (self.z >= low) & (self.z < high)
        middle = self.depth / 2 - 65
        self.put(span & self.ellipse((x, middle), (20, 16)), CORTEX, "vertebra")
        self.put(span & self.ellipse((x, middle), (17, 13)), MARROW)
        # Pedicles, laminae and a spinous process around the canal.
        self.put(span & self.ellipse((x, middle + 24), (19, 14)), 400.0, "vertebra")
        self.put(span & (np.abs(self.x - x) < 4) & (self.y > middle + 30) & (self.y < middle + 52), 400.0, "vertebra")
        self.put(span & self.ellipse((x, middle + 23), (10, 9)), CORD, "canal")
        self.spine_row = middle
        return self

    def chest(self, low=100.0, high=220.0):
        span = (self.z >= low) & (self.z < high)
        for side, sign in (("left", 1), ("right", -1)):
            where = span & self.ellipse((sign * 72, -5), (52, 72)) & ~self.truth.get("vertebra", False)
            self.put(where, LUNG, f"lung_{side}")
        outer = self.ellipse((0, 0), (self.width / 2 - 20, self.depth / 2 - 17))
        inner = self.ellipse((0, 0), (self.width / 2 - 28, self.depth / 2 - 25))
        # Ribs slope down to the front: rings that come and go with height and depth.
        bars = np.mod(self.z + 0.3 * self.y, 24) < 10
        self.put(span & outer & ~inner & bars & (self.y > -55), 450.0, "ribs")
        self.put((self.z >= low + 40) & self.ellipse((0, -25), (9, 9)), GAS, "airway")
        return self

    def volume(self):
        # Bone is never even: trabeculae and cortex.
        bone = sum(
            (self.truth.get(name, False) for name in ("vertebra", "ribs", "femur")), np.zeros(self.shape, dtype=bool)
        )
        self.hu[bone & (self.hu > 150)] += (12.0 * self.noise)[bone & (self.hu > 150)]
        hu = np.rint(np.where(self.hu > -950, self.hu + self.noise, self.hu)).astype(np.int16)
        return Volume(hu, Geometry(self.shape, self.spacing))


def overlap(found, truth):
    """Dice overlap of two masks."""
    return 2.0 * float((found & truth).sum()) / max(1, int(found.sum() + truth.sum()))
