"""A deposit as it leaves: the record of ``assessment.json`` and the row of ``deposits.csv``."""

from __future__ import annotations

from calciscope.domain.assessment import Alternative, DepositRecord
from calciscope.domain.deposit import Deposit, Placement
from calciscope.domain.site import UNPLACED

# A candidate that is no deposit has no place.
_NOWHERE = Placement(site=UNPLACED, confidence=0.0, provider="", structure="")


def record(deposit: Deposit, placement: Placement | None = None, agatston: float | None = None) -> DepositRecord:
    """The record of a deposit at its place, or of a rejected candidate, which has none."""
    place = placement or _NOWHERE
    return DepositRecord(
        id=deposit.id,
        series=deposit.series,
        site=place.site,
        confidence=place.confidence,
        center_mm=deposit.center_mm,
        center_index=deposit.center_index,
        extent_mm=deposit.extent_mm,
        volume_mm3=deposit.volume_mm3,
        voxels=len(deposit.voxels),
        peak_hu=deposit.peak_hu,
        mean_hu=deposit.mean_hu,
        length_mm=deposit.shape.length,
        width_mm=deposit.shape.width,
        sphericity=deposit.shape.sphericity,
        hollow=deposit.shape.hollow,
        agatston=agatston,
        provider=place.provider,
        structure=place.structure,
        placed_by=place.by,
        alternatives=tuple(
            Alternative(value=site, why=f"another place that it may be, {sure:.0%} sure")
            for site, sure in place.alternatives
        ),
        rejected_as=deposit.rejected_as,
    )
