"""Files that are there whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4


def write(content: bytes, target: Path, coming: Path) -> None:
    """Write a file so that after a crash at any moment it is there whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = coming / uuid4().hex
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    settle(target.parent)


def settle(folder: Path) -> None:
    """What was named in a folder stays named after a loss of power, where the system can promise it."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # no folder can be opened so on Windows
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
