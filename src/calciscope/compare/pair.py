"""Two scans laid on each other: which deposit became which, and how much of it there is now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.ndimage import map_coordinates

from calciscope.compare.change import changes_of, state_of, zero
from calciscope.compare.match import Cloud, Group, match
from calciscope.compare.model import DepositChange, Difference, State
from calciscope.compare.register import Registration, refined, register
from calciscope.domain.assessment import Measure
from calciscope.domain.deposit import Deposit, PlacedDeposit
from calciscope.domain.image import Volume
from calciscope.domain.measured import MeasuredSite
from calciscope.measure import Preset, measure
from calciscope.measure.mass import wants_phantom
from calciscope.measure.numbers import numbers
from calciscope.measure.phantom.calibration import Calibration, calibrate
from calciscope.measure.scan import Region
from calciscope.measure.scan import Scan as Measuring
from calciscope.measure.sites import scan_of
from calciscope.report.anatomy import Scan

# Deposits this near to each other move together.
_REGION_MM = 70.0
# Voxels of a deposit that are looked at, at most, and how far around they are looked for in the other scan.
_MOST_POINTS, _LOOK_MM = 400, 2.0
_IN_VIEW = 0.8
_OUT_OF_VIEW = "the {other} scan does not show this place"
_STILL = "not listed in the {other} scan, which shows the same attenuation there"
_FAINTER = "not listed in the {other} scan, which shows something fainter there"
# Of what a deposit stands out by, so much elsewhere is not nothing.
_TRACE = 0.3
_CUT_OFF = "it touches bone, from which it is not cut off the same way twice"
_FAINT = "so small that its interval reaches nothing, and not listed in the {other} scan"


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two scans after registration: what became of each deposit, and the sites of either with deposits placed alike.

    ``cut`` are sites of which one of the scans shows a part only.
    """

    registered: Registration
    deposits: tuple[DepositChange, ...]
    old_sites: tuple[MeasuredSite, ...]
    new_sites: tuple[MeasuredSite, ...]
    cut: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class _Laid:
    """A deposit of the old scan or the new one with its points in the frame of the new scan."""

    placed: PlacedDeposit
    cloud: Cloud


def lay(old: Scan, new: Scan) -> Registration:
    """The registration of two scans, refined where there are deposits."""
    found = register(old.volume, new.volume)
    if not found.ok:
        return found
    points = [_points(one.deposit, old.volume) for one in old.placed]
    points += [found.to_old(_points(one.deposit, new.volume)) for one in new.placed]
    return refined(found, old.volume, new.volume, _regions(points))


def pair(
    old: Scan, new: Scan, found: Registration, preset: Preset, years: float | None, differences: Sequence[Difference]
) -> Pair:
    """What became of each deposit of two scans that were laid on each other."""
    olds = [_Laid(one, Cloud(found.to_new(_points(one.deposit, old.volume)))) for one in old.placed]
    news = [_Laid(one, Cloud(_points(one.deposit, new.volume))) for one in new.placed]
    # Half a voxel of either grid is what a surface is sure of.
    tolerance = (max(old.volume.geometry.spacing) + max(new.volume.geometry.spacing)) / 2
    groups = match([one.cloud for one in olds], [one.cloud for one in news], tolerance)
    # A phantom in the image gives both the numbers of the deposits and those of the sites.
    phantoms = [calibrate(one.volume) if wants_phantom(one.volume.acquisition) else None for one in (old, new)]
    before, after = (
        scan_of(one.placed, one.volume, one.anatomy, preset, phantom)
        for one, phantom in zip((old, new), phantoms, strict=True)
    )
    changes, cut = [], set()
    sites: dict[str, str] = {}
    for group in groups:
        first, second = [olds[i] for i in group.old], [news[j] for j in group.new]
        surest = max((*first, *second), key=lambda one: one.placed.placement.confidence)
        site = surest.placed.placement.site
        sites |= {one.placed.deposit.id + side: site for side, own in (("o", first), ("n", second)) for one in own}
        one = _changed(group, first, second, site, (old, new), found, (before, after), years, differences)
        if one.state is State.UNCLEAR and one.why in (
            _OUT_OF_VIEW.format(other="old"),
            _OUT_OF_VIEW.format(other="new"),
        ):
            cut.add(site)
        changes.append(one)
    return Pair(
        found,
        tuple(changes),
        _sites(old, preset, phantoms[0], {key[:-1]: site for key, site in sites.items() if key.endswith("o")}),
        _sites(new, preset, phantoms[1], {key[:-1]: site for key, site in sites.items() if key.endswith("n")}),
        frozenset(cut),
    )


def _changed(
    group: Group,
    first: Sequence[_Laid],
    second: Sequence[_Laid],
    site: str,
    scans: tuple[Scan, Scan],
    found: Registration,
    measuring: tuple[Measuring, Measuring],
    years: float | None,
    differences: Sequence[Difference],
) -> DepositChange:
    old, new = (_numbers(own, site, how) for own, how in zip((first, second), measuring, strict=True))
    changes = changes_of(old or zero(new), new or zero(old), years, differences)
    state, why = state_of(changes), None
    if not first or not second:
        state, why = _alone(first, second, scans, found)
        if state in (State.NEW, State.GONE) and state_of(changes) is State.STABLE:
            state, why = State.UNCLEAR, _FAINT.format(other="new" if first else "old")
    elif len(first) > 1 or len(second) > 1:
        why = f"{_count(len(first))} before, {_count(len(second))} now, counted together"
    if first and second and state in (State.GROWN, State.SMALLER) and any(map(_on_bone, (*first, *second))):
        state, why = State.UNCLEAR, _CUT_OFF
    was = {one.placed.placement.site for one in (*first, *second)}
    if len(was) > 1:
        said = f"placed at {' and at '.join(sorted(was))}; the surer reading is used for both dates"
        why = f"{why}; {said}" if why else said
    moved = None
    if first and second:
        middles = [np.concatenate([one.cloud.points for one in own]).mean(axis=0) for own in (first, second)]
        moved = round(float(np.linalg.norm(middles[0] - middles[1])), 2)
    return DepositChange(
        site=site,
        state=state,
        why=why,
        old=tuple(one.placed.deposit.id for one in first),
        new=tuple(one.placed.deposit.id for one in second),
        old_center_mm=_centre(first),
        new_center_mm=_centre(second),
        moved_mm=moved,
        measures=changes,
    )


def _alone(
    first: Sequence[_Laid], second: Sequence[_Laid], scans: tuple[Scan, Scan], found: Registration
) -> tuple[State, str | None]:
    """What a deposit is that only one scan lists: the other may not show its place, or show it without listing it."""
    other = scans[1] if first else scans[0]
    name = "new" if first else "old"
    one = (first or second)[0]
    points = one.cloud.points if first else found.to_old(one.cloud.points)
    deposit = one.placed.deposit
    here = _seen(other.volume, points)
    if here is None:
        return State.UNCLEAR, _OUT_OF_VIEW.format(other=name)
    if here >= (deposit.background_hu + deposit.mean_hu) / 2:
        return State.STABLE, _STILL.format(other=name)
    if here >= deposit.background_hu + _TRACE * (deposit.mean_hu - deposit.background_hu):
        return State.UNCLEAR, _FAINTER.format(other=name)
    return (State.GONE if first else State.NEW), None


def _seen(volume: Volume, points: NDArray[np.float64]) -> float | None:
    """Mean HU of a scan at some points, the highest of all small shifts; ``None`` where they lie outside of it."""
    taken = points[:: max(1, len(points) // _MOST_POINTS)]
    index = volume.geometry.to_index(taken)
    inside = np.all((index > -0.5) & (index < np.array(volume.geometry.shape) - 0.5), axis=1)
    if inside.mean() < _IN_VIEW:
        return None
    steps = np.array(volume.geometry.spacing)
    shifts = [np.array(shift) * _LOOK_MM / steps for shift in product((-1, 0, 1), repeat=3)]
    means = [
        float(map_coordinates(volume.hu, (index + shift).T, output=np.float32, order=1, mode="nearest").mean())
        for shift in shifts
    ]
    return max(means)


def _on_bone(one: _Laid) -> bool:
    """Whether a deposit touches bone, so that its outline is a cut through what is as dense."""
    return one.placed.deposit.context.get("touching_bone", 0.0) > 0.0


def _numbers(own: Sequence[_Laid], site: str, how: Measuring) -> dict[str, Measure]:
    if not own:
        return {}
    deposits = [one.placed.deposit for one in own]
    return dict(numbers(Region.of_deposits(deposits, how.volume.geometry, site), how).measures)


def _sites(scan: Scan, preset: Preset, phantom: Calibration | None, sites: dict[str, str]) -> tuple[MeasuredSite, ...]:
    """The sites of a scan with each deposit where both dates say that it is."""
    placed = [
        replace(one, placement=replace(one.placement, site=sites[one.deposit.id]))
        if sites[one.deposit.id] != one.placement.site
        else one
        for one in scan.placed
    ]
    return measure(placed, scan.volume, scan.anatomy, preset, phantom)


def _points(deposit: Deposit, volume: Volume) -> NDArray[np.float64]:
    return volume.geometry.to_mm(deposit.voxels)


def _centre(own: Sequence[_Laid]) -> tuple[float, float, float] | None:
    """The centre of the largest deposit, in the frame of its own scan."""
    if not own:
        return None
    return max((one.placed.deposit for one in own), key=lambda one: one.volume_mm3).center_mm


def _regions(points: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Points of deposits in groups that lie near each other."""
    if len(points) < 2:
        return list(points)
    middles = np.array([one.mean(axis=0) for one in points])
    number = fcluster(linkage(middles, "complete"), _REGION_MM, "distance")
    return [
        np.concatenate([one for one, own in zip(points, number, strict=True) if own == which])
        for which in sorted(set(number.tolist()))
    ]


def _count(number: int) -> str:
    return "1 deposit" if number == 1 else f"{number} deposits"
