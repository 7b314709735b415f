"""A planned stack -> a :class:`~calciscope.domain.image.Volume` in the canonical frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import prod

import numpy as np

from calciscope.domain.image import Acquisition, Volume
from calciscope.errors import InputError
from calciscope.read.dicom_pixels import (
    AIR_HU,
    Hu,
    UndecodableError,
    forget,
    hounsfield,
    is_compressed,
    padding_is_tissue,
)
from calciscope.read.frames import Frame
from calciscope.read.geometry import Array, Plan
from calciscope.read.refusals import MOST_VOXELS, TOO_LARGE

# Decoders hold the interpreter only part of the time; more threads than cores of a small machine gain nothing.
_THREADS = 2
# So many slices are decoded ahead: enough to keep both threads busy, little enough to stay in memory.
_AHEAD = 16

Tick = Callable[[float], None]


class LostSlicesError(Exception):
    """Slices whose pixels could not be decoded, each with why; the stack can be planned again without them."""

    def __init__(self, lost: Sequence[tuple[Frame, str]]) -> None:
        super().__init__(f"{len(lost)} slices")
        self.lost = tuple(lost)


def acquisition_of_stack(plan: Plan, more: tuple[str, ...] = ()) -> Acquisition:
    """The acquisition of a whole stack: the middle slice speaks for all; ``more`` are further notes."""
    frames = plan.frames
    middle = frames[len(frames) // 2].acquisition
    every = [frame.acquisition for frame in frames]
    ratios = [a.lossy_ratio for a in every if a.lossy_ratio is not None]
    notes = list(dict.fromkeys(note for a in every for note in a.notes))
    if any(padding_is_tissue(frame) for frame in frames):
        notes.append("the pixel padding value is also that of tissue and was ignored")
    return replace(
        middle,
        increment=plan.increment,
        slice_axis=plan.slice_axis,
        lossy=any(a.lossy for a in every),
        lossy_ratio=max(ratios) if ratios else None,
        missing_slices=plan.missing,
        resampled=plan.resampled,
        notes=(*notes, *plan.notes, *more),
    )


def load(plan: Plan, acquisition: Acquisition, tick: Tick) -> Volume:
    """Decode every slice once into its place. ``tick`` is told the share done.

    Raises :class:`LostSlicesError` where slices cannot be decoded; the others are then to be planned again. Raises
    :class:`~calciscope.errors.InputError` where the stack is too large.
    """
    if prod(plan.shape) > MOST_VOXELS:
        raise InputError(TOO_LARGE)
    whole = all(frame.integral for frame in plan.frames)
    array: Hu = np.full(plan.shape, AIR_HU, dtype=np.int16) if whole else np.full(plan.shape, AIR_HU, dtype=np.float32)
    lost: list[tuple[Frame, str]] = []
    before: tuple[float, Hu] | None = None
    for number, (frame, decoded) in enumerate(_decoded(plan.frames, whole)):
        tick((number + 1) / len(plan.frames))
        if isinstance(decoded, UndecodableError):
            lost.append((frame, str(decoded)))
            continue
        if lost:
            continue
        shift = None if plan.shifts is None else plan.shifts[number]
        here = decoded if shift is None else _shifted(decoded, shift, plan.shape[1:])
        at = float(plan.where[number])
        _fill(array, before, (at, here))
        before = (at, here)
    forget()
    if lost:
        raise LostSlicesError(lost)
    return Volume(plan.way.apply(array), plan.geometry, acquisition)


def _decoded(frames: Sequence[Frame], whole: bool) -> Iterator[tuple[Frame, Hu | UndecodableError]]:
    def one(frame: Frame) -> Hu | UndecodableError:
        try:
            return hounsfield(frame, whole)
        except UndecodableError as error:
            return error

    if not any(is_compressed(frame) for frame in frames):
        for frame in frames:
            yield frame, one(frame)
        return
    with ThreadPoolExecutor(_THREADS) as pool:
        for start in range(0, len(frames), _AHEAD):
            some = frames[start : start + _AHEAD]
            yield from zip(some, pool.map(one, some), strict=True)


def _fill(array: Hu, before: tuple[float, Hu] | None, here: tuple[float, Hu]) -> None:
    """Write the slice at its place, and whatever lies between it and the one before by linear interpolation."""
    at, slice_ = here
    last = min(int(np.floor(at + 1e-6)), array.shape[0] - 1)
    if before is None or (last == round(before[0]) + 1 and abs(at - last) < 1e-6):
        array[last] = slice_
        return
    low, first = before
    for k in range(int(np.floor(low + 1e-6)) + 1, last + 1):
        weight = (k - low) / (at - low)
        mixed = first * np.float32(1 - weight) + slice_ * np.float32(weight)
        array[k] = np.rint(mixed) if array.dtype == np.int16 else mixed


def _shifted(slice_: Hu, shift: Array, size: tuple[int, int]) -> Hu:
    """The slice moved by a fractional number of rows and columns (both >= 0) on a grid of ``size``, air around it."""
    whole = np.floor(shift + 1e-6).astype(int)
    part = np.clip(shift - whole, 0, None)
    moved = np.full(size, AIR_HU, dtype=np.float32)
    rows, columns = slice_.shape
    moved[whole[0] : whole[0] + rows, whole[1] : whole[1] + columns] = slice_
    for axis in (0, 1):
        share = np.float32(part[axis])
        if share > 1e-4:
            moved = moved * (1 - share) + np.roll(moved, 1, axis) * share
    if slice_.dtype == np.int16:
        return np.rint(moved).astype(np.int16)
    return moved
