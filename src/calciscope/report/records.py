"""Deposits as records: what ``assessment.json`` and ``deposits.csv`` hold of each."""

from __future__ import annotations

from collections.abc import Iterable

from calciscope.domain.assessment import DepositRecord
from calciscope.domain.deposit import Deposit
from calciscope.domain.site import UNPLACED


def rejected(candidates: Iterable[Deposit]) -> tuple[DepositRecord, ...]:
    """Candidates that are not calcium deposits, largest first, with the reason in ``rejected_as``."""
    ranked = sorted(candidates, key=lambda candidate: candidate.volume_mm3, reverse=True)
    return tuple(
        DepositRecord(
            id=item.id,
            series=item.series,
            site=UNPLACED,
            confidence=0.0,
            center_mm=item.center_mm,
            center_index=item.center_index,
            extent_mm=item.extent_mm,
            volume_mm3=item.volume_mm3,
            voxels=len(item.voxels),
            peak_hu=item.peak_hu,
            mean_hu=item.mean_hu,
            length_mm=item.shape.length,
            width_mm=item.shape.width,
            sphericity=item.shape.sphericity,
            hollow=item.shape.hollow,
            provider="",
            structure="",
            rejected_as=item.rejected_as,
        )
        for item in ranked
    )
