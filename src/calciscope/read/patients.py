"""Keeping patients apart: one assessment is about one person. Identifiers are compared here and never shown."""

from __future__ import annotations

from collections.abc import Sequence

from calciscope.domain.study import Refusal
from calciscope.read.frames import Frame


def of_one_patient(frames: Sequence[Frame], patient_id: str | None) -> tuple[list[Frame], list[Refusal]]:
    """The slices of one patient, and a refusal for every other.

    Without ``patient_id`` several patients are all refused, because nothing says which one is meant.
    """
    patients: dict[str, list[Frame]] = {}
    for frame in frames:
        patients.setdefault(frame.identity.patient, []).append(frame)
    if patient_id is not None:
        wanted = patient_id.strip()
        mine = [frame for frame in frames if frame.identity.patient_id == wanted]
        if frames and not mine:
            return [], [Refusal(_files(frames), "no image carries the patient id that was asked for; check it")]
        others = [group for group in patients.values() if group[0].identity.patient_id != wanted]
        why = "another patient than the one asked for"
        return mine, [Refusal(_files(group), why) for group in others]
    if len(patients) < 2:
        return list(frames), []
    return [], [
        Refusal(
            _files(group),
            f"patient {number} of {len(patients)} in the inputs; give one at a time, or choose with --patient-id",
        )
        for number, group in enumerate(patients.values(), start=1)
    ]


def _files(frames: Sequence[Frame]) -> str:
    names = sorted({frame.pixels.name for frame in frames})
    return several(names, len({frame.pixels.path for frame in frames}))


def several(names: Sequence[str], count: int) -> str:
    """The first name and how many more."""
    more = count - 1
    return names[0] if not more else f"{names[0]} and {more} more file{'s' if more > 1 else ''}"
