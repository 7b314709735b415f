"""Stacks that a scanner or an export cut into several series -> one stack.

Two series are one scan where everything that was asked of the scanner agrees and their slices continue each other at
the same increment, or fill each other's gaps to one regular stack. Scans of one place that were repeated stay apart.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from itertools import chain, pairwise, permutations

import numpy as np

from calciscope.read.frames import Frame
from calciscope.read.geometry import SAME_PLACE_MM, SHIFT_PIXELS, TOLERANCE, Array, normal_of, place_of

Stack = list[Frame]

# Slices further apart than this many thicknesses leave gaps, which a second series may fill.
_GAPPED = 1.5
# `Chest 1/2` and `Chest b` are one scan: numbers and letters in a description tell parts apart, not protocols.
_WORD = re.compile(r"[^\W\d_]{2,}")


def joined(stacks: Iterable[Stack], same: Sequence[Hashable]) -> list[Stack]:
    """The stacks, those that are parts of one put together, each ordered along its normal.

    ``stacks`` are ordered along their normals; ``same`` names for each of them what has to agree beside contrast, body
    part, the words of the description, phase and time point.
    """
    groups: dict[Hashable, list[Stack]] = defaultdict(list)
    for stack, key in zip(stacks, same, strict=True):
        a = stack[0].acquisition
        words = tuple(_WORD.findall((a.description or "").lower()))
        groups[(key, a.contrast, a.manufacturer, a.tin_filter, a.body_part, words, _phase(stack))].append(stack)
    return list(chain.from_iterable(_one_scan(group) for group in groups.values()))


def _phase(stack: Stack) -> tuple[str, ...]:
    """Phase and time point of a stack where all of its slices have the same."""
    found = {(frame.split.phase, frame.split.temporal) for frame in stack}
    return next(iter(found)) if len(found) == 1 else ()


def _one_scan(parts: list[Stack]) -> list[Stack]:
    if len(parts) < 2 or all(len(part) == 1 for part in parts):
        return parts
    normal = normal_of(parts[0][0])
    together = sorted(chain.from_iterable(parts), key=lambda frame: place_of(frame, normal))
    if _regular(together, normal) and _fills(parts, together, normal) and _above_each_other(together, normal):
        return [together]
    return _end_to_end(parts, normal)


def _along(stack: Stack, normal: Array) -> Array:
    return np.array([place_of(frame, normal) for frame in stack])


def _regular(stack: Stack, normal: Array) -> bool:
    """Whether all slices lie equally far apart."""
    steps = np.diff(_along(stack, normal))
    typical = float(np.median(steps))
    return typical > SAME_PLACE_MM and float(np.abs(steps - typical).max()) <= TOLERANCE * typical


def _fills(parts: Sequence[Stack], together: Stack, normal: Array) -> bool:
    """Whether parts that lie between each other are parts of one scan rather than a scan and its repeat.

    Either each alone leaves gaps, or the numbers of the slices run through all of them.
    """
    owner = {id(frame): number for number, part in enumerate(parts) for frame in part}
    if sum(owner[id(one)] != owner[id(other)] for one, other in pairwise(together)) == len(parts) - 1:
        return True
    numbers = np.diff([frame.instance for frame in together])
    if (numbers > 0).all() or (numbers < 0).all():
        return True
    return all(_gapped(part, normal) for part in parts)


def _gapped(stack: Stack, normal: Array) -> bool:
    thickness = stack[0].acquisition.slice_thickness
    if thickness is None or len(stack) < 2:
        return False
    return float(np.median(np.diff(_along(stack, normal)))) > _GAPPED * thickness


def _above_each_other(stack: Stack, normal: Array) -> bool:
    """Whether the corners of all slices lie on one line: parts of one scan are not moved against each other."""
    first = stack[0]
    row, column = np.array(first.orientation[:3]), np.array(first.orientation[3:])
    away = np.array([frame.position for frame in stack]) - np.array(first.position)
    pixels = np.stack([away @ column / first.spacing[0], away @ row / first.spacing[1]], axis=1)
    along = _along(stack, normal)
    line = np.polyfit(along - along.mean(), pixels, 1)
    off = np.abs(pixels - (along - along.mean())[:, None] * line[0] - line[1])
    return float(off.max()) < SHIFT_PIXELS


def _end_to_end(parts: list[Stack], normal: Array) -> list[Stack]:
    """Join parts of which one begins where the other ends; none where more than one part could follow."""
    pairs = [(a, b) for a, b in permutations(range(len(parts)), 2) if _continues(parts[a], parts[b], normal)]
    followers, leaders = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    after = {a: b for a, b in pairs if followers[a] == 1 and leaders[b] == 1}
    result: list[Stack] = []
    for start in range(len(parts)):
        if start in after.values():
            continue
        run, at = list(parts[start]), start
        while at in after:
            at = after[at]
            run.extend(parts[at])
        result.append(run)
    return result


def _continues(lower: Stack, upper: Stack, normal: Array) -> bool:
    below, above = _along(lower, normal), _along(upper, normal)
    seam = float(above[0] - below[-1])
    if seam <= SAME_PLACE_MM:
        return False
    # One slice has no increment of its own; that of the other part has to do.
    steps = [float(np.median(np.diff(along))) for along in (below, above) if len(along) > 1]
    if not steps or any(abs(step - seam) > TOLERANCE * seam for step in steps):
        return False
    return _above_each_other([*lower, *upper], normal)
