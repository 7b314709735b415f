"""From placed deposits to numbers: one value a site, and parents that sum the places below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from calciscope.domain.anatomy import Anatomy
from calciscope.domain.assessment import Measure, Validity
from calciscope.domain.deposit import PlacedDeposit
from calciscope.domain.image import Volume
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.patient import Value
from calciscope.measure.gate import acquisition_rules
from calciscope.measure.numbers import numbers
from calciscope.measure.phantom.calibration import Calibration
from calciscope.measure.presets import Preset
from calciscope.measure.readings import reviewed
from calciscope.measure.rollup import VALUE_NAMES, rollups
from calciscope.measure.scan import Region, Scan
from calciscope.measure.zero import coronary_zero

# Structures besides bone that no deposit may take for the tissue around it.
_NOT_TISSUE = ("metal", "stent", "table")


def measure(
    placed: Sequence[PlacedDeposit],
    volume: Volume,
    anatomy: Anatomy,
    preset: Preset,
    calibration: Calibration | None = None,
) -> tuple[MeasuredSite, ...]:
    """Every site with its numbers, in the order of the site paths, roll-ups before the places they sum.

    Agatston, volume score and mass are scored on all voxels of a site together, so that an island which two deposits
    share counts once. A site's confidence is the mean of its deposits' placements weighted by volume: a speck of
    doubtful place does not make a large deposit doubtful. Where two places stand close, the site is marked for review
    and tells the total of either reading. ``calibration`` is the phantom that was seen in the image. Coronary arteries
    that were seen and hold nothing have a score of 0.
    """
    scan = scan_of(placed, volume, anatomy, preset, calibration)
    by_site: dict[str, list[PlacedDeposit]] = {}
    for one in placed:
        by_site.setdefault(one.placement.site, []).append(one)
    own = {site: _site(site, by_site[site], scan) for site in sorted(by_site)}
    found = rollups(reviewed(own))
    nothing = coronary_zero(placed, own, scan)
    return tuple(sorted((*found, nothing), key=lambda one: one.site)) if nothing else found


def scan_of(
    placed: Sequence[PlacedDeposit], volume: Volume, anatomy: Anatomy, preset: Preset, calibration: Calibration | None
) -> Scan:
    """The scan as its deposits are measured on it: no deposit takes bone, metal or another deposit for its tissue."""
    others = anatomy.mask(*anatomy.bones, *_NOT_TISSUE)
    for one in placed:
        others[tuple(one.deposit.voxels.T)] = True
    return Scan.of(volume, preset, anatomy, others=others, calibration=calibration)


def _site(site: str, placed: Sequence[PlacedDeposit], scan: Scan) -> MeasuredSite:
    ordered = sorted(placed, key=lambda one: -one.deposit.volume_mm3)
    deposits = [one.deposit for one in ordered]
    found = numbers(Region.of_deposits(deposits, scan.volume.geometry, site), scan)
    each = {one.id: float(share) for one, share in zip(deposits, found.shares, strict=True)}
    refused = found.measures["agatston"].validity is Validity.REFUSED
    confidence = confidence_of(ordered)
    return MeasuredSite(
        site=site,
        placed=tuple(ordered),
        measures=MappingProxyType(dict(found.measures)),
        values=MappingProxyType(_values(found.measures, ordered, confidence)),
        deposit_agatston=MappingProxyType({} if refused else each),
        deposit_numbers=MappingProxyType({one.id: own for one, own in zip(deposits, found.each, strict=True)}),
        confidence=confidence,
    )


def confidence_of(placed: Sequence[PlacedDeposit]) -> float:
    """Mean confidence of the placements, weighted by the volume of their deposits."""
    weights = [one.deposit.volume_mm3 for one in placed]
    return round(float(np.average([one.placement.confidence for one in placed], weights=weights)), 6)


def _values(measures: Mapping[str, Measure], placed: Sequence[PlacedDeposit], confidence: float) -> dict[str, Value]:
    """The facts that rules see; a refused number is absent. Where deposits differ the largest one speaks."""
    values: dict[str, Value] = {
        VALUE_NAMES.get(name, name): one.value for name, one in measures.items() if one.value is not None
    }
    largest = placed[0].deposit
    values |= {"sphericity": largest.shape.sphericity, "hollow": largest.shape.hollow, "confidence": confidence}
    if largest.shape.hollow >= acquisition_rules().rim_hollow:
        values["pattern"] = "rim"
    if _all_round(measures):
        values["pattern"] = "circumferential"
    for one in reversed(placed):
        values |= dict(one.placement.attributes)
    return values


def _all_round(measures: Mapping[str, Measure]) -> bool:
    """Whether the calcium of an artery takes its whole circumference, or nearly."""
    limit = acquisition_rules().circumferential
    share, length = (measures.get(name) for name in ("circumference", "calcified_length"))
    return (
        share is not None
        and length is not None
        and (share.value or 0.0) >= limit.share
        and (length.value or 0.0) >= limit.length
    )
