"""The dictionary of structures: what the file says, as the stages read it."""

from dataclasses import FrozenInstanceError, replace
from importlib.resources import files

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from calciscope.domain import site
from calciscope.domain.structures import Meaning, Place, dictionary

RAW = yaml.safe_load((files("calciscope") / "knowledge" / "structures.yaml").read_text(encoding="utf-8"))
MEANINGS = dictionary().meanings
NAMES = st.sampled_from(sorted(MEANINGS))


def rank(name):
    return MEANINGS[name].rank


def test_the_file_is_read_once():
    assert dictionary() is dictionary()


def test_a_star_gives_both_sides_and_nothing_else():
    starred = [name for name in RAW["structures"] if "*" in name]
    plain = [name for name in RAW["structures"] if "*" not in name]
    assert len(MEANINGS) == len(plain) + 2 * len(starred)
    for name in starred:
        assert {name.replace("*", side) for side in site.SIDES} <= set(MEANINGS)
    assert not any("*" in name for name in MEANINGS)


@given(NAMES)
def test_a_meaning_knows_its_own_name(name):
    assert MEANINGS[name].name == name


@given(NAMES)
def test_every_site_is_in_the_tree(name):
    meaning = MEANINGS[name]
    named = [meaning.site, meaning.otherwise, *meaning.by_region.values()]
    for path in named:
        assert path is None or site.exists(path), f"{name}: {path}"


@given(NAMES)
def test_a_sided_structure_never_means_the_other_side(name):
    side = next((s for s in site.SIDES if name.endswith(f"_{s}")), None)
    if side is None:
        return
    other = site.SIDES[1 - site.SIDES.index(side)]
    meaning = MEANINGS[name]
    for path in (meaning.site, meaning.otherwise, *meaning.by_region.values()):
        assert path is None or site.split(path)[1] != other, f"{name} means {path}"


@given(NAMES)
def test_the_two_sides_of_a_pair_mean_the_same(name):
    if not name.endswith("_left"):
        return
    left, right = MEANINGS[name], MEANINGS.get(name.removesuffix("_left") + "_right")
    if right is None:
        # The left atrial appendage and the like, which a label map names without a counterpart.
        assert site.split(left.site or "")[1] is None
        return
    assert (left.place, left.rank, left.weight, left.tolerance_mm) == (
        right.place,
        right.rank,
        right.weight,
        right.tolerance_mm,
    )
    if left.site is not None:
        assert site.split(left.site)[0] == site.split(right.site or "")[0]


@given(NAMES)
def test_weights_and_tolerances_are_in_their_ranges(name):
    meaning = MEANINGS[name]
    assert 0.0 <= meaning.weight <= 1.0
    assert 0.0 <= meaning.tolerance_mm <= 30.0
    assert 0 < meaning.rank < 256


@given(NAMES)
def test_what_rejects_weighs_nothing_and_has_no_site(name):
    meaning = MEANINGS[name]
    if meaning.place is Place.REJECT:
        assert meaning.site is None
        assert meaning.weight == 0.0


@given(NAMES)
def test_what_holds_deposits_can_win(name):
    meaning = MEANINGS[name]
    if meaning.site is not None and meaning.place is not Place.REJECT:
        assert meaning.weight > 0.0


@given(NAMES)
def test_the_names_along_a_structure_are_one_more_than_its_divisions(name):
    meaning = MEANINGS[name]
    if meaning.divided_by:
        assert len(meaning.locations) == len(meaning.divided_by) + 1
    assert len(set(meaning.locations)) == len(meaning.locations)


def test_regions_of_the_body_are_known_words():
    for name, meaning in MEANINGS.items():
        assert set(meaning.by_region) <= set(site.REGIONS), name
    assert set(dictionary().regions) <= set(site.REGIONS)


def test_a_region_alone_suggests_sites_with_weights():
    for region, suggested in dictionary().regions.items():
        assert suggested, region
        for path, weight in suggested:
            assert site.exists(path), path
            assert 0.0 < weight < 1.0


@pytest.mark.parametrize(
    ("structure", "path"),
    [
        ("kidney_left", "kidney.left"),
        ("kidney_right", "kidney.right"),
        ("gallbladder", "gallbladder"),
        ("urinary_bladder", "bladder"),
        ("iliac_artery_left", "artery.iliac.left"),
        ("iliac_artery_right", "artery.iliac.right"),
        ("pelvic_wall_left", "vein.pelvic"),
        ("pelvic_wall_right", "vein.pelvic"),
        ("ureter_left", "ureter.left"),
        ("ureter_right", "ureter.right"),
        ("liver", "liver"),
        ("spleen", "spleen"),
        ("heart_region", "heart"),
        ("thyroid_gland", "thyroid"),
        ("prostate", "prostate"),
        ("mediastinum", "node.mediastinal"),
        ("hilum_left", "node.hilar.left"),
        ("subcutaneous_fat", "soft_tissue"),
        ("skin", "skin"),
    ],
)
def test_structures_mean_what_an_anatomist_says(structure, path):
    assert MEANINGS[structure].site == path


@pytest.mark.parametrize("structure", ["bone", "metal", "table", "body", "fat"])
def test_nothing_is_a_deposit_in_bone_metal_or_table(structure):
    assert MEANINGS[structure].place is Place.REJECT


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ("metal", "bone"),
        ("bone", "aorta"),
        ("bone", "kidney_left"),
        ("bone", "muscle"),
        ("aorta", "mediastinum"),
        ("heart_region", "mediastinum"),
        ("heart_region", "lung_left"),
        ("liver", "fat"),
        ("gallbladder", "body"),
        ("iliac_artery_left", "pelvic_wall_left"),
        ("kidney_right", "muscle"),
        ("lung_right", "body"),
        ("muscle", "subcutaneous_fat"),
        ("subcutaneous_fat", "fat"),
        ("fat", "body"),
    ],
)
def test_what_is_certain_is_painted_over_what_is_not(above, below):
    assert rank(above) > rank(below)


def test_vessels_count_at_their_wall_and_organs_within():
    assert MEANINGS["aorta"].place is Place.VESSEL_WALL
    assert MEANINGS["iliac_artery_left"].place is Place.VESSEL_WALL
    assert MEANINGS["kidney_left"].place is Place.ORGAN
    assert MEANINGS["muscle"].place is Place.TISSUE


def test_the_site_depends_on_the_region_only_where_the_file_says_so():
    plain = Meaning("x", "liver", Place.ORGAN, 1, 1.0, 0.0)
    assert plain.site_in(None) == plain.site_in("chest") == "liver"
    named = replace(plain, by_region={"abdomen": "spleen"})
    assert named.site_in("abdomen") == "spleen"
    assert named.site_in("chest") == "liver"
    assert named.site_in(None) == "liver"


def test_an_aorta_is_thoracic_in_the_chest_and_abdominal_in_the_abdomen():
    aorta = MEANINGS["aorta"]
    assert site.within(aorta.site_in("chest") or "", "artery.aorta")
    assert aorta.site_in("abdomen") == "artery.aorta.abdominal"
    assert aorta.site_in("chest") != aorta.site_in("abdomen")


def test_meanings_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        MEANINGS["liver"].rank = 3
    with pytest.raises(TypeError):
        MEANINGS["liver"] = MEANINGS["spleen"]
    with pytest.raises(TypeError):
        MEANINGS["aorta"].by_region["chest"] = "liver"


def test_evidence_speaks_of_known_sites_with_a_reason():
    rules = dictionary().evidence
    assert rules
    for rule in rules:
        assert rule.why.strip()
        assert rule.when
        assert rule.times > 0.0
        assert rule.times != 1.0, "evidence that multiplies by one says nothing"
        for path in rule.sites:
            assert site.exists(path) or path == "*", path


def test_ranges_of_evidence_run_upwards_and_open_ends_are_infinite():
    seen_open = False
    for rule in dictionary().evidence:
        for feature, (low, high) in rule.when.items():
            assert low < high, feature
            seen_open |= low == float("-inf") or high == float("inf")
    assert seen_open


def test_the_raw_file_uses_only_known_keys():
    known = {
        "site",
        "place",
        "rank",
        "weight",
        "tolerance_mm",
        "by_region",
        "locations",
        "divided_by",
        "otherwise",
        "group",
        "hollow",
        "part_of",
        "passes_into",
        "forks_into",
    }
    for name, entry in RAW["structures"].items():
        assert set(entry) <= known, name
    assert set(RAW["defaults"]) == {place.value for place in Place}


def test_a_vessel_goes_on_in_structures_of_another_site():
    goes_on = 0
    for made in MEANINGS.values():
        after = (() if made.passes_into is None else made.passes_into[:1]) + (made.forks_into or ((), 0.0))[0]
        goes_on += len(after)
        assert all(MEANINGS[name].site not in (None, made.site) for name in after), made.name
        assert all(border[1] > 0 for border in (made.passes_into, made.forks_into) if border is not None)
    assert goes_on >= 3


@given(st.sampled_from(sorted(RAW["structures"])))
def test_what_the_file_leaves_out_comes_from_the_defaults(name):
    entry = RAW["structures"][name]
    made = MEANINGS[name.replace("*", "left")]
    default = RAW["defaults"][entry["place"]]
    for key in ("rank", "weight", "tolerance_mm"):
        assert getattr(made, key) == entry.get(key, default[key])
