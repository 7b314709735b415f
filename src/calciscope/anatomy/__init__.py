"""Anatomy: which structure of the body lies where, from one or several providers behind one function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from calciscope.anatomy import labelmap
from calciscope.anatomy.combine import overlay
from calciscope.domain.anatomy import Anatomy
from calciscope.domain.image import Volume
from calciscope.errors import AnatomyError, InputError

GROUP = "calciscope.anatomy"
EMBEDDED = "embedded"
# Known without an installation's metadata, so that a checkout has them too.
_OWN = {
    EMBEDDED: "calciscope.anatomy.embedded:segment",
    "totalsegmentator": "calciscope.anatomy.totalsegmentator:provider",
}
Segment = Callable[[Volume], Anatomy]


@runtime_checkable
class Configurable(Protocol):
    """A provider with options: ``NAME:OPTIONS`` becomes ``configured("OPTIONS")``, ``NAME`` alone ``configured("")``.

    It raises :class:`AnatomyError` with one line where an option is wrong or something that it needs is missing.
    """

    def configured(self, options: str) -> Segment:
        """The provider with these options."""


def provider(spec: str | Sequence[str], read: Callable[[str], labelmap.LayOut] | None = None) -> Segment:
    """The provider that ``spec`` names: ``embedded``, an entry point, a label map, or several joined by ``+``.

    An entry point of the group ``calciscope.anatomy`` is ``NAME`` or ``NAME:OPTIONS``, a label map is
    ``FILE[,NAMES.csv]``, which ``read`` opens. Everything is laid over the embedded anatomy in the order given: a later
    provider overrides an earlier one structure by structure, and what none of them has stays the embedded one's.
    Raises :class:`AnatomyError` with one line where a name is unknown, or where a file or its name table is wrong.
    """
    names = [part.strip() for one in ([spec] if isinstance(spec, str) else spec) for part in _parts(one)]
    if not names or not all(name.partition(",")[0].strip() for name in names):
        raise AnatomyError("no anatomy is named; give a provider, FILE or FILE,NAMES.csv")
    layers = [_layer(name, read) for name in dict.fromkeys(names) if name != EMBEDDED]
    embedded = _plain(_known()[EMBEDDED])
    return _stacked(embedded, layers) if layers else embedded


def _parts(spec: str) -> list[str]:
    """What ``+`` joins; the name of a file may hold one itself."""
    return [spec] if Path(spec.partition(",")[0].strip()).is_file() else spec.split("+")


def _known() -> dict[str, EntryPoint]:
    own = {name: EntryPoint(name, value, GROUP) for name, value in _OWN.items()}
    return {entry.name: entry for entry in entry_points(group=GROUP)} | own


def _layer(name: str, read: Callable[[str], labelmap.LayOut] | None) -> Segment:
    known = _known()
    head, colon, options = name.partition(":")
    if head.strip() in known:
        found = _loaded(known[head.strip()])
        if isinstance(found, Configurable):
            return found.configured(options.strip())
        if colon:
            raise AnatomyError(f"the anatomy provider {head.strip()} has no options; give its name alone")
        return _plain(known[head.strip()])
    file = name.partition(",")[0].strip()
    looks_like_a_file = "," in name or "/" in name or file.lower().endswith(labelmap.SUFFIXES) or Path(file).is_file()
    if not looks_like_a_file or read is None:
        listed = ", ".join(sorted(known))
        raise AnatomyError(f"no anatomy provider is called {name!r} (known: {listed}), and it is no label map file")
    try:
        return labelmap.alone(read(name))
    except InputError as error:
        raise AnatomyError(str(error)) from error


def _loaded(entry: EntryPoint) -> object:
    try:
        found: object = entry.load()
    except (ImportError, AttributeError) as error:
        reason = type(error).__name__
        raise AnatomyError(
            f"the anatomy provider {entry.name} cannot be loaded ({reason}); install it again"
        ) from error
    return found


def _plain(entry: EntryPoint) -> Segment:
    found = _loaded(entry)
    if not callable(found):
        raise AnatomyError(f"the anatomy provider {entry.name} is no function of a volume; see docs/providers.md")
    return cast(Segment, found)


def _stacked(embedded: Segment, layers: Sequence[Segment]) -> Segment:
    """Layers on top of the embedded anatomy; one that does not fit a volume is left out while another does."""

    def segment(volume: Volume) -> Anatomy:
        # First what may not fit, then the embedded anatomy, which always does and takes its time.
        made: list[Anatomy] = []
        misfits: list[AnatomyError] = []
        for layer in layers:
            try:
                made.append(_checked(layer(volume)))
            except AnatomyError as error:
                misfits.append(error)
        says = tuple(str(error) for error in misfits)
        if not made:
            raise AnatomyError("; ".join(says)) from misfits[0]
        body = embedded(volume)
        for one in made:
            body = overlay(body, one)
        return replace(body, notes=(*body.notes, *says))

    return segment


def _checked(anatomy: object) -> Anatomy:
    if not isinstance(anatomy, Anatomy):
        raise AnatomyError(f"an anatomy provider gave {type(anatomy).__name__} and no Anatomy; see docs/providers.md")
    return anatomy
