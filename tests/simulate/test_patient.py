import numpy as np
import pytest

from calciscope.domain import site
from calciscope.domain.assessment import Kind
from calciscope.domain.image import Contrast
from calciscope.errors import CalciscopeError
from calciscope.simulate.body import Habitus
from calciscope.simulate.catalogue import DEPOSITS, METASTATIC
from calciscope.simulate.patient import simulate
from calciscope.simulate.tissue import mineral_hu

SPAN = (10.0, 60.0)
PELVIS = tuple(place for place in DEPOSITS if place.site.startswith("vein"))


def small(seed=2, **more):
    return simulate(seed, **{"quick": True, "span": SPAN, "deposits": PELVIS, **more})


def test_default_patient_has_a_dozen_deposits_of_plausible_mass(quick):
    assert {deposit.site for deposit in quick.truth} == {place.site for place in DEPOSITS}
    for deposit in quick.truth:
        assert 1.0 < deposit.mass_mg < 900.0
        assert 100.0 < deposit.density < 1100.0
        assert deposit.mass_mg == pytest.approx(deposit.volume_mm3 * deposit.density / 1000.0)
        for low, middle, high in zip(deposit.low_mm, deposit.center_mm, deposit.high_mm, strict=True):
            assert low < middle < high


def test_truth_uses_known_sites_and_kinds(quick):
    for deposit in quick.truth:
        assert site.exists(deposit.site)
        assert deposit.kind in set(Kind)
        assert deposit.mechanism


def test_every_deposit_is_bright_in_the_image(quick):
    geometry = quick.volume.geometry
    for deposit in quick.truth:
        index = np.rint(geometry.to_index(deposit.center_mm)).astype(int)
        box = tuple(slice(max(0, i - r), i + r + 1) for i, r in zip(index, (3, 6, 6), strict=True))
        assert quick.volume.hu[box].max() > 150, deposit.site


def test_deposits_lie_in_their_organs(quick):
    body = quick.body
    inside = {"kidney.left": "kidney_left", "gallbladder": "gallbladder", "lung.nodule": "lung_right"}
    for deposit in quick.truth:
        if deposit.site in inside:
            z, y, x = np.rint(body.geometry.to_index(deposit.center_mm)).astype(int)
            near = body.labels[z - 2 : z + 3, y - 3 : y + 4, x - 3 : x + 4]
            assert (near == body.names[inside[deposit.site]]).any(), deposit.site


def test_the_series_shows_exactly_the_true_mass():
    with_them = small(noise=0.0)
    without = small(noise=0.0, deposits=())
    assert len(with_them.truth) == 2
    # The soft tissue of the lesions differs too, so the mass is looked for in what exceeds it.
    geometry = with_them.volume.geometry
    for deposit in with_them.truth:
        index = np.rint(geometry.to_index(deposit.center_mm)).astype(int)
        box = tuple(slice(i - r, i + r + 1) for i, r in zip(index, (3, 5, 5), strict=True))
        excess = (with_them.volume.hu[box].astype(float) - without.volume.hu[box]).sum()
        mass = excess * geometry.voxel_mm3 / mineral_hu(120.0) / 1000.0
        # A clot of soft tissue in fat adds up to 150 HU over less than 200 mm3.
        assert deposit.mass_mg * 0.95 < mass < deposit.mass_mg + 30.0


def test_same_seed_same_study():
    one, two, other = small(4), small(4), small(5)
    np.testing.assert_array_equal(one.volume.hu, two.volume.hu)
    assert one.truth == two.truth
    assert one.patient == two.patient
    assert one.volume.hu.shape != other.volume.hu.shape or (one.volume.hu != other.volume.hu).any()


def test_deposits_do_not_depend_on_the_scanner():
    assert small(kvp=80.0, kernel="sharp").truth == small().truth


def test_acquisition_says_how():
    made = small(kvp=100.0, kernel="soft", contrast=True, thickness=2.0, increment=1.0)
    acquisition = made.volume.acquisition
    assert (acquisition.kvp, acquisition.kernel, acquisition.slice_thickness) == (100.0, "SOFT", 2.0)
    assert acquisition.increment == made.volume.geometry.spacing[0] == 1.0
    assert acquisition.contrast is Contrast.GIVEN
    assert made.parameters["kvp"] == 100.0


def test_renal_metabolism_calcifies_sound_tissue():
    everywhere = {"deposits": METASTATIC, "span": (230.0, 300.0)}
    normal = small(**everywhere)
    renal = small(**everywhere, metabolism="renal")
    assert normal.truth == ()
    assert {deposit.kind for deposit in renal.truth} == {"metastatic"}
    assert len(renal.truth) == len(METASTATIC)
    assert renal.patient.labs["phosphate"] > 6 > normal.patient.labs["phosphate"]
    assert "haemodialysis" in renal.patient.conditions


def test_more_calcium_and_phosphate_mean_larger_deposits():
    normal, renal = small(), small(metabolism="renal")
    for a, b in zip(normal.truth, renal.truth, strict=True):
        assert b.volume_mm3 >= a.volume_mm3


def test_patient_fits_what_grew(quick):
    patient = quick.patient
    assert patient.sex in {"female", "male"}
    assert patient.age is not None
    assert 50 < patient.age < 80
    assert patient.symptoms == ("right flank pain",)
    assert patient.history == ("old tuberculosis",)
    assert small().patient.symptoms == ()
    assert 18 < patient.weight / (patient.height / 100) ** 2 < 35


def test_habitus_is_drawn_from_the_seed_or_given():
    assert small(habitus=Habitus(160.0, 0.95, 1.2, "female")).patient.sex == "female"
    heights = {small(seed, deposits=(), span=(20.0, 30.0)).patient.height for seed in range(4)}
    assert len(heights) > 1


def test_prosthesis_shows_as_metal():
    assert small(deposits=(), prosthesis=True).volume.hu.max() == 3071
    assert small(deposits=()).volume.hu.max() < 2000


@pytest.mark.parametrize("wrong", [{"metabolism": "odd"}, {"kernel": "odd"}])
def test_unknown_choices_are_refused_by_name(wrong):
    with pytest.raises(CalciscopeError, match="odd"):
        small(**wrong)
