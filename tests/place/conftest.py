"""How places are weighed is tested by raw scores: what they are worth (``knowledge/confidence.yaml``) may change."""

from importlib import import_module

import pytest

from calciscope.place.confidence import Curves

# The package names the function, which hides its module.
DECIDE = import_module("calciscope.place.decide")


@pytest.fixture(autouse=True)
def uncalibrated(monkeypatch):
    """Raw scores are given as they are, to the most that any place may have."""
    monkeypatch.setattr(DECIDE, "curves", lambda: Curves({}, 0.99))
