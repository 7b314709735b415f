"""A coronary score of 0: what it takes to say that there is no coronary calcium, and what could have been missed.

That nothing was found says that nothing is there only where the whole heart was looked at, under conditions in which a
score holds, and where nothing that was found could be coronary calcium under another name.

For users: see docs/measures.md#score-of-0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from calciscope.domain.anatomy import Anatomy
from calciscope.domain.assessment import Measure, Validity
from calciscope.domain.deposit import PlacedDeposit
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.site import REGIONS, UNPLACED, within
from calciscope.measure.gate import STRICTNESS, Gate
from calciscope.measure.heart import HEART, Box, hearts
from calciscope.measure.scan import Scan, agatston_method, gates_of, number
from calciscope.measure.uncertainty.detect import sentence, smallest_lesion, upper_bounds

CORONARY = "artery.coronary"
# Places that say no more than where in the body a deposit is: what lies there beside the heart may be coronary.
_OPEN = frozenset({HEART, "artery", UNPLACED, *REGIONS})
# Calcium this far from the outline of the heart, in the fat upon it, may be coronary, mm.
_BESIDE = 10.0


def coronary_zero(
    placed: Sequence[PlacedDeposit], sites: Mapping[str, MeasuredSite], scan: Scan
) -> MeasuredSite | None:
    """The coronary arteries with a score of 0, or ``None`` where that cannot be said.

    It can where no deposit lies in the coronary arteries or may do so by its alternatives or for want of a better
    place, the heart lies in the image from top to bottom between two lungs, and the score is not refused (as it is
    with contrast). ``sites`` are those that deposits were found at. The reason of the score says how large a lesion
    can be that this scan would not have shown with the noise about the heart, and the interval ends at what it scores.
    """
    if scan.anatomy is None or scan.noise is None or any(within(site, CORONARY) for site in sites):
        return None
    gates = gates_of((), CORONARY, scan)
    if gates["agatston"].validity is Validity.REFUSED:
        return None
    heart = _heart(scan.anatomy)
    if heart is None or scan.implants:
        # A stent, a clip or a wire hides calcium, and is no deposit.
        return None
    if any(_may_be_coronary(one, heart, scan) for one in placed):
        return None
    noise = scan.noise_at(heart.middle) or scan.noise
    missed = smallest_lesion(noise, scan.stack, scan.threshold, scan.preset)
    told = gates["agatston"].joined(Gate(Validity.VALID, sentence(missed)))
    bounds = upper_bounds(missed, scan.stack, scan.threshold, scan.preset)
    ends = [(0.0, bound) for bound in bounds] if bounds else [None] * 3
    zeros = {
        "agatston": number(0.0, "1", agatston_method(scan), told, scan, ends[0]),
        "volume": number(0.0, "mm3", "no deposit was found", gates["volume"], scan, ends[1]),
        "mass": number(0.0, "mg", f"hydroxyapatite, {scan.factor.origin}", gates["mass"], scan, ends[2]),
        "count": Measure(value=0.0, unit="1", method="number of deposits"),
    }
    confidence = round(min(scan.anatomy.structures[name].confidence for name in hearts(scan.anatomy)), 6)
    values = {name: one.value for name, one in zeros.items() if one.value is not None}
    return MeasuredSite(
        site=CORONARY,
        measures=MappingProxyType(zeros),
        values=MappingProxyType({**values, "vessels": 0.0, "confidence": confidence}),
        rollup=True,
        confidence=confidence,
    )


def is_zero(site: MeasuredSite, sites: Mapping[str, MeasuredSite]) -> bool:
    """Whether a site only says that nothing is there: it owns no deposits and sums none."""
    return site.rollup and not any(path != site.site and within(path, site.site) for path in sites)


def _heart(anatomy: Anatomy) -> Box | None:
    """Where the heart lies, or ``None`` where it is not in the image in full or a lung beside it is not."""
    names = hearts(anatomy)
    lungs = [name for name in anatomy.structures if name.startswith("lung_")]
    if not names or not all(any(side in name for name in lungs) for side in ("left", "right")):
        return None
    mask = anatomy.mask(*names)
    box = Box.of(mask)
    # A heart that reaches the edge of the image may go on beyond it.
    if box is None or (box.first == 0).any() or (box.last == np.array(mask.shape) - 1).any():
        return None
    return box


def _may_be_coronary(one: PlacedDeposit, heart: Box, scan: Scan) -> bool:
    placement = one.placement
    names = (placement.site, *(site for site, _ in placement.alternatives))
    if any(within(site, CORONARY) for site in names):
        return True
    if placement.site not in _OPEN:
        return False
    reach = np.ceil(_BESIDE / np.array(scan.volume.geometry.spacing)).astype(int)
    voxels = one.deposit.voxels
    return bool(((voxels >= heart.first - reach) & (voxels <= heart.last + reach)).all(axis=1).any())


def better_zero(one: MeasuredSite, other: MeasuredSite) -> MeasuredSite:
    """The one of two scores of 0 that holds better."""
    first, second = (STRICTNESS[site.measures["agatston"].validity] for site in (one, other))
    return one if first <= second else other
