"""The masses of a region that do not depend on a threshold, as measures: sums over its pieces of calcium."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.assessment import Measure, Validity
from calciscope.errors import InputError
from calciscope.measure.gate import Gate
from calciscope.measure.integration.integrated import MassEstimate, integrated_mass
from calciscope.measure.scan import Scan, number

_BY_CONSTRUCTION = (
    "without a known attenuation of this calcium, density and share are inverse to each other: it is the integrated "
    "mass by construction and no second opinion"
)


def masses(pieces: Iterable[NDArray[np.integer]], gate: Gate, scan: Scan, of: str = "") -> dict[str, Measure]:
    """Integrated and volume-fraction mass of ``pieces``, voxels ``(n, 3)`` each, every one with its own surroundings.

    ``gate`` says how far a mass holds here, ``of`` what it is of. A mass below 0, which noise makes of a speck, adds as
    it is; the sum is not below 0. The share of calcium in a voxel needs the attenuation of calcium of known density in
    the same surroundings (Black D, Xiao X, Molloi S. J Med Imaging 2023;10:043502), which no scan has: a rod of a
    phantom lies in another material, and taken for the calcium of an insert it made masses 16 to 27 % too high on the
    QRM phantom. So the line of the calibration is taken, and the number is ``adjusted``, as no measurement of its own.
    """
    told = f"hydroxyapatite, {scan.factor.origin}, attenuation above the tissue around{of}"
    fraction = f"hydroxyapatite, {scan.factor.origin}, share of calcium in each voxel, the integrated mass{of}"
    if gate.validity is Validity.REFUSED:
        return {
            "integrated_mass": number(0.0, "mg", told, gate, scan),
            "volume_fraction_mass": number(0.0, "mg", fraction, gate, scan),
        }
    integrated = _summed(list(pieces), scan, told, gate)
    same = Gate(integrated.validity, integrated.why)
    if integrated.value:
        same = same.joined(Gate(Validity.ADJUSTED, _BY_CONSTRUCTION))
    again = {"method": fraction, "validity": same.validity, "why": same.why}
    return {"integrated_mass": integrated, "volume_fraction_mass": integrated.model_copy(update=again)}


def _integrated(voxels: NDArray[np.integer], scan: Scan) -> MassEstimate:
    return integrated_mass(
        scan.volume.hu,
        voxels,
        scan.volume.geometry.spacing,
        scan.factor.value,
        factor_error=scan.factor.error,
        others=scan.others,
        slice_axis=scan.stack.slice_axis,
    )


def _summed(pieces: Sequence[NDArray[np.integer]], scan: Scan, method: str, gate: Gate) -> Measure:
    """The sum over the pieces, errors in quadrature; pieces without tissue around are left out, and that is told."""
    found: list[MassEstimate] = []
    failed: list[str] = []
    for voxels in pieces:
        try:
            found.append(_integrated(voxels, scan))
        except InputError as error:
            failed.append(str(error))
    if failed and not found:
        return number(0.0, "mg", method, gate.joined(Gate(Validity.REFUSED, failed[0])), scan)
    if failed:
        alone = f"{len(failed)} of {len(pieces)} deposits are left out ({failed[0]}), so it reads low"
        gate = gate.joined(Gate(Validity.ADJUSTED, alone))
    noted = [one.note for one in found if one.note]
    if noted and len(found) == 1:
        gate = gate.joined(Gate(Validity.VALID, noted[0]))
    elif noted:
        beside = f"beside {len(noted)} of {len(found)} deposits lie other tissue or calcium, which widens the interval"
        gate = gate.joined(Gate(Validity.VALID, beside))
    value = math.fsum(one.value for one in found)
    below = math.hypot(*(one.value - one.interval[0] for one in found))
    above = math.hypot(*(one.interval[1] - one.value for one in found))
    span = max(0.0, value - below), max(0.0, value + above)
    return number(max(0.0, value), "mg", method, gate, scan, span)
