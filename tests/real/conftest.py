"""Where the real scans and the conformance set lie: in ``shared`` beside the checkout. Tests skip without them."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.fixture(scope="session")
def scans() -> Path:
    """Folder of the real CT scans."""
    folder = SHARED / "data" / "ct"
    if not folder.is_dir():
        pytest.skip("the real scans (../shared/data/ct) are not here")
    return folder


@pytest.fixture(scope="session")
def conformance() -> Path:
    """Folder of the conformance set."""
    folder = SHARED / "conformance"
    if not folder.is_dir():
        pytest.skip("the conformance set (../shared/conformance) is not here")
    return folder
