"""Which series of an image a mask belongs to, and the mask laid on its grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from calciscope.domain.image import Geometry
from calciscope.domain.labels import LabelArray, Labels
from calciscope.errors import InputError
from calciscope.read.mask import Mask
from calciscope.read.select import SCORE, Candidate, Choice, never, select

_RESAMPLED = "the mask lay on another grid and was resampled: each voxel took the label of the nearest"
_OTHER_SERIES = "the mask was made on another series of the same examination"
_CUT = "a part of the mask lies outside the image, so the number reads low"


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """A mask on the grid of an image. ``why`` says what makes its numbers less than exact, ``notes`` what is lost."""

    layers: tuple[LabelArray, ...]
    names: Mapping[int, str]
    why: str | None
    notes: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Fit:
    """Chooses the series of ``image`` (a name to be shown) that ``mask`` belongs to and lays the mask on it."""

    mask: Mask
    image: str
    other_series: bool = False

    def choose(self, candidates: Sequence[Candidate]) -> tuple[Choice, ...]:
        """The one series that the mask was made on, else the one whose grid it has, else the one that it overlaps.

        Of equals the one that serves best for scoring. Raises :class:`~calciscope.errors.InputError` where a SEG was
        made on another examination.
        """
        usual = {choice.id: choice for choice in select(candidates)}
        able = [one for one in candidates if never(one) is None]
        if not able:
            return tuple(usual.values())
        pool = self._named(able)

        def rank(one: Candidate) -> tuple[bool, bool, bool]:
            # A grid tells nothing new where one series is left, and laying a SEG out takes time.
            labels = self.mask.labels(one.geometry) if len(pool) > 1 else None
            same = labels is not None and labels.aligned(one.geometry)
            overlaps = labels is not None and labels.overlaps(one.geometry)
            return overlaps, same, SCORE in usual[one.id].uses

        best = max(pool, key=rank)
        said = "the mask was made on it" if best.series & self.mask.series else "the mask fits it best"
        return tuple(
            Choice(one.id, frozenset({SCORE}), f"scored: {said}")
            if one is best
            else Choice(one.id, frozenset(), never(one) or "the mask belongs to another series")
            for one in candidates
        )

    def laid(self, geometry: Geometry) -> Laid:
        """The mask on this grid. Raises :class:`~calciscope.errors.InputError` where nothing of it lies there."""
        labels = self.mask.labels(geometry)
        layers = labels.on(geometry)
        names = {label: name for label, name in labels.names.items() if any((one == label).any() for one in layers)}
        if not names:
            raise InputError(self._apart(labels, geometry))
        lost = sorted(set(labels.names) - set(names))
        notes = [f"nothing of label {labels.names[label]} lies on a voxel of the image" for label in lost]
        why = [_OTHER_SERIES] if self.other_series else []
        why += [] if labels.aligned(geometry) else [_RESAMPLED]
        why += [_CUT] if labels.reaches_beyond(geometry) else []
        return Laid(layers, MappingProxyType(names), "; ".join(why) or None, (*labels.notes, *notes))

    def _named(self, able: Sequence[Candidate]) -> Sequence[Candidate]:
        """The series that a SEG names, or those of its frame of reference; all where nothing can be compared."""
        if not (self.mask.series or self.mask.frame) or not any(one.series or one.frame for one in able):
            return able
        if made_on := [one for one in able if one.series & self.mask.series]:
            return made_on
        self.other_series = bool(self.mask.series)
        if same_frame := [one for one in able if one.frame and one.frame == self.mask.frame]:
            return same_frame
        raise InputError(
            f"the mask {self.mask.name} was made on another series than {self.image} and lies in other coordinates; "
            "give the series that it was made on"
        )

    def _apart(self, labels: Labels, geometry: Geometry) -> str:
        shape = " although it has as many voxels" if labels.geometry.shape == geometry.shape else ""
        return (
            f"the mask {self.mask.name} does not overlap the image {self.image}{shape}; "
            "both must lie in the same patient coordinates"
        )
