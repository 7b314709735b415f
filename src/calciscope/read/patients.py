"""Keeping patients apart: one assessment is about one person. Identifiers are compared here and never shown."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

from calciscope.domain.study import Refusal
from calciscope.read.files import several
from calciscope.read.frames import Frame, Identity


def of_one_patient(frames: Sequence[Frame], patient_id: str | None) -> tuple[list[Frame], list[Refusal]]:
    """The slices of one patient, and a refusal for every other.

    Without ``patient_id`` several patients are all refused, because nothing says which one is meant; so are several
    with the same id.
    """
    wanted = None if patient_id is None else patient_id.strip()
    mine = [frame for frame in frames if wanted is None or frame.identity.patient_id == wanted]
    if frames and not mine:
        return [], [Refusal(_files(frames), "no image carries the patient id that was asked for; check it")]
    others = [frame for frame in frames if wanted is not None and frame.identity.patient_id != wanted]
    refused = [Refusal(_files(group), "another patient than the one asked for") for group in _patients(others)]
    groups = _patients(mine)
    if len(groups) < 2:
        return mine, refused
    help_ = (
        "give one at a time, or choose with --patient-id"
        if len({group[0].identity.patient_id for group in groups}) == len(groups)
        else "some carry one id under different birth dates or names; give one at a time"
    )
    several_ = [
        Refusal(_files(group), f"patient {number} of {len(groups)} in the inputs; {help_}")
        for number, group in enumerate(groups, start=1)
    ]
    return [], [*refused, *several_]


def owner(patient_id: str) -> str:
    """A digest by which files of one patient are told without the id itself; empty where there is no id."""
    known = patient_id.strip()
    return hashlib.sha256(known.encode()).hexdigest() if known else ""


def _patients(frames: Iterable[Frame]) -> list[list[Frame]]:
    """The slices person by person, in the order in which they are met."""
    people: list[tuple[set[Identity], list[Frame]]] = []
    for frame in frames:
        who = frame.identity
        for known, group in people:
            if who in known or all(_same(who, other) for other in known):
                known.add(who)
                group.append(frame)
                break
        else:
            people.append(({who}, [frame]))
    return [group for _, group in people]


def _same(one: Identity, other: Identity) -> bool:
    """Whether two headers speak of one person: an id alone may have been given twice, as ``1`` or ``ANONYMOUS``."""
    if one.patient != other.patient:
        return False
    if one.birth and other.birth:
        return one.birth == other.birth
    names = [set(re.split(r"[\W_]+", identity.name.lower())) - {""} for identity in (one, other)]
    return not all(names) or not names[0].isdisjoint(names[1])


def _files(frames: Sequence[Frame]) -> str:
    names = sorted({frame.pixels.name for frame in frames})
    return several(names, len({frame.pixels.path for frame in frames}))
