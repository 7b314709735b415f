"""What is said of where known deposits lie, with its raw score: of simulated patients and of the real scans.

A row is one thing that could be said (the best site of a deposit, or what lies above it) and whether it is right.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from anatomy_bodies import Looked, Setting
from scipy.spatial import cKDTree

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from tests.real import scans as real  # noqa: E402

from calciscope.anatomy.embedded import segment  # noqa: E402
from calciscope.domain.anatomy import Anatomy  # noqa: E402
from calciscope.domain.deposit import Deposit  # noqa: E402
from calciscope.domain.image import Volume  # noqa: E402
from calciscope.domain.structures import dictionary  # noqa: E402
from calciscope.find import ct  # noqa: E402
from calciscope.place.confidence import RAW  # noqa: E402
from calciscope.place.decide import readings  # noqa: E402
from calciscope.place.hypotheses import Scorer  # noqa: E402
from calciscope.read.study import open_study  # noqa: E402
from calciscope.simulate.compare import agreement  # noqa: E402
from calciscope.simulate.courses import Course  # noqa: E402
from calciscope.simulate.growth import Milieu  # noqa: E402
from calciscope.simulate.patient import TrueDeposit  # noqa: E402
from calciscope.simulate.people import person  # noqa: E402
from calciscope.simulate.sites import Site, concretion, nodule, on, rim, scar, stone, wall  # noqa: E402

_PLAQUE = Milieu(0.0, years=14.0, density=750.0, filling=4.0, roughness=1.3)
_STONE = Milieu(0.0, years=6.0, density=1050.0, filling=1.0, roughness=0.35)
_PHLEBOLITH = Milieu(0.0, 20.0, 560.0, 3.0, rhythm=0.45, roughness=0.4)
_GRANULOMA = Milieu(0.0, 24.0, 620.0, 5.0, roughness=0.9)
# Deposits are sought from this attenuation on, as by the standard preset.
FOUND_FROM_HU = 130.0
# A plaque of which at least this share lies in the wall of another artery too, to this many mm, lies in both: at the
# origin of a branch, and where one stretch passes into the next.
_BOTH, _BOTH_MM = 0.25, 1.5
# The true site of what is no calcification: whatever is said of it is wrong.
INVENTED = ("nothing",)
# Course, site, how far along it plaques may lie.
_WALLS: tuple[tuple[str, str, float, float], ...] = (
    ("aorta.arch", "artery.aorta.arch", 0.1, 0.9),
    ("aorta.thoracic", "artery.aorta.thoracic", 0.05, 0.95),
    ("aorta.thoracic", "artery.aorta.thoracic", 0.05, 0.95),
    ("aorta.abdominal", "artery.aorta.abdominal", 0.1, 0.95),
    ("aorta.abdominal", "artery.aorta.abdominal", 0.1, 0.95),
    ("iliac.left", "artery.iliac.left", 0.05, 0.9),
    ("iliac.right", "artery.iliac.right", 0.05, 0.9),
    ("internal_iliac.left", "artery.iliac.left", 0.1, 0.8),
    ("internal_iliac.right", "artery.iliac.right", 0.1, 0.8),
    ("femoral.left", "artery.leg.left", 0.1, 0.8),
    ("femoral.right", "artery.leg.right", 0.1, 0.8),
    ("brachiocephalic", "artery.brachiocephalic", 0.1, 0.9),
    ("subclavian.left", "artery.subclavian.left", 0.05, 0.5),
    ("subclavian.right", "artery.subclavian.right", 0.05, 0.5),
    ("carotid.left", "artery.carotid.left", 0.05, 0.7),
    ("carotid.right", "artery.carotid.right", 0.05, 0.7),
    ("splenic", "artery.splenic", 0.1, 0.95),
    ("renal.left", "artery.renal.left", 0.1, 0.8),
    ("renal.right", "artery.renal.right", 0.1, 0.8),
    ("mesenteric", "artery.mesenteric", 0.05, 0.7),
)


@dataclass(frozen=True)
class Said:
    """One thing that could be said of a known deposit: the site, its raw score, and the true sites, the best
    first (an annotation may accept several).

    ``first`` marks the best site, before anything above it. ``real`` marks a scan of a patient.
    """

    case: str
    deposit: int
    site: str
    raw: float
    true: tuple[str, ...]
    first: bool
    real: bool

    @property
    def right(self) -> bool:
        """Whether it is true: the site itself or something that holds it."""
        return any(agreement(true, self.site) != "other" for true in self.true)


def places(rng: np.random.Generator) -> tuple[Site, ...]:
    """Places of the trunk that calcify, drawn anew for each patient; three in four of them in each."""
    made: list[Site] = []
    for course, site, low, high in _WALLS:
        damage = wall(
            course, float(rng.uniform(low, high)), float(rng.uniform(6, 24)), float(rng.uniform(0, 360)),
            float(rng.uniform(30, 200)), float(rng.uniform(1.2, 1.8)),
        )  # fmt: skip
        made.append(Site(site, "dystrophic", "atheroma", damage, _PLAQUE, nuclei=6))
    from calciscope.simulate.abdomen import GALLBLADDER, calyx

    for side in ("left", "right"):
        kidney = stone(calyx(side, float(rng.uniform(-30, 30))), float(rng.uniform(1.5, 4)))
        made.append(Site(f"kidney.{side}", "lithiasis", "stone in a calyx", kidney, _STONE, factor=2.2))
        ureter = stone(on(f"ureter.{side}", float(rng.uniform(0.05, 0.97))), float(rng.uniform(1.5, 4)))
        made.append(Site(f"ureter.{side}", "lithiasis", "stone of the ureter", ureter, _STONE, factor=2.2))
        sign = 1.0 if side == "left" else -1.0
        for _ in range(2):
            at = (sign * float(rng.uniform(30, 52)), float(rng.uniform(22, 48)), float(rng.uniform(12, 50)))
            vein = concretion(at, float(rng.uniform(1.4, 3.2)))
            made.append(Site(f"vein.pelvic.{side}", "dystrophic", "phlebolith", vein, _PHLEBOLITH))
        lung = nodule(
            (sign * float(rng.uniform(55, 95)), float(rng.uniform(-30, 50)), float(rng.uniform(440, 545))),
            float(rng.uniform(2.5, 5)),
        )
        made.append(Site("lung.nodule", "dystrophic", "granuloma", lung, _GRANULOMA, nuclei=3))
        buttock = scar((sign * float(rng.uniform(70, 105)), 86.0, float(rng.uniform(50, 100))), (8.0, 4.5, 7.0))
        made.append(Site("scar", "dystrophic", "injection granuloma", buttock, _GRANULOMA, nuclei=6))
    for at in ((-15.0, 0.0, 508.0), (2.0, 24.0, 486.0), (34.0, 2.0, 506.0)):
        node = nodule(at, float(rng.uniform(3, 5)), "node")
        made.append(Site("node.mediastinal", "dystrophic", "granuloma of a node", node, _GRANULOMA, nuclei=5))
    x, y, z = GALLBLADDER
    made.append(
        Site("gallbladder", "lithiasis", "gallstone", rim((x + 1, y + 4, z + float(rng.uniform(-8, 8))),
             float(rng.uniform(4, 8))), Milieu(0.0, 9.0, 520.0, 3.0, roughness=1.1), nuclei=40, factor=1.4)
    )  # fmt: skip
    for site, at in (
        ("liver", (-86.0, float(rng.uniform(-30, 40)), float(rng.uniform(305, 375)))),
        ("spleen", (100.0, 44.0, float(rng.uniform(315, 365)))),
        ("prostate", (float(rng.uniform(-12, 12)), 2.0, 8.0)),
    ):
        made.append(Site(site, "dystrophic", "granuloma", nodule(at, 3.5), _GRANULOMA, nuclei=4))
    made.append(
        Site("bladder", "lithiasis", "bladder stone", stone((float(rng.uniform(-18, 18)), 2.0, 34.0), 4.0), _STONE,
             factor=2.2)
    )  # fmt: skip
    kept = rng.permutation(len(made))[: len(made) * 3 // 4]
    return tuple(made[k] for k in sorted(kept.tolist()))


def said(
    case: str,
    found: Sequence[Deposit],
    true: Sequence[tuple[str, ...]],
    volume: Volume,
    anatomy: Anatomy,
    *,
    real: bool,
) -> Iterator[Said]:
    """What can be said of each found deposit whose true site is known."""
    known = dictionary()
    scorer = Scorer(volume, anatomy, known)
    for number, (deposit, truth) in enumerate(zip(found, true, strict=True)):
        if not truth:
            continue
        for rank, item in enumerate(readings(scorer.score(deposit), known.groups, RAW)):
            yield Said(case, number, item.site, round(item.raw, 4), truth, rank == 0, real)


def sown(setting: Setting) -> tuple[Site, ...]:
    """The places that calcify in a body."""
    rng = np.random.default_rng([43, setting.seed])
    sex = setting.options["habitus"].sex  # type: ignore[attr-defined]
    return tuple(site for site in places(rng) if site.site != "prostate" or sex == "male")


def body(looked: Looked, setting: Setting) -> Iterator[Said]:
    """What is said of the deposits of a simulated body, where its truth holds in the volume as it lies."""
    if looked.holds:
        made = looked.made
        yield from of(f"body {setting.seed}", made.mask, made.truth, looked.volume, looked.anatomy, made.body.courses)


def heart(seed: int) -> Iterator[Said]:
    """What is said of the calcium of a simulated scan of the heart: gated, every third a whole chest."""
    made = person(5000 + seed, "chest" if seed % 3 == 2 else "gated")
    yield from of(f"heart {seed}", made.mask, made.truth, made.volume, segment(made.volume))


def of(
    case: str,
    mask: np.ndarray,
    truth: Sequence[TrueDeposit],
    volume: Volume,
    anatomy: Anatomy,
    courses: Mapping[str, Course] | None = None,
) -> Iterator[Said]:
    """What is said of the deposits of a simulated study; those that hold nothing true are inventions.

    ``courses`` are those of the body in which the walls of :data:`_WALLS` lie.
    """
    found = ct.find(volume, anatomy, series="sim", threshold_hu=FOUND_FROM_HU).deposits
    true: list[tuple[str, ...]] = []
    for deposit in found:
        labels = mask[tuple(deposit.voxels.T)]
        label = int(np.bincount(labels[labels > 0], minlength=1).argmax()) if labels.any() else 0
        site = truth[label - 1].site if label else ""
        both = walls(volume.geometry.to_mm(deposit.voxels), courses or {}) if site.startswith("artery") else ()
        true.append((site, *(other for other in both if other != site)) if label else INVENTED)
    yield from said(case, found, true, volume, anatomy, real=False)


def walls(points: np.ndarray, courses: Mapping[str, Course]) -> tuple[str, ...]:
    """The arteries in whose walls a good part of some points ``(n, 3)`` mm lies."""
    found = []
    for name, site in dict.fromkeys((course, site) for course, site, _, _ in _WALLS):
        if name in courses:
            line = courses[name]
            distance, at = cKDTree(line.points).query(points)
            # What is nearest to an end lies beyond it.
            within = (at > 0) & (at < len(line.points) - 1)
            if float((within & (distance <= line.radii[at] + _BOTH_MM)).mean()) >= _BOTH:
                found.append(site)
    return tuple(found)


# What a person's words about a deposit that no annotation names mean as a site.
_WORDS = yaml.safe_load("""
wall of the upper abdominal aorta: artery.aorta.abdominal
splenic artery: artery.splenic
underside of the arch: artery.aorta.arch
left subclavian: artery.subclavian.left
right subclavian: artery.subclavian.right
right carotid: artery.carotid.right
left carotid: artery.carotid.left
right iliac: artery.iliac.right
left iliac: artery.iliac.left
left circumflex: artery.coronary.lcx
left lung: lung.nodule
small stone in the right kidney: kidney.right
small stone in the left kidney: kidney.left
femoral artery: artery.leg
in the tumour: soft_tissue
small phlebolith: vein.pelvic
""")


def scans(folder: Path) -> Iterator[Said]:
    """The annotated deposits of the real scans, and those that a person named by site in the review."""
    review = yaml.safe_load((HERE / "real-scans-review.yaml").read_text(encoding="utf-8"))
    for name in real.NAMES:
        study = open_study([real.path_of(folder, name)], None)
        volume = study.series[0].volume
        anatomy = segment(volume)
        found = ct.find(volume, anatomy, series="real", threshold_hu=FOUND_FROM_HU).deposits
        spacing = np.array(volume.geometry.spacing)
        entries = [(e["at"], float(str(e.get("within", 6.0)).split()[0]), tuple(e["site"]))
                   for e in real.annotations(folder, name)["deposits"]]  # fmt: skip
        for entry in review.get(name, []):
            meant = [site for words, site in _WORDS.items() if words in entry["says"] and " or " not in entry["says"]]
            meant = list(INVENTED) if entry["says"].startswith("false") else meant
            entries += [(entry["at"], 3.0, (meant[0],))] if meant else []
        true: list[tuple[str, ...]] = [()] * len(found)
        for at, reach, site in entries:
            gaps = [_gap(at, deposit, spacing) for deposit in found]
            best = int(np.argmin(gaps)) if gaps else 0
            if gaps and gaps[best] <= reach and not true[best]:
                true[best] = site
        yield from said(name, found, true, volume, anatomy, real=True)


def _gap(at: Sequence[int], deposit: Deposit, spacing: np.ndarray) -> float:
    return float(np.linalg.norm((deposit.voxels - np.array(at)) * spacing, axis=1).min())
