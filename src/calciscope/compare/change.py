"""How much a measure changed, and whether that is more than the two measurements are sure of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from calciscope.compare.model import Change, Difference, State
from calciscope.domain.assessment import Measure, Validity
from calciscope.interpret import progression

MEASURES = ("agatston", "volume", "mass", "diameter")
# What decides whether a deposit or a site grew, the first that both dates have; the one after it must not deny it.
_DECIDE = ("volume", "mass", "agatston", "diameter")


def change_of(
    name: str, old: Measure | None, new: Measure | None, years: float | None, differences: Sequence[Difference] = ()
) -> Change:
    """A measure at two dates; an absent one is 0 where it stands for a deposit that is not there (see :func:`zero`)."""
    unit = (new or old or Measure(value=None, unit="", method="", validity=Validity.REFUSED)).unit
    touched = [one for one in differences if name in one.measures]
    refusals = [f"{one.why}: {one.errs}" for one in touched if one.validity == "refused"]
    before, after = (None if one is None else one.value for one in (old, new))
    if before is None or after is None or refusals:
        missing = [f"no value at the {date} date" for date, one in (("old", before), ("new", after)) if one is None]
        why = "; ".join(refusals or missing)
        return Change(old=old, new=new, unit=unit, validity=Validity.REFUSED, why=why)
    whys = [f"{one.why}: {one.errs}" for one in touched]
    whys += [
        f"{one.why} ({date} date)"
        for date, one in (("old", old), ("new", new))
        if one is not None and one.validity is Validity.ADJUSTED and one.why
    ]
    change = after - before
    return Change(
        old=old,
        new=new,
        unit=unit,
        change=change,
        percent=100.0 * change / before if before > 0 else None,
        per_year=change / years if years else None,
        percent_per_year=100.0 * change / before / years if years and before > 0 else None,
        state=_state(old, new),
        validity=Validity.ADJUSTED if whys else Validity.VALID,
        why="; ".join(dict.fromkeys(whys)) or None,
    )


def changes_of(
    old: Mapping[str, Measure],
    new: Mapping[str, Measure],
    years: float | None,
    differences: Sequence[Difference],
) -> dict[str, Change]:
    """The change of every measure that is followed and that either date has."""
    return {
        name: change_of(name, old.get(name), new.get(name), years, differences)
        for name in MEASURES
        if name in old or name in new
    }


def zero(like: Mapping[str, Measure]) -> dict[str, Measure]:
    """What stands for a deposit that is not there: 0 of whatever can be measured of the other date."""
    return {
        name: one.model_copy(update={"value": 0.0, "interval": None, "category": None, "why": None})
        for name, one in like.items()
        if name in MEASURES and one.value is not None
    }


def state_of(changes: Mapping[str, Change]) -> State:
    """Grown or smaller where the first measure that both dates have says so and no other says the contrary.

    A deposit that is blurred more fills more voxels at the same mass: growth raises both.
    """
    known = [changes[name].state for name in _DECIDE if name in changes and changes[name].state is not State.UNCLEAR]
    if not known:
        return State.UNCLEAR
    first = known[0]
    return first if first is State.STABLE or all(other is first for other in known[1:2]) else State.STABLE


def _state(old: Measure | None, new: Measure | None) -> State:
    """Changed by more than both intervals leave open together; a value without one is as sure as repeated scans are.

    The error of a difference is the root of the sum of both squared errors: of two measurements of one thing each lies
    outside of the other's 95 % interval in every sixth case.
    """
    if old is None or new is None or old.value is None or new.value is None:
        return State.UNCLEAR
    (low, high), (other_low, other_high) = _span(old), _span(new)
    if new.value - old.value > math.hypot(high - old.value, new.value - other_low):
        return State.GROWN
    return (
        State.SMALLER if old.value - new.value > math.hypot(old.value - low, other_high - new.value) else State.STABLE
    )


def _span(measure: Measure) -> tuple[float, float]:
    value = measure.value or 0.0
    if measure.interval is not None:
        return measure.interval
    apart = progression.data().interscan.share * abs(value)
    return value - apart, value + apart
