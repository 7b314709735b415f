from calciscope.domain.deposit import Placement
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
