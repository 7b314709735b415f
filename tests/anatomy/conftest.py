"""Simulated bodies that several files of this room look at; each is made and segmented once."""

import pytest

from calciscope.simulate.body import Habitus
from tests.anatomy.simulated import Case, case, mirrored

CHEST, ABDOMEN, PELVIS = (385.0, 612.0), (190.0, 425.0), (-40.0, 260.0)


@pytest.fixture(scope="session")
def whole() -> Case:
    """From the neck to the thighs in slices of 5 mm, a man."""
    return case(3, thickness=5.0, increment=5.0)


@pytest.fixture(scope="session")
def chest() -> Case:
    """The chest of a heavy woman, without contrast."""
    return case(5, span=CHEST, habitus=Habitus(162.0, 0.97, 1.6, "female"))


@pytest.fixture(scope="session")
def enhanced_chest() -> Case:
    """The chest of a thin man, with contrast."""
    return case(4, span=CHEST, habitus=Habitus(181.0, 0.95, 0.6, "male"), contrast=True)


@pytest.fixture(scope="session")
def abdomen() -> Case:
    """The abdomen of a man, without contrast, in slices of 3 mm."""
    return case(1, span=ABDOMEN)


@pytest.fixture(scope="session")
def enhanced_abdomen() -> Case:
    """The abdomen of a woman, with contrast, in slices of 5 mm."""
    return case(5, span=ABDOMEN, contrast=True, thickness=5.0, increment=5.0)


@pytest.fixture(scope="session")
def mirrored_abdomen(abdomen: Case) -> Case:
    """The same man with left and right exchanged."""
    return mirrored(abdomen)


@pytest.fixture(scope="session")
def pelvis_of_a_man() -> Case:
    """Pelvis and lower abdomen of a man."""
    return case(1, span=PELVIS)


@pytest.fixture(scope="session")
def pelvis_of_a_woman() -> Case:
    """Pelvis and lower abdomen of a woman, in slices of 5 mm."""
    return case(5, span=PELVIS, habitus=Habitus(163.0, 1.0, 1.1, "female"), thickness=5.0, increment=5.0)
