"""The label-map provider: structures of another program's segmentation laid over the embedded anatomy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from calciscope.domain import site as sites
from calciscope.domain.anatomy import Anatomy, Manifest, Structure
from calciscope.domain.image import Geometry, Volume
from calciscope.domain.labels import Labels
from calciscope.domain.structures import Place, dictionary
from calciscope.errors import AnatomyError, InputError

Segment = Callable[[Volume], Anatomy]
# Lays a label map out; told the grid of an image, a DICOM SEG of few slices can tell how far apart they lie.
LayOut = Callable[[Geometry | None], Labels]

# How sure a structure of a label map is: it was made or checked by something better than the embedded provider.
CONFIDENCE = 0.95
SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm")


def over(lay_out: LayOut, base: Segment | None = None) -> Segment:
    """A provider from a label map with a name for every label, whatever its orientation and grid.

    It is resampled by nearest neighbour in patient coordinates. Its structures replace those of ``base`` (the embedded
    provider), which keeps everything else. On use it raises :class:`AnatomyError` where a volume and the label map do
    not overlap.
    """

    def segment(volume: Volume) -> Anatomy:
        try:
            labels = lay_out(volume.geometry)
        except InputError as error:
            raise AnatomyError(str(error)) from error
        if not labels.overlaps(volume.geometry):
            raise AnatomyError(
                f"the label map {labels.source} does not overlap the volume; it must be in the same patient coordinates"
            )
        return overlay((base or _embedded())(volume), labels)

    return segment


def overlay(base: Anatomy, labels: Labels) -> Anatomy:
    """``base`` with the structures of a label map laid on top; the names of its labels are those of structures.

    A structure that the label map has is taken from it alone, its curve included, and so are curves and regions of
    the base that stand for the same site. Where labels overlap, the later layer lies on top.
    """
    names, name = labels.names, labels.source
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
    numbers = np.array(sorted(names))
    new = np.array([values[names[number]] for number in numbers.tolist()], dtype=np.uint16)
    painted = np.zeros(base.labels.shape, dtype=np.uint16)
    for layer in labels.on(base.geometry):
        there = layer != 0
        painted[there] = new[np.searchsorted(numbers, layer[there])]
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


def _embedded() -> Segment:
    from calciscope.anatomy.embedded import segment

    return segment
