"""Where TotalSegmentator keeps its settings, its licence and its weights, and how to run it without its statistics.

It sends usage statistics unless ``send_usage_stats`` is false in ``config.json`` of its home folder. The user's file
is left as it is: while the package runs, its home is a temporary folder whose file says no, and its weights stay where
they are.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

_HOME, _WEIGHTS = "TOTALSEG_HOME_DIR", "TOTALSEG_WEIGHTS_PATH"


def folder() -> Path:
    """The user's folder of TotalSegmentator, whether it exists or not."""
    if given := os.environ.get(_HOME):
        return Path(given)
    # The package itself does so, for containers without a home.
    own = Path.home()
    return (Path("/tmp") if str(own) == "/" else own) / ".totalsegmentator"


def weights() -> Path:
    """Where the weights are, or go."""
    given = os.environ.get(_WEIGHTS)
    return Path(given) if given else folder() / "nnunet" / "results"


def weights_shown() -> str:
    """The same for a message: below the user's home as ``~``."""
    path = weights()
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)


def licence() -> str:
    """The licence number that the user set; empty without one."""
    try:
        settings = json.loads((folder() / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    number = settings.get("license_number") if isinstance(settings, dict) else None
    return number if isinstance(number, str) else ""


@contextmanager
def private() -> Iterator[None]:
    """For its duration the package sees settings without statistics, the user's licence and the user's weights."""
    settings: dict[str, object] = {
        "totalseg_id": "",
        "send_usage_stats": False,
        "prediction_counter": 0,
        "statistics_disclaimer_shown": True,
    }
    if number := licence():
        settings["license_number"] = number
    before = {name: os.environ.get(name) for name in (_HOME, _WEIGHTS)}
    with TemporaryDirectory(prefix="calciscope-") as scratch:
        (Path(scratch) / "config.json").write_text(json.dumps(settings), encoding="utf-8")
        os.environ[_WEIGHTS] = str(weights())
        os.environ[_HOME] = scratch
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
