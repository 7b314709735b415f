"""A pseudonym is the same under one key, and tells nobody."""

import pytest

from calciscope.errors import OutputError
from calciscope.report.pseudonyms import Pseudonyms
from tests.report.fhir.make import SECRET, STUDY

KEY = b"sixteen bytes and more"


def test_a_pseudonym_is_the_same_under_one_key_and_another_under_another():
    one, same, other = Pseudonyms(KEY), Pseudonyms(KEY), Pseudonyms(KEY[::-1])
    assert one.name(SECRET) == same.name(SECRET) != other.name(SECRET)
    assert one.uid(STUDY) == same.uid(STUDY) != other.uid(STUDY)
    assert one.token("ab") == same.token("ab") != other.token("ab")
    assert one.uid(STUDY).startswith("2.25.")
    assert len(one.uid(STUDY)) <= 64
    assert KEY.decode() not in repr(one)


def test_a_name_that_is_given_is_everybodys():
    assert Pseudonyms(KEY, "STUDY 7").name(SECRET) == "STUDY 7"


def test_a_short_key_is_refused():
    with pytest.raises(OutputError, match="at least 16"):
        Pseudonyms(b"short")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("as of 2021-03-02", "as of date not told"),
        ("age 93 is outside 45 to 85 years", "age not told is outside 45 to 85 years"),
        ("a 93-year-old with 2400 mg", "a age not told with 2400 mg"),
        ("score of 2000 to 2999", "score of 2000 to 2999"),
        ("Agatston score 2012", "Agatston score 2012"),
    ],
)
def test_dates_and_ages_are_taken_out_of_texts_and_scores_are_not(text, clean):
    assert Pseudonyms(KEY).text(text) == clean
