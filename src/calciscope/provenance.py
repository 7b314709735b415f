"""What was used and what produced it: the part of an assessment that lets another person repeat it."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

from calciscope.domain.anatomy import Anatomy
from calciscope.domain.assessment import Correction, Provenance, SeriesUse
from calciscope.domain.study import SeriesInfo, Study

_LIBRARIES = ("numpy", "scipy", "scikit-image", "pydicom", "simpleitk", "connected-components-3d")


@cache
def calciscope_version() -> str:
    """The installed version of Calciscope."""
    return version("calciscope")


@cache
def _versions() -> dict[str, str]:
    """The installed libraries: read once, for they are looked up in files and stay the same while the program runs."""
    return {name: version(name) for name in _LIBRARIES}


def acquisition(study: Study, anatomies: Mapping[str, Anatomy]) -> tuple[SeriesUse, ...]:
    """Every series of the study, the used ones first, with what the anatomy noted about it."""
    used = tuple(_use(series.info, anatomies.get(series.info.id)) for series in study.series)
    return (*used, *(_use(info, None) for info in study.unused))


def of(
    study: Study,
    anatomies: Sequence[Anatomy],
    *,
    knowledge_folders: Sequence[Path],
    anatomy: str,
    preset: str,
    guidelines: str,
    corrections: tuple[Correction, ...],
) -> Provenance:
    """The provenance of an assessment; inputs by name and digest, never by path or patient."""
    manifests = list(dict.fromkeys(manifest for item in anatomies for manifest in item.manifests))
    return Provenance(
        calciscope=calciscope_version(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        inputs=dict(study.inputs),
        versions={"python": platform.python_version(), **_versions()},
        knowledge=("calciscope", *(folder.resolve().name for folder in knowledge_folders)),
        anatomy="; ".join(f"{m.provider} {m.version} ({m.licence})" for m in manifests) or anatomy.partition(",")[0],
        anatomy_limits=tuple(dict.fromkeys(limit for m in manifests for limit in m.limits)),
        preset=preset,
        guidelines=guidelines,
        corrections=corrections,
    )


def _use(info: SeriesInfo, anatomy: Anatomy | None) -> SeriesUse:
    made = info.acquisition
    notes = list(made.notes)
    if made.missing_slices:
        notes.append(f"{len(made.missing_slices)} slices are missing and were filled by interpolation")
    if made.resampled:
        notes.append(f"resampled: {made.resampled}")
    if anatomy is not None:
        if anatomy.blood_pool is not None:
            pool = anatomy.blood_pool
            notes.append(f"blood measures {pool.mean_hu:.0f} HU ({pool.source})")
        notes += anatomy.notes
    return SeriesUse(
        id=info.id,
        label=info.label,
        used=bool(info.uses),
        uses=tuple(sorted(info.uses)),
        why=info.why,
        modality=made.modality,
        date=made.day.isoformat() if made.day else None,
        slices=info.geometry.shape[made.slice_axis],
        spacing_mm=info.geometry.spacing,
        slice_thickness_mm=made.slice_thickness,
        kvp=made.kvp,
        kernel=made.kernel,
        contrast=made.contrast.value,
        lossy=made.lossy,
        notes=tuple(notes),
    )
