"""Which series is used for what."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.domain.image import Acquisition, Contrast, Geometry
from calciscope.read.kernels import kernel_is_sharp
from calciscope.read.select import Candidate, select

BOTH = {"find", "score"}


def candidate(
    name,
    *,
    z=(0, 300),
    thickness=3.0,
    increment=None,
    axis=0,
    image_type=("ORIGINAL", "PRIMARY", "AXIAL"),
    exam="e",
    date="",
    frame="f",
    **acquisition,
):
    increment = increment or thickness
    spacing = [0.8, 0.8, 0.8]
    shape = [100, 512, 512]
    spacing[axis] = increment
    shape[axis] = max(1, round((z[1] - z[0]) / increment)) if axis == 0 else 100
    if axis != 0:
        shape[0] = round((z[1] - z[0]) / 0.8)
    facts = {
        "manufacturer": "SIEMENS",
        "kernel": "B35f",
        "contrast": Contrast.NONE,
        "slice_thickness": thickness,
        "slice_axis": axis,
        "increment": increment,
    }
    geometry = Geometry(tuple(shape), tuple(spacing), (0.0, 0.0, float(z[0])))
    facts = {**facts, **acquisition}
    sharp = kernel_is_sharp(facts["manufacturer"], facts["kernel"])
    return Candidate(name, Acquisition(sharp_kernel=sharp, **facts), geometry, image_type, frame, exam, date)


def chosen(*candidates):
    return {choice.id: set(choice.uses) for choice in select(candidates)}


def why(name, *candidates):
    return next(choice.why for choice in select(candidates) if choice.id == name)


def test_a_single_series_is_used_for_everything():
    only = candidate("a", kernel="B70f", contrast=Contrast.GIVEN, thickness=5)
    assert chosen(only) == {"a": BOTH}
    assert why("a", only) == "used to find and to score deposits: 60 slices of 5 mm, sharp kernel B70f, with contrast"


@pytest.mark.parametrize(
    ("worse", "said"),
    [
        ({"kernel": "B70f"}, "a sharp kernel (B70f)"),
        ({"contrast": Contrast.GIVEN}, "contrast-enhanced"),
        ({"image_type": ("DERIVED", "SECONDARY", "MPR", "COR"), "axis": 1}, "not axial"),
        ({"image_type": ("DERIVED", "SECONDARY", "AXIAL", "MIP")}, "a projection of several slices"),
        ({"thickness": 8.0}, "slices of 8 mm"),
        ({"z": (100, 250)}, "covers 50 % of the part"),
        ({"missing_slices": (3,)}, "slices missing"),
        ({"resampled": "gantry tilt"}, "resampled"),
        ({"lossy": True}, "lossy compression"),
        ({"kernel": None}, "an unknown kernel"),
        ({"contrast": Contrast.UNKNOWN}, "contrast unknown"),
    ],
)
def test_the_better_of_two_is_used_and_the_other_says_why_not(worse, said):
    good, bad = candidate("good"), candidate("bad", **worse)
    for pair in ((good, bad), (bad, good)):
        assert chosen(*pair) == {"good": BOTH, "bad": set()}
    assert "series good shows the same part of the body and suits better" in why("bad", good, bad)
    assert said in why("bad", good, bad)


def test_thin_slices_find_and_three_millimetres_score():
    assert chosen(candidate("thin", thickness=1.0), candidate("three", thickness=3.0, kernel="B30f")) in (
        {"thin": set(), "three": BOTH},
        {"thin": {"find"}, "three": {"score"}},
    )


def test_a_calcium_scan_inside_a_contrast_chest_scores():
    chest = candidate("chest", z=(0, 320), thickness=1.5, contrast=Contrast.GIVEN)
    heart = candidate("heart", z=(80, 220), thickness=3.0)
    assert chosen(chest, heart) == {"chest": {"find"}, "heart": {"score"}}
    assert "used to score deposits" in why("heart", chest, heart)


def test_other_parts_of_the_body_are_used_as_well():
    head, chest, legs = (
        candidate("head", z=(700, 900)),
        candidate("chest", z=(300, 600)),
        candidate("legs", z=(-900, -100)),
    )
    assert chosen(head, chest, legs) == {"head": BOTH, "chest": BOTH, "legs": BOTH}


def test_a_little_overlap_is_allowed():
    assert chosen(candidate("chest", z=(300, 600)), candidate("abdomen", z=(0, 320))) == {
        "chest": BOTH,
        "abdomen": BOTH,
    }


def test_a_whole_body_scan_is_preferred_to_its_pieces():
    body, chest, abdomen = (
        candidate("body", z=(0, 900)),
        candidate("chest", z=(500, 800)),
        candidate("abdomen", z=(200, 500)),
    )
    assert chosen(body, chest, abdomen) == {"body": BOTH, "chest": set(), "abdomen": set()}


def test_parts_in_different_frames_go_by_their_name():
    head = candidate("head", z=(0, 200), frame="f1", body_part="HEAD")
    chest = candidate("chest", z=(0, 300), frame="f2", body_part="CHEST")
    assert chosen(head, chest) == {"head": BOTH, "chest": BOTH}
    assert sum(map(bool, chosen(head, candidate("again", z=(0, 200), frame="f2", body_part="HEAD")).values())) == 1


def test_the_newest_examination_counts():
    old, new = candidate("old", exam="1", date="20200101"), candidate("new", exam="2", date="20240101", thickness=5)
    assert chosen(old, new) == {"old": set(), "new": BOTH}
    assert "an older examination" in why("old", old, new)


def test_an_older_examination_of_another_part_is_kept():
    old = candidate("old", exam="1", date="20200101", body_part="HEAD", frame="f1")
    new = candidate("new", exam="2", date="20240101", body_part="CHEST", frame="f2")
    assert chosen(old, new) == {"old": BOTH, "new": BOTH}


@pytest.mark.parametrize(
    ("image_type", "said"),
    [
        (("ORIGINAL", "PRIMARY", "LOCALIZER"), "localizer"),
        (("DERIVED", "SECONDARY", "AXIAL", "IODINE MAP"), "material map"),
    ],
)
def test_what_is_no_ct_volume_is_never_used(image_type, said):
    assert chosen(candidate("a", image_type=image_type)) == {"a": set()}
    assert said in why("a", candidate("a", image_type=image_type))


def test_one_slice_is_never_used():
    assert chosen(candidate("a", z=(0, 3))) == {"a": set()}


facts = st.fixed_dictionaries(
    {
        "z": st.tuples(st.integers(-500, 0), st.integers(20, 500)),
        "thickness": st.sampled_from([0.6, 1.0, 2.0, 3.0, 5.0, 8.0]),
        "kernel": st.sampled_from(["B35f", "B70f", None, "odd"]),
        "contrast": st.sampled_from(list(Contrast)),
        "axis": st.sampled_from([0, 1]),
        "exam": st.sampled_from("ab"),
        "date": st.sampled_from(["", "20200101", "20210101"]),
    }
)


@given(st.lists(facts, min_size=1, max_size=4))
def test_laws(several):
    candidates = [candidate(f"s{i}", **given) for i, given in enumerate(several)]
    choices = select(candidates)
    assert [choice.id for choice in choices] == [c.id for c in candidates]
    used = {choice.id for choice in choices if choice.uses}
    assert any("find" in choice.uses for choice in choices)
    assert any("score" in choice.uses for choice in choices)
    finders = [c for c, choice in zip(candidates, choices, strict=True) if "find" in choice.uses]
    for a, b in permutations(finders, 2):
        shared = min(a.span[1], b.span[1]) - max(a.span[0], b.span[0])
        assert shared <= 0.2 * min(a.span[1] - a.span[0], b.span[1] - b.span[0]) + 1e-6
    assert all(choice.why for choice in choices)
    # The order in which series are given must not change what is used.
    assert {choice.id for choice in select(candidates[::-1]) if choice.uses} == used
