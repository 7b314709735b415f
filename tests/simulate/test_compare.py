import pytest

from calciscope.domain.assessment import (
    Assessment,
    DepositRecord,
    Finding,
    Judgement,
    Measure,
    Provenance,
    Seriousness,
    Validity,
)
from calciscope.simulate.compare import agreement, compare
from calciscope.simulate.patient import TrueDeposit


def true(site="kidney.left", centre=(60.0, 20.0, 250.0), half=3.0, mass=100.0):
    low = tuple(c - half for c in centre)
    high = tuple(c + half for c in centre)
    return TrueDeposit(site, "lithiasis", "stone", centre, low, high, mass, 120.0, 1000.0 * mass / 120.0)


def record(name, site="kidney.left", centre=(60.5, 20.0, 250.0), volume=110.0, mean=500.0):
    return DepositRecord(
        id=name, series="s", site=site, confidence=0.9, center_mm=centre, center_index=(1, 2, 3), extent_mm=(6, 6, 6),
        volume_mm3=volume, voxels=30, peak_hu=900.0, mean_hu=mean, length_mm=6.0, width_mm=5.0, sphericity=0.9,
        hollow=0.0, provider="p", structure="kidney_left",
    )  # fmt: skip


def assessment(*findings):
    return Assessment(
        answer="",
        seriousness=Seriousness.NONE,
        findings=findings,
        provenance=Provenance(calciscope="0", created="", anatomy="a", preset="p", guidelines="esc"),
    )


def finding(site, *records, mass=90.0):
    judged = Judgement(value=None)
    validity = Validity.REFUSED if mass is None else Validity.VALID
    measures = {"mass": Measure(value=mass, unit="mg", method="m", validity=validity)}
    return Finding(site=site, label=site, deposits=records, measures=measures, kind=judged, seriousness=judged)


def test_found_with_numbers():
    result = compare([true()], assessment(finding("kidney.left", record("a"))))
    row = result.rows[0]
    assert (result.found, result.exact, result.extra) == (1, 1, ())
    assert (row.agreement, row.ids) == ("exact", ("a",))
    assert (row.volume_true, row.volume_measured) == (120.0, 110.0)
    assert (row.mass_true, row.mass_measured) == (100.0, 90.0)
    assert row.distance_mm == pytest.approx(0.5)


def test_missed_and_extra():
    result = compare([true()], assessment(finding("liver", record("x", "liver", (-60.0, 0.0, 300.0)))))
    row = result.rows[0]
    assert not row.found
    assert (row.agreement, row.volume_measured, row.mass_measured, row.distance_mm) == ("missed", None, None, None)
    assert [extra.id for extra in result.extra] == ["x"]


def test_pieces_stand_for_one_deposit():
    pieces = [record("a", volume=100.0), record("b", centre=(62.0, 20.0, 252.0), volume=50.0)]
    row = compare([true()], assessment(finding("kidney.left", *pieces))).rows[0]
    assert row.ids == ("a", "b")
    assert row.volume_measured == 150.0
    assert row.mass_measured == pytest.approx(90.0)


def test_mass_of_a_site_is_shared_by_volume_and_attenuation():
    near, far = record("a", volume=100.0, mean=400.0), record("b", centre=(60.0, 20.0, 290.0), volume=100.0, mean=200.0)
    truth = [true(), true(centre=(60.0, 20.0, 290.0))]
    rows = compare(truth, assessment(finding("kidney.left", near, far, mass=90.0))).rows
    assert [row.mass_measured for row in rows] == pytest.approx([60.0, 30.0])


def test_refused_mass_stays_unknown():
    assert compare([true()], assessment(finding("kidney.left", record("a"), mass=None))).rows[0].mass_measured is None


def test_plain_records_are_matched_to_the_nearest():
    truth = [true(centre=(60.0, 20.0, 250.0)), true(centre=(60.0, 20.0, 258.0))]
    rows = compare(truth, [record("a", centre=(60.0, 20.0, 257.0))]).rows
    assert [row.found for row in rows] == [False, True]


def test_tolerance_is_to_the_edge_of_the_deposit():
    just = record("a", centre=(60.0 + 3.0 + 4.9, 20.0, 250.0))
    assert compare([true()], [just]).found == 1
    assert compare([true()], [just], tolerance=4.0).found == 0


@pytest.mark.parametrize(
    ("truth", "placed", "expected"),
    [
        ("kidney.left", "kidney.left", "exact"),
        ("kidney.left", "kidney", "broader"),
        ("kidney.left", "kidney.right", "other"),
        ("artery.coronary.lad", "heart", "broader"),
        ("artery.coronary.lad", "artery.coronary", "broader"),
        ("artery.aorta.arch", "artery.aorta.thoracic", "other"),
        ("artery.aorta.arch", "artery.aorta", "broader"),
        ("lung.nodule", "lung.right", "broader"),
        ("scar", "soft_tissue", "broader"),
        ("scar", "bone", "other"),
    ],
)
def test_agreement(truth, placed, expected):
    assert agreement(truth, placed) == expected


def test_nothing_true_and_nothing_measured():
    result = compare([], [])
    assert (result.rows, result.extra, result.found) == ((), (), 0)
