"""The provider ``totalsegmentator``: runs the package of that name, where it is installed, through its Python API.

Wasserthal J et al., Radiology: Artificial Intelligence 2023, doi:10.1148/ryai.230024. The package is imported when it
runs and not before. Its usage statistics are switched off, and the only network access is its own download of weights.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from calciscope.anatomy.combine import overlay
from calciscope.anatomy.totalsegmentator import home
from calciscope.anatomy.totalsegmentator.failures import FAILURES, explained
from calciscope.anatomy.totalsegmentator.image import anatomy_of, image_of, labels_of
from calciscope.anatomy.totalsegmentator.tasks import tasks
from calciscope.domain.anatomy import Anatomy, Manifest
from calciscope.domain.image import Volume
from calciscope.errors import AnatomyError

NAME = "totalsegmentator"
PACKAGE = "totalsegmentator"
_DEVICES = ("gpu", "cpu", "mps")
_SPEEDS = ("fast", "fastest")
_LICENCE_AT = "https://backend.totalsegmentator.com/license-academic/"


@dataclass(frozen=True, slots=True)
class TotalSegmentator:
    """A provider of the structures of some tasks.

    ``device`` is ``gpu`` (which falls back to ``cpu``), ``gpu:1``, ``cpu`` or ``mps``; ``speed`` is empty, ``fast``
    (3 mm) or ``fastest`` (6 mm), for the tasks that have such a model.
    """

    chosen: tuple[str, ...] = ("total",)
    device: str = "gpu"
    speed: str = ""

    def configured(self, options: str) -> TotalSegmentator:
        """The provider of ``TASK,...,DEVICE,SPEED``, in any order; without a task that is ``total``.

        Raises :class:`AnatomyError` where a word is none of them, where a task's licence was not set, and where the
        package is not installed.
        """
        names, device, speed = [], self.device, self.speed
        for word in (part.strip() for part in options.split(",")):
            if word in _DEVICES or (word.startswith("gpu:") and word[4:].isdecimal()):
                device = word
            elif word in _SPEEDS:
                speed = word
            elif word:
                names.append(_task(word))
        made = TotalSegmentator(tuple(dict.fromkeys(names)) or self.chosen, device, speed)
        if find_spec(PACKAGE) is None:
            raise AnatomyError("TotalSegmentator is not installed; pip install 'calciscope[totalsegmentator]'")
        unlicensed = [name for name in made.chosen if tasks().licensed(name)]
        if unlicensed and not home.licence():
            raise AnatomyError(
                f"the TotalSegmentator task {unlicensed[0]} needs a licence (free for research: {_LICENCE_AT}); "
                "set it with totalseg_set_license -l NUMBER, or leave the task out"
            )
        return made

    def __call__(self, volume: Volume) -> Anatomy:
        """The structures of the tasks in a volume, a later task over an earlier one.

        Raises :class:`AnatomyError` with one line where the package fails, runs out of memory or cannot have weights.
        """
        known = tasks()
        image = image_of(volume)
        found: Anatomy | None = None
        for task in self.chosen:
            labels, classes = self._run(task, image)
            part = anatomy_of(labels, classes, volume.geometry, known.tasks[task].confidence, known)
            found = part if found is None else replace(overlay(found, part), laid_over=())
        if found is None:
            raise AnatomyError("no TotalSegmentator task is named")
        licensed = [name for name in self.chosen if known.licensed(name)]
        notes = [f"the TotalSegmentator task {name} is used under a licence of its own" for name in licensed]
        return replace(found, manifest=self._manifest(licensed), notes=(*found.notes, *notes))

    def _run(self, task: str, image: nibabel.Nifti1Image) -> tuple[NDArray[np.integer], Mapping[int, str]]:
        """The label map of a task on the image's grid ``(x, y, z)``, and the names of its labels."""
        speed = {self.speed: True} if self.speed and task in tasks().fast else {}
        heard = io.StringIO()
        try:
            with home.private(), redirect_stdout(heard), redirect_stderr(heard):
                api: Any = import_module(f"{PACKAGE}.python_api")
                names: Any = import_module(f"{PACKAGE}.map_to_binary")
                result = api.totalsegmentator(
                    image, None, ml=True, nr_thr_resamp=1, nr_thr_saving=1, task=task, quiet=True, skip_saving=True,
                    device=self.device, **speed,
                )  # fmt: skip
                return labels_of(result, image), dict(names.class_map[task])
        except FAILURES as error:
            raise explained(task, self.device, error) from error

    def _manifest(self, licensed: list[str]) -> Manifest:
        own = f"; {', '.join(licensed)} under its own" if licensed else ""
        return Manifest(
            provider=NAME,
            version=" ".join((_version(), *self.chosen, *([self.speed] if self.speed else []))),
            licence=f"Apache-2.0{own}",
            limits=(
                "TotalSegmentator was trained on adults; it is no medical device, and what it labels was not checked",
            ),
        )


provider = TotalSegmentator()


def _task(word: str) -> str:
    known = tasks().tasks
    if word in known:
        return word
    if word.endswith("_mr"):
        raise AnatomyError(f"the TotalSegmentator task {word} is for MR images")
    if word in tasks().of_no_use:
        raise AnatomyError(f"the TotalSegmentator task {word} says nothing of where calcium lies; leave it out")
    close = get_close_matches(word, [*known, *_DEVICES, *_SPEEDS], n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]}?" if close else f"; tasks are {', '.join(known)}"
    raise AnatomyError(f"{word!r} is neither a TotalSegmentator task nor a device nor fast or fastest{hint}")


def _version() -> str:
    try:
        return version("TotalSegmentator")
    except PackageNotFoundError:
        return "of unknown version"
