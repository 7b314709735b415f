"""Laws of the site tree, for every path and side."""

from hypothesis import given
from hypothesis import strategies as st

from calciscope.domain import site

BASES = st.sampled_from(site.paths())
PAIRED = [path for path in site.paths() if site.exists(f"{path}.left")]
SIDED = st.tuples(st.sampled_from(PAIRED), st.sampled_from(site.SIDES)).map(".".join)
ANY = st.one_of(BASES, SIDED)


@given(ANY)
def test_splitting_and_joining_gives_the_path_back(path):
    base, side = site.split(path)
    assert (f"{base}.{side}" if side else base) == path


@given(ANY)
def test_every_place_lies_within_all_of_its_ancestors(path):
    above = site.ancestors(path)
    assert len(above) == path.count(".")
    assert all(site.within(path, place) for place in above)
    assert path not in above
    assert not any(site.within(place, path) for place in above)


@given(ANY)
def test_the_first_ancestor_is_the_parent(path):
    above = site.ancestors(path)
    assert site.parent(path) == (above[0] if above else None)


@given(ANY)
def test_labels_are_words(path):
    name = site.label(path)
    assert name
    assert "." not in name
    assert "_" not in name
    base, side = site.split(path)
    assert name.startswith(f"{side} ") == (side is not None)
    assert site.label(base) in name


@given(st.sampled_from(PAIRED))
def test_what_has_a_left_has_a_right(path):
    assert site.exists(f"{path}.right")
    assert site.label(f"{path}.left").removeprefix("left ") == site.label(f"{path}.right").removeprefix("right ")


@given(ANY)
def test_a_side_has_no_side(path):
    if site.split(path)[1]:
        assert not site.exists(f"{path}.left")


@given(ANY)
def test_a_known_path_is_nearest_to_itself(path):
    assert site.nearest(path) == path


@given(ANY, st.data())
def test_one_wrong_letter_is_still_understood(path, data):
    if len(path) < 8:
        return
    place = data.draw(st.integers(1, len(path) - 2))
    found = site.nearest(path[:place] + path[place + 1 :])
    assert found is not None
    assert site.exists(found)


@given(ANY, ANY)
def test_within_is_an_order(one, other):
    assert site.within(one, one)
    if site.within(one, other) and site.within(other, one):
        assert one == other


@given(ANY, ANY, ANY)
def test_within_carries_over(a, b, c):
    if site.within(a, b) and site.within(b, c):
        assert site.within(a, c)


@given(st.text(max_size=30))
def test_no_text_breaks_the_tree(text):
    base, side = site.split(text)
    assert side in (None, *site.SIDES)
    assert isinstance(site.label(text), str)
    assert site.exists(text) == (base in site.paths() and (side is None or text in {f"{p}.{side}" for p in PAIRED}))


def test_regions_are_places_and_unplaced_is_one_too():
    for region in site.REGIONS:
        assert site.exists(region)
    assert site.exists(site.UNPLACED)
    assert site.parent(site.UNPLACED) is None


def test_paired_and_single_organs():
    assert {"kidney", "ureter", "lung", "artery.iliac", "artery.carotid", "vein.pelvic", "breast"} <= set(PAIRED)
    assert not {"heart", "liver", "bladder", "gallbladder", "prostate", "artery.aorta"} & set(PAIRED)
