"""ZIPs: extracted with care, because anyone can send one."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath
from tempfile import mkdtemp

# A CT series compresses about three-fold and a blank one a hundred-fold; beyond this it is a bomb, not an image.
_HIGHEST_RATIO = 400
# Small members may compress further (a blank slice is nearly all one value) without filling a disk.
_RATIO_FROM_BYTES = 64 * 1024**2
_MOST_BYTES = 16 * 1024**3
_MOST_MEMBERS = 200_000
_COPY_BYTES = 1024**2
# So much of a member is shown to whoever says whether it is wanted.
LOOK = 4096


class ArchiveError(Exception):
    """Why a ZIP is refused, in one line."""


def is_zip(path: Path) -> bool:
    """Whether the file begins as a ZIP does."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def extract(path: Path, temporary: Path, wanted: Callable[[str, bytes], bool] | None = None) -> Path:
    """Extract a ZIP into a new folder below ``temporary`` and return that folder.

    ``wanted`` is asked of the name and the first bytes of each member; without it all are extracted. Raises
    :class:`ArchiveError` for a damaged or encrypted ZIP, members that would leave the folder, links, and contents out
    of proportion. Nothing is kept of a refused ZIP.
    """
    folder = Path(mkdtemp(dir=temporary))
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _check(members)
            if wanted is not None:
                members = [member for member in members if wanted(member.filename, _start(archive, member))]
            _copy(archive, members, folder)
    except ArchiveError:
        shutil.rmtree(folder)
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        shutil.rmtree(folder)
        raise ArchiveError(
            "the ZIP is damaged or of an unknown kind; make it again, or give the folder itself"
        ) from error
    return folder


def _start(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with archive.open(member) as source:
        return source.read(LOOK)


def _check(members: list[zipfile.ZipInfo]) -> None:
    if not members:
        raise ArchiveError("the ZIP is empty")
    if any(member.flag_bits & 0x1 for member in members):
        raise ArchiveError("the ZIP is encrypted; extract it with its password and give the folder")
    if any(_leaves(member.filename) for member in members):
        raise ArchiveError("the ZIP holds a path that leads out of its folder; it is not safe to extract")
    if any(stat.S_ISLNK(member.external_attr >> 16) for member in members):
        raise ArchiveError("the ZIP holds a link; it is not safe to extract")
    size, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
    if len(members) > _MOST_MEMBERS or size > _MOST_BYTES:
        raise ArchiveError(
            f"the ZIP is too large ({len(members)} files, {size / 1024**3:.0f} GB); give the folder itself"
        )
    if size > _RATIO_FROM_BYTES and size > _HIGHEST_RATIO * max(packed, 1):
        raise ArchiveError("the ZIP expands out of all proportion and was not extracted; give the folder itself")


def _leaves(name: str) -> bool:
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    return posix.is_absolute() or bool(windows.drive or windows.root) or ".." in posix.parts or ".." in windows.parts


def _copy(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], folder: Path) -> None:
    """Copy by hand, so that a member that is longer than its entry says is noticed."""
    if sum(member.file_size for member in members) > shutil.disk_usage(folder).free:
        raise ArchiveError("there is not enough space to extract the ZIP; give the folder itself")
    for number, member in enumerate(members):
        target = folder.joinpath(*PurePosixPath(member.filename.replace("\\", "/")).parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            target = target.with_name(f"{number}-{target.name}")
        left = member.file_size
        with archive.open(member) as source, target.open("xb") as copy:
            while block := source.read(_COPY_BYTES):
                left -= len(block)
                if left < 0:
                    raise ArchiveError("the ZIP holds more than its entries say; it is not safe to extract")
                copy.write(block)
