"""The numbers of a mask on an array: per label, in total, in any memory layout, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import calciscope
from calciscope.domain.assessment import Validity
from calciscope.domain.image import Acquisition, Contrast, Geometry, Volume
from calciscope.domain.scores import ALWAYS
from calciscope.errors import InputError
from calciscope.measure.labels.masks import Labelled, one_number_a_name, score_labels, site_of
from calciscope.measure.presets import preset
from tests.measure.make import CASES

SPACING = (3.0, 0.5, 0.5)
SHAPE = (16, 48, 48)


def scene(case):
    """A conformance case as image and mask of every voxel, in soft tissue."""
    image = np.full(SHAPE, 40.0, dtype=np.float32)
    for index, hu in case.voxels.items():
        image[index] = hu
    return image, np.ones(SHAPE, dtype=np.uint8)


def two():
    """Two labels with a block each, and a third without calcium."""
    image, mask = np.full(SHAPE, 40, dtype=np.int16), np.zeros(SHAPE, dtype=np.int16)
    image[5, 5:9, 5:9], image[6:9, 20:24, 20:24] = 150, 400
    mask[4:7, 3:12, 3:12], mask[6:9, 18:30, 18:30], mask[12, 40:44, 40:44] = 1, 7, 300
    return image, mask


@pytest.mark.parametrize("case", CASES)
def test_arrays_reproduce_the_conformance_cases(case):
    one = CASES[case]
    image, mask = scene(one)
    spacing = (one.increment, one.pixel, one.pixel)
    options = {"kvp": one.kvp, "slice_thickness": one.thickness}
    plain, standard = calciscope.score(image, mask, spacing, preset=["agatston-130", "standard"], **options)
    assert plain.agatston == pytest.approx(one.reference, abs=5e-4)
    assert standard.agatston == pytest.approx(one.standard, abs=5e-4)
    assert plain.preset == "agatston-130"
    assert set(plain.labels["1"]) == set(plain.total) == {"agatston", "volume", "mass"}


def test_labels_are_scored_apart_and_the_total_is_their_sum():
    found = calciscope.score(*two(), SPACING, mass_factor=0.00075)
    assert {name: one["agatston"].value for name, one in found.labels.items()} == {"1": 4.0, "7": 48.0, "300": 0.0}
    assert (found.agatston, found.volume) == (52.0, 48.0)
    assert found.mass == pytest.approx((16 * 150 + 48 * 400) * 0.75 * 0.00075)
    assert found.labels["300"]["mass"].value == 0.0


def test_equal_scores_of_many_labels_are_one_object():
    image, mask = np.full((8, 200, 200), 40, dtype=np.int16), np.zeros((8, 200, 200), dtype=np.int32)
    corners = [(z, y, x) for z in (1, 5) for y in range(2, 198, 6) for x in range(2, 198, 6)]
    for label, (z, y, x) in enumerate(corners, start=1):
        image[z, y : y + 3, x : x + 3], mask[z, y : y + 3, x : x + 3] = 200 + label % 7, label
    found = calciscope.score(image, mask, SPACING)
    assert len(found.labels) == len(corners)
    assert found.agatston == 4.5 * len(corners)
    for name, different in {"agatston": 1, "volume": 1, "mass": 7}.items():
        assert len({id(one[name]) for one in found.labels.values()}) == different


def test_islands_end_at_the_border_of_a_label():
    image, mask = np.full(SHAPE, 40, dtype=np.int16), np.zeros(SHAPE, dtype=np.uint8)
    image[5, 5:9, 5:7], image[5, 5:9, 7:9] = 150, 450
    mask[5, 5:9, 5:7], mask[5, 5:9, 7:9] = 1, 2
    found = calciscope.score(image, mask, SPACING)
    assert [one["agatston"].value for one in found.labels.values()] == [2.0, 8.0]
    assert found.agatston == 10.0
    assert calciscope.score(image, mask > 0, SPACING).agatston == 16.0


LAYOUTS = {
    "as it is": lambda a: a,
    "Fortran": np.asfortranarray,
    "a view of every other": lambda a: np.repeat(a, 2, axis=2)[:, :, ::2],
    "backwards": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "read only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", [np.int16, np.int32, np.int64, np.uint16, np.float32, np.float64])
def test_memory_layout_and_type_change_no_digit(layout, kind):
    image, mask = two()
    turn = LAYOUTS[layout]
    found = calciscope.score(turn(image.astype(kind)), turn(mask), np.array(SPACING))
    assert found == calciscope.score(image, mask, SPACING)
    assert found.agatston == 52.0


@pytest.mark.parametrize("kind", [np.bool_, np.uint8, np.int8, np.int64, np.float64])
def test_a_mask_of_any_type_counts(kind):
    image, mask = two()
    assert calciscope.score(image, (mask > 0).astype(kind), SPACING).agatston == 52.0


def test_the_callers_arrays_stay_as_they_are():
    image, mask = two()
    before = image.copy()
    calciscope.score(image, mask, SPACING, measures="all", intervals=True)
    assert np.array_equal(image, before)
    assert image.flags.writeable


@given(axes=st.permutations(range(3)), flips=st.lists(st.integers(0, 2), max_size=3))
def test_turning_image_and_mask_together_changes_no_digit(axes, flips):
    image, mask = two()

    def turned(array):
        return np.flip(array.transpose(axes), tuple(set(flips)))

    spacing = [SPACING[axis] for axis in axes]
    found, plain = calciscope.score(turned(image), turned(mask), spacing), calciscope.score(image, mask, SPACING)
    assert (found.labels, found.total) == (plain.labels, plain.total)


def test_slices_lie_along_the_largest_spacing_else_the_first_axis():
    image, mask = two()
    image[5:9, 5, 5:9], mask[5:9, 5, 5:9] = 300, 1

    def score(spacing, axis=None):
        return calciscope.score(image, mask, spacing, slice_axis=axis).agatston

    assert score((0.5, 3.0, 0.5)) == score((0.5, 3.0, 0.5), 1) != score((0.5, 3.0, 0.5), 0)
    assert score((1.0, 1.0, 1.0)) == score((1.0, 1.0, 1.0), 0) != score((1.0, 1.0, 1.0), 1)


def test_every_measure_and_interval_when_asked_for():
    found = calciscope.score(*two(), SPACING, measures="all", intervals=True)
    quick = calciscope.score(*two(), SPACING)
    for name in ("1", "7", "300"):
        for measure in ("agatston", "volume", "mass"):
            assert found.labels[name][measure].value == pytest.approx(quick.labels[name][measure].value)
            assert found.labels[name][measure].why == quick.labels[name][measure].why
    dense = found.labels["7"]
    assert {"integrated_mass", "mean_hu", "sd_hu", "median_hu", "peak", "diameter", "attenuation", "count"} <= set(
        dense
    )
    assert (dense["mean_hu"].value, dense["count"].value) == (400.0, 1.0)
    low, high = dense["agatston"].interval
    assert low <= 48.0 <= high
    (one,) = [calciscope.score(*two(), SPACING, measures="mean_hu").labels["7"]]
    assert set(one) == {"mean_hu"}
    assert one["mean_hu"].value == 400.0


def test_a_drawn_label_below_the_threshold_has_an_integrated_mass():
    """A disc of 110 HU over 40 HU of tissue, 1 mm across after blur: no score, and yet calcium."""
    image, mask = np.full(SHAPE, 40, dtype=np.float32), np.zeros(SHAPE, dtype=np.uint8)
    image += np.random.default_rng(5).normal(0, 2, SHAPE).astype(np.float32)
    image[7, 20:24, 20:24] += 70
    mask[6:9, 19:25, 19:25] = 1
    found = calciscope.score(image, mask, SPACING, measures="all", intervals=True, mass_factor=0.75).labels["1"]
    assert found["agatston"].value == 0.0
    assert found["integrated_mass"].value == pytest.approx(16 * 70 * 0.75 * 0.00075, rel=0.15)
    low, high = found["integrated_mass"].interval
    assert low <= 16 * 70 * 0.75 * 0.00075 <= high


def test_labels_of_one_name_are_one_thing():
    image, mask = two()
    found = calciscope.score(image, mask, SPACING, names={1: "LAD", 7: "LAD", 300: "RCA"})
    assert list(found.labels) == ["LAD", "RCA"]
    assert found.labels["LAD"]["agatston"].value == 52.0


def volume(image, acquisition=None):
    return Volume(image, Geometry(image.shape, SPACING), acquisition or Acquisition(increment=3.0))


def test_all_measures_are_asked_for_by_all_and_the_three_scores_are_the_default():
    image, mask = two()
    labelled = Labelled((mask,), {1: "a", 7: "b", 300: "c"})
    three = {"agatston", "volume", "mass"}
    for asked in ({}, {"measures": None}, {"measures": None, "intervals": True}):
        found = score_labels(volume(image), labelled, preset(), **asked)
        assert {*map(frozenset, (found.total, *found.labels.values()))} == {frozenset(three)}
        assert set(calciscope.score(image, mask, SPACING, **asked).total) == three
    every = score_labels(volume(image), labelled, preset(), measures="all")
    assert every.labels["b"].keys() > three | {"integrated_mass", "mean_hu", "diameter"}
    assert every.labels["b"].keys() == calciscope.score(image, mask, SPACING, measures="all").labels["7"].keys()


def test_labels_that_overlap_each_count_and_the_total_counts_a_voxel_once():
    image, _ = two()
    whole, part = np.zeros(SHAPE, dtype=np.uint8), np.zeros(SHAPE, dtype=np.uint8)
    whole[4:9, 3:30, 3:30], part[6:9, 18:30, 18:30] = 1, 2
    mask = Labelled((whole, part), {1: "heart", 2: "LAD"})
    for measures in (("agatston", "volume"), "all"):
        found = score_labels(volume(image), mask, preset(), measures=measures)
        assert found.labels["heart"]["agatston"].value == 52.0
        assert found.labels["LAD"]["agatston"].value == 48.0
        assert (found.agatston, found.volume) == (52.0, 48.0)


def test_one_name_over_two_layers_becomes_one_layer():
    a, b = np.array([[[1, 1, 0, 3]]]), np.array([[[0, 2, 2, 0]]])
    merged = one_number_a_name(Labelled((a, b), {1: "x", 2: "x", 3: "y"}))
    assert merged.names == {1: "x", 3: "y"}
    assert [np.argwhere(np.logical_or.reduce([one == n for one in merged.layers]))[:, 2].tolist() for n in (1, 3)] == [
        [0, 1, 2],
        [3],
    ]


def test_a_name_says_the_place():
    assert site_of("LAD") == "artery.coronary.lad"
    assert site_of("aorta") == "artery.aorta"
    assert site_of("artery.carotid.left") == "artery.carotid.left"
    assert site_of("Kidney left") == "kidney.left"
    assert site_of("7") is None
    assert site_of("my favourite plaque") is None
    image, mask = two()
    found = calciscope.score(image, mask, SPACING, names={1: "liver", 7: "plaque", 300: "LAD"}, kvp=120)
    assert "defined for the heart and arteries" in found.labels["liver"]["agatston"].why
    assert "defined for" not in found.labels["plaque"]["agatston"].why
    assert "ECG-gated" in found.labels["LAD"]["agatston"].why


def test_what_is_not_known_adjusts_and_what_is_known_does_not():
    known = Acquisition(
        kvp=120.0, kernel="FC12", sharp_kernel=False, slice_thickness=3.0, increment=3.0, contrast=Contrast.NONE
    )
    image, mask = two()
    names = {1: "1", 7: "7", 300: "300"}
    found = score_labels(volume(image, known), Labelled((mask,), names), preset())
    assert found.total["agatston"].validity is Validity.VALID
    assert calciscope.score(image, mask, SPACING).total["agatston"].validity is Validity.ADJUSTED
    why = score_labels(volume(image, known), Labelled((mask,), names, "the mask was moved"), preset())
    assert why.total["agatston"].why == "the mask was moved"


def filled(hu):
    """A vessel of 25 mm across, with noise, with a plaque in its wall."""
    _, y, x = np.indices(SHAPE)
    inside = np.hypot(y - 24, x - 24) < 23
    image = np.where(inside, hu, -90) + np.random.default_rng(2).normal(0, 12, SHAPE)
    image[5:8, 2:6, 22:26] = 900
    return np.rint(image).astype(np.int16), inside


@pytest.mark.parametrize("names", [None, {1: "aorta"}])
def test_contrast_in_the_mask_refuses_the_scores_in_one_line(names):
    image, mask = filled(320)
    for measures in (None, "all"):
        found = calciscope.score(image, mask, SPACING, names=names, measures=measures)
        assert found.agatston is found.volume is found.mass is None
        assert found.total["agatston"].validity is Validity.REFUSED
        assert found.refused.startswith("contrast was given (blood in the image measures 3")
        assert "\n" not in found.refused
        assert ";" not in found.refused


def test_blood_without_contrast_is_scored():
    found = calciscope.score(*filled(42), SPACING, names={1: "aorta"}, preset="agatston-130")
    assert found.agatston > 0
    assert found.refused is None
    assert "whether contrast was given" not in found.total["agatston"].why


def test_a_thin_vessel_by_its_name_shows_faint_contrast_but_no_plaque_does():
    image, mask = filled(115)
    _, y, x = np.indices(SHAPE)
    inner = mask & (np.hypot(y - 24, x - 24) < 13)
    found = calciscope.score(image, inner, SPACING, names={1: "aorta"})
    assert found.refused is not None
    assert "blood in the image measures 11" in found.refused
    bright = image + np.int16(200)
    assert calciscope.score(bright, inner, SPACING, names={1: "aorta"}).refused is None


def test_a_mixture_in_a_mask_of_a_vessel_does_not_overrule_the_header():
    image, mask = filled(50)
    mixed = image + np.random.default_rng(3).normal(0, 90, SHAPE).astype(np.int16)
    assert calciscope.score(image, mask, SPACING, names={1: "aorta"}, contrast="given").refused is None
    refused = calciscope.score(mixed, mask, SPACING, names={1: "aorta"}, contrast="given").refused
    assert "the header says that contrast was given" in refused


def test_a_drawn_block_is_not_taken_for_contrast_and_who_knows_better_is_asked():
    image, mask = filled(320)
    block = np.where(mask, 320, -90).astype(np.int16)
    assert calciscope.score(block, mask, SPACING).agatston > 0
    assert calciscope.score(image, mask, SPACING, contrast="none").agatston > 0
    assert calciscope.score(block, mask, SPACING, contrast="given").agatston is None


def test_a_voltage_without_a_rule_is_refused_by_name():
    found = calciscope.score(*two(), SPACING, preset="fqm-literature", kvp=80)
    assert found.agatston is None
    assert "fqm-literature" in found.refused


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"spacing": (3.0, 0.5)}, "three positive lengths"),
        ({"spacing": (3.0, 0.0, 0.5)}, "three positive lengths"),
        ({"spacing": (3.0, -0.5, 0.5)}, "three positive lengths"),
        ({"spacing": (3.0, float("nan"), 0.5)}, "three positive lengths"),
        ({"spacing": None}, "give the spacing"),
        ({"spacing": 3}, "three positive lengths"),
        ({"mask": np.ones((2, 2, 2))}, "the image"),
        ({"mask": np.zeros(SHAPE)}, "empty"),
        ({"mask": np.full(SHAPE, 0.5)}, "not whole numbers"),
        ({"mask": np.full(SHAPE, -1)}, "below 0"),
        ({"mask": np.full(SHAPE, "a")}, "neither whole numbers nor flags"),
        ({"image": np.zeros((2, *SHAPE))}, "one volume"),
        ({"image": np.zeros((0, 4, 4))}, "one volume"),
        ({"image": np.zeros(SHAPE, dtype=complex)}, "Hounsfield units"),
        ({"mask": "mask.nii"}, "both as paths"),
        ({"names": {1: "LAD"}}, "labels of the mask have no name: 7, 300"),
        ({"preset": "standart"}, "did you mean standard"),
        ({"preset": []}, "at least one preset"),
        ({"kvp": -120}, "tube voltage"),
        ({"kvp": float("nan")}, "tube voltage"),
        ({"kvp": 120000}, "tube voltage"),
        ({"spacing": (0.003, 0.0005, 0.0005)}, "that of no CT"),
        ({"image": np.full(SHAPE, np.nan)}, "100% of the voxels"),
        ({"names": {1: "LAD", 7: "", 300: "x"}}, "text that is not empty"),
        ({"slice_axis": 1.0}, "slice_axis"),
        ({"measures": "agatson"}, "no measure 'agatson'; did you mean agatston"),
        ({"measures": []}, "at least one measure"),
        ({"slice_thickness": 0}, "slice_thickness"),
        ({"slice_axis": 3}, "slice_axis"),
        ({"contrast": "maybe"}, "contrast is none, given or unknown"),
        ({"mass_factor": 7}, "mass factor of 7"),
    ],
)
def test_a_wrong_argument_is_one_line(change, says):
    image, mask = two()
    arguments = {"image": image, "mask": mask, "spacing": SPACING, **change}
    with pytest.raises(InputError, match=says) as caught:
        calciscope.score(**arguments)
    assert "\n" not in str(caught.value)


def test_voxels_that_are_no_numbers_count_for_nothing():
    image, mask = two()
    holed = image.astype(np.float32)
    holed[0], holed[10, 0, 0] = np.nan, np.inf
    holed[6, 10, 10] = -np.inf
    for measures in (None, "all"):
        found = calciscope.score(holed, mask, SPACING, measures=measures)
        assert found.agatston == 52.0
        assert any(note.startswith("2306 voxels of the image were not finite") for note in found.notes)
    holed[7, 22, 22] = np.inf
    quick, every = (calciscope.score(holed, mask, SPACING, measures=measures) for measures in (None, "all"))
    assert quick.agatston == every.agatston == 51.0
    assert np.isinf(holed[7, 22, 22])


def test_what_looks_like_a_slip_is_noted():
    image, mask = two()
    assert any("rescale intercept" in note for note in calciscope.score(image, mask, SPACING).notes)
    assert any(
        "rescale intercept" in note for note in calciscope.score((image + 1024).astype("u2"), mask, SPACING).notes
    )
    image[0, 0, 0] = -1000
    assert calciscope.score(image, mask, SPACING).notes == ()
    (note,) = calciscope.score(image, mask, SPACING[::-1]).notes
    assert "axis 2" in note
    assert calciscope.score(image, mask, SPACING[::-1], slice_axis=2).notes == ()


def test_a_label_without_calcium_has_every_measure_and_says_why():
    image, mask = two()
    found = calciscope.score(image, mask, SPACING, measures="all", intervals=True)
    assert set(found.labels["300"]) == set(found.labels["7"]) == set(found.total) >= set(ALWAYS)
    empty = found.labels["300"]
    assert [empty[name].value for name in ("agatston", "volume", "mass", "count")] == [0, 0, 0, 0]
    assert empty["integrated_mass"].value is not None
    for name in ("mean_hu", "peak", "attenuation", "diameter"):
        assert (empty[name].value, empty[name].unit) == (None, found.labels["7"][name].unit)
        assert "nothing in it has >=130 HU" in empty[name].why
    (asked,) = calciscope.score(image, mask, SPACING, measures="peak").labels["300"].values()
    assert asked.value is None


def test_a_large_label_is_measured_by_its_calcium(monkeypatch):
    from calciscope.measure.labels import numbers as label_numbers

    every = calciscope.score(*two(), SPACING, measures="all")
    monkeypatch.setattr(label_numbers, "_OUTLINE_VOXELS", 100)
    seen = calciscope.score(*two(), SPACING, measures="all")
    for name in ("agatston", "volume", "mass", "mean_hu", "peak", "diameter"):
        assert seen.total[name].value == pytest.approx(every.total[name].value)
