"""How sure a raw score of place is: curves for ``src/calciscope/knowledge/confidence.yaml``, fitted on known places.

Simulated patients are many and only like patients, the real scans are few: a real deposit counts as several simulated
ones, and a kind of place that no real scan confirmed stays below what counts as sure.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from confidence_rows import Said  # noqa: E402

from calciscope.domain import site as sites  # noqa: E402
from calciscope.place.confidence import SURE, Curve, Curves  # noqa: E402
from calciscope.place.decide import CERTAIN  # noqa: E402
from calciscope.simulate.compare import agreement  # noqa: E402

FILE = HERE.parent / "src" / "calciscope" / "knowledge" / "confidence.yaml"
# Kinds of place that are alike in how they are told: each has one curve.
KINDS: tuple[tuple[str, ...], ...] = (
    ("artery.aorta.*",),
    ("artery.aorta.root", "artery.aorta.ascending"),
    ("artery.coronary.*",),
    ("artery.coronary",),
    ("artery.iliac.*",),
    ("artery.leg.*",),
    ("artery.brachiocephalic.*", "artery.subclavian.*", "artery.carotid.*"),
    ("artery.splenic.*", "artery.renal.*", "artery.mesenteric.*"),
    ("artery",),
    ("heart",),
    ("heart.aortic_valve", "heart.mitral_annulus"),
    ("heart.myocardium", "heart.pericardium"),
    ("kidney.*",),
    ("ureter.*",),
    ("bladder.*",),
    ("vein.*",),
    ("gallbladder.*",),
    ("liver.*",),
    ("spleen.*",),
    ("bowel.*", "stomach.*", "appendix.*"),
    ("prostate.*", "uterus.*"),
    ("lung.*",),
    ("node.*",),
    ("soft_tissue.*",),
)
# A real deposit counts as this many simulated ones.
REAL = 4.0
# One-sided bound of the share that is right: four in five such bounds hold.
Z = 0.84
# A score is raised by this much at most: so few signs cannot make sure, however often they were right.
LIFT = 0.32
# The most that a kind of place may have: confirmed by this many real deposits, and otherwise.
CONFIRMED, MOST, UNCHECKED = 2, 0.97, SURE - 0.01
# Of what is given as sure, this share is right in simulated patients: in the heart and elsewhere, which are told apart
# by other means: one in a hundred more than is promised, for people who were not seen. Where it would not be, all there
# is made less sure until it is.
TRUE = 0.96
HEART = ("artery.coronary", "heart", "artery.aorta.root", "artery.aorta.ascending")
# Fewer rows than this give no curve, nor do fewer deposits that really lie there: where nothing lies, all is wrong.
FEW, THERE = 8, 3


@dataclass(frozen=True)
class Fitted:
    """A curve with what it rests on."""

    sites: tuple[str, ...]
    raw: tuple[float, ...]
    sure: tuple[float, ...]
    real: int
    simulated: int
    confirmed: bool


def fit(kind: Sequence[str], rows: Sequence[Said]) -> Fitted | None:
    """The curve of a kind of place: the share that was right must not fall with the score; its lower bound counts."""
    own = sorted((row for row in rows if best(row.site) == kind), key=lambda row: row.raw)
    there = sum(row.first and best(row.true[0]) == kind for row in rows)
    if len(own) < FEW or (there < THERE and any("." in name for name in kind)):
        return None
    weight = np.array([REAL if row.real else 1.0 for row in own])
    right = np.array([float(row.right) for row in own])
    raw = np.array([row.raw for row in own])
    found = isotonic_regression(right, weights=weight)
    edges = found.blocks.tolist()
    confirmed = sum(row.real and row.right for row in own) >= CONFIRMED
    most = MOST if confirmed else UNCHECKED
    points: list[tuple[float, float]] = []
    for start, stop in pairwise(edges):
        share = lower(float(found.x[start]), float(weight[start:stop].sum()))
        # Within a block the score says nothing more, but it is not trusted far beyond itself.
        points += [(float(at), share) for at in np.linspace(raw[start], raw[stop - 1], 4)]
    points = [(at, min(share, at + LIFT, most)) for at, share in points]
    high = 0.0
    kept: list[tuple[float, float]] = []
    for at, share in points:
        high = max(high, share)
        at, value = round(at, 3), round(high, 3)
        if kept and at <= kept[-1][0]:
            kept[-1] = (kept[-1][0], value)
        else:
            kept.append((at, value))
    real = sum(row.real for row in own)
    return Fitted(tuple(kind), tuple(a for a, _ in kept), tuple(b for _, b in kept), real, len(own) - real, confirmed)


def fitted(rows: Sequence[Said]) -> list[Fitted]:
    """A curve for each kind of place, with which what is given as sure is right as often as it must be."""
    curves = [curve for kind in KINDS if (curve := fit(kind, rows))]
    simulated = [row for row in rows if not row.real]
    for heart in (True, False):
        known = Curves(_by_site(curves), UNCHECKED)
        said = [(sure, row.right) for sure, row in _given(simulated, known) if _in_heart(row.site) == heart]
        bar = _bar(said)
        curves = [_raised(curve, bar) if _in_heart(curve.sites[0].removesuffix(".*")) == heart else curve
                  for curve in curves]  # fmt: skip
    return curves


def _by_site(curves: Sequence[Fitted]) -> dict[str, Curve]:
    return {name: Curve(curve.raw, curve.sure) for curve in curves for name in curve.sites}


def _in_heart(place: str) -> bool:
    base, _ = sites.split(place)
    return any(sites.within(base, above) for above in HEART)


def _bar(said: Sequence[tuple[float, bool]]) -> float:
    """The least confidence from which on enough is right: :data:`SURE` where that is so already, 1 where never."""
    if not any(sure >= SURE for sure, _ in said):
        return SURE
    for bar in sorted({SURE, *(sure for sure, _ in said if sure > SURE)}):
        right = [one for sure, one in said if sure >= bar]
        if right and np.mean(right) >= TRUE:
            return bar
    return 1.0


def _raised(curve: Fitted, bar: float) -> Fitted:
    """A curve on which what was as sure as the bar is just sure; what is just certain stays so."""
    if bar < 1.0:
        sure = np.interp(curve.sure, (0.0, CERTAIN, bar, 1.0), (0.0, CERTAIN, SURE, 1.0))
    else:
        sure = np.minimum(curve.sure, UNCHECKED)
    return replace(curve, sure=tuple(round(float(one), 3) for one in sure))


def best(place: str) -> tuple[str, ...] | None:
    """The kind of place that a site belongs to: its own, or that of the nearest site above it."""
    base, _ = sites.split(place)
    by_name = {name: kind for kind in KINDS for name in kind}
    names = (base, *(f"{above}.*" for above in (base, *sites.ancestors(base))))
    return next((by_name[name] for name in names if name in by_name), None)


def lower(share: float, count: float) -> float:
    """Wilson's lower bound of a share seen ``count`` times."""
    spread = Z * np.sqrt(share * (1 - share) / count + Z * Z / (4 * count * count))
    return float((share + Z * Z / (2 * count) - spread) / (1 + Z * Z / count))


def left_out(rows: Sequence[Said]) -> Iterator[str]:
    """A line of a table for each real scan, placed with curves fitted without it."""
    real = [row for row in rows if row.real]
    yield from _lines(rows, {case: [case] for case in dict.fromkeys(row.case for row in real)}, "**all**")


def left_out_simulated(rows: Sequence[Said]) -> Iterator[str]:
    """The same for simulated patients, in fifths; one line for bodies and one for hearts."""
    for sort in ("body", "heart"):
        cases = list(dict.fromkeys(row.case for row in rows if row.case.startswith(f"{sort} ")))
        fifths = {f"{sort} {k}": cases[k::5] for k in range(5) if cases[k::5]}
        *_, whole = _lines(rows, fifths, {"body": "bodies", "heart": "hearts"}[sort])
        yield whole


def _lines(rows: Sequence[Said], parts: Mapping[str, Sequence[str]], name: str) -> Iterator[str]:
    sums = np.zeros(4, dtype=int)
    for part, cases in parts.items():
        without = set(cases)
        rest = [row for row in rows if row.case not in without]
        known = Curves(_by_site(fitted(rest)), UNCHECKED)
        count = _count([row for row in rows if row.case in without], known)
        sums += count
        yield f"| {part} | {' | '.join(map(str, count))} |"
    yield f"| {name} | {' | '.join(map(str, sums))} |"


def _count(rows: Sequence[Said], known: Curves) -> NDArray[np.int64]:
    """Deposits, exact ones at or above what is sure, all that are sure, and those of them that are right."""
    count = np.zeros(4, dtype=np.int64)
    count[0] = len({(row.case, row.deposit) for row in rows})
    for sure, row in _given(rows, known):
        if sure >= SURE:
            count[1:] += (agreement(row.true[0], row.site) == "exact", 1, row.right)
    return count


def _given(rows: Sequence[Said], known: Curves) -> Iterator[tuple[float, Said]]:
    """What is said of each deposit of which anything is certain enough, and how sure it is."""
    chains: dict[tuple[str, int], list[Said]] = {}
    for row in rows:
        chains.setdefault((row.case, row.deposit), []).append(row)
    for chain in chains.values():
        sure = ((known.calibrated(row.site, row.raw), row) for row in chain)
        given = next((pair for pair in sure if pair[0] >= CERTAIN), None)
        if given is not None:
            yield given


def write(curves: Sequence[Fitted], count: int, pumps: int) -> None:
    """The file, with how many deposits each curve rests on."""
    head = (
        "# How often a place with a raw score was right, by site. Written by docs/make_anatomy.py; read by place.\n"
        "#   sites       without side; `artery.aorta.*` is the aorta and all its parts, `artery` that site alone\n"
        "#   raw, sure   points of a curve: score of the place, and the confidence it is given\n"
        "#   real, simulated   deposits it rests on; confirmed: real ones were placed right\n"
        "#   unchecked   the most that a site without a curve may have\n"
        f"# Fitted on {count} simulated trunks, {pumps} simulated hearts and the real scans.\n"
    )
    table = {
        "unchecked": round(UNCHECKED, 2),
        "curves": [
            {"sites": list(c.sites), "real": c.real, "simulated": c.simulated, "confirmed": c.confirmed,
             "raw": list(c.raw), "sure": list(c.sure)}
            for c in curves
        ],
    }  # fmt: skip
    text = yaml.safe_dump(table, sort_keys=False, default_flow_style=None, width=118)
    FILE.write_text(head + text, encoding="utf-8")
