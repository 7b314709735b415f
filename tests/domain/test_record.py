from calciscope.domain.deposit import Placement
from calciscope.domain.measured import DepositNumbers
from calciscope.domain.record import record
from tests.report.make import deposit


def test_a_placed_deposit_keeps_its_numbers_and_its_place():
    placement = Placement("kidney.left", 0.8, "embedded", "kidney_left", (("ureter.left", 0.3),), by="Dr Example")
    made = record(deposit(), placement, 12.5)
    assert (made.site, made.confidence, made.agatston, made.placed_by) == ("kidney.left", 0.8, 12.5, "Dr Example")
    assert made.voxels == len(deposit().voxels)
    assert made.peak_hu == made.mean_hu == 500.0
    assert made.alternatives[0].value == "ureter.left"
    assert "30%" in made.alternatives[0].why


def test_a_rejected_candidate_is_nowhere():
    made = record(deposit())
    assert made.site == "unplaced"
    assert made.confidence == 0.0
    assert made.agatston is None


def test_a_deposit_has_its_attenuation_mass_and_diameters():
    numbers = DepositNumbers(mass=30.5, diameter=6.1, perpendicular=4.2, craniocaudal=6.3)
    made = record(deposit(), Placement("kidney.left", 0.8, "embedded", "kidney_left"), None, numbers)
    assert (made.mass_mg, made.diameter_mm, made.diameter_perpendicular_mm) == (30.5, 6.1, 4.2)
    assert made.diameter_craniocaudal_mm == 6.3
    assert (made.sd_hu, made.median_hu, made.threshold_hu, made.background_hu) == (0.0, 500.0, 130.0, 40.0)
    bare = record(deposit())
    assert bare.mass_mg is bare.diameter_mm is bare.diameter_craniocaudal_mm is None
    assert bare.median_hu == 500.0
