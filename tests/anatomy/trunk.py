"""A synthetic abdomen and pelvis with known organs, built on the phantom of the vessels."""

from __future__ import annotations

import numpy as np

from calciscope.anatomy.embedded.frame import Frame
from calciscope.domain.anatomy import Region
from tests.anatomy.phantom import FAT, MM, MUSCLE, SHELL, Body

LIVER, KIDNEY, BILE, URINE, SPLEEN = 58.0, 32.0, 6.0, 5.0, 50.0
REGIONS = (Region("pelvis", 0, 52, 0.8), Region("abdomen", 52, 112, 0.85), Region("chest", 112, 150, 0.9))


def ellipsoid(body: Body, centre: tuple[float, float, float], radii: tuple[float, float, float]) -> np.ndarray:
    """Inside an ellipsoid; centre and radii as (x, y, z) mm."""
    x, y, z = centre
    return ((body.x - x) / radii[0]) ** 2 + ((body.y - y) / radii[1]) ** 2 + ((body.z - z) / radii[2]) ** 2 < 1


def trunk(
    *,
    contrast: float = 0.0,
    left_kidney: bool = True,
    stone: bool = False,
    gallstone: bool = False,
    bladder: bool = True,
) -> tuple[Body, dict[str, np.ndarray]]:
    """Liver, spleen, kidneys, gallbladder, psoas, hip bones, sacrum, bladder and lungs; with their true masks."""
    body = Body(length=450.0, spine_from=60.0)
    body.lungs(330.0, 450.0)
    round_ = np.hypot(body.x / (0.45 * body.width), (body.y + 0.18 * body.depth) / (0.435 * body.depth))
    rim = np.hypot(body.x / (0.462 * body.width), (body.y + 0.18 * body.depth) / (0.45 * body.depth))
    body.put(body.masks["body"] & (round_ > 1) & (rim < 1), FAT)
    truth: dict[str, np.ndarray] = {}

    def organ(name: str, where: np.ndarray, hu: float) -> None:
        where = where & body.inner
        truth[name] = where
        body.put(where, hu)
        for lung in ("lung_left", "lung_right"):
            body.masks[lung] &= ~where

    organ("liver", ellipsoid(body, (-62.0, -45.0, 290.0), (72.0, 70.0, 75.0)), LIVER + 0.5 * contrast)
    organ("spleen", ellipsoid(body, (95.0, -15.0, 310.0), (28.0, 40.0, 42.0)), SPLEEN + 0.6 * contrast)
    for side, sign in (("left", 1), ("right", -1)):
        psoas = (np.hypot(body.x - sign * 32, body.y - 4) < 16) & (body.z > 100) & (body.z < 290)
        body.put(psoas & ~body.masks["bone"], MUSCLE)
        if side == "right" or left_kidney:
            organ(f"kidney_{side}", ellipsoid(body, (sign * 68.0, 2.0, 215.0), (23.0, 25.0, 52.0)), KIDNEY + contrast)
    gallbladder = ellipsoid(body, (-48.0, -72.0, 222.0), (16.0, 15.0, 24.0))
    organ("gallbladder", gallbladder, BILE)
    truth["liver"] &= ~gallbladder
    if gallstone:
        shell = ellipsoid(body, (-48.0, -72.0, 218.0), (9.0, 9.0, 9.0))
        body.put(shell & ~ellipsoid(body, (-48.0, -72.0, 218.0), (5.0, 5.0, 5.0)), 500.0)
    if stone:
        body.put(ellipsoid(body, (66.0, 2.0, 215.0), (5.0, 5.0, 5.0)), 900.0)
    for sign in (1, -1):
        wing = (np.abs(body.x * sign - 62 - 0.35 * np.clip(body.z - 90, 0, 100)) < 7) & (body.z > 15) & (body.z < 155)
        body.put(wing & (body.y > -55 + 0.3 * np.abs(body.z - 60)) & (body.y < 48), SHELL, "bone")
    sacrum = (np.abs(body.x) < 66) & (np.abs(body.y - 34) < 9) & (body.z > 85) & (body.z < 150)
    body.put(sacrum, SHELL, "bone")
    body.put((np.abs(body.x) < 12) & (np.abs(body.y - 44) < 6) & (body.z > 25) & (body.z <= 88), SHELL, "bone")
    if bladder:
        organ("urinary_bladder", ellipsoid(body, (0.0, -38.0, 60.0), (36.0, 30.0, 28.0)), URINE)
    return body, truth


def frame(body: Body, *, regions: bool = True) -> Frame:
    """The frame of a trunk, with its regions."""
    return body.frame(seed=3, regions=REGIONS if regions else ())


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Overlap of two masks, 0 to 1."""
    return float(2 * (one & other).sum() / max(1, one.sum() + other.sum()))


__all__ = ["MM", "REGIONS", "dice", "ellipsoid", "frame", "trunk"]
