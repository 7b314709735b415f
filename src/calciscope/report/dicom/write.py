"""The objects of an assessment as files: which can be written, and for those that cannot, what the headers lack."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset

from calciscope.domain.assessment import Assessment
from calciscope.domain.origin import Origin
from calciscope.report.dicom import document, key, seg, sr, study
from calciscope.report.dicom.seg import Segments
from calciscope.report.dicom.study import Imaged, Stamp

KINDS = ("seg", "sr", "pdf-dicom", "key-images")
# What libraries raise for values that DICOM does not allow.
_ODD = (AttributeError, IndexError, KeyError, TypeError, ValueError)


@dataclass
class Written:
    """Files that were written, and one line for each that could not be."""

    paths: list[Path] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@dataclass
class _Folder:
    """Where objects are saved; ``finish`` has the last word on each."""

    path: Path
    finish: Callable[[Dataset], Dataset]
    done: Written = field(default_factory=Written)

    def save(self, kind: str, name: str, make: Callable[[], Dataset]) -> bool:
        """Make and save an object; one that a library refuses is told by its kind, never by what the library says."""
        try:
            made = self.finish(make())
        except _ODD as error:
            why = f"cannot be made from these headers ({type(error).__name__}); send the study again"
            self.done.refused.append(f"{kind}: {why}")
            return False
        self.path.mkdir(parents=True, exist_ok=True)
        made.save_as(self.path / name, enforce_file_format=True)
        self.done.paths.append(self.path / name)
        return True


def write(
    assessment: Assessment,
    imaged: Sequence[Imaged],
    kinds: Sequence[str],
    folder: Path,
    stamp: Stamp,
    *,
    pdf: Callable[[], bytes] | None = None,
    each_deposit: bool = False,
    finish: Callable[[Dataset], Dataset] = lambda made: made,
) -> Written:
    """Write the objects of ``kinds`` (:data:`KINDS`) into ``folder``, which is made where something is written.

    ``pdf`` makes the document that ``pdf-dicom`` encloses; ``finish`` has the last word on every object. All objects
    belong to one study: that of the first series; others are refused by name. The report points to segments where they
    are written too and are those of sites. Libraries are kept quiet, for what they say of odd values names the patient.
    """
    into = _Folder(folder, finish)
    with _quiet():
        usable = _of_one_study(imaged, kinds, into.done)
        headers = [header for _, origin in usable for header in origin.headers]
        segments: list[Segments] = []
        if "seg" in kinds:
            segments = _segments(usable, assessment, stamp, each_deposit, into)
        if headers and "sr" in kinds:
            sited = [] if each_deposit else segments
            into.save("sr", "sr.dcm", partial(sr.write, assessment, headers, sited, stamp, _threshold(usable)))
        if headers and "pdf-dicom" in kinds and pdf is not None:
            into.save("pdf-dicom", "report.dcm", partial(document.write, pdf(), assessment, headers, stamp))
        if "key-images" in kinds:
            for seen, origin in usable:
                for number, item in enumerate(key.chosen(seen), 1):
                    make = partial(key.write, number, item, seen, origin.headers, assessment, stamp)
                    into.save("key-images", f"key-{seen.series}-{number}.dcm", make)
    return into.done


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings and log lines of the libraries."""
    loggers = [logging.getLogger(name) for name in ("highdicom", "pydicom")]
    levels = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings(), disable_value_validation():
            warnings.simplefilter("ignore")
            yield
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)


def _of_one_study(imaged: Sequence[Imaged], kinds: Sequence[str], done: Written) -> list[tuple[Imaged, Origin]]:
    """The series whose headers have what every object needs, all of one study."""
    names = ", ".join(kinds)
    usable: list[tuple[Imaged, Origin]] = []
    if not imaged:
        done.refused.append(f"{names}: no image was assessed, so there is no study that they could belong to")
    for seen in imaged:
        label = seen.label or seen.series
        if seen.origin is None:
            done.refused.append(f"{names}: {label} was not read from DICOM, so there is no patient and study to keep")
            continue
        lacking = study.missing(seen.origin.headers, where=False)
        if lacking:
            done.refused.append(f"{names}: the headers of {label} lack {', '.join(lacking)}; send the study again")
        elif usable and _study(usable[0][1]) != _study(seen.origin):
            done.refused.append(f"{names}: {label} is of another study; assess it by itself")
        else:
            usable.append((seen, seen.origin))
    return usable


def _study(origin: Origin) -> str:
    return str(origin.headers[0].StudyInstanceUID)


def _segments(
    usable: Sequence[tuple[Imaged, Origin]], assessment: Assessment, stamp: Stamp, each_deposit: bool, into: _Folder
) -> list[Segments]:
    found: list[Segments] = []
    for seen, origin in usable:
        lacking = study.missing(origin.headers, where=True)
        if lacking:
            label = seen.label or seen.series
            into.done.refused.append(f"seg: the headers of {label} lack {', '.join(lacking)}; send the study again")
        elif seen.placed:
            made: list[Segments] = []

            def make(seen: Imaged = seen, origin: Origin = origin, made: list[Segments] = made) -> Dataset:
                made.append(seg.write(seen, origin, assessment, stamp, each_deposit=each_deposit))
                return made[0].image

            if into.save("seg", f"seg-{seen.series}.dcm", make):
                found += made
    return found


def _threshold(usable: Sequence[tuple[Imaged, Origin]]) -> float | None:
    """The attenuation from which scores counted, where all series share one."""
    found = {seen.threshold_hu for seen, _ in usable}
    return found.pop() if len(found) == 1 else None
