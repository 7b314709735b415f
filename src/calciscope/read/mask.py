"""Masks and label maps as labels in the canonical frame, with their names: NIfTI, NRRD, MetaImage, DICOM SEG."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np

from calciscope.domain.image import Geometry
from calciscope.domain.labels import Labels, whole_numbers
from calciscope.errors import InputError
from calciscope.read.dicom_scan import looks_like_dicom
from calciscope.read.files import VOLUME_SUFFIXES, File, is_there, printable
from calciscope.read.geometry import canonical, canonical_geometry
from calciscope.read.refusals import UNREADABLE
from calciscope.read.seg import open_segmentation
from calciscope.read.slicer import read_slicer
from calciscope.read.volume_files import Grid, read_grid

_FORMATS = "NIfTI, NRRD, MetaImage or DICOM SEG"
_NRRD = (".nrrd", ".nhdr")
_COLUMNS = ["label", "structure"]


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """An opened mask. ``series`` and ``frame`` are those that a SEG names as its image; empty where a file does not.

    ``labels`` lays it out; told the grid of the image, a SEG of few slices can tell how far apart they lie.
    """

    name: str
    labels: Callable[[Geometry | None], Labels]
    series: frozenset[str] = frozenset()
    frame: str = ""


def open_mask(path: Path, table: Path | None = None, called: str = "mask") -> Mask:
    """Open a mask, its labels named by the CSV ``table`` where there is one.

    Without a table a SEG and a segmentation of 3D Slicer have the names of their segments, other files their numbers.
    ``called`` is what messages call it. Raises :class:`~calciscope.errors.InputError` with one line, here or when the
    labels are laid out: a file that is none, values that are no labels, no label in it, labels that the table does not
    name.
    """
    name = printable(path)
    if not is_there(path):
        raise InputError(f"the {called} {name} does not exist; check the path")
    names = read_names(table) if table is not None else None
    if path.is_dir():
        raise InputError(f"the {called} {name} is a folder; give one file: {_FORMATS}")
    file = File(path, name, 0, True)
    try:
        if file.is_volume:
            segments = read_slicer(file, name) if path.name.lower().endswith(_NRRD) else None
            labels = _named(segments or _from_grid(read_grid(file, labels=True), name), names)
            return Mask(name, lambda image: labels)
        if path.stat().st_size and looks_like_dicom(path):
            opened = open_segmentation(path, name)
            lay_out = partial(_segments, opened.labels, f"the {called} {opened.name}", names)
            return Mask(opened.name, lay_out, opened.series, opened.frame)
    except InputError as error:
        raise InputError(f"the {called} {name}: {error}") from error
    except OSError as error:
        raise InputError(f"the {called} {name}: {UNREADABLE}") from error
    raise InputError(f"the {called} {name} is none that can be read; give {_FORMATS}")


def read_label_map(spec: str) -> Callable[[Geometry | None], Labels]:
    """Lays out the labels of ``FILE[,NAMES.csv]`` under their names; the CSV beside the file where none is given.

    A SEG needs no table. Raises :class:`~calciscope.errors.InputError` as :func:`open_mask` does.
    """
    file, _, given = spec.partition(",")
    path = Path(file.strip())
    table = Path(given.strip()) if given.strip() else path.with_name(_stem(path) + ".csv")
    needs_one = path.name.lower().endswith(VOLUME_SUFFIXES) and is_there(path)
    return open_mask(path, table if given.strip() or needs_one else None, "label map").labels


def read_names(path: Path) -> dict[int, str]:
    """Label -> structure of a CSV with the header ``label,structure``; raises :class:`InputError`.

    Semicolons and tabs separate as commas do, where the header has them.
    """
    name = printable(path)
    if not path.is_file():
        raise InputError(f"the name table {name} does not exist; its columns are label,structure")
    try:
        content = path.read_text(encoding="utf-8-sig")
        head = content.partition("\n")[0]
        # A spreadsheet of another language separates by semicolons, one that is pasted by tabs.
        by = next((one for one in ",;\t" if one in head), ",")
        table = csv.DictReader(io.StringIO(content), delimiter=by, skipinitialspace=True)
        header = [column.strip().lower() for column in table.fieldnames or ()]
        rows = list(table)
    except (OSError, UnicodeDecodeError, csv.Error):
        raise InputError(f"the name table {name} is not a readable CSV; save it as CSV in UTF-8") from None
    if header[:2] != _COLUMNS:
        raise InputError(f"the name table {name} must start with the line label,structure")
    names: dict[int, str] = {}
    for line, row in enumerate(rows, start=2):
        number, structure, *_ = ((value if isinstance(value, str) else "").strip() for value in (*row.values(), ""))
        if not number and not structure:
            continue
        if not number.isdecimal() or not structure:
            raise InputError(f"{name}, line {line}: a label (whole number) and a structure are needed")
        if names.get(int(number), structure) != structure:
            raise InputError(f"{name}, line {line}: label {number} has two names")
        names[int(number)] = structure
    return names


def _from_grid(grid: Grid, name: str) -> Labels:
    way = canonical(grid.directions)
    shape = (grid.values.shape[0], grid.values.shape[1], grid.values.shape[2])
    geometry = canonical_geometry(way, shape, grid.spacing.tolist(), grid.origin, grid.directions)
    numbers = whole_numbers(grid.values)
    turned = np.ascontiguousarray(np.flip(np.transpose(numbers, way.axes), way.flips))
    present = np.unique(turned[turned > 0]).tolist()
    notes = () if grid.placed else ("the mask does not say how the patient lies",)
    return Labels(name, (turned,), geometry, MappingProxyType({one: str(one) for one in present}), notes)


def _segments(
    labels: Callable[[Geometry | None], Labels], what: str, names: Mapping[int, str] | None, image: Geometry | None
) -> Labels:
    try:
        return _named(labels(image), names)
    except InputError as error:
        raise InputError(f"{what}: {error}") from error


def _named(labels: Labels, names: Mapping[int, str] | None) -> Labels:
    if not labels.names:
        raise InputError("it holds no labels, only background")
    if names is None:
        return labels
    missing = sorted(set(labels.names) - set(names))
    if missing:
        raise InputError(f"{counted(missing)} no name in the table: {some(missing)}")
    return replace(labels, names=MappingProxyType({one: names[one] for one in labels.names}))


def counted(labels: Sequence[int]) -> str:
    """``1 label has`` or ``3 labels have``."""
    return f"{len(labels)} label has" if len(labels) == 1 else f"{len(labels)} labels have"


def some(labels: Sequence[int]) -> str:
    """The first few of many labels."""
    return ", ".join(map(str, labels[:5])) + (", ..." if len(labels) > 5 else "")


def _stem(path: Path) -> str:
    return path.name.split(".")[0] if path.name.lower().endswith(".nii.gz") else path.stem
