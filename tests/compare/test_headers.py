"""Whose scans they are: told apart by the headers and never named."""

import pytest

from calciscope.compare.headers import Headers, different_people, headers_of
from tests.studies import series


def who(**known):
    return Headers(**{key: frozenset([value]) for key, value in known.items()})


@pytest.mark.parametrize(
    ("one", "two", "different"),
    [
        (who(ids="1"), who(ids="1"), False),
        (who(ids="1"), who(ids="2"), True),
        (who(ids="1", names="doe^jane", births="19500101"), who(ids="2", names="doe^jane", births="19500101"), False),
        (who(ids="1", births="19500101"), who(ids="1", births="19600101"), True),
        (who(names="doe^jane"), who(names="roe^jim"), True),
        (who(names="doe^jane"), who(names="jane doe"), False),
        (who(ids="1"), Headers(), False),
        (Headers(), Headers(), False),
    ],
)
def test_people(one, two, different):
    assert different_people(one, two) is different
    assert different_people(two, one) is different


def test_headers_of_a_folder_are_read_and_not_shown(tmp_path):
    series(header={"PatientID": "SECRET-1", "AcquisitionDate": "20200501", "StudyDate": "20200430"}).write(tmp_path)
    found = headers_of(tmp_path)
    assert [day.isoformat() for day in found.dates] == ["2020-05-01"]
    assert found.ids == {"SECRET-1"}
    assert "SECRET" not in repr(found)
    assert found.same_images(headers_of(tmp_path))
