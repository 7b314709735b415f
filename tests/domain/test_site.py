import pytest

from calciscope.domain import site


@pytest.mark.parametrize(
    ("path", "base", "side"),
    [
        ("kidney.left", "kidney", "left"),
        ("artery.carotid.right", "artery.carotid", "right"),
        ("artery.coronary.lad", "artery.coronary.lad", None),
        ("left", "left", None),
    ],
)
def test_split(path, base, side):
    assert site.split(path) == (base, side)


def test_every_path_exists_and_has_its_parent_in_the_tree():
    for path in site.paths():
        assert site.exists(path)
        above = site.parent(path)
        assert above is None or site.exists(above), path


def test_only_paired_sites_take_a_side():
    assert site.exists("kidney.left")
    assert not site.exists("gallbladder.left")
    assert not site.exists("kidney.front")


def test_labels_read_as_a_person_says_them():
    assert site.label("kidney.left") == "left kidney"
    assert site.label("artery.aorta.abdominal") == "abdominal aorta"
    assert site.label("joint.jaw") == "joint jaw"


def test_ancestors_come_nearest_first():
    assert site.ancestors("artery.coronary.lad") == ("artery.coronary", "artery")
    assert site.ancestors("heart") == ()


def test_within_is_about_whole_names():
    assert site.within("artery.aorta.arch", "artery.aorta")
    assert site.within("lung", "lung")
    assert not site.within("lungs.nodule", "lung")


def test_nearest_finds_a_misspelling():
    assert site.nearest("gallblader") == "gallbladder"
    assert site.nearest("kidney.lefft") == "kidney.left"
    assert site.nearest("zzzzzzzzzz") is None


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("left kidney", "kidney.left"),
        ("Kidney, right", "kidney.right"),
        ("aortic valve", "heart.aortic_valve"),
        ("LAD", "artery.coronary.lad"),
        ("coronary artery", "artery.coronary"),
        ("left carotid arteries", "artery.carotid.left"),
        ("abdominal aorta", "artery.aorta.abdominal"),
        ("artery/coronary/rca", "artery.coronary.rca"),
        ("aorta", "artery.aorta"),
        ("left liver", None),
        ("left shoulder", None),
        ("left or right kidney", None),
        ("left carotid bifurcation", "artery.carotid.left"),
        ("CAC", "artery.coronary"),
        ("left main stem", "artery.coronary.lm"),
        ("hilar nodes", "node.hilar"),
        ("", None),
    ],
)
def test_a_place_is_understood_as_a_person_writes_it(text, path):
    assert site.named(text) == path


def test_every_path_and_every_label_name_their_place():
    for path in site.paths():
        for full in (path, *(f"{path}.{side}" for side in site.SIDES if site.exists(f"{path}.{side}"))):
            assert site.named(full) == full
            assert site.named(site.label(full)) == full


def test_the_nearest_keeps_the_side_that_was_given():
    assert site.nearest("left kidny") == "kidney.left"
    assert site.nearest("prostat right") == "prostate"


def test_a_name_that_several_places_share_has_a_hint_but_no_meaning():
    assert site.named("left knee") is None
    assert site.nearest("left knee") == "joint.knee.left"
