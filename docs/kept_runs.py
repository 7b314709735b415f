"""Long measurements in pieces: each piece is kept on disk as soon as it is made, so that a run that stops goes on."""

from __future__ import annotations

import hashlib
import pickle
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent / "src" / "calciscope"
# Written by the measurement, so not part of what it measures.
WRITTEN = SOURCE / "knowledge" / "confidence.yaml"
# Workers are replaced after so many pieces, because memory grows with what libraries keep.
PIECES = 40

Pieces = Mapping[str, Callable[[], Any]]


def folder() -> Path:
    """Where the pieces of this state of the source are kept: another state starts anew."""
    seen = hashlib.sha256()
    for path in sorted(
        [
            *SOURCE.rglob("*.py"),
            *SOURCE.rglob("*.yaml"),
            *HERE.glob("anatomy_bodies.py"),
            *HERE.glob("confidence_rows.py"),
        ]
    ):
        if path != WRITTEN:
            seen.update(path.relative_to(HERE.parent).as_posix().encode() + path.read_bytes())
    made = Path(tempfile.gettempdir()) / f"calciscope-anatomy-{seen.hexdigest()[:12]}"
    made.mkdir(exist_ok=True)
    return made


def run(pieces: Pieces, workers: int = 2) -> dict[str, Any]:
    """What each piece gives, by its name, in the order asked; a piece that breaks is told and left out.

    Pieces are callables that can be pickled. What an earlier run of the same source made is read, not made again.
    """
    kept = folder()
    left = [name for name in pieces if not (kept / name).exists()]
    for some in (left[at : at + PIECES] for at in range(0, len(left), PIECES)):
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            made = {name: pool.submit(_keep, pieces[name], kept / name) for name in some}
        for name, piece in made.items():
            if error := piece.exception():
                sys.stderr.write(f"{name} left out: {type(error).__name__}: {error}\n")
    return {name: pickle.loads((kept / name).read_bytes()) for name in pieces if (kept / name).exists()}


def _keep(work: Callable[[], Any], path: Path) -> None:
    """Make one piece and keep it whole or not at all."""
    part = path.with_suffix(".part")
    part.write_bytes(pickle.dumps(work()))
    part.replace(path)
