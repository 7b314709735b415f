"""One coarse simulated patient for all tests of this room."""

import pytest

from calciscope.simulate.patient import Simulated, simulate


@pytest.fixture(scope="session")
def quick() -> Simulated:
    return simulate(3, quick=True)
