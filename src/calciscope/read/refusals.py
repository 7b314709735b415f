"""Why files are refused, where several places say the same."""

from __future__ import annotations

CUT_OFF = "the file is cut off: it ends before its pixels do; copy it again from where it came"
UNREADABLE = "it cannot be opened; check its permissions"
ONE_SLICE = "one slice is not a volume; give the whole series"


class NotDicomError(Exception):
    """The file is not DICOM at all; it is for the caller to say whether that matters."""


class Unusable(Exception):  # noqa: N818 - it is an answer about a file, not a failure
    """Why a DICOM file gives no CT slice; ``quiet`` where nobody needs to hear of it (a DICOMDIR)."""

    def __init__(self, why: str, quiet: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.quiet = quiet
