"""Simulated bodies of varied build, coverage, noise, thickness, contrast and posture, and what is found in them.

The voxels are 2.4 mm across and the bodies coarse, so that some two hundred of them take minutes, not hours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage
from tests.anatomy.simulated import sampled

from calciscope.anatomy.embedded import segment
from calciscope.domain.anatomy import Anatomy
from calciscope.domain.image import Geometry, Volume
from calciscope.simulate.body import Body, Habitus
from calciscope.simulate.patient import Simulated, simulate
from calciscope.simulate.sites import Site

# What is found, and what it is in the simulated body.
TRUE: dict[str, tuple[str, ...]] = {
    "lung_left": ("lung_left", "lung_vessels"),
    "lung_right": ("lung_right", "lung_vessels"),
    "airway": ("trachea",),
    "heart_region": ("heart", "pericardium"),
    "aorta": ("aorta",),
    "iliac_artery_left": ("iliac_artery_left", "femoral_artery_left"),
    "iliac_artery_right": ("iliac_artery_right", "femoral_artery_right"),
    "liver": ("liver",),
    "spleen": ("spleen",),
    "gallbladder": ("gallbladder",),
    "kidney_left": ("kidney_left", "renal_artery_left", "renal_vein_left", "ureter_left"),
    "kidney_right": ("kidney_right", "renal_artery_right", "renal_vein_right", "ureter_right"),
    "urinary_bladder": ("urinary_bladder",),
    "bowel": ("colon", "small_bowel", "duodenum", "stomach"),
    "subcutaneous_fat": ("subcutaneous_fat",),
}
# What one structure of the body is called in pieces.
FOUND: dict[str, tuple[str, ...]] = {
    "aorta": ("aorta_ascending", "aorta_arch", "aorta_descending", "aorta_abdominal"),
    "bowel": ("bowel", "small_bowel", "colon"),
    "kidney_left": ("kidney_left", "kidney_cortex_left", "kidney_medulla_left", "kidney_sinus_left"),
    "kidney_right": ("kidney_right", "kidney_cortex_right", "kidney_medulla_right", "kidney_sinus_right"),
}
# A structure of which less than this is in view may be absent, ml.
IN_VIEW_ML: dict[str, float] = {"aorta": 15.0, "airway": 6.0, "gallbladder": 5.0, "iliac_artery_left": 3.0,
                                "iliac_artery_right": 3.0}  # fmt: skip
USUAL_ML = 40.0
SPANS = {
    "whole": (-60.0, 612.0),
    "chest": (385.0, 612.0),
    "chest and abdomen": (190.0, 612.0),
    "abdomen": (190.0, 425.0),
    "abdomen and pelvis": (-40.0, 430.0),
    "pelvis": (-40.0, 260.0),
    "hips": (-60.0, 150.0),
}
POSTURES = ("supine", "arms down", "scoliosis", "one lung missing", "small field", "prone", "lateral", "mirrored",
            "upside down")  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """One body: how it is built and scanned."""

    seed: int
    span: str
    posture: str
    options: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One structure of one body: overlap, precision, what is in view (ml), what was found, confidence, mm off."""

    setting: Setting
    name: str
    dice: float
    right: float
    true_ml: float
    found_ml: float
    sure: float
    off_mm: float = float("nan")


def settings(count: int, posture: str | None = None) -> Iterator[Setting]:
    """``count`` bodies, the same ones each time; without a posture, lying on the back in four of five."""
    for seed in range(count):
        rng = np.random.default_rng([41, seed])
        sex = "male" if rng.random() < 0.5 else "female"
        habitus = Habitus(
            float(np.clip(rng.normal(175 if sex == "male" else 162, 8), 148, 198)),
            float(rng.uniform(0.86, 1.18)),
            float(rng.choice([0.35, 0.7, 1.0, 1.6, 2.4])),
            sex,
        )
        span = str(rng.choice(list(SPANS)))
        thickness = float(rng.choice([3.0, 3.0, 5.0, 5.0, 8.0]))
        options: dict[str, object] = {
            "habitus": habitus,
            "thickness": thickness,
            "increment": thickness,
            "noise": float(rng.choice([8.0, 14.0, 25.0, 40.0])),
            "kernel": str(rng.choice(["soft", "standard", "standard", "sharp"])),
            "kvp": float(rng.choice([80.0, 100.0, 120.0, 120.0, 140.0])),
            "contrast": bool(rng.random() < 0.4),
            "prosthesis": bool(rng.random() < 0.1),
        }
        drawn = "supine" if rng.random() < 0.8 else str(rng.choice(POSTURES[1:5]))
        yield Setting(seed, span, posture or drawn, options)


@dataclass(frozen=True, eq=False)
class Looked:
    """A simulated body, the volume as it lies, what was found in it, and whether its truth holds in the volume."""

    rows: list[Row]
    anatomy: Anatomy
    volume: Volume
    made: Simulated
    holds: bool


def look(setting: Setting, deposits: Sequence[Site] = ()) -> Looked:
    """Simulate, segment and compare; ``deposits`` are the places that may calcify."""
    made = simulate(setting.seed, quick=True, deposits=deposits, span=SPANS[setting.span], **setting.options)  # type: ignore[arg-type]
    labels = sampled(made.body, made.volume.geometry)
    hu, labels, keep = posed(made.volume.hu, labels, made.body, made.volume.geometry, setting)
    geometry = made.volume.geometry
    volume = Volume(hu, Geometry(hu.shape, geometry.spacing, geometry.origin), made.volume.acquisition)
    anatomy = segment(volume)
    ml = volume.geometry.voxel_mm3 / 1000.0
    rows = []
    for name, there in TRUE.items():
        true = np.isin(labels, [made.body.names[t] for t in there if t in made.body.names])
        parts = [part for part in FOUND.get(name, (name,)) if part in anatomy.structures]
        found = anatomy.mask(*parts)
        both = float((true & found).sum())
        sure = max((anatomy.structures[part].confidence for part in parts), default=0.0)
        rows.append(
            Row(setting, name, 2 * both / max(1.0, float(true.sum() + found.sum())), both / max(1.0, found.sum()),
                float(true.sum()) * ml, float(found.sum()) * ml, sure)
        )  # fmt: skip
    if keep:
        rows += [row for side in ("left", "right") for row in _ureter(setting, anatomy, made.body, volume, side)]
    return Looked(rows, anatomy, volume, made, keep)


def _ureter(setting: Setting, anatomy: Anatomy, body: Body, volume: Volume, side: str) -> Iterator[Row]:
    """How far the points of a traced ureter lie from the true course, mm: the mean and the 90th percentile."""
    tube = anatomy.tubes.get(f"ureter_{side}")
    if tube is None:
        return
    course = body.courses[f"ureter.{side}"].points
    for part in ("upper", "lower"):
        # The true course crosses the brim about here.
        brim = 150.0 * body.scale[2]
        high = tube.points[:, 2] > brim
        points = tube.points[high if part == "upper" else ~high]
        inside = (points[:, 2] > course[:, 2].min()) & (points[:, 2] < course[:, 2].max())
        if inside.any():
            away = np.linalg.norm(points[inside][:, None] - course[None], axis=2).min(axis=1)
            yield Row(setting, f"ureter {part}", float("nan"), float((away < 12.0).mean()), 1.0, 1.0, tube.confidence,
                      float(np.percentile(away, 90)))  # fmt: skip


def posed(
    hu: np.ndarray, labels: np.ndarray, body: Body, geometry: Geometry, setting: Setting
) -> tuple[np.ndarray, np.ndarray, bool]:
    """The body as it lies: voxels, labels, and whether its courses still hold in the geometry of the series."""
    table = labels == body.names.get("table", 0)
    if setting.posture in ("prone", "lateral", "upside down"):
        # The table stays below.
        free = np.where(table, np.int16(-1000), hu)
        rest = np.where(table, 0, labels)
        if setting.posture == "upside down":
            return np.ascontiguousarray(hu[::-1]), np.ascontiguousarray(labels[::-1]), False
        turns = 2 if setting.posture == "prone" else 1
        free, rest = np.rot90(free, turns, axes=(1, 2)), np.rot90(rest, turns, axes=(1, 2))
        bodies = np.flatnonzero((rest > 0).any(axis=(0, 2)))
        low = min(int(bodies[-1]) + 2, free.shape[1] - 3)
        free, rest = free.copy(), rest.copy()
        free[:, low : low + 3, 8:-8] = 40
        rest[:, low : low + 3, 8:-8] = body.names.get("table", 0)
        return np.ascontiguousarray(free), np.ascontiguousarray(rest), False
    if setting.posture == "mirrored":
        return np.ascontiguousarray(hu[:, :, ::-1]), np.ascontiguousarray(labels[:, :, ::-1]), False
    if setting.posture == "scoliosis":
        return *_bent(hu, labels, geometry), False
    if setting.posture == "one lung missing" and "lung_left" in body.names:
        out = hu.copy()
        gone = ndimage.binary_closing(labels == body.names["lung_left"], iterations=2)
        out[gone] = np.random.default_rng(setting.seed).normal(18.0, 14.0, int(gone.sum())).astype(np.int16)
        return out, np.where(labels == body.names["lung_left"], 0, labels), True
    if setting.posture == "small field":
        middle = hu.shape[2] // 2
        half = round(115.0 / geometry.spacing[2])
        rows = slice(0, hu.shape[1])
        return hu[:, rows, middle - half : middle + half].copy(), labels[:, rows, middle - half : middle + half], False
    if setting.posture == "arms down":
        return _with_arms(hu, geometry), labels, True
    return hu, labels, True


def _bent(hu: np.ndarray, labels: np.ndarray, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """A curve of the spine: slices moved sideways by up to 25 mm over 300 mm of height."""
    out, names = np.full_like(hu, -1000), np.zeros_like(labels)
    for z in range(len(hu)):
        shift = round(25.0 * np.sin(2 * np.pi * z * geometry.spacing[0] / 300.0) / geometry.spacing[2])
        n = hu.shape[2]
        to, of = slice(max(0, shift), n + min(0, shift)), slice(max(0, -shift), n - max(0, shift))
        out[z][:, to], names[z][:, to] = hu[z][:, of], labels[z][:, of]
    return out, names


def _with_arms(hu: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Two arms beside the trunk: fat, muscle and one bone, cut by the edge of the field of view where it is narrow."""
    out = hu.copy()
    y, x = np.indices(hu.shape[1:])
    for column in (8, hu.shape[2] - 9):
        away = np.hypot((y - 0.55 * hu.shape[1]) * geometry.spacing[1], (x - column) * geometry.spacing[2])
        air = hu < -600
        for reach, value in ((42.0, -100), (36.0, 55), (12.0, 900), (6.0, 60)):
            out = np.where(air & (away < reach)[None], np.int16(value), out)
    return out
