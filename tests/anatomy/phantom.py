"""Small synthetic bodies with known vessels, built straight as a Frame on a 3 mm grid."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from calciscope.anatomy.embedded.frame import Frame
from calciscope.domain.anatomy import Region
from calciscope.domain.image import Geometry, Volume

MM = 3.0
FAT, MUSCLE, LUNG, MARROW, SHELL = -100.0, 55.0, -850.0, 200.0, 600.0


@dataclass
class Body:
    """A canvas in mm: x to the left of the midline, y behind the front of the spine's centre, z above the feet end."""

    length: float = 300.0
    width: float = 330.0
    depth: float = 230.0
    spine_from: float = 0.0
    spine_to: float = 1e9
    noise: float = 8.0
    hu: np.ndarray = field(init=False)
    masks: dict[str, np.ndarray] = field(init=False)

    def __post_init__(self) -> None:
        shape = tuple(int(n / MM) for n in (self.length, self.depth, self.width))
        z, y, x = (np.arange(n) * MM for n in shape)
        self.z = z[:, None, None]
        self.y = (y - 0.68 * self.depth)[None, :, None]
        self.x = (x - 0.5 * self.width)[None, None, :]
        self.hu = np.full(shape, -1000.0)
        names = ("body", "lung_left", "lung_right", "airway", "bone", "metal")
        self.masks = {name: np.zeros(shape, dtype=bool) for name in names}
        outer = np.hypot(self.x / (0.47 * self.width), (self.y + 0.18 * self.depth) / (0.46 * self.depth)) < 1
        inner = np.hypot(self.x / (0.41 * self.width), (self.y + 0.18 * self.depth) / (0.39 * self.depth)) < 1
        self.masks["body"] |= outer & (self.z >= 0)
        self.inner = inner & (self.z >= 0)
        self.hu[self.masks["body"]] = MUSCLE
        self.hu[self.inner] = FAT
        spine = (np.hypot(self.x, self.y) < 18) & (self.z >= self.spine_from) & (self.z < self.spine_to)
        self.hu[spine] = MARROW
        self.hu[spine & (np.hypot(self.x, self.y) > 15)] = SHELL
        self.masks["bone"] |= spine

    def put(self, where: np.ndarray, hu: float, name: str | None = None) -> None:
        where = np.broadcast_to(where, self.hu.shape)
        self.hu[where] = hu
        if name:
            self.masks[name] |= where

    def lungs(self, bottom: float, top: float, left: bool = True, right: bool = True) -> None:
        """Both lungs, with 45 mm of mediastinum to each side of the midline."""
        here = self.inner & (self.z >= bottom) & (self.z < top) & (self.y < 40)
        for name, wanted, side in (("lung_left", left, self.x > 38), ("lung_right", right, self.x < -38)):
            if wanted:
                self.put(here & side, LUNG, name)

    def vessel(self, points: list[tuple[float, float, float]], radius: float, hu: float) -> None:
        """A tube through points (x, y, z)."""
        dense = np.concatenate(
            [np.linspace(a, b, 40) for a, b in zip(np.array(points[:-1]), np.array(points[1:]), strict=True)]
        )
        inside = np.zeros(self.hu.shape, dtype=bool)
        for px, py, pz in dense:
            inside |= (self.x - px) ** 2 + (self.y - py) ** 2 + (self.z - pz) ** 2 < radius**2
        # A vessel beside a lung or a bone pushes it aside.
        for name in ("lung_left", "lung_right", "bone"):
            self.masks[name] &= ~inside
        self.hu[inside] = hu

    def frame(self, seed: int = 0, regions: tuple[Region, ...] = ()) -> Frame:
        from scipy import ndimage

        rng = np.random.default_rng(seed)
        hu = ndimage.gaussian_filter(self.hu, 0.5) + rng.normal(0, self.noise, self.hu.shape)
        hu = hu.astype(np.float32)
        volume = Volume(hu, Geometry(hu.shape, (MM, MM, MM), (-0.5 * self.width, -0.68 * self.depth, 0.0)))
        spine = np.full((hu.shape[0], 3), np.nan)
        inside = (np.arange(hu.shape[0]) * MM >= self.spine_from) & (np.arange(hu.shape[0]) * MM < self.spine_to)
        spine[inside] = (0.68 * self.depth / MM, 0.5 * self.width / MM, 18.0)
        masks = {name: mask.copy() for name, mask in self.masks.items()}
        fat = masks["body"] & (hu > -150) & (hu < -30)
        return Frame(
            volume=volume,
            hu=np.array(hu),
            factor=(1, 1, 1),
            spacing=(MM, MM, MM),
            fat=fat,
            spine=spine,
            regions=regions,
            **masks,
        )


CAVA = [(-26.0, -28.0, -5.0), (-26.0, -28.0, 400.0)]


def chest(blood: float = 45.0, around: float = FAT, **options: object) -> Body:
    """Lungs from z 40 up, descending aorta at (25, -20), ascending at (-8, -70), the arch between them at z 230."""
    body = Body(length=330.0, **options)  # type: ignore[arg-type]
    body.lungs(40.0, 320.0)
    tracheal = (np.hypot(body.x, body.y + 38) < 8) & (body.z > 195)
    body.put(tracheal, -950.0, "airway")
    bronchi = (np.abs(np.abs(body.x) - 2 - 0.9 * (200 - body.z)) < 8) & (np.abs(body.y + 38) < 6)
    body.put(bronchi & (body.z <= 200) & (body.z > 165), -950.0, "airway")
    body.vessel([(25.0, -22.0, -5.0), (25.0, -22.0, 215.0)], 12.0, blood)
    body.vessel([(25.0, -22.0, 215.0), (20.0, -35.0, 232.0), (6.0, -58.0, 236.0), (-6.0, -72.0, 222.0)], 13.0, blood)
    body.vessel([(-6.0, -72.0, 222.0), (-8.0, -72.0, 140.0)], 15.0, blood)
    heart = ((body.x - 12) / 48) ** 2 + ((body.y + 70) / 40) ** 2 + ((body.z - 95) / 48) ** 2 < 1
    for name in ("lung_left", "lung_right"):
        body.masks[name] &= ~heart
    body.put(heart, blood)
    liver = ((body.x + 70) / 75) ** 2 + ((body.y + 55) / 75) ** 2 + ((body.z + 5) / 65) ** 2 < 1
    liver = liver & body.inner & (body.y < 0)
    for name in ("lung_left", "lung_right"):
        body.masks[name] &= ~liver
    body.put(liver & ~heart & (np.hypot(body.x - 25, body.y + 22) > 13), 60.0)
    return body


def abdomen(blood: float = 45.0, cava: bool = True, aorta: bool = True, **options: object) -> Body:
    """Aorta at (12, -30) from the top to the fork at z 170, iliac arteries to the hips at z 40; cava on the right."""
    options.setdefault("spine_from", 100.0)
    body = Body(length=330.0, **options)  # type: ignore[arg-type]
    for side in (-1.0, 1.0):
        psoas = (np.hypot(body.x - side * 42, body.y - 0) < 17) & (body.z > 90)
        body.put(psoas, MUSCLE)
        head = (body.x - side * 85) ** 2 + (body.y + 5) ** 2 + (body.z - 45) ** 2 < 25**2
        body.put(head, 350.0, "bone")
        if aorta:
            body.vessel(
                [(side * 6 + 6, -30, 168), (side * 40, -15, 115), (side * 73, -40, 45), (side * 75, -42, -5)],
                5.5,
                blood,
            )
    if cava:
        body.vessel([*CAVA[1:], (-26.0, -28.0, 175.0), (-26.0, -26.0, 150.0)], 11.0, blood)
    if aorta:
        body.vessel([(12.0, -30.0, 170.0), (12.0, -30.0, 400.0)], 9.0, blood)
    return body


def head(tilt: float = 0.0) -> Body:
    """A skull of 7 mm around a brain 170 mm long, 130 mm wide and 130 mm high, its top at z 170."""
    body = Body(length=200.0, width=220.0, depth=240.0, spine_from=1e9)
    body.hu[:] = -1000.0
    turned = body.x - tilt * (body.y + 40)

    def ball(extra: float) -> np.ndarray:
        return (turned / (65 + extra)) ** 2 + ((body.y + 40) / (85 + extra)) ** 2 + ((body.z - 105) / (65 + extra)) ** 2

    body.masks["body"][:] = ball(14) < 1
    body.hu[ball(14) < 1] = MUSCLE
    body.put((ball(7) < 1) & (ball(0) >= 1), 900.0, "bone")
    body.hu[ball(0) < 1] = 35.0
    return body


def neck() -> Body:
    """Shoulders to jaw: lung tops to z 30, windpipe at (0, -45), vertebrae."""
    body = Body(length=160.0, width=200.0, depth=190.0)
    body.hu[body.inner & ~body.masks["bone"]] = MUSCLE
    body.lungs(0.0, 30.0)
    body.put((np.hypot(body.x, body.y + 45) < 8) & (body.z < 150), -950.0, "airway")
    return body


def leg(side: float = 1.0, both: bool = True) -> Body:
    """Thigh and knee; the knee at z 60, its shaft above, the other leg towards the midline (to the right if +1)."""
    body = Body(length=320.0, width=330.0, depth=230.0, spine_from=1e9)
    body.hu[:] = -1000.0
    body.masks["body"][:] = False
    for centre, wanted in ((70.0 * side, True), (-75.0 * side, both)):
        if not wanted:
            continue
        away = np.hypot(body.x - centre, body.y + 40)
        away = np.broadcast_to(away, body.hu.shape)
        body.masks["body"] |= away < 68
        body.hu[away < 68] = MUSCLE
        body.hu[(away < 68) & (away > 60)] = FAT
        wide = 14.0 + 22.0 * np.exp(-(((body.z - 60) / 28) ** 2))
        body.put(np.broadcast_to(away < wide, body.hu.shape), 700.0, "bone")
    return body


def cropped(frame: Frame, slices: slice) -> Frame:
    """The frame of some slices only."""
    hu = np.array(frame.volume.hu[slices])
    names = ("body", "lung_left", "lung_right", "airway", "bone", "metal", "fat")
    masks = {name: getattr(frame, name)[slices] for name in names}
    volume = Volume(hu, Geometry(hu.shape, frame.volume.geometry.spacing))
    return replace(frame, volume=volume, hu=np.array(hu), spine=frame.spine[slices], **masks)


def without(frame: Frame, **masks: np.ndarray) -> Frame:
    """The frame with some masks replaced."""
    return replace(frame, **masks)
