"""A deposit as it leaves: the record of ``assessment.json`` and the row of ``deposits.csv``."""

from __future__ import annotations

import numpy as np

from calciscope.domain.assessment import Alternative, DepositRecord
from calciscope.domain.deposit import Deposit, Placement
from calciscope.domain.measured import DepositNumbers
from calciscope.domain.site import UNPLACED

# A candidate that is no deposit has no place.
_NOWHERE = Placement(site=UNPLACED, confidence=0.0, provider="", structure="")


_NO_NUMBERS = DepositNumbers(None, None, None, None)


def record(
    deposit: Deposit,
    placement: Placement | None = None,
    agatston: float | None = None,
    numbers: DepositNumbers | None = None,
) -> DepositRecord:
    """The record of a deposit at its place, or of a rejected candidate, which has neither place nor numbers."""
    place = placement or _NOWHERE
    own = numbers or _NO_NUMBERS
    hu = deposit.hu.astype(np.float64)
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
        sd_hu=float(hu.std()),
        median_hu=float(np.median(hu)),
        threshold_hu=deposit.threshold_hu,
        background_hu=deposit.background_hu,
        length_mm=deposit.shape.length,
        width_mm=deposit.shape.width,
        sphericity=deposit.shape.sphericity,
        hollow=deposit.shape.hollow,
        agatston=agatston,
        mass_mg=own.mass,
        diameter_mm=own.diameter,
        diameter_perpendicular_mm=own.perpendicular,
        diameter_craniocaudal_mm=own.craniocaudal,
        provider=place.provider,
        structure=place.structure,
        placed_by=place.by,
        alternatives=tuple(
            Alternative(value=site, why=f"another place that it may be, {sure:.0%} sure")
            for site, sure in place.alternatives
        ),
        rejected_as=deposit.rejected_as,
    )
