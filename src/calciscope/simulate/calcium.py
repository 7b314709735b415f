"""The calcium of a heart and of what lies around it, as varied as in a clinic, drawn from a generator.

How often each place calcifies and how coronary lesions are spread over the arteries and over their sizes follow the
published counts of screened middle-aged and old people: a quarter without coronary calcium, many small lesions and few
large ones, the proximal LAD first (Budoff MJ et al., MESA; Agatston AS et al. 1990).
"""

from __future__ import annotations

import numpy as np

from calciscope.simulate.chambers import Heart
from calciscope.simulate.coronary import coronaries
from calciscope.simulate.gated import shell
from calciscope.simulate.growth import Milieu
from calciscope.simulate.shapes import Vector
from calciscope.simulate.sites import Site, leaflets, nodule, wall
from calciscope.simulate.thorax import hilum

# Lesions and their odds by burden.
_BURDENS = ((0, 0), (1, 3), (3, 7), (6, 14))
_ODDS = (0.25, 0.30, 0.22, 0.23)
_ARTERIES = ("lad", "rca", "lcx", "lm")
_SHARES = (0.45, 0.27, 0.19, 0.09)
# Where along each artery lesions lie: the two parameters of a beta distribution from the ostium to the end.
_ALONG = {"lad": (1.2, 2.6), "rca": (1.1, 1.5), "lcx": (1.1, 1.7), "lm": (1.6, 1.0)}
# Share of the lesions of an artery that lie in its branches.
_IN_BRANCH = 0.15


def coronary(heart: Heart, rng: np.random.Generator, motion: float = 0.0) -> tuple[Site, ...]:
    """Coronary lesions; ``motion`` (mm) is how far the right artery moves during a slice, the others less."""
    low, high = _BURDENS[int(rng.choice(len(_BURDENS), p=_ODDS))]
    count = int(rng.integers(low, high + 1)) if high else 0
    made = [_lesion(heart, str(rng.choice(_ARTERIES, p=_SHARES)), rng, motion) for _ in range(count)]
    if high > 7 and rng.random() < 0.35:
        # One sheet of calcium from the left main into the LAD.
        angle = float(rng.uniform(0, 360))
        made += [
            _plaque("coronary.lm", 0.75, 7.0, angle, 260.0, rng),
            _plaque("coronary.lad", 0.06, 13.0, angle, 260.0, rng),
        ]
    return tuple(made)


def _lesion(heart: Heart, artery: str, rng: np.random.Generator, motion: float) -> Site:
    branches = [name for name in coronaries(heart) if name.startswith(f"coronary.{artery}.")]
    name = str(rng.choice(branches)) if branches and rng.random() < _IN_BRANCH else f"coronary.{artery}"
    at = float(np.clip(rng.beta(*_ALONG[artery]), 0.03, 0.97))
    length = float(np.clip(rng.lognormal(np.log(3.6), 0.65), 1.2, 17.0))
    own = motion if artery == "rca" else 0.35 * motion
    turn = rng.uniform(0, 2 * np.pi)
    moved = (own * float(np.cos(turn)), own * float(np.sin(turn)), 0.0)
    return _plaque(name, at, length, float(rng.uniform(0, 360)), float(rng.uniform(70, 330)), rng, moved)


def _plaque(
    course: str,
    at: float,
    length: float,
    angle: float,
    span: float,
    rng: np.random.Generator,
    motion: Vector = (0.0, 0.0, 0.0),
) -> Site:
    state = Milieu(
        0.0, years=float(rng.uniform(8, 18)), density=float(rng.uniform(450, 950)), filling=4.0, roughness=1.3
    )
    fine = 0.3 if length < 6 else 0.4
    damage = wall(course, at, length, angle, span, float(rng.uniform(0.9, 1.7)), fine)
    nuclei = max(1, round(length / 2))
    site = f"artery.coronary.{course.split('.')[1]}"
    return Site(site, "dystrophic", "atheroma", damage, state, nuclei=nuclei, motion=motion)


def _worn(rng: np.random.Generator) -> Milieu:
    return Milieu(
        0.0, years=float(rng.uniform(7, 18)), density=float(rng.uniform(500, 950)), filling=4.0, roughness=1.2
    )


def elsewhere(heart: Heart, rng: np.random.Generator, chest: bool = False) -> tuple[Site, ...]:
    """Everything that calcifies around the coronaries, each as often as it does; ``chest`` adds the arch above."""
    made: list[Site] = []

    def add(odds: float, site: str, what: str, damage: object, nuclei: tuple[int, int]) -> None:
        # All draws are made whether or not it is there, so that odds do not move what follows.
        there, state, count = rng.random() < odds, _worn(rng), int(rng.integers(nuclei[0], nuclei[1] + 1))
        if there:
            made.append(Site(site, "dystrophic", what, damage, state, nuclei=count))  # type: ignore[arg-type]

    def u(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    valve = heart.valve
    add(0.40, "heart.aortic_valve", "worn leaflets", leaflets(valve, 11.0 * heart.root), (1, 14))
    add(
        0.20,
        "heart.aortic_valve",
        "worn ring of the aortic valve",
        wall("aorta.root", u(0.0, 0.2), u(3, 6), u(0, 360), u(25, 80), 1.4),
        (1, 4),
    )
    for odds in (0.25, 0.08):
        add(
            odds,
            "heart.mitral_annulus",
            "worn ring of the mitral valve",
            wall("mitral.annulus", u(0.15, 0.85), u(4, 40), 0, 360, u(1.2, 2.4)),
            (2, 12),
        )
    add(
        0.25,
        "artery.aorta.root",
        "atheroma of the root",
        wall("aorta.root", u(0.6, 0.95), u(3, 8), u(0, 360), u(15, 50), 1.5),
        (1, 4),
    )
    for odds in (0.3, 0.12):
        add(
            odds,
            "artery.aorta.ascending",
            "atheroma of the ascending aorta",
            wall("aorta.ascending", u(0.05, 0.8), u(3, 14), u(0, 360), u(12, 60), 1.5),
            (1, 5),
        )
    for odds in (0.45, 0.3, 0.15):
        add(
            odds,
            "artery.aorta.thoracic",
            "atheroma of the descending aorta",
            wall("aorta.thoracic", u(0.15, 0.85), u(3, 16), u(0, 360), u(12, 70), 1.6),
            (1, 5),
        )
    for odds in (0.5, 0.25):
        add(
            odds * chest,
            "artery.aorta.arch",
            "atheroma of the arch",
            wall("aorta.arch", u(0.2, 0.9), u(4, 16), u(0, 360), u(20, 80), 1.6),
            (1, 5),
        )
    towards = rng.normal(0, 1, 3) * (1.0, 1.0, 0.6) - (0.0, 0.6, 0.3)
    add(0.06, "heart.pericardium", "scar of the pericardium", shell(heart, towards, u(6, 20)), (6, 16))
    add(
        0.06,
        "heart.myocardium",
        "calcified papillary muscle",
        nodule(heart.point((46 + u(-6, 6), -34 + u(-8, 8), 414 + u(-6, 6))), u(1.5, 3.0)),
        (1, 3),
    )
    add(
        0.05,
        "heart.myocardium",
        "scar of an infarct",
        nodule(heart.point((58 + u(-4, 4), -52 + u(-4, 4), 404.0)), u(2, 5)),
        (2, 5),
    )
    left, right = hilum(1.0), hilum(-1.0)
    for odds, site, at in (
        (0.12, "node.hilar.left", (left[0], left[1], left[2] + u(-12, 4))),
        (0.12, "node.hilar.right", (right[0], right[1], right[2] + u(-12, 4))),
        (0.15, "node.mediastinal", (u(-6, 4), u(14, 20), u(478, 490))),
        (0.10 * chest, "node.mediastinal", (-14 + u(-3, 3), u(-8, 2), u(500, 520))),
    ):
        add(odds, site, "healed granuloma of a node", nodule(at, u(1.5, 5.0), "node"), (1, 5))
    side = -1.0 if rng.random() < 0.5 else 1.0
    add(
        0.12,
        "lung.nodule",
        "healed granuloma of the lung",
        nodule((side * u(75, 95), u(-20, 40), u(430, 470)), u(1.5, 4)),
        (1, 3),
    )
    return tuple(made)
