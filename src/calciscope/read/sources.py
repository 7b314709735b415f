"""A series before its voxels are read, wherever it comes from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from calciscope.domain.examination import Examination
from calciscope.domain.image import Acquisition, Geometry, Volume
from calciscope.domain.origin import Origin
from calciscope.domain.study import SeriesInfo
from calciscope.errors import InputError
from calciscope.read.dicom_join import Stack
from calciscope.read.dicom_pixels import UndecodableError, stored
from calciscope.read.dicom_series import stacks
from calciscope.read.dicom_volume import LostSlicesError, Tick, acquisition_of_stack, load
from calciscope.read.files import File
from calciscope.read.frames import Frame
from calciscope.read.geometry import LARGEST_GAP_MM, plan
from calciscope.read.origin import origin_of
from calciscope.read.refusals import ONE_SLICE
from calciscope.read.select import Candidate, Choice
from calciscope.read.volume_files import digest_of, read_volume

Refuse = Callable[[int, str, str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A series that can be chosen and loaded. ``load`` raises :class:`~calciscope.errors.InputError`.

    ``origin`` is asked after ``load`` and says which instances were loaded; ``None`` where the files are not DICOM.
    """

    top: int
    name: str
    info: SeriesInfo
    candidate: Candidate
    load: Callable[[Tick, Refuse], Volume]
    origin: Callable[[], Origin | None] = lambda: None

    def described(self, choice: Choice, volume: Volume | None) -> SeriesInfo:
        """The series with what it is used for; with its voxels read, as they turned out to be."""
        info = replace(self.info, uses=choice.uses, why=choice.why)
        return info if volume is None else replace(info, acquisition=volume.acquisition, geometry=volume.geometry)


def volume_source(file: File) -> Source:
    """A NIfTI, NRRD or MetaImage file. Raises :class:`~calciscope.errors.InputError` where it is no CT volume."""
    volume = read_volume(file)
    digest = digest_of(file)
    info = _info(digest, volume.acquisition, volume.geometry, 1)
    candidate = Candidate(info.id, volume.acquisition, volume.geometry)

    def kept(tick: Tick, refuse: Refuse) -> Volume:
        tick(1.0)
        return volume

    return Source(file.top, file.name, info, candidate, kept)


def dicom_sources(frames: Sequence[Frame], refuse: Refuse) -> list[Source]:
    """The series among the slices of one patient; single slices are refused."""
    found: list[Source] = []
    for stack, notes in _noted_stacks(frames):
        if len(stack) == 1 and "LOCALIZER" not in stack[0].image_type:
            refuse(0, stack[0].pixels.name, ONE_SLICE)
            continue
        try:
            found.append(_dicom_source(stack, notes))
        except InputError as error:
            refuse(0, stack[0].pixels.name, str(error))
    return found


def _noted_stacks(frames: Sequence[Frame]) -> Iterator[tuple[Stack, tuple[str, ...]]]:
    for series in stacks(frames, _same_pixels):
        gap = f"part of a series that was cut where more than {LARGEST_GAP_MM:g} mm of it are missing"
        for stack in series:
            parts = len({frame.series for frame in stack})
            # A series identifier for every slice is a fault of the export, not a division of the scan.
            several = (f"read from {parts} series that are one stack",) if 1 < parts < len(stack) else ()
            yield stack, (gap, *several) if len(series) > 1 else several


def _same_pixels(one: Frame, other: Frame) -> bool:
    try:
        return (
            one.slope == other.slope and one.intercept == other.intercept and np.array_equal(stored(one), stored(other))
        )
    except UndecodableError:
        return False


def _dicom_source(stack: Stack, notes: tuple[str, ...]) -> Source:
    layout = plan(stack)
    acquisition = acquisition_of_stack(layout, notes)
    digest = hashlib.sha256("".join(sorted(f"{f.pixels.sha256}{f.number}" for f in stack)).encode()).hexdigest()
    info = _info(digest, acquisition, layout.geometry, len({frame.pixels.path for frame in stack}))
    first = stack[0]
    info = replace(info, examination=_examination(stack))
    candidate = Candidate(
        id=info.id,
        acquisition=acquisition,
        geometry=layout.geometry,
        image_type=first.image_type,
        frame=first.frame_of_reference,
        exam=first.identity.study,
        date=first.identity.date,
        series=frozenset(frame.series for frame in stack),
    )

    current = layout

    def read(tick: Tick, refuse: Refuse) -> Volume:
        nonlocal current
        left = list(stack)
        while True:
            try:
                return load(current, acquisition_of_stack(current, notes), tick)
            except LostSlicesError as error:
                lost = {id(frame) for frame, _ in error.lost}
                for frame, why in error.lost:
                    refuse(0, frame.pixels.name, why)
                left = [frame for frame in left if id(frame) not in lost]
            if len(left) < 2:
                raise InputError("too few of its slices can be decoded; export the series again")
            current = plan(left)

    return Source(0, first.pixels.name, info, candidate, read, lambda: origin_of(current))


def _examination(stack: Stack) -> Examination | None:
    """The series as the hospital numbers it, where its files say that."""
    first = stack[0]
    if not (first.identity.study and first.series):
        return None
    return Examination(
        study_uid=first.identity.study,
        series_uid=first.series,
        number=first.identity.patient_id,
        started=first.acquisition.day,
        modality=first.acquisition.modality,
        instances=len({frame.instance_uid for frame in stack}),
    )


def _info(digest: str, acquisition: Acquisition, geometry: Geometry, files: int) -> SeriesInfo:
    slices = geometry.shape[acquisition.slice_axis]
    thickness = acquisition.slice_thickness or geometry.spacing[acquisition.slice_axis]
    parts = [acquisition.description or acquisition.modality, f"{slices} x {thickness:g} mm", acquisition.kernel or ""]
    return SeriesInfo(
        id=f"ct-{digest[:8]}",
        label=", ".join(part for part in parts if part),
        acquisition=acquisition,
        geometry=geometry,
        files=files,
        uses=frozenset(),
        why="",
        digest=digest,
    )
