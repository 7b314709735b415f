"""Hearts and chests as varied as real ones, drawn from a generator.

Ranges are those of published anatomy and of ordinary practice: sinuses of Valsalva of 26 to 42 mm, a left main of 2 to
20 mm, dominance right in 80, left in 10 and balanced in 10 of 100, epicardial fat from almost none to thick, a
diaphragm 15 mm lower or higher than the mean, aortas that lengthen and widen with age.
"""

from __future__ import annotations

import numpy as np

from calciscope.simulate.body import Habitus
from calciscope.simulate.chambers import Heart, Tree
from calciscope.simulate.wear import Chest


def _normal(rng: np.random.Generator, mean: float, spread: float, low: float, high: float) -> float:
    return float(np.clip(rng.normal(mean, spread), low, high))


def tree(rng: np.random.Generator) -> Tree:
    """Coronary arteries of one person."""
    return Tree(
        dominance=str(rng.choice(["right", "left", "balanced"], p=[0.8, 0.1, 0.1])),
        main=float(np.clip(rng.lognormal(np.log(9.5), 0.45), 2.0, 20.0)),
        left=(_normal(rng, 18, 14, -15, 50), _normal(rng, 13.5, 2.5, 8, 19)),
        right=(_normal(rng, -112, 14, -145, -80), _normal(rng, 13, 3, 7, 20)),
        diagonals=int(rng.choice([1, 2, 3], p=[0.25, 0.5, 0.25])),
        marginals=int(rng.choice([1, 2, 3], p=[0.35, 0.45, 0.2])),
        acute=int(rng.choice([0, 1, 2], p=[0.3, 0.5, 0.2])),
        intermediate=bool(rng.random() < 0.3),
        lad=_normal(rng, 0.92, 0.1, 0.7, 1.0),
        gap=float(rng.choice([0.2, 0.6, 1.2, 2.2, 3.2])),
        bridge=bool(rng.random() < 0.25),
        calibre=_normal(rng, 1.0, 0.15, 0.75, 1.4),
    )


def heart(rng: np.random.Generator) -> Heart:
    """One person's heart."""
    failing = rng.random() < 0.1
    chambers = tuple(_normal(rng, 1.12 if failing else 1.0, 0.05, 0.9, 1.25) for _ in range(4))
    root = _normal(rng, 33.0, 3.4, 26, 42) / 32.0
    return Heart(
        turn=_normal(rng, 0, 9, -22, 22),
        tip=_normal(rng, 0, 9, -20, 20),
        nod=_normal(rng, 0, 6, -12, 12),
        size=_normal(rng, 1.0, 0.07, 0.84, 1.17),
        fat=float(np.clip(rng.lognormal(-0.1, 0.5), 0.25, 2.6)),
        tilt=(_normal(rng, 0, 3.5, -8, 8), _normal(rng, 0, 3.5, -8, 8)),
        wander=float(rng.uniform(1.0, 4.5)),
        seed=int(rng.integers(1 << 30)),
        chambers=(chambers[0], chambers[1], chambers[2], chambers[3], _normal(rng, 1.0, 0.05, 0.9, 1.15)),
        root=root,
        aorta=root * _normal(rng, 1.0, 0.08, 0.85, 1.3),
        unfold=float(np.clip(rng.normal(4, 7), 0, 22)),
        tree=tree(rng),
    )


def chest(rng: np.random.Generator) -> Chest:
    """One person's chest around the heart."""
    return Chest(
        dome=_normal(rng, 0, 8, -18, 15),
        cartilage=float(rng.choice([0.0, 1.0, 2.0, 4.0])),
        osteophytes=float(np.clip(rng.normal(0.25, 0.4), 0, 1)),
        seed=int(rng.integers(1 << 30)),
    )


def habitus(rng: np.random.Generator) -> Habitus:
    """One person's build, from slight to obese."""
    sex = "male" if rng.random() < 0.55 else "female"
    return Habitus(
        _normal(rng, 175 if sex == "male" else 162, 8, 148, 198),
        float(rng.uniform(0.88, 1.16)),
        float(np.clip(rng.lognormal(0.0, 0.5), 0.35, 2.4)),
        sex,
    )
