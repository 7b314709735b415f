"""The objects of an assessment as files: which can be written, and for those that cannot, what the headers lack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset

from calciscope.domain.assessment import Assessment
from calciscope.domain.origin import Origin
from calciscope.report.dicom import document, key, seg, sr, study
from calciscope.report.dicom.seg import Segments
from calciscope.report.dicom.study import Imaged, Stamp

KINDS = ("seg", "sr", "pdf-dicom", "key-images")


@dataclass
class Written:
    """Files that were written, and one line for each that could not be."""

    paths: list[Path] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


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
    belong to one study: that of the first series; others are refused by name.
    """
    done = Written()
    usable = _of_one_study(imaged, kinds, done)
    headers = [header for _, origin in usable for header in origin.headers]

    def save(made: Dataset, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        made = finish(made)
        made.save_as(folder / name, enforce_file_format=True)
        done.paths.append(folder / name)

    segments: list[Segments] = []
    # The report points to segments whether or not they were asked for as files: without the file it points to nothing.
    if "seg" in kinds:
        segments = _segments(usable, assessment, stamp, each_deposit, save, done)
    if headers and "sr" in kinds:
        sited = [] if each_deposit else segments
        save(sr.write(assessment, headers, sited, stamp, _threshold(usable)), "sr.dcm")
    if headers and "pdf-dicom" in kinds and pdf is not None:
        save(document.write(pdf(), assessment, headers, stamp), "report.dcm")
    if "key-images" in kinds:
        for seen, origin in usable:
            for number, image in enumerate(key.write(seen, origin.headers, assessment, stamp), 1):
                save(image, f"key-{seen.series}-{number}.dcm")
    return done


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
    usable: Sequence[tuple[Imaged, Origin]],
    assessment: Assessment,
    stamp: Stamp,
    each_deposit: bool,
    save: Callable[[Dataset, str], None],
    done: Written,
) -> list[Segments]:
    found: list[Segments] = []
    for seen, origin in usable:
        lacking = study.missing(origin.headers, where=True)
        if lacking:
            label = seen.label or seen.series
            done.refused.append(f"seg: the headers of {label} lack {', '.join(lacking)}; send the study again")
            continue
        segments = seg.write(seen, origin, assessment, stamp, each_deposit=each_deposit)
        if segments is not None:
            save(segments.image, f"seg-{seen.series}.dcm")
            found.append(segments)
    return found


def _threshold(usable: Sequence[tuple[Imaged, Origin]]) -> float | None:
    """The attenuation from which scores counted, where all series share one."""
    found = {seen.threshold_hu for seen, _ in usable}
    return found.pop() if len(found) == 1 else None
