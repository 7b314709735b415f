"""The label-map provider: structures of another program's segmentation laid over the embedded anatomy."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from calciscope.domain import site as sites
from calciscope.domain.anatomy import Anatomy, Manifest, Structure
from calciscope.domain.image import Geometry, Volume
from calciscope.domain.structures import Place, dictionary
from calciscope.errors import AnatomyError

# SimpleITK has no type annotations.
_ITK: Any = SimpleITK

Segment = Callable[[Volume], Anatomy]

# How sure a structure of a label map is: it was made or checked by something better than the embedded provider.
CONFIDENCE = 0.95
SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")


def load(spec: str, base: Segment | None = None) -> Segment:
    """A provider from ``FILE[,NAMES.csv]``: a NIfTI, NRRD or MetaImage label map and its name table.

    ``NAMES.csv`` has the columns ``label,structure``. Without one, a CSV of the same name beside the label map is
    used. The label map may have any orientation and grid; it is resampled by nearest neighbour in world coordinates.
    Its structures replace those of ``base`` (the embedded provider), which keeps everything else. Raises
    :class:`AnatomyError` with one line: here for files that are missing or wrong, on use where a volume and the
    label map do not overlap.
    """
    file, _, table = spec.partition(",")
    path = Path(file.strip())
    if not path.is_file():
        raise AnatomyError(f"the label map {path.name or spec} does not exist")
    if path.suffix.lower() in (".dcm", ""):
        raise AnatomyError(f"{path.name}: DICOM SEG is not supported yet; convert it to NIfTI, NRRD or MHA")
    if not path.name.lower().endswith(SUFFIXES):
        raise AnatomyError(f"{path.name} is no label map; supported are {', '.join(SUFFIXES)}")
    names = read_names(Path(table.strip()) if table.strip() else path.with_name(_stem(path) + ".csv"))
    image = _read(path)
    present = {int(label) for label in np.unique(_ITK.GetArrayViewFromImage(image))} - {0}
    if not present:
        raise AnatomyError(f"{path.name} holds no labels, only background")
    unnamed = sorted(present - set(names))
    if unnamed:
        few = ", ".join(map(str, unnamed[:5])) + (", ..." if len(unnamed) > 5 else "")
        raise AnatomyError(f"{path.name}: {len(unnamed)} labels have no name in the table: {few}")
    used = {label: names[label] for label in sorted(present)}

    def segment(volume: Volume) -> Anatomy:
        return overlay((base or _embedded())(volume), resampled(image, volume.geometry, path.name), used, path.name)

    return segment


def read_names(path: Path) -> dict[int, str]:
    """Label -> structure of a CSV with the header ``label,structure``; raises :class:`AnatomyError`."""
    if not path.is_file():
        raise AnatomyError(f"the name table {path.name} does not exist; its columns are label,structure")
    try:
        table = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")), skipinitialspace=True)
        header = [column.strip().lower() for column in table.fieldnames or ()]
        rows = list(table)
    except (OSError, UnicodeDecodeError, csv.Error):
        raise AnatomyError(f"the name table {path.name} is not a readable CSV") from None
    if header[:2] != ["label", "structure"]:
        raise AnatomyError(f"the name table {path.name} must start with the line label,structure")
    names: dict[int, str] = {}
    for line, row in enumerate(rows, start=2):
        number, name, *_ = ((value if isinstance(value, str) else "").strip() for value in (*row.values(), ""))
        if not number and not name:
            continue
        if not number.isdigit() or not name:
            raise AnatomyError(f"{path.name}, line {line}: a label (whole number) and a structure are needed")
        if names.get(int(number), name) != name:
            raise AnatomyError(f"{path.name}, line {line}: label {number} has two names")
        names[int(number)] = name
    return names


def resampled(image: Any, geometry: Geometry, name: str) -> NDArray[np.uint16]:
    """Labels ``(z, y, x)`` on a volume's grid by nearest neighbour; raises :class:`AnatomyError` without overlap."""
    reference = _ITK.Image([int(n) for n in geometry.shape[::-1]], _ITK.sitkUInt16)
    reference.SetSpacing(geometry.spacing[::-1])
    reference.SetOrigin(geometry.origin)
    reference.SetDirection(geometry.direction)
    labels = _ITK.GetArrayFromImage(
        _ITK.Resample(image, reference, _ITK.Transform(3, _ITK.sitkIdentity), _ITK.sitkNearestNeighbor, 0)
    )
    if not labels.any():
        raise AnatomyError(
            f"the label map {name} does not overlap the volume; it must be in the same patient coordinates"
        )
    return np.asarray(labels, dtype=np.uint16)


def overlay(base: Anatomy, labels: NDArray[np.uint16], names: Mapping[int, str], name: str) -> Anatomy:
    """``base`` with the structures of a label map on its grid laid on top; ``names`` maps its labels to structures.

    A structure that the label map has is taken from it alone, its curve included, and so are curves and regions of
    the base that stand for the same site.
    """
    known = dictionary().meanings
    given = set(names.values())
    whole = [n for n in given if n in known and known[n].place is not Place.REGION]
    replaced = {n for n in (*base.structures, *base.tubes) if n in given or any(_covers(n, other) for other in whole)}
    dropped = np.zeros(int(base.labels.max()) + 1, dtype=np.bool_)
    dropped[[s.label for s in base.structures.values() if s.name in replaced]] = True
    result = np.where(dropped[base.labels], 0, base.labels).astype(np.uint16)
    structures = {n: s for n, s in base.structures.items() if n not in replaced}
    first = max((s.label for s in base.structures.values()), default=0) + 1
    # Several labels may carry one name: the parts of one structure.
    values = {structure: first + n for n, structure in enumerate(sorted(given))}
    table = np.zeros(max(names) + 1, dtype=np.uint16)
    for label, structure in names.items():
        table[label] = values[structure]
    painted = table[np.where(labels <= max(names), labels, 0)]
    result = np.where(painted > 0, painted, result)
    present = set(np.unique(painted).tolist())
    structures |= {n: Structure(n, value, CONFIDENCE) for n, value in values.items() if value in present}
    unknown = sorted(n for n in given if n not in known)
    notes = (f"{name}: structures without a known meaning are not used: {', '.join(unknown)}",) if unknown else ()
    return replace(
        base,
        labels=result,
        structures=MappingProxyType(structures),
        tubes=MappingProxyType({n: tube for n, tube in base.tubes.items() if n not in replaced}),
        manifest=Manifest(
            provider=f"label map over {base.manifest.provider}",
            version=base.manifest.version,
            licence=base.manifest.licence,
            limits=(f"structures of {name} are taken as given", *base.manifest.limits),
        ),
        notes=(*base.notes, *notes),
    )


def _covers(name: str, given: str) -> bool:
    """Whether ``given`` stands for the site of ``name`` or more, on the same side of the body."""
    known = dictionary().meanings
    inner = known[name].site if name in known else None
    outer = known[given].site
    if inner is None or outer is None or not sites.within(inner, outer):
        return False
    side, other = (next((s for s in sites.SIDES if n.endswith(s)), None) for n in (name, given))
    return other is None or side == other


def _stem(path: Path) -> str:
    return path.name.split(".")[0] if path.name.lower().endswith(".nii.gz") else path.stem


def _read(path: Path) -> Any:
    try:
        image = _ITK.ReadImage(str(path))
    except RuntimeError:
        raise AnatomyError(f"the label map {path.name} cannot be read as an image") from None
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise AnatomyError(f"the label map {path.name} is not a volume of single labels")
    values = _ITK.GetArrayViewFromImage(image)
    if values.min() < 0 or values.max() > np.iinfo(np.uint16).max or not np.array_equal(values, np.round(values)):
        raise AnatomyError(f"the label map {path.name} holds values that are no labels (whole numbers from 0 to 65535)")
    return _ITK.DICOMOrient(_ITK.Cast(image, _ITK.sitkUInt16), "LPS")


def _embedded() -> Segment:
    from calciscope.anatomy.embedded import segment

    return segment
