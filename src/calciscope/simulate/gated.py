"""Scans of the heart alone: a small field of view and the height of the heart, with calcium at known places of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from calciscope.simulate.body import Body, Habitus
from calciscope.simulate.growth import Milieu
from calciscope.simulate.heart import Heart, drawn, sac
from calciscope.simulate.patient import Simulated, simulate
from calciscope.simulate.sites import Damage, Local, Site, leaflets, nodule, wall
from calciscope.simulate.thorax import hilum

# From the aortic valve down and up, mm: what a scan of the heart covers.
_COVERS = (-80.0, 52.0)
# The middle of the field of view against the valve, mm: to the left and to the front.
_MIDDLE = (14.0, -12.0)

_PLAQUE = Milieu(0.0, years=14.0, density=750.0, filling=4.0, roughness=1.3)
_WORN = Milieu(0.0, 14.0, 800.0, 4.0, roughness=1.2)
_SHEET = Milieu(0.0, 20.0, 650.0, 5.0, roughness=0.8)


def heart_scan(
    seed: int = 1,
    *,
    fov: float = 180.0,
    thickness: float = 3.0,
    noise: float = 20.0,
    kvp: float = 120.0,
    contrast: bool = False,
    heart: Heart | None = None,
    deposits: Sequence[Site] | None = None,
    habitus: Habitus | None = None,
    matrix: int = 512,
) -> Simulated:
    """A scan of the heart alone, contiguous slices of ``thickness`` mm over a field of view of ``fov`` mm.

    ``heart`` is drawn from the seed by default, and so are the places that calcify (:func:`places`).
    """
    rng = np.random.default_rng([seed, 11])
    pump = drawn(rng) if heart is None else heart
    x, y, z = pump.valve
    return simulate(
        seed,
        kvp=kvp,
        thickness=thickness,
        increment=thickness,
        pixel=fov / matrix,
        matrix=matrix,
        noise=noise,
        contrast=contrast,
        deposits=places(pump, rng) if deposits is None else deposits,
        habitus=habitus,
        span=(z + _COVERS[0], z + _COVERS[1]),
        centre=(x + _MIDDLE[0], y + _MIDDLE[1]),
        heart=pump,
    )


def places(heart: Heart, rng: np.random.Generator) -> tuple[Site, ...]:
    """Places in and beside a heart that calcify, some of each kind, apart from each other."""
    made = [
        plaque("lm", float(rng.uniform(0.3, 0.8)), 5.0, rng),
        plaque("lad", float(rng.choice([rng.uniform(0.12, 0.3), rng.uniform(0.4, 0.8)])), 9.0, rng),
        plaque("lcx", float(rng.choice([rng.uniform(0.2, 0.4), rng.uniform(0.5, 0.85)])), 8.0, rng),
        plaque(
            "rca", float(rng.choice([rng.uniform(0.06, 0.15), rng.uniform(0.25, 0.5), rng.uniform(0.6, 0.9)])), 9, rng
        ),
        Site("heart.aortic_valve", "dystrophic", "worn leaflets", leaflets(heart.valve, 11.0), _WORN, nuclei=7),
        Site(
            "heart.mitral_annulus",
            "dystrophic",
            "worn ring of the mitral valve",
            wall("mitral.annulus", float(rng.uniform(0.3, 0.7)), float(rng.uniform(10, 28)), 0, 360, 1.5),
            _WORN,
            nuclei=8,
        ),
        Site(
            "artery.aorta.root",
            "dystrophic",
            "atheroma of the aortic root",
            wall("aorta.root", float(rng.uniform(0.75, 0.95)), 6.0, float(rng.uniform(90, 250)), 40, 1.5),
            _PLAQUE,
            nuclei=4,
        ),
        Site(
            "artery.aorta.ascending",
            "dystrophic",
            "atheroma of the ascending aorta",
            wall("aorta.ascending", float(rng.uniform(0.35, 0.55)), 9.0, float(rng.uniform(0, 360)), 45, 1.6),
            _PLAQUE,
            nuclei=4,
        ),
        Site(
            "heart.pericardium",
            "dystrophic",
            "scar of the pericardium",
            shell(heart, rng.normal(0, 1, 3) * (1.0, 1.0, 0.6) - (0.0, 0.6, 0.3), float(rng.uniform(8, 16))),
            _SHEET,
            nuclei=14,
        ),
        Site(
            "heart.myocardium",
            "dystrophic",
            "scar of an infarct",
            nodule(heart.point((58.0, -52.0, 404.0)), 3.5),
            _PLAQUE,
            nuclei=3,
        ),
        Site(
            "node.hilar.left",
            "dystrophic",
            "healed granuloma of a hilar node",
            nodule((hilum(1.0)[0], hilum(1.0)[1], hilum(1.0)[2] - 4.0), 4.0, "node"),
            _PLAQUE,
            nuclei=4,
        ),
    ]
    kept = rng.permutation(len(made))[: int(rng.integers(5, 9))]
    return tuple(made[k] for k in sorted(kept.tolist()))


def plaque(artery: str, at: float, length: float, rng: np.random.Generator) -> Site:
    """An atheroma of a coronary artery, ``at`` its relative position along it."""
    damage = wall(f"coronary.{artery}", at, length, float(rng.uniform(0, 360)), float(rng.uniform(150, 320)), 1.4, 0.3)
    return Site(f"artery.coronary.{artery}", "dystrophic", "atheroma", damage, _PLAQUE, nuclei=5)


def shell(heart: Heart, towards: NDArray[np.float64], radius: float, spacing: float = 0.5) -> Local:
    """A patch of the pericardium: damage on the sac's surface around where a ray from the heart's middle leaves it."""
    middle = heart.moved(np.array([(18.0, -38.0, 426.0)]))[0]
    unit = np.asarray(towards, dtype=np.float64) / np.linalg.norm(towards)
    surface = sac(heart).grow(0.7)

    def make(body: Body, rng: np.random.Generator) -> Damage:
        away = np.arange(0.0, 120.0, 0.5)
        ray = middle + away[:, None] * unit
        x, y, z = (ray[:, k].astype(np.float32) for k in range(3))
        out = np.flatnonzero(surface.distance(x, y, z) > 0)
        centre = ray[out[0]] if out.size else ray[-1]
        scale = np.asarray(body.scale)
        low = (centre - radius - 2.0) * scale
        count = np.ceil((2 * radius + 4.0) * scale / spacing).astype(int)
        axes = [(low[k] + spacing * np.arange(count[k])) / scale[k] for k in range(3)]
        gx, gy, gz = np.ix_(*(axis.astype(np.float32) for axis in axes[::-1]))[::-1]
        layer = np.exp(-((surface.distance(gx, gy, gz) / np.float32(0.9)) ** 2))
        square = sum((c - np.float32(p)) ** 2 for c, p in zip((gx, gy, gz), centre, strict=True))
        reach = np.sqrt(np.asarray(square))
        field = np.asarray(layer * np.clip((radius - reach) / 2.0, 0, 1), dtype=np.float32)
        return Damage(field, spacing, (float(low[0]), float(low[1]), float(low[2])))

    return make
