"""Tasks and class names of TotalSegmentator: ``knowledge/totalsegmentator.yaml``, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from types import MappingProxyType

from calciscope.domain.knowledge import table
from calciscope.domain.structures import dictionary


@dataclass(frozen=True, slots=True)
class Task:
    """How sure a structure of a task is (0 to 1), and whether its weights need a licence of their own."""

    confidence: float
    licensed: bool = False


@dataclass(frozen=True, slots=True)
class Tasks:
    """All tasks by name; ``fast`` are those with a coarser model, ``names`` and ``not_used`` say what classes mean."""

    tasks: Mapping[str, Task]
    of_no_use: frozenset[str]
    fast: frozenset[str]
    names: Mapping[str, str]
    not_used: tuple[str, ...]

    def licensed(self, task: str) -> bool:
        """Whether a task needs a licence."""
        return self.tasks[task].licensed

    def structure(self, theirs: str) -> str | None:
        """The structure that a class is called here; ``None`` where it is not used."""
        if theirs in self.names:
            return self.names[theirs]
        if any(fnmatchcase(theirs, pattern) for pattern in self.not_used):
            return None
        return theirs if theirs in dictionary().meanings else None


@lru_cache(maxsize=1)
def tasks() -> Tasks:
    """The table of the file."""
    listed = table("totalsegmentator.yaml")
    return Tasks(
        tasks=MappingProxyType(
            {
                name: Task(float(one["confidence"]), bool(one.get("licensed", False)))
                for name, one in listed["tasks"].items()
            }
        ),
        of_no_use=frozenset(listed["of_no_use"]),
        fast=frozenset(listed["fast"]),
        names=MappingProxyType(listed["names"]),
        not_used=tuple(listed["not_used"]),
    )
