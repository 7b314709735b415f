"""Slices -> stacks: what belongs together, whatever the series identifiers say."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import fields
from itertools import pairwise

from calciscope.read.dicom_join import Stack, joined
from calciscope.read.frames import Frame, Split
from calciscope.read.geometry import SAME_PLACE_MM, normal_of, place_of, split_at_gaps

# Components of direction, pixel spacings and thicknesses (mm) that differ by less are one value, rounded differently.
_SAME_DIRECTION, _SAME_SPACING, _SAME_THICKNESS = 0.01, 0.0005, 0.05

# Parts of ImageType that make images of different kinds; vendor codes after them (CT_SOM5 SPI) do not.
_KINDS = ("LOCALIZER", "MPR", "MIP", "MINIP", "AVERAGE", "SECONDARY", "DERIVED", "SCREEN SAVE", "VNC", "IODINE", "MONO")

Same = Callable[[Frame, Frame], bool]


class _Alike:
    """Numbers vectors so that those that agree within a tolerance have one number, wherever rounding would cut."""

    def __init__(self) -> None:
        self._known: dict[str, list[tuple[float, ...]]] = defaultdict(list)

    def number(self, kind: str, vector: tuple[float, ...], tolerance: float) -> int:
        """The number of the first known vector of this kind that is alike."""
        known = self._known[kind]
        for number, other in enumerate(known):
            if max(abs(a - b) for a, b in zip(vector, other, strict=True)) <= tolerance:
                return number
        known.append(vector)
        return len(known) - 1


def stacks(frames: Iterable[Frame], same_pixels: Same) -> list[list[Stack]]:
    """Group slices into series, and these into stacks of parallel slices at different places, ordered along the normal.

    A series is more than one stack where so much is absent between them that it cannot be filled; series that were cut
    out of one scan are one stack.

    ``same_pixels`` compares two slices at one place; of two equal ones one is dropped.
    """
    alike = _Alike()
    groups: dict[Hashable, Stack] = defaultdict(list)
    for frame in _without_copies(frames):
        groups[_key(frame, frame.series, alike)].append(frame)
    whole = [group for group in groups.values() if len(group) > 1]
    loose: dict[Hashable, Stack] = defaultdict(list)
    for group in groups.values():
        if len(group) == 1:
            # A series of one slice may be one of many whose series identifiers were lost or made anew for each file.
            loose[_key(group[0], "", alike)].append(group[0])
    whole.extend(loose.values())
    parts = [part for group in whole for part in _apart(group, same_pixels)]
    whole = joined(parts, [_scanned(part[0], alike) for part in parts])
    return [split_at_gaps(part) for part in whole]


def _without_copies(frames: Iterable[Frame]) -> Stack:
    """Drop slices that occur twice: the same file, or the same instance at the same place."""
    seen: set[Hashable] = set()
    kept: Stack = []
    for frame in frames:
        by_content = (frame.pixels.sha256, frame.number)
        by_name = (
            frame.instance_uid,
            frame.number,
            frame.position,
            frame.instance,
            frame.split.acquisition,
            frame.split.temporal,
        )
        if by_content in seen or (frame.instance_uid and by_name in seen):
            continue
        seen.update((by_content, by_name))
        kept.append(frame)
    return kept


def _key(frame: Frame, series: str, alike: _Alike) -> Hashable:
    a = frame.acquisition
    # With a series identifier everything of one orientation, size and kind belongs together; without one, what the
    # scanner was asked for must agree as well.
    loose = () if series else (a.description, frame.split.series_number, a.manufacturer)
    return (*_scanned(frame, alike), series, *loose)


def _scanned(frame: Frame, alike: _Alike) -> tuple[Hashable, ...]:
    """Whose slice it is and what was asked of the scanner: slices of one stack agree in it."""
    a = frame.acquisition
    return (
        frame.identity.patient,
        frame.identity.study,
        frame.frame_of_reference,
        alike.number("orientation", frame.orientation, _SAME_DIRECTION),
        (frame.pixels.rows, frame.pixels.columns),
        alike.number("spacing", frame.spacing, _SAME_SPACING),
        kind_of(frame.image_type),
        a.kernel,
        a.kvp,
        alike.number("thickness", (a.slice_thickness or 0.0,), _SAME_THICKNESS),
    )


def kind_of(image_type: Sequence[str]) -> tuple[str, ...]:
    """The parts of ImageType that tell kinds of image apart."""
    return tuple(word for word in _KINDS if any(word in part for part in image_type))


def _apart(group: Stack, same_pixels: Same) -> list[Stack]:
    """Split a group in which several slices lie at one place: phases, energies, repeats."""
    normal = normal_of(group[0])
    ordered = sorted(group, key=lambda f: (place_of(f, normal), f.instance, f.pixels.name))
    places = _places(ordered)
    if len(set(places)) == len(places):
        return [ordered]
    kept = _without_equal(ordered, places, same_pixels)
    places = _places(kept)
    most = max(Counter(places).values())
    if most == 1:
        return [kept]
    for name in (field.name for field in fields(Split)):
        parts = _by(kept, [getattr(frame.split, name) for frame in kept])
        # As many parts as slices lie at one place, or a few more: a time that differs for every slice tells nothing.
        if 1 < len(parts) <= 2 * most and all(len(set(_places(part))) == len(part) for part in parts):
            return parts
    # Nothing in the header tells them apart: the order of instances does.
    count: Counter[int] = Counter()
    turns = []
    for place in places:
        turns.append(str(count[place]))
        count[place] += 1
    return _by(kept, turns)


def _places(ordered: Sequence[Frame]) -> list[int]:
    """A number for each slice, equal where slices lie at one place."""
    normal = normal_of(ordered[0])
    along = [place_of(frame, normal) for frame in ordered]
    numbers = [0]
    for before, after in pairwise(along):
        numbers.append(numbers[-1] + int(after - before > SAME_PLACE_MM))
    return numbers


def _without_equal(ordered: Stack, places: Sequence[int], same_pixels: Same) -> Stack:
    kept: Stack = []
    at: dict[int, Stack] = defaultdict(list)
    for frame, place in zip(ordered, places, strict=True):
        if not any(same_pixels(frame, other) for other in at[place]):
            at[place].append(frame)
            kept.append(frame)
    return kept


def _by(frames: Stack, keys: Sequence[str]) -> list[Stack]:
    parts: dict[str, Stack] = defaultdict(list)
    for frame, key in zip(frames, keys, strict=True):
        parts[key].append(frame)
    return [parts[key] for key in sorted(parts)]
