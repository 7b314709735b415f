"""Kernel names as the vendors write them."""

import pytest

from calciscope.read.kernels import kernel_is_sharp


@pytest.mark.parametrize(
    ("manufacturer", "kernel"),
    [
        ("SIEMENS", "B40f"),
        ("SIEMENS", "B35s"),
        ("Siemens Healthineers", "Br38f/3"),
        ("SIEMENS", "Br38f\\3"),
        ("SIEMENS", "Sa36f"),
        ("SIEMENS", "I26f/2"),
        ("SIEMENS", "Qr36d"),
        ("GE MEDICAL SYSTEMS", "STANDARD"),
        ("GE MEDICAL SYSTEMS", "SOFT"),
        ("Philips", "B"),
        ("Philips", "XCB"),
        ("TOSHIBA", "FC12"),
        ("TOSHIBA", "FC03"),
        ("CANON_MEC", "FC08-H"),
        ("UIH", "B_SOFT_B"),
        (None, "B30f"),
        ("Acme", "soft tissue"),
    ],
)
def test_soft_kernels(manufacturer, kernel):
    assert kernel_is_sharp(manufacturer, kernel) is False


@pytest.mark.parametrize(
    ("manufacturer", "kernel"),
    [
        ("SIEMENS", "B70f"),
        ("SIEMENS", "B60s"),
        ("SIEMENS", "Bl57d/3"),
        ("SIEMENS", "I70f/3"),
        ("GE MEDICAL SYSTEMS", "LUNG"),
        ("GE MEDICAL SYSTEMS", "BONEPLUS"),
        ("GE MEDICAL SYSTEMS", "EDGE"),
        ("Philips", "L"),
        ("Philips", "YB"),
        ("Philips", "D"),
        ("TOSHIBA", "FC30"),
        ("TOSHIBA", "FC51"),
        ("TOSHIBA", "FC86"),
        ("UIH", "B_SHARP_C"),
        (None, "LUNG"),
        ("Acme", "bone"),
    ],
)
def test_sharp_kernels(manufacturer, kernel):
    assert kernel_is_sharp(manufacturer, kernel) is True


@pytest.mark.parametrize(
    ("manufacturer", "kernel"),
    [
        ("SIEMENS", "B46f"),
        ("GE MEDICAL SYSTEMS", "DETAIL"),
        ("manufacturer", "000000"),
        ("SIEMENS", None),
        (None, ""),
        ("TOSHIBA", "FC99"),
    ],
)
def test_between_or_unlisted_is_not_known(manufacturer, kernel):
    assert kernel_is_sharp(manufacturer, kernel) is None


def test_the_vendor_decides_what_a_letter_means():
    # Philips "B" is a standard filter; no other vendor has a kernel of that name.
    assert kernel_is_sharp("Philips", "B") is False
    assert kernel_is_sharp("SIEMENS", "B") is None
