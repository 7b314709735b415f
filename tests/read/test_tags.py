"""Single header values: what cannot be read is absent, never an error."""

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from calciscope.read.tags import KEYWORDS, TAGS, first_item, number, numbers, positive, text, whole


def header(keyword, value):
    ds = Dataset()
    setattr(ds, keyword, value)
    return ds


def test_every_keyword_is_one_of_the_standard():
    assert len(TAGS) == len(KEYWORDS) == len(set(KEYWORDS))


@pytest.mark.parametrize(
    ("value", "found"),
    [("B35f", "B35f"), (["Br38f", "3"], "Br38f/3"), ("", ""), (" B\x00\n30 ", "B 30"), ("x" * 200, "x" * 80)],
)
def test_text(value, found):
    ds = Dataset()
    ds.add_new("ConvolutionKernel", "LO", value)
    assert text(ds, "ConvolutionKernel") == found
    assert text(Dataset(), "ConvolutionKernel") == ""


@pytest.mark.parametrize(
    ("value", "found"),
    [("3.5", 3.5), ("-1", -1.0), ("0", 0.0), ("abc", None), ("nan", None), ("inf", None), ("1e400", None)],
)
def test_number(value, found):
    ds = header("SliceThickness", "1")
    ds["SliceThickness"]._value = value
    assert number(ds, "SliceThickness") == found
    assert positive(ds, "SliceThickness") == (found if found and found > 0 else None)


def test_numbers_are_all_or_none():
    ds = header("PixelSpacing", ["1", "2"])
    assert numbers(ds, "PixelSpacing") == (1.0, 2.0)
    ds["PixelSpacing"]._value = ["1", "x"]
    assert numbers(ds, "PixelSpacing") == ()
    assert numbers(Dataset(), "PixelSpacing") == ()


def test_whole_and_first_item():
    assert whole(header("InstanceNumber", "7"), "InstanceNumber") == 7
    assert whole(Dataset(), "InstanceNumber", 4) == 4
    item = Dataset()
    assert first_item(header("ContrastBolusAgentSequence", Sequence([item])), "ContrastBolusAgentSequence") is item
    assert first_item(header("ContrastBolusAgentSequence", Sequence([])), "ContrastBolusAgentSequence") is None
    assert first_item(Dataset(), "ContrastBolusAgentSequence") is None
