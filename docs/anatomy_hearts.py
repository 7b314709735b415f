"""Simulated hearts of many people, and how well the calcium of their coronary arteries is found and placed.

    python docs/anatomy_hearts.py N [KIND] [KIT]

prints the section for N people of each kind of scan (or of one kind, with one device). The truth of a vessel is the
Agatston score of the scan's own voxels in the true mask of its lesions: what a perfect reader would mark.
"""

from __future__ import annotations

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from calciscope.anatomy.embedded import segment
from calciscope.domain.deposit import PlacedDeposit
from calciscope.find import ct
from calciscope.measure import presets
from calciscope.measure.agatston import score
from calciscope.measure.voltage import threshold_of
from calciscope.measure.voxels.islands import Stack
from calciscope.place import place
from calciscope.simulate import devices
from calciscope.simulate.compare import agreement
from calciscope.simulate.patient import Simulated
from calciscope.simulate.people import person

CORONARY = "artery.coronary"
VESSELS = tuple(f"{CORONARY}.{name}" for name in ("lm", "lad", "lcx", "rca"))
# Risk classes of the coronary total: 0, 1 to 99, 100 to 399, 400 and more.
CLASSES = (0.5, 100.0, 400.0)
SURE = 0.8
BONES = ("rib_", "sternum", "vertebrae_", "costal_cartilages", "osteophytes", "clavicula_", "scapula_", "humerus_")
# Places that hold everything in the chest.
REGIONS = ("chest", "unplaced")
# Metal or its streaks reach this near what nothing explains, HU.
_BRIGHT_HU = 300
NOT_CALCIUM = ("bone and cartilage", "device", "noise")


@dataclass(frozen=True)
class Row:
    """One scan: Agatston scores, true and found, and what became of each deposit.

    ``vessel`` and ``right`` are the true score of the coronaries and the part of it that was placed in its vessel,
    ``leaked`` the score counted as coronary that is something else, by what it is. ``places`` are ``(what, outcome,
    confidence)`` of every deposit; outcome is exact, parent, wrong or invented.
    """

    seed: int
    kind: str
    kit: str | None
    true: float
    found: float
    right: float
    leaked: dict[str, float]
    elsewhere: float
    missed: float
    places: tuple[tuple[str, str, float], ...]
    seconds: float
    notes: tuple[str, ...] = ()
    details: tuple[str, ...] = field(default=(), repr=False)


def look(made: Simulated, kind: str, kit: str | None) -> Row:
    """Find and place the calcium of one scan, and compare."""
    volume = made.volume
    preset = presets.preset("standard")
    start = time.perf_counter()
    anatomy = segment(volume)
    found = ct.find(volume, anatomy, series="s", threshold_hu=threshold_of(preset, volume.acquisition).hu)
    placed = place(found.deposits, volume, anatomy)
    seconds = time.perf_counter() - start
    return compared(made, kind, kit, placed, seconds, (*anatomy.notes, *found.notes))


def compared(
    made: Simulated, kind: str, kit: str | None, placed: Sequence[PlacedDeposit], seconds: float, notes: Sequence[str]
) -> Row:
    """The row of a scan whose deposits were placed."""
    hu, sites = made.volume.hu, [one.site for one in made.truth]
    coronary = {n for n, site in enumerate(sites, start=1) if site in VESSELS}
    truth = {v: [n for n, site in enumerate(sites, start=1) if site == v] for v in VESSELS}
    true = {v: _agatston(made, np.argwhere(np.isin(made.mask, numbers))) if numbers else 0.0
            for v, numbers in truth.items()}  # fmt: skip
    total = sum(true.values())
    counted = [one for one in placed if one.placement.site.startswith(CORONARY)]
    everything = np.concatenate([one.deposit.voxels for one in counted]) if counted else np.zeros((0, 3), dtype=int)
    right, leaked, details, places = 0.0, defaultdict(float), [], []
    for one in placed:
        voxels = one.deposit.voxels
        labels = made.mask[tuple(voxels.T)]
        site, sure = one.placement.site, one.placement.confidence
        inside = Counter(sites[n - 1] for n in labels[labels > 0].tolist())
        what = inside.most_common(1)[0][0] if inside else _origin(made, voxels, hu, kit)
        fits = agreement(what, site) if inside else "invented"
        # A region says less than the truth and nothing wrong; the root of the aorta is also a part of the heart.
        vague = site in REGIONS or (site == "heart" and what == "artery.aorta.root")
        outcome = "parent" if inside and vague else {"broader": "parent", "other": "wrong"}.get(fits, fits)
        places.append((what, outcome, sure))
        own = _agatston(made, voxels)
        if site in VESSELS:
            right += _agatston(made, voxels[np.isin(labels, truth[site])])
        if site.startswith(CORONARY) and what not in VESSELS:
            leaked[_group(what)] += own
        details.append(f"{what} -> {site} {sure:.2f} {outcome} agatston {own:.0f} at {one.deposit.center_index} "
                       f"{one.deposit.volume_mm3:.0f} mm3 peak {one.deposit.hu.max():.0f}")  # fmt: skip
    seen = np.zeros(hu.shape, dtype=bool)
    for one in placed:
        seen[tuple(one.deposit.voxels.T)] = True
    own = np.isin(made.mask, list(coronary)) & (hu >= _threshold(made).hu)
    missed = _agatston(made, np.argwhere(own & ~seen))
    others = sum(_agatston(made, np.argwhere(made.mask == n)) for n in range(1, len(sites) + 1) if n not in coronary)
    return Row(made.seed, kind, kit, total, _agatston(made, everything), right, dict(leaked), others, missed,
               tuple(places), seconds, tuple(notes), tuple(details))  # fmt: skip


def _threshold(made: Simulated) -> presets.Threshold:
    return presets.preset("standard").threshold(made.volume.acquisition.kvp)


def _agatston(made: Simulated, voxels: np.ndarray) -> float:
    if not len(voxels):
        return 0.0
    geometry = made.volume.geometry
    hu = made.volume.hu[tuple(voxels.T)]
    calcified = hu >= _threshold(made).hu
    if not calcified.any():
        return 0.0
    stack = Stack(geometry.spacing, 0, made.volume.acquisition.slice_thickness)
    return score(voxels[calcified], hu[calcified], stack, _threshold(made), presets.preset("standard")).agatston


def _origin(made: Simulated, voxels: np.ndarray, hu: np.ndarray, kit: str | None) -> str:
    """What a deposit is that no truth stands for: bone or cartilage, a device, or noise."""
    body = made.body
    names = {label: name for name, label in body.names.items()}
    points = made.volume.geometry.to_mm(voxels)
    index = np.rint(body.geometry.to_index(points)).astype(int)
    around = np.concatenate([index + step for step in ((0, 0, 0), (1, 0, 0), (-1, 0, 0), (0, 2, 0), (0, -2, 0),
                                                       (0, 0, 2), (0, 0, -2))])  # fmt: skip
    around = np.clip(around, 0, np.array(body.labels.shape) - 1)
    near = Counter(names.get(int(n), "") for n in body.labels[tuple(around.T)])
    if any(name.startswith(BONES) for name in near):
        return "bone and cartilage"
    if kit is not None:
        low, high = np.subtract(voxels.min(axis=0), (2, 25, 25)), np.add(voxels.max(axis=0), (3, 26, 26))
        box = tuple(slice(max(0, a), b) for a, b in zip(low, high, strict=True))
        if hu[box].max() > _BRIGHT_HU:
            return "device"
    return "noise"


def _group(what: str) -> str:
    """What leaked, in few words."""
    if what in NOT_CALCIUM:
        return what
    for start, name in (("heart.aortic_valve", "aortic valve"), ("heart.mitral", "mitral annulus"),
                        ("artery.aorta", "aortic wall"), ("heart", "muscle and pericardium"),
                        ("node", "nodes"), ("lung", "lung")):  # fmt: skip
        if what.startswith(start):
            return name
    return what


def rows(count: int, kinds: Sequence[str] = ("gated", "chest"), kits: Sequence[str | None] | None = None,
         first: int = 0) -> Iterator[Row]:  # fmt: skip
    """``count`` people of each kind, every third gated one with a device, always the same ones."""
    for kind in kinds:
        for seed in range(first, first + count):
            every = (None, None, devices.KINDS[(seed // 3) % len(devices.KINDS)])
            kit = (kits[seed % len(kits)] if kits else every[seed % 3]) if kind == "gated" or kits else None
            yield look(person(seed, kind, kit=kit), kind, kit)


def risk(total: float) -> int:
    """The risk class of a total."""
    return int(np.searchsorted(CLASSES, total, side="right"))


def kappa(pairs: Sequence[tuple[int, int]]) -> float:
    """Cohen's kappa with linear weights."""
    table = np.zeros((4, 4))
    for a, b in pairs:
        table[a, b] += 1
    table /= max(1.0, table.sum())
    weight = np.abs(np.subtract.outer(np.arange(4), np.arange(4))) / 3.0
    chance = np.outer(table.sum(axis=1), table.sum(axis=0))
    expected = float((weight * chance).sum())
    return 1.0 - float((weight * table).sum()) / expected if expected else 1.0


def section(some: Sequence[Row]) -> list[str]:
    """The section of the page, line by line."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in some:
        groups[f"{row.kind}, no device" if row.kit is None else f"{row.kind}, {row.kit}"].append(row)
    text = [
        "## Against simulated hearts",
        "",
        f"{len(some)} people with hearts, coronary trees, chests, calcium and scanners drawn at random. *Class* is the "
        "share whose coronary total falls in the true class (0, 1-99, 100-399, 400 and more) and *kappa* the agreement "
        "of classes beyond chance (linear weights); *right vessel* the share of the true Agatston score placed "
        "in its vessel; *counted wrongly* the score counted as coronary that is something else, as a share of the true "
        "coronary score; *invented* the deposits for each scan where nothing is.",
        "",
        "| scans | count | class | kappa | right vessel | counted wrongly | invented | seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, group in [*groups.items(), ("all", list(some))]:
        pairs = [(risk(row.true), risk(row.found)) for row in group]
        true = sum(row.true for row in group) or 1.0
        leaked = sum(sum(row.leaked.values()) for row in group)
        invented = sum(outcome == "invented" for row in group for _, outcome, _ in row.places)
        text.append(
            f"| {name} | {len(group)} | {np.mean([a == b for a, b in pairs]):.2f} | {kappa(pairs):.2f} "
            f"| {sum(row.right for row in group) / true:.2f} | {leaked / true:.2f} | {invented / len(group):.1f} "
            f"| {np.mean([row.seconds for row in group]):.1f} |"
        )
    text += ["", "| counted as coronary | Agatston | scans |", "|---|---|---|"]
    wrong: dict[str, list[float]] = defaultdict(list)
    for row in some:
        for what, value in row.leaked.items():
            wrong[what].append(value)
    text += [f"| {what} | {sum(v):.0f} | {len(v)} |" for what, v in sorted(wrong.items(), key=lambda i: -sum(i[1]))]
    told = [row for row in some if row.kit is not None]
    if told:
        heard = sum(
            any(word in note for note in row.notes for word in ("stent", "prosthesis", "metal")) for row in told
        )
        text += ["", f"A device was told in a note in {heard} of {len(told)} scans that hold one."]
    text += ["", "| deposits of | exact | parent | wrong | sure and exact | sure and parent | sure and wrong |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    for row in some:
        for what, outcome, sure in row.places:
            bad = "wrong" if outcome == "invented" else outcome
            for name in (what if outcome == "invented" else _group(what), "all"):
                outcomes[name][bad] += 1
                outcomes[name]["sure " + bad] += sure >= SURE
    columns = ("exact", "parent", "wrong", "sure exact", "sure parent", "sure wrong")
    text += [f"| {name} | " + " | ".join(str(count[c]) for c in columns) + " |" for name, count in outcomes.items()]
    return [*text, ""]


def main() -> None:
    """Print the section; with -v also every deposit."""
    arguments = [a for a in sys.argv[1:] if a != "-v"]
    count = int(arguments[0]) if arguments else 20
    kinds = (arguments[1],) if len(arguments) > 1 else ("gated", "chest")
    kits = (arguments[2],) if len(arguments) > 2 else None
    some = []
    for row in rows(count, kinds, kits):
        some.append(row)
        if "-v" in sys.argv:
            head = f"{row.kind} {row.seed} {row.kit} true {row.true:.0f} found {row.found:.0f} right {row.right:.0f}"
            tail = f"missed {row.missed:.0f} {row.seconds:.1f} s {row.notes}"
            print("---", head, tail, *(f"\n   {line}" for line in row.details), flush=True)
    print("\n".join(section(some)))


if __name__ == "__main__":
    main()
