"""Scans that no method is made for: each ends at a lower confidence, a parent or no place, never surely wrong."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from calciscope.anatomy.embedded import segment
from calciscope.domain.assessment import Validity
from calciscope.domain.image import Volume
from calciscope.domain.site import REGIONS, UNPLACED
from calciscope.find import ct, implants
from calciscope.measure import measure, preset
from calciscope.place import place
from calciscope.simulate import unusual
from calciscope.simulate.body import Habitus, build
from calciscope.simulate.compare import agreement
from calciscope.simulate.patient import simulate
from calciscope.simulate.people import person

SURE = 0.8
# What says only in which part of the body something lies is no wrong place.
VAGUE = {*REGIONS, UNPLACED, "soft_tissue"}
BELLY, PELVIS, CHEST = (-30.0, 330.0), (-40.0, 200.0), (385.0, 612.0)
MAN, WOMAN = Habitus(176.0, 1.0, 1.0, "male"), Habitus(166.0, 1.0, 1.0, "female")


class Seen:
    """What became of a scan: its anatomy, what was found and where it was placed, and of what."""

    def __init__(self, made, volume=None, mask=None):
        self.volume = volume or made.volume
        self.anatomy = segment(self.volume)
        self.found = ct.find(self.volume, self.anatomy, series="s", threshold_hu=130.0)
        self.placed = place(self.found.deposits, self.volume, self.anatomy)
        sites = [one.site for one in made.truth]
        labels = made.mask if mask is None else mask
        self.outcomes = []
        for one in self.placed:
            inside = Counter(sites[n - 1] for n in labels[tuple(one.deposit.voxels.T)].tolist() if n)
            what = inside.most_common(1)[0][0] if inside else "nothing"
            fits = agreement(what, one.placement.site) if inside else "invented"
            self.outcomes.append((what, one.placement.site, one.placement.confidence, fits))

    @property
    def notes(self):
        return (*self.anatomy.notes, *self.found.notes)

    @property
    def exact(self):
        return sum(fits == "exact" for *_, fits in self.outcomes)

    @property
    def sure_and_wrong(self):
        return [
            one for one in self.outcomes if one[3] in ("other", "invented") and one[2] >= SURE and one[1] not in VAGUE
        ]


def turned(made, change):
    """The same voxels otherwise in their grid, with the header as it was."""
    hu, mask = (np.ascontiguousarray(change(array)) for array in (made.volume.hu, made.mask))
    return Volume(hu, replace(made.volume.geometry, shape=hu.shape), made.volume.acquisition), mask


def bent(array):
    """A spine that leaves the middle by 2 cm to either side."""
    turn = 2.6 * np.pi * np.arange(len(array)) / len(array)
    return np.stack([np.roll(plane, round(9 * np.sin(k)), axis=1) for plane, k in zip(array, turn, strict=True)])


@pytest.fixture(scope="module")
def thick():
    """A whole trunk in slices of 8 mm."""
    return simulate(3, quick=True, thickness=8.0, increment=8.0)


def test_slices_of_8_mm_lose_calcium_and_misplace_none(thick):
    seen = Seen(thick)
    assert 0 < len(seen.placed) < len(thick.truth)
    assert seen.sure_and_wrong == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a[::-1], "upside down"),
        (lambda a: a[:, ::-1, ::-1], "front"),
        (lambda a: np.rot90(a, 1, (1, 2)), "side"),
        (bent, None),
    ],
    ids=["upside down", "prone", "lateral decubitus", "scoliosis"],
)
def test_a_body_that_lies_otherwise_is_told_and_nothing_is_sure_and_wrong(thick, change, words):
    seen = Seen(thick, *turned(thick, change))
    assert seen.sure_and_wrong == []
    assert words is None or any(words in note for note in seen.notes)


def test_arms_beside_the_trunk_are_no_trunk(thick):
    wide = ((0, 0), (0, 0), (36, 36))
    hu, mask = np.pad(thick.volume.hu, wide, constant_values=-1000), np.pad(thick.mask, wide)
    y, x = np.indices(hu.shape[1:])
    columns = np.flatnonzero((hu > -300).any(axis=(0, 1)))
    for middle in (columns[0] - 19, columns[-1] + 19):
        away = np.hypot(y - hu.shape[1] / 2, x - middle) * 2.4
        for below, value in ((42.0, 54), (12.0, 900), (7.0, -40)):
            hu[(hu < -300) & (away < below) if below == 42.0 else np.broadcast_to(away < below, hu.shape)] = value
    grid = thick.volume.geometry
    origin = (grid.origin[0] - 36 * grid.spacing[2], *grid.origin[1:])
    moved = Volume(hu, replace(grid, shape=hu.shape, origin=origin), thick.volume.acquisition)
    assert Seen(thick, moved, mask).sure_and_wrong == []


def scanned(body, span, habitus, **options):
    return simulate(3, quick=True, thickness=5.0, increment=5.0, body=body, span=span, habitus=habitus, **options)


def coarse(habitus, span, **options):
    return build(np.random.default_rng(3), habitus, spacing=(3.0, 2.4, 2.4), span=span, **options)


def test_the_bones_of_an_unborn_child_are_no_stone_no_vein_and_no_artery():
    seen = Seen(scanned(unusual.pregnant(coarse(WOMAN, BELLY)), BELLY, WOMAN, deposits=()))
    assert not {region.name for region in seen.anatomy.regions} & {"head", "neck"}
    assert seen.sure_and_wrong == []
    assert all(site in VAGUE or sure < 0.7 for _, site, sure, _ in seen.outcomes), seen.outcomes


def test_contrast_that_was_excreted_and_a_ureteral_stent_are_no_sure_stone():
    body = coarse(MAN, BELLY, contrast=0.2, excreted=900.0)
    seen = Seen(scanned(body, BELLY, MAN, contrast=0.2, deposits=(), devices=(unusual.ureteral_stent,)))
    assert seen.sure_and_wrong == []


def test_a_transplant_a_catheter_and_a_metal_hip():
    body = unusual.transplanted(coarse(MAN, PELVIS, prosthesis=True))
    seen = Seen(scanned(body, PELVIS, MAN, devices=(unusual.bladder_catheter,)))
    assert seen.sure_and_wrong == []
    assert "metal" in seen.found.implants


def test_without_a_lung_nothing_is_sure_and_wrong():
    seen = Seen(scanned(unusual.without_lung(coarse(MAN, CHEST), "left"), CHEST, MAN))
    assert seen.sure_and_wrong == []


@pytest.mark.parametrize("kind", ["sharp", "contrast"])
def test_a_sharp_kernel_and_contrast_refuse_the_score(kind):
    options = {"kernel": "sharp"} if kind == "sharp" else {"contrast": 3.0}
    seen = Seen(simulate(3, quick=True, span=CHEST, noise=8.0, thickness=5.0, increment=5.0, **options))
    assert seen.sure_and_wrong == []
    sites = measure(seen.placed, seen.volume, seen.anatomy, preset())
    scored = [one for one in sites if one.site.startswith(("artery", "heart"))]
    assert all(one.measures["agatston"].validity is Validity.REFUSED for one in scored)


def heart(kit, seed):
    made = person(seed, "gated", kit=kit, matrix=240)
    seen = Seen(made)
    body = implants.marked(seen.anatomy, seen.found.implants)
    return seen, {one.site: one for one in measure(seen.placed, seen.volume, body, preset())}


def test_a_stent_is_not_counted_and_makes_the_total_adjusted():
    seen, sites = heart("stent", 102)
    assert [one.rejected_as for one in seen.found.rejected].count("stent") == 1
    assert any("stent" in note for note in seen.notes)
    assert not any(
        what == "nothing" and site.startswith("artery.coronary") and sure >= SURE
        for what, site, sure, _ in seen.outcomes
    )
    for path, one in sites.items():
        if path.startswith("artery.coronary"):
            assert one.measures["agatston"].value != 0.0
            assert "stent" in one.measures["agatston"].why


@pytest.mark.parametrize(("kit", "seed"), [("mechanical valve", 110), ("pacemaker", 112)])
def test_metal_in_a_heart_is_told_and_lowers_what_is_said(kit, seed):
    seen, sites = heart(kit, seed)
    assert any("metal" in note or "prosthesis" in note for note in seen.found.notes)
    assert not any(what == "nothing" and sure >= SURE and site not in VAGUE for what, site, sure, _ in seen.outcomes)
    scored = [one for path, one in sites.items() if path.startswith(("artery.coronary", "heart"))]
    assert scored
    assert all("metal lies in the heart" in (one.measures["agatston"].why or "") for one in scored)
