"""Every code is one that DICOM's own dictionary has, and none is longer than DICOM holds."""

import pytest
from pydicom.sr import _concepts_dict

from calciscope.domain import site as sites
from calciscope.domain.assessment import Kind, Seriousness
from calciscope.domain.knowledge import table
from calciscope.report import text
from calciscope.report.dicom import codes


def lines(node):
    if isinstance(node, dict):
        for value in node.values():
            yield from lines(value)
    elif isinstance(node, str) and node.split(maxsplit=1)[0] in ("SCT", "DCM", "99CALCISCOPE"):
        yield node


LINES = sorted(set(lines({key: value for key, value in table("codes/dicom.yaml").items() if key != "scheme"})))


@pytest.fixture(scope="module")
def known():
    return {
        (scheme, value): meaning
        for scheme in ("SCT", "DCM")
        for entries in _concepts_dict.concepts[scheme].values()
        for value, (meaning, _) in entries.items()
    }


@pytest.mark.parametrize("line", [line for line in LINES if not line.startswith("99")])
def test_a_standard_code_is_in_the_dictionary(line, known):
    code = codes.coded(line)
    assert (code.scheme_designator, code.value) in known


def test_codes_of_our_own_are_short_and_mean_one_thing():
    own = [codes.coded(line) for line in LINES if line.startswith("99")]
    assert len({code.value for code in own}) == len(own)
    assert all(len(code.value) <= 16 and len(code.meaning) <= 64 for code in own)


@pytest.mark.parametrize("path", sites.paths())
def test_every_site_has_a_place_a_type_and_a_colour(path):
    assert codes.place(path)[0].scheme_designator == "SCT"
    assert codes.type_of(path).value
    assert all(0 <= one <= 255 for one in codes.colour(path))
    assert max(codes.colour(path)) - min(codes.colour(path)) > 40, "an outline in grey is not seen on a grey image"


def test_every_kind_level_and_shown_measure_has_a_code():
    assert all(codes.value("kinds", kind) for kind in Kind)
    assert all(codes.value("levels", level) for level in Seriousness)
    assert set(table("codes/dicom.yaml")["measures"]) >= set(text._NAMES)


@pytest.mark.parametrize(("kind", "of"), [("morphology", "morphology"), ("distribution", "distribution")])
def test_the_words_for_breast_calcification_are_those_that_rules_compare_with(kind, of):
    words = table("vocabulary.yaml")["values"][of]["words"]
    assert set(table("codes/dicom.yaml")[kind]) <= {*words, "dystrophic", "fine pleomorphic"}


def test_a_measure_that_no_file_lists_has_a_code_of_our_own():
    one, other = (
        codes.measure(name, "bone", "Label").name for name in ("a_very_long_new_measure", "a_very_long_new_other")
    )
    assert one.scheme_designator == "99CALCISCOPE"
    assert one.value != other.value
    assert len(one.value) == 16
    assert one.meaning == "Label"
