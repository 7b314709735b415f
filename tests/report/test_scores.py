"""The numbers of a mask as table, JSON and CSV."""

import csv
import io
import json

import pytest

from calciscope.domain.assessment import Measure, Validity
from calciscope.domain.scores import LabelScores
from calciscope.report import scores


def measure(value, why=None, unit="1", interval=None, validity=None):
    told = validity or (Validity.ADJUSTED if why else Validity.VALID)
    return Measure(value=value, unit=unit, method="rule", why=why, validity=told, interval=interval)


def result(labels=("LAD", "RCA"), preset="standard", **more):
    found = {
        "agatston": measure(12.5, "thin slices; soft kernel", interval=(10.0, 15.2)),
        "volume": measure(20.0, unit="mm3"),
        "mean_hu": measure(310.0, "soft kernel", unit="HU"),
        "mass": measure(None, "contrast", validity=Validity.REFUSED),
    }
    return LabelScores(preset=preset, version="1.0", labels=dict.fromkeys(labels, found), total=found, **more)


def test_a_row_a_measure_and_a_column_a_label_with_the_total_last():
    head, rows = scores.table([result()])
    assert head == ("", "LAD", "RCA", "total")
    by_name = {row[0]: row[1:] for row in rows}
    assert by_name["Agatston score"] == ("12.5 (10 to 15.2) [adjusted 1 2]",) * 3
    assert by_name["Volume"] == ("20 mm³",) * 3
    assert by_name["Mean attenuation"] == ("310 HU [adjusted 2]",) * 3
    assert by_name["Calcium mass (hydroxyapatite)"] == ("refused [3]",) * 3
    assert scores.reasons([result()]) == ["[1] thin slices", "[2] soft kernel", "[3] contrast"]


def test_one_label_is_its_own_total():
    assert scores.table([result(("LAD",))])[0] == ("", "LAD")


def test_many_labels_have_a_row_each_and_the_main_measures():
    head, rows = scores.table([result(tuple(map(str, range(30))))])
    assert head[:2] == ("label", "Agatston score")
    assert [row[0] for row in rows] == [*map(str, range(30)), "total"]


def test_several_presets_stand_below_each_other_and_only_reasons_that_are_shown_are_listed():
    both = [result(), result(preset="horos")]
    head, rows = scores.table(both)
    assert head[:3] == ("label", "preset", "Agatston score")
    assert "Mean attenuation" not in head
    assert [row[:2] for row in rows[:3]] == [("LAD", "standard"), ("LAD", "horos"), ("RCA", "standard")]
    assert len(scores.reasons(both)) == 3


def test_a_measure_that_a_label_has_not_is_a_dash():
    one = result()
    labels = {**one.labels, "empty": {"agatston": measure(0.0)}}
    _, rows = scores.table([one.model_copy(update={"labels": labels})])
    assert {row[0]: row[3] for row in rows}["Mean attenuation"] == "-"


def test_json_is_one_object_or_a_list():
    one = json.loads(scores.to_json([result()]))
    assert one["preset"] == "standard"
    assert one["labels"]["LAD"]["mass"] == {**one["labels"]["LAD"]["mass"], "value": None, "validity": "refused"}
    assert [each["preset"] for each in json.loads(scores.to_json([result(), result(preset="horos")]))] == [
        "standard",
        "horos",
    ]


@pytest.mark.parametrize("name", ["=1+1", "@LAD", "-x"])
def test_a_spreadsheet_does_not_run_a_label(name):
    file = io.StringIO()
    scores.write_csv([result((name,))], file)
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert {row["label"] for row in rows} == {f"'{name}", "total"}
    agatston = next(row for row in rows if row["measure"] == "agatston")
    assert (agatston["value"], agatston["low"], agatston["high"], agatston["validity"]) == (
        "12.5",
        "10.0",
        "15.2",
        "adjusted",
    )
    assert next(row for row in rows if row["measure"] == "mass")["value"] == ""


def test_a_run_is_refused_only_where_every_preset_is():
    assert scores.refusal([result(refused="contrast"), result()]) is None
    assert scores.refusal([result(refused="contrast"), result(refused="contrast")]) == "contrast"


def test_the_scores_of_the_total_are_at_hand():
    found = result()
    assert (found.agatston, found.volume, found.mass) == (12.5, 20.0, None)
    assert found.to_dict() == json.loads(found.to_json())
