"""The label-map provider: structures of another program's segmentation, laid over the embedded anatomy."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from calciscope.anatomy.combine import overlay
from calciscope.domain.anatomy import Anatomy, Manifest, Structure
from calciscope.domain.image import Geometry, Volume
from calciscope.domain.labels import Labels
from calciscope.domain.structures import dictionary
from calciscope.errors import AnatomyError, InputError

Segment = Callable[[Volume], Anatomy]
# Lays a label map out; told the grid of an image, a DICOM SEG of few slices can tell how far apart they lie.
LayOut = Callable[[Geometry | None], Labels]

# How sure a structure of a label map is: it was made or checked by something better than the embedded provider.
CONFIDENCE = 0.95
NAME = "label map"
SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm")


def alone(lay_out: LayOut) -> Segment:
    """A provider of the structures of a label map and nothing else; whatever its orientation and grid.

    It is resampled by nearest neighbour in patient coordinates. On use it raises :class:`AnatomyError` where a volume
    and the label map do not overlap.
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
        return drawn(labels, volume.geometry)

    return segment


def over(lay_out: LayOut, base: Segment | None = None) -> Segment:
    """A provider of a label map laid over ``base`` (the embedded provider), which keeps everything else."""
    layer = alone(lay_out)

    def segment(volume: Volume) -> Anatomy:
        drawing = layer(volume)
        return overlay((base or _embedded())(volume), drawing)

    return segment


def drawn(labels: Labels, geometry: Geometry) -> Anatomy:
    """The structures of a label map on another grid; its names are those of structures.

    Where labels overlap, the later layer lies on top. Several labels may carry one name: the parts of one structure.
    """
    given = sorted(set(labels.names.values()))
    values = {structure: n for n, structure in enumerate(given, start=1)}
    numbers = np.array(sorted(labels.names))
    new = np.array([values[labels.names[number]] for number in numbers.tolist()], dtype=np.uint16)
    painted = np.zeros(geometry.shape, dtype=np.uint16)
    for layer in labels.on(geometry):
        there = layer != 0
        painted[there] = new[np.searchsorted(numbers, layer[there])]
    present = set(np.flatnonzero(np.bincount(painted.ravel())).tolist())
    known = dictionary().meanings
    unknown = [name for name in given if name not in known]
    notes = (
        (f"{labels.source}: structures without a known meaning are not used: {', '.join(unknown)}",) if unknown else ()
    )
    return Anatomy(
        labels=painted,
        structures=MappingProxyType({n: Structure(n, v, CONFIDENCE) for n, v in values.items() if v in present}),
        geometry=geometry,
        manifest=Manifest(
            provider=NAME,
            version=labels.source,
            licence="that of the file",
            limits=(f"structures of {labels.source} are taken as given",),
        ),
        notes=notes,
    )


def _embedded() -> Segment:
    from calciscope.anatomy.embedded import segment

    return segment
