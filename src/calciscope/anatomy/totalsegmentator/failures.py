"""What went wrong when TotalSegmentator ran, in one line that says what helps."""

from __future__ import annotations

import socket
from zipfile import BadZipFile

from calciscope.anatomy.totalsegmentator import home
from calciscope.errors import AnatomyError

# What the package and its libraries are known to raise; it leaves the interpreter where a licence or a file is wrong.
FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BadZipFile,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SystemExit,
    TypeError,
    ValueError,
    AnatomyError,
)


def explained(task: str, device: str, error: BaseException) -> AnatomyError:
    """One line that says what is wrong and what helps; it holds no text of the package, which may name files."""
    kinds = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(error).__mro__}
    offline = any(kind.startswith(("requests.", "urllib3.", "urllib.")) for kind in kinds) or isinstance(
        error, (ConnectionError, TimeoutError, socket.gaierror)
    )
    memory = (
        isinstance(error, MemoryError) or "out of memory" in str(error).lower() or "torch.OutOfMemoryError" in kinds
    )
    if isinstance(error, AnatomyError):
        return error
    if offline:
        return AnatomyError(
            f"the weights of the TotalSegmentator task {task} cannot be had: it downloads them once and could "
            f"not; run totalseg_download_weights -t {task} where there is a network, or copy {home.weights_shown()}"
        )
    if memory:
        return AnatomyError(
            f"TotalSegmentator ran out of memory on {device} in the task {task}; give it more, or totalsegmentator:fast"
        )
    if isinstance(error, ImportError):
        return AnatomyError(
            f"TotalSegmentator cannot be loaded ({type(error).__name__}); install 'calciscope[totalsegmentator]' again"
        )
    return AnatomyError(
        f"TotalSegmentator failed in the task {task} ({type(error).__name__}); run it by itself to see why, or use "
        "--anatomy embedded"
    )
