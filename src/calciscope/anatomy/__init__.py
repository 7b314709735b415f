"""Anatomy: which structure of the body lies where, from one of several providers behind one function."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points

from calciscope.anatomy import labelmap
from calciscope.domain.anatomy import Anatomy
from calciscope.domain.image import Volume
from calciscope.errors import AnatomyError, InputError

GROUP = "calciscope.anatomy"
Segment = Callable[[Volume], Anatomy]


def provider(spec: str, read: Callable[[str], labelmap.LayOut] | None = None) -> Segment:
    """The provider that ``spec`` names: an entry point of the group ``calciscope.anatomy`` or ``FILE[,NAMES.csv]``.

    ``read`` opens such a file. Raises :class:`AnatomyError` with one line where there is neither, or where the file or
    its name table is wrong.
    """
    name = spec.strip()
    if not name.partition(",")[0].strip():
        raise AnatomyError("no anatomy is named; give a provider, FILE or FILE,NAMES.csv")
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name in found:
        loaded: Segment = found[name].load()
        return loaded
    looks_like_a_file = "," in name or "/" in name or name.lower().endswith(labelmap.SUFFIXES)
    if not looks_like_a_file or read is None:
        known = ", ".join(sorted(found)) or "none installed"
        raise AnatomyError(f"no anatomy provider is called {name!r} (known: {known}), and it is no label map file")
    try:
        return labelmap.over(read(name))
    except InputError as error:
        raise AnatomyError(str(error)) from error
