"""The other way through the house in one page: an image and a mask in, the numbers of every label out.

Beside :mod:`calciscope.pipeline` this is the only module that joins stages: it reads, lays the mask on the image and
measures; nothing is searched for and nothing interpreted.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.image import Acquisition, Contrast, Volume
from calciscope.domain.labels import LabelArray
from calciscope.domain.patient import Patient
from calciscope.domain.scores import MEASURES, SCORES, LabelScores
from calciscope.domain.study import Series, Study
from calciscope.errors import InputError, NothingToAssessError
from calciscope.measure.labels.arrays import mask_of, volume_of
from calciscope.measure.labels.masks import Labelled, score_labels
from calciscope.measure.mass import given_factor, wants_phantom
from calciscope.measure.phantom.calibration import calibrate
from calciscope.measure.presets import Preset, preset
from calciscope.read.files import printable
from calciscope.read.fit import Fit
from calciscope.read.mask import open_mask, read_names
from calciscope.read.study import open_study

Progress = Callable[[str, float], None]

# No scanner works outside of these; what lies there is a slip or another unit.
_PLAUSIBLE_KV = (20.0, 300.0)
# Below this attenuation lie air and lung; fat and soft tissue lie above.
_AIR_HU = -300.0


@dataclass(frozen=True)
class Options:
    """How to score. ``measures`` are names, ``None`` for all; ``kvp`` (kV) and ``contrast`` where the image is silent.

    ``mass_factor`` is in mg/mm3/HU or mg/cm3/HU, ``patient_id`` says which patient of several.
    """

    presets: tuple[str, ...] = ("standard",)
    names: Path | Mapping[int, str] | None = None
    mass_factor: float | None = None
    kvp: float | None = None
    contrast: Contrast | None = None
    measures: tuple[str, ...] | None = None
    intervals: bool = True
    patient_id: str | None = None


def score_files(
    image: Path, mask: Path, options: Options | None = None, progress: Progress | None = None
) -> tuple[LabelScores, ...]:
    """The numbers of a mask file on an image, one result a preset.

    Of several series the one is taken that the mask was made on, else the one whose grid it fits. Raises
    :class:`~calciscope.errors.NothingToAssessError` where image or mask cannot be used, with one line why, and
    another :class:`~calciscope.errors.CalciscopeError` where an option is wrong.
    """
    chosen = options or Options()
    tell = progress or (lambda text, fraction: None)
    rules = _rules(chosen)
    try:
        tell("reading the mask", 0.0)
        opened = open_mask(mask, chosen.names if isinstance(chosen.names, Path) else None)
        fit = Fit(opened, printable(image))
        study = open_study(
            [image],
            Patient(),
            patient_id=chosen.patient_id,
            progress=lambda text, share: tell(text, 0.7 * share),
            choose=fit.choose,
        )
        series = _series(study, image)
        volume = _completed(series.volume, chosen)
        laid = fit.laid(volume.geometry)
    except InputError as error:
        raise NothingToAssessError(str(error)) from error
    where = f"scored on {series.info.label} ({series.info.id})" if len(study.unused) else ""
    unread = [f"not used: {one.input}: {one.why}" for one in study.refused if one.input != opened.name]
    notes = tuple(filter(None, (where, *laid.notes, *volume.acquisition.notes, *unread)))
    why = "; ".join(filter(None, (laid.why, _in_air(volume, laid.layers)))) or None
    return _scored(volume, Labelled(laid.layers, laid.names, why), rules, chosen, notes, tell)


def score_arrays(
    image: NDArray[np.number],
    mask: NDArray[np.integer] | NDArray[np.bool_],
    spacing: Sequence[float] | NDArray[Any],
    options: Options,
    *,
    thickness: float | None = None,
    axis: int | None = None,
) -> tuple[LabelScores, ...]:
    """The numbers of a mask array on an image array, both ``(z, y, x)``; see :func:`calciscope.score`.

    Raises :class:`~calciscope.errors.InputError` with one line where an argument is wrong.
    """
    rules = _rules(options)
    quick = options.measures is not None and not options.intervals and set(options.measures) <= set(SCORES)
    told = Acquisition(kvp=options.kvp, slice_thickness=thickness, contrast=options.contrast or Contrast.UNKNOWN)
    volume = volume_of(image, spacing, told, axis, whole=not quick)
    names = read_names(options.names) if isinstance(options.names, Path) else options.names
    labelled = mask_of(mask, volume.geometry.shape, names)
    return _scored(volume, labelled, rules, options, volume.acquisition.notes, quick=quick)


def _rules(options: Options) -> tuple[Preset, ...]:
    """The presets by name; what is wrong with an option is told before the work."""
    if not options.presets:
        raise InputError("give at least one preset")
    if options.mass_factor is not None:
        given_factor(options.mass_factor)
    if isinstance(options.kvp, str):
        raise InputError(f"a tube voltage is a number in kV, not the text {options.kvp!r}")
    if options.kvp is not None and not _PLAUSIBLE_KV[0] <= float(options.kvp) <= _PLAUSIBLE_KV[1]:
        raise InputError(f"a tube voltage of {options.kvp:g} kV is that of no CT; give it in kV")
    if options.measures is not None:
        _known(options.measures)
    return tuple(preset(name) for name in options.presets)


def _known(measures: Sequence[str]) -> None:
    if not measures:
        raise InputError("ask for at least one measure, or leave measures out")
    for name in measures:
        if name not in MEASURES:
            near = difflib.get_close_matches(name, MEASURES, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(MEASURES)}"
            raise InputError(f"there is no measure {name!r}; {hint}")


def _in_air(volume: Volume, layers: Sequence[LabelArray]) -> str | None:
    """A mask that was written without the place of its image mostly lies beside the calcium, often in air."""
    inside = np.concatenate([volume.hu[layer != 0] for layer in layers])
    if np.count_nonzero(inside < _AIR_HU) * 2 <= len(inside):
        return None
    return "more than half of the mask lies in air or lung; check that it was drawn on this image and has its place"


def _series(study: Study, image: Path) -> Series:
    if not study.series:
        lines = tuple(f"{refused.input}: {refused.why}" for refused in study.refused)
        lines += tuple(f"{info.label}: {info.why}" for info in study.unused)
        raise NothingToAssessError("; ".join(lines) or f"{printable(image)}: no CT found in it", lines)
    return study.series[0]


def _completed(volume: Volume, options: Options) -> Volume:
    """The scan with what the caller knows and the file does not say."""
    made = volume.acquisition
    if options.kvp is not None and made.kvp is not None and round(made.kvp) != round(options.kvp):
        raise InputError(f"the image says {made.kvp:g} kV, not {options.kvp:g} kV; leave the voltage to it")
    contrast = made.contrast if made.contrast is not Contrast.UNKNOWN else options.contrast or Contrast.UNKNOWN
    return replace(volume, acquisition=replace(made, kvp=made.kvp or options.kvp, contrast=contrast))


def _scored(
    volume: Volume,
    mask: Labelled,
    rules: Sequence[Preset],
    options: Options,
    notes: tuple[str, ...],
    tell: Progress = lambda text, share: None,
    quick: bool = False,
) -> tuple[LabelScores, ...]:
    # A phantom in the image is looked for only where nothing better gives the mass factor, and not in the quick way.
    wanted = not quick and wants_phantom(volume.acquisition, options.mass_factor)
    calibration = calibrate(volume) if wanted else None
    results = []
    for number, rule in enumerate(rules):
        tell(f"scoring by {rule.name}", 0.7 + 0.3 * number / len(rules))
        results.append(
            score_labels(
                volume,
                mask,
                rule,
                measures="all" if options.measures is None else options.measures,
                intervals=options.intervals,
                given_factor=options.mass_factor,
                calibration=calibration,
                notes=notes,
            )
        )
    return tuple(results)
