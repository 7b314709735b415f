"""The way in: any mix of inputs -> a :class:`~calciscope.domain.study.Study`."""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from pydicom.config import disable_value_validation

from calciscope.domain.image import Volume
from calciscope.domain.patient import Patient
from calciscope.domain.study import Refusal, Series, SeriesInfo, Study
from calciscope.errors import InputError
from calciscope.read.dicom_scan import scan
from calciscope.read.files import File, printable, several, walk, why_not_read
from calciscope.read.frames import Frame
from calciscope.read.identifiers import masked
from calciscope.read.patients import of_one_patient, owner
from calciscope.read.refusals import TOO_LARGE, UNREADABLE, NotDicomError, Unusable
from calciscope.read.select import Candidate, Choice, select
from calciscope.read.sources import Source, dicom_sources, volume_source

Progress = Callable[[str, float], None]
Choose = Callable[[Sequence[Candidate]], Sequence[Choice]]

# Shares of the whole time: headers and hashes are quick, pixels are not.
_HEADERS, _PIXELS = 0.4, 0.6


@dataclass(slots=True)
class _Ledger:
    """What was refused so far; equal reasons become one line."""

    refused: list[Refusal] = field(default_factory=list)
    reasons: dict[tuple[int, str], list[str]] = field(default_factory=dict)
    identifiers: set[str] = field(default_factory=set)

    def add(self, top: int, name: str, why: str) -> None:
        """Refuse a file of the input ``top``."""
        self.reasons.setdefault((top, why), []).append(name)

    def spoke_of(self, top: int, name: str) -> bool:
        """Whether something was said of an input already."""
        return any(at == top for at, _ in self.reasons) or any(line.input == name for line in self.refused)

    def all(self) -> tuple[Refusal, ...]:
        """Every refusal, one line for all files with one reason, under names that name no patient."""
        lines = (Refusal(several(names, len(names)), why) for (_, why), names in self.reasons.items())
        return tuple(Refusal(self.clean(line.input), line.why) for line in (*self.refused, *lines))

    def clean(self, name: str) -> str:
        """A file name without what the headers call the patient."""
        return masked(name, self.identifiers)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of pydicom, which name every odd header value and the path of its file."""
    with warnings.catch_warnings(), disable_value_validation():
        warnings.simplefilter("ignore", UserWarning)
        yield


def open_study(
    inputs: Sequence[Path],
    patient: Patient,
    *,
    patient_id: str | None = None,
    progress: Progress | None = None,
    choose: Choose = select,
    besides: Collection[Path] = (),
    origins: bool = False,
) -> Study:
    """Read every input: folders (searched to the bottom, whatever the files are called), files and ZIPs of these.

    Series that serve are loaded into the canonical frame; the others are listed with why not. A bad file never stops
    the rest: it becomes a refusal. With images of several patients ``patient_id`` says whose are meant. ``progress``
    is told what happens and the share done (0 to 1); ``choose`` says which series serve; ``besides`` are files in the
    inputs that are no images and read elsewhere; with ``origins`` each series keeps the headers of its slices. Raises
    :class:`~calciscope.errors.InputError` where an input does not exist.
    """
    if not inputs:
        return Study(patient, (), (), (), _numbered([]))
    tell = progress or (lambda text, share: None)
    with TemporaryDirectory(prefix="calciscope-") as temporary, _quiet():
        files, refused = walk(inputs, Path(temporary))
        files = [file for file in files if file.path not in besides and file.packed not in besides]
        ledger = _Ledger(refused)
        digests: dict[int, list[str]] = {top: [] for top in range(len(inputs))}
        frames, sources = _scan(files, ledger, digests, lambda share: tell("reading headers", _HEADERS * share))
        for top, path in enumerate(inputs):
            name = printable(path)
            told = any(one.is_relative_to(path) for one in besides)
            if not (digests[top] or told or ledger.spoke_of(top, name)):
                ledger.refused.append(Refusal(name, "no images found in it; give a folder with CT images"))
        mine, others = of_one_patient(frames, patient_id)
        ledger.refused.extend(others)
        sources.extend(dicom_sources(mine, ledger.add))
        series, unused = _load(
            sources, ledger, choose, lambda share: tell("reading images", _HEADERS + _PIXELS * share), origins
        )
        if not series and unused and not ledger.all():
            ledger.refused.append(Refusal(unused[0].label, f"nothing to measure: {unused[0].why}"))
        hashes = [(ledger.clean(printable(path)), _digest(path, digests[top])) for top, path in enumerate(inputs)]
    tell("images read", 1.0)
    owners = frozenset(owner(frame.identity.patient_id) for frame in mine) - {""}
    return Study(patient, tuple(series), tuple(unused), ledger.all(), _numbered(hashes), owners)


def _scan(
    files: Sequence[File], ledger: _Ledger, digests: dict[int, list[str]], tell: Callable[[float], None]
) -> tuple[list[Frame], list[Source]]:
    frames: list[Frame] = []
    sources: list[Source] = []
    for number, file in enumerate(files):
        tell(number / len(files))
        try:
            if file.is_volume:
                source = volume_source(file)
                sources.append(source)
                digests[file.top].append(source.info.digest)
            else:
                found = scan(file.path, file.name)
                frames.extend(found)
                ledger.identifiers.update(found[0].identity.identifiers)
                digests[file.top].append(found[0].pixels.sha256)
        except NotDicomError:
            if why := why_not_read(file):
                ledger.add(file.top, file.name, why)
        except Unusable as error:
            ledger.identifiers.update(error.identifiers)
            if not error.quiet:
                ledger.add(file.top, file.name, error.why)
        except InputError as error:
            ledger.add(file.top, file.name, str(error))
        except OSError:
            ledger.add(file.top, file.name, UNREADABLE)
        except MemoryError:
            ledger.add(file.top, file.name, TOO_LARGE)
    return frames, sources


def _load(
    sources: list[Source], ledger: _Ledger, choose: Choose, tell: Callable[[float], None], origins: bool
) -> tuple[list[Series], list[SeriesInfo]]:
    """Choose, read what was chosen, and choose again where that turned out unreadable."""
    volumes: dict[str, tuple[Source, Volume]] = {}
    left = list({source.info.id: source for source in sources}.values())
    while True:
        choices = {choice.id: choice for choice in choose([source.candidate for source in left])}
        wanted = [source for source in left if choices[source.info.id].uses]
        failed: list[Source] = []
        for number, source in enumerate(wanted):
            if source.info.id in volumes:
                continue

            def tick(share: float, number: int = number, count: int = len(wanted)) -> None:
                tell((number + share) / count)

            try:
                read = source.load(tick, ledger.add)
            except (InputError, MemoryError) as error:
                ledger.add(source.top, source.name, str(error) if isinstance(error, InputError) else TOO_LARGE)
                failed.append(source)
            else:
                volumes[source.info.id] = (source, read)
        if not failed:
            break
        left = [source for source in left if source not in failed]
    series, unused = [], []
    for source in left:
        choice = choices[source.info.id]
        if choice.uses:
            volume = volumes[source.info.id][1]
            origin = None
            if origins:
                # A file that has gone since leaves a series that can be assessed, but not written about as DICOM.
                with suppress(InputError):
                    origin = source.origin()
            series.append(Series(source.described(choice, volume), volume, origin))
        else:
            unused.append(source.described(choice, None))
    return series, unused


def _numbered(hashes: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Inputs under names of their own: a second ``study`` becomes ``study (2)``."""
    count: Counter[str] = Counter()
    named = []
    for name, digest in hashes:
        count[name] += 1
        named.append((name if count[name] == 1 else f"{name} ({count[name]})", digest))
    return tuple(named)


def _digest(path: Path, digests: Sequence[str]) -> str:
    """SHA-256 of a file's content; of a folder's, that of the sorted digests of the images in it."""
    if path.is_file():
        # A file that cannot be opened is refused already; it has no content to speak of.
        with suppress(OSError), path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()
