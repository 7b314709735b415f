"""One assessment in a process of its own, so that no study, however odd, can take the node with it.

Called as ``python -m calciscope.serve.node.child`` with one JSON line on standard input. It ends when its standard
input ends: a child never outlives the node that started it. What it prints is a word for how it ended.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calciscope.serve.node.files import settle, write

NOTHING, UNWRITTEN = 3, 4
NAMES = "names.json"


@dataclass(frozen=True, slots=True)
class Task:
    """What a child is told: folders, and how to assess. Results begin in ``draft``. ``memory`` is in bytes."""

    images: str
    draft: str
    results: str
    formats: tuple[str, ...]
    preset: str
    guidelines: str
    knowledge: tuple[str, ...]
    memory: int

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Task:
        """The task of a JSON object."""
        return cls(**{**data, "formats": tuple(data["formats"]), "knowledge": tuple(data["knowledge"])})


def main() -> int:
    """Read the task, assess, and leave the results in one step."""
    task = Task.read(json.loads(sys.stdin.readline()))
    threading.Thread(target=_with_parent, daemon=True).start()
    _limit(task.memory)
    return run(task)


def run(task: Task) -> int:
    """Assess the images of a folder and write the results; the exit code says how it ended.

    The folder of the results is there whole or not at all. With it is ``names.json``: file -> SOP Instance UID.
    """
    from calciscope import pipeline
    from calciscope.errors import NothingToAssessError
    from calciscope.report import formats

    options = pipeline.Options(
        preset=task.preset,
        guidelines=task.guidelines,
        knowledge=tuple(Path(one) for one in task.knowledge),
        origins=True,
    )
    try:
        made = pipeline.assess([Path(task.images)], None, options)
    except NothingToAssessError:
        return NOTHING
    draft, whole, target = Path(task.draft), Path(task.draft) / "whole", Path(task.results)
    whole.mkdir(parents=True, mode=0o700)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        done = formats.write(made, task.formats, draft)
        if not done.paths:
            return UNWRITTEN
        _settle(done.paths, whole, draft)
        whole.rename(target)
        settle(target.parent)
    except OSError:
        if not target.is_dir():  # another child was quicker: its results are the same
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return 0


def _settle(paths: tuple[Path, ...], whole: Path, draft: Path) -> None:
    """Results in one folder, on the disk, with their names and UIDs."""
    from pydicom import dcmread

    names = {}
    for path in paths:
        names[path.name] = str(dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"]).SOPInstanceUID)
        write(path.read_bytes(), whole / path.name, draft)
    write(json.dumps(names).encode(), whole / NAMES, draft)


def _with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


def _limit(most: int) -> None:
    """At most so many bytes of memory, where the system can promise it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    sys.exit(main())
