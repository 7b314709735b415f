"""From a mask on a scan to the numbers of every label and of all together."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.domain.anatomy import Anatomy, BloodPool, Manifest
from calciscope.domain.assessment import Measure, Validity
from calciscope.domain.image import Contrast, Volume
from calciscope.domain.scores import SCORES, LabelScores
from calciscope.domain.site import exists
from calciscope.domain.structures import dictionary
from calciscope.measure.agatston import Stack
from calciscope.measure.gate import Gate, acquisition_rules, judge
from calciscope.measure.labels.absent import completed
from calciscope.measure.labels.filled import blood_in
from calciscope.measure.labels.numbers import Full
from calciscope.measure.labels.scores import TAKEN_AS, Layer, Quick, facts_of, union
from calciscope.measure.mass import mass_factor
from calciscope.measure.phantom.calibration import Calibration
from calciscope.measure.presets import Preset
from calciscope.measure.scan import Scan
from calciscope.measure.voltage import threshold_of
from calciscope.measure.voxels.slabs import averaged, averaged_labels, slabs

# How far from the mask its surroundings are looked at, mm; a background is taken from closer by.
_NEAR_MM = 20.0
# What a mask that was resampled, or reaches beyond the image, does not change.
_NOT_MOVED = frozenset({"count"})


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """A mask on the grid of a scan: ``layers`` ``(z, y, x)``, several where labels overlap, and a name for each label.

    Labels of one name are one thing. ``why`` says what was done to the mask that makes its numbers less than exact.
    """

    layers: tuple[Layer, ...]
    names: Mapping[int, str]
    why: str | None = None


def site_of(name: str) -> str | None:
    """The site that the name of a label stands for: a structure, a site path, a vessel; ``None`` where it is none."""
    if name.isdigit():
        return None
    plain = name.strip().lower().replace(" ", "_").replace("-", "_")
    meaning = dictionary().meanings.get(plain)
    if meaning is not None:
        return meaning.site
    for path in (plain, f"artery.coronary.{plain}", f"artery.{plain}", f"heart.{plain}"):
        if exists(path):
            return path
    return None


def one_number_a_name(mask: Labelled) -> Labelled:
    """The mask with the labels of one name under the smallest of their numbers, in one layer."""
    first: dict[str, int] = {}
    for label in sorted(mask.names):
        first.setdefault(mask.names[label], label)
    if len(first) == len(mask.names):
        return mask
    layers = [layer.copy() for layer in mask.layers]
    for name, number in first.items():
        same = [label for label in mask.names if mask.names[label] == name]
        if len(same) == 1:
            continue
        where = [np.isin(layer, same) for layer in layers]
        holds = [place for place, one in enumerate(where) if one.any()]
        for place in holds:
            layers[place][where[place]] = number if place == holds[0] else 0
        if len(holds) > 1:
            # In one layer they could lie over other labels, so they get one of their own.
            layers[holds[0]][where[holds[0]]] = 0
            layers.append(np.where(np.logical_or.reduce(where), number, 0).astype(np.int32))
    return Labelled(tuple(layers), {number: name for name, number in first.items()}, mask.why)


def score_labels(
    volume: Volume,
    mask: Labelled,
    preset: Preset,
    *,
    measures: Collection[str] | None = None,
    intervals: bool = False,
    given_factor: float | None = None,
    calibration: Calibration | None = None,
    notes: tuple[str, ...] = (),
) -> LabelScores:
    """The numbers of every label of a mask, and of all labels together, under one preset.

    ``measures`` are names, or ``all``; by default agatston, volume and mass, which without ``intervals`` take one
    reading of the volume. Islands are formed within each label, so that the total of labels that lie apart is their
    sum; where labels overlap, the voxels of all of them are scored together, each once. Contrast is looked for inside
    the mask (:func:`calciscope.measure.labels.filled.blood_in`). ``given_factor`` is a mass factor in mg/mm3/HU or
    mg/cm3/HU.

    Raises:
        InputError: the mass factor is plausible in neither unit.
    """
    mask = one_number_a_name(mask)
    wanted = None if measures == "all" else set(SCORES if measures is None else measures)
    if (how := slabs(volume, preset)) is not None:
        volume = averaged(volume, how)
        mask = replace(mask, layers=tuple(averaged_labels(layer, how) for layer in mask.layers))
    sites = {label: site_of(name) for label, name in mask.names.items()}
    quick = wanted is not None and not intervals and wanted <= set(SCORES)
    scan = _scan(volume, mask, preset, given_factor, calibration, quick)
    scan = _with_blood(scan, mask, sites)
    work = Quick(scan, sites) if quick else Full(scan, sites)
    each, total = work.measured(mask.layers, mask.names)
    contrast = _contrast(scan)

    def shown(found: Mapping[str, Measure]) -> dict[str, Measure]:
        kept = found if quick else completed(found, scan, wanted)
        shown_as = {
            name: _told(name, one, mask.why, intervals)
            for name, one in kept.items()
            if wanted is None or name in wanted
        }
        if contrast is not None and "volume" in shown_as:
            shown_as["volume"] = _gated(shown_as["volume"], contrast)
        return shown_as

    labels = {name: shown(found) for name, found in each.items()}
    return LabelScores(
        preset=preset.name,
        version=preset.version,
        labels=labels,
        total=shown(total),
        refused=_refused(scan, [one[name] for one in labels.values() for name in SCORES if name in one]),
        notes=notes,
    )


def _scan(
    volume: Volume, mask: Labelled, preset: Preset, given: float | None, calibration: Calibration | None, quick: bool
) -> Scan:
    if not quick:
        others = _beside(volume, mask, threshold_of(preset, volume.acquisition, calibration, given).hu)
        return Scan.of(volume, preset, others=others, given_factor=given, calibration=calibration)
    acquisition = volume.acquisition
    threshold = threshold_of(preset, acquisition, calibration, given)
    factor = mass_factor(acquisition, threshold, given=given, calibration=calibration)
    stack = Stack(volume.geometry.spacing, acquisition.slice_axis, acquisition.slice_thickness)
    return Scan(volume, preset, factor.applied(threshold), factor, stack)


def _beside(volume: Volume, mask: Labelled, threshold: float) -> NDArray[np.bool_]:
    """Calcium, bone and metal outside the mask and near it, which is no background of what is inside.

    Single voxels over the threshold are noise; without them the background would read low.
    """
    inside = union(mask.layers)
    others = np.zeros(inside.shape, dtype=np.bool_)
    (box,) = ndimage.find_objects(inside.view(np.uint8))
    reach = [int(np.ceil(_NEAR_MM / step)) for step in volume.geometry.spacing]
    near = tuple(slice(max(0, one.start - more), one.stop + more) for one, more in zip(box, reach, strict=True))
    structure = np.expand_dims(np.ones((3, 3), dtype=np.bool_), volume.acquisition.slice_axis)
    others[near] = ndimage.binary_opening((volume.hu[near] >= threshold) & ~inside[near], structure)
    return others


def _with_blood(scan: Scan, mask: Labelled, sites: Mapping[int, str | None]) -> Scan:
    """The scan with what the inside of the mask says of contrast.

    What is in a label without a known name can refuse a score, but vouches for none: it may be muscle.
    """
    found = blood_in(scan.volume, mask.layers, sites, scan.threshold.hu)
    if found is None:
        return scan
    seen = replace(scan, anatomy=_only_blood(scan.volume, found.pool))
    refused = judge(facts_of(seen), TAKEN_AS, scan.threshold)["agatston"].validity is Validity.REFUSED
    return seen if found.vessel or refused else scan


def _only_blood(volume: Volume, pool: BloodPool) -> Anatomy:
    nothing = np.broadcast_to(np.uint8(0), volume.geometry.shape)
    return Anatomy(nothing, MappingProxyType({}), volume.geometry, Manifest("mask", "", "", ()), blood_pool=pool)


def _refused(scan: Scan, asked: Sequence[Measure]) -> str | None:
    """Why every score is refused, the decisive reasons alone; ``None`` where one is given."""
    if not asked or any(one.validity is not Validity.REFUSED for one in asked):
        return None
    if scan.threshold.refused:
        return scan.threshold.why
    known = facts_of(scan)
    rules = [rule for rule in acquisition_rules().rules if rule.acts(known, TAKEN_AS)]
    decisive = [rule.why.format_map(known) for rule in rules if rule.effect.get("agatston") is Validity.REFUSED]
    return "; ".join(decisive) or asked[0].why


def _contrast(scan: Scan) -> Gate | None:
    """Why contrast refuses the score, ``None`` where it does not; the volume at the threshold goes with the score."""
    known = facts_of(scan)
    found = judge(known, TAKEN_AS, scan.threshold)["agatston"]
    plain = {**known, "blood_pool_hu": None, "contrast": Contrast.NONE.value}
    without = judge(plain, TAKEN_AS, scan.threshold)["agatston"]
    if found.validity is not Validity.REFUSED or without.validity is Validity.REFUSED:
        return None
    other = (without.why or "").split("; ")
    return Gate(Validity.REFUSED, "; ".join(part for part in (found.why or "").split("; ") if part not in other))


def _told(name: str, measure: Measure, why: str | None, intervals: bool) -> Measure:
    """A measure as it is shown: without a value where it is not a number, adjusted where the mask was."""
    odd = measure.value is not None and math.isnan(measure.value)
    if not why and not odd and (intervals or measure.interval is None):
        return measure
    gate = Gate()
    if why and name not in _NOT_MOVED:
        gate = Gate(Validity.ADJUSTED, why)
    if odd:
        gate = gate.joined(Gate(Validity.REFUSED, f"preset {measure.preset} has no density factor for an island"))
    shown = measure if intervals or measure.interval is None else measure.model_copy(update={"interval": None})
    return shown if gate == Gate() else _gated(shown, gate)


def _gated(measure: Measure, gate: Gate) -> Measure:
    joined = Gate(measure.validity, measure.why).joined(gate)
    changes: dict[str, object] = {"validity": joined.validity, "why": joined.why}
    if joined.validity is Validity.REFUSED:
        changes |= {"value": None, "interval": None}
    return measure.model_copy(update=changes)
