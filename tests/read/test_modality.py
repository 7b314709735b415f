"""What is not CT is called by its name."""

import pytest

from calciscope.read.modality import modality_of, why_not


@pytest.mark.parametrize(
    ("modality", "storage", "found"),
    [
        ("CT", "1.2.840.10008.5.1.4.1.1.2", "CT"),
        ("", "1.2.840.10008.5.1.4.1.1.2", "CT"),
        ("", "1.2.840.10008.5.1.4.1.1.1.2", "MG"),
        ("", "1.2.840.10008.5.1.4.1.1.128", "PT"),
        ("MR", "", "MR"),
        ("CT", "1.2.840.10008.5.1.4.1.1.7", "SC"),
        ("CT", "1.2.840.10008.5.1.4.1.1.7.2", "SC"),
        ("MG", "1.2.840.10008.5.1.4.1.1.7", "MG"),
        ("", "9.9", ""),
    ],
)
def test_modality(modality, storage, found):
    assert modality_of(modality, storage) == found


def test_ct_is_read():
    assert why_not("CT") is None


@pytest.mark.parametrize(
    ("modality", "said"),
    [
        ("MG", "mammograms (MG)"),
        ("MR", "MR images (MR)"),
        ("RTSTRUCT", "radiotherapy structures"),
        ("QQ", "modality QQ"),
        ("", "does not say"),
    ],
)
def test_everything_else_is_named_in_one_line(modality, said):
    why = why_not(modality)
    assert said in why
    assert "give" in why
    assert "\n" not in why
