import json

import numpy as np
import pytest

from calciscope.domain.assessment import Correction
from calciscope.domain.deposit import PlacedDeposit, Placement
from calciscope.errors import CorrectionError
from calciscope.place import corrections
from calciscope.place.merge import merged
from tests.place.make import deposit

HEADER = "deposit,action,to,by,why\n"


def placed(name="d1", where=(20, 30, 30), series="s1"):
    return PlacedDeposit(deposit(where, name=name, series=series), Placement("abdomen", 0.6, "made", "abdomen"))


def change(name, action, to=None, why=None):
    return Correction(deposit=name, action=action, to=to, by="Dr A", why=why)


def test_csv_yaml_and_json_say_the_same(tmp_path):
    (tmp_path / "c.csv").write_text(HEADER + 'd1,move,ureter.left,Dr A,"seen, on the course"\nd2,reject,,Dr A,\n')
    rows = [
        {"deposit": "d1", "action": "move", "to": "ureter.left", "by": "Dr A", "why": "seen, on the course"},
        {"deposit": "d2", "action": "reject", "by": "Dr A"},
    ]
    (tmp_path / "c.json").write_text(json.dumps(rows))
    (tmp_path / "c.yaml").write_text("corrections:\n" + "".join(f"  - {json.dumps(row)}\n" for row in rows))
    files = [corrections.read(tmp_path / f"c.{suffix}") for suffix in ("csv", "json", "yaml")]
    assert files[0] == files[1] == files[2]
    assert files[0][0] == Correction(
        deposit="d1", action="move", to="ureter.left", by="Dr A", why="seen, on the course"
    )


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("c.csv", HEADER + "d1,move,ureter.leftt,Dr A,", "did you mean ureter.left"),
        ("c.csv", HEADER + "d1,delete,,Dr A,", "unknown action delete"),
        ("c.csv", HEADER + "d1,move,,Dr A,", "needs a site"),
        ("c.csv", HEADER + "d1,merge,,Dr A,", "needs the id"),
        ("c.csv", HEADER + "d1,reject,bone,Dr A,", "reject takes no"),
        ("c.csv", HEADER + "d1,reject,,,", "by is missing"),
        ("c.csv", HEADER + "d1,reject,,Dr A,a,b", "more values than columns"),
        ("c.csv", "id,action\nd1,reject", "no column deposit, by"),
        ("c.yaml", "- {deposit: d1, akcion: reject, by: A}", "did you mean action"),
        ("c.yaml", "deposit: d1", "not a list"),
        ("c.yaml", "[", "neither valid YAML nor JSON"),
        ("c.yaml", "[" * 20_000, "nested too deeply"),
        ("c.json", '{"a":' * 20_000, "nested too deeply"),
        ("c.yaml", "- {deposit: d1, action: reject, by: 2024-13-45}", "a date or number that is none"),
        ("c.csv", HEADER + "d1,reject,,Dr A," + "a" * 140_000, "cannot be read as a table: field larger"),
    ],
)
def test_a_wrong_file_is_one_clear_line(tmp_path, name, text, says):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(CorrectionError, match=says) as error:
        corrections.read(path)
    assert "\n" not in str(error.value)
    assert str(tmp_path) not in str(error.value)


def test_a_missing_binary_or_empty_file(tmp_path):
    with pytest.raises(CorrectionError, match="does not exist"):
        corrections.read(tmp_path / "none.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(CorrectionError, match="cannot be read as text"):
        corrections.read(tmp_path / "b.csv")
    (tmp_path / "e.yaml").write_text("")
    assert corrections.read(tmp_path / "e.yaml") == ()


def test_move_is_certain_and_keeps_what_was_thought_before():
    (item,), _ = corrections.apply([placed()], [], [change("d1", "move", "bladder")])
    assert (item.placement.site, item.placement.confidence, item.placement.by) == ("bladder", 1.0, "Dr A")
    assert item.placement.alternatives == (("abdomen", 0.6),)


def test_reject_and_restore_are_inverse():
    kept, out = corrections.apply([placed()], [], [change("d1", "reject", why="suture")])
    assert kept == ()
    assert out[0].rejected_as == "suture, by Dr A"
    kept, out = corrections.apply([], out, [change("d1", "restore", "scar")])
    assert out == ()
    assert kept[0].placement.site == "scar"
    assert kept[0].deposit.rejected_as is None
    kept, _ = corrections.apply([], [deposit(rejected_as="bone")], [change("d1", "restore")])
    assert kept[0].placement.site == "unplaced"


def test_merge_adds_up():
    one, two = placed("d1"), placed("d2", (20, 30, 40))
    (item,), _ = corrections.apply([one, two], [], [change("d2", "merge", "d1")])
    assert item.deposit.id == "d1"
    assert item.placement.by == "Dr A"
    assert len(item.deposit.voxels) == len(item.deposit.hu) == 54
    assert item.deposit.volume_mm3 == one.deposit.volume_mm3 * 2
    assert item.deposit.center_mm == pytest.approx((10.0, 0.0, 60.0))
    assert item.deposit.center_index == (20, 30, 35)
    assert item.deposit.extent_mm == pytest.approx((26.0, 6.0, 9.0))
    assert item.deposit.shape.length >= 20.0


def test_merged_shape_counts_both_surfaces():
    one, two = deposit(), deposit((20, 30, 40), name="d2")
    shape = merged(one, two).shape
    assert shape.sphericity == pytest.approx(one.shape.sphericity * 2 ** (-1 / 3))
    assert shape.hollow == 0.0
    assert np.array_equal(merged(one, one).voxels, one.voxels)


def test_ids_that_do_not_exist():
    items = [placed("s1-004"), placed("x", series="other")]
    with pytest.raises(CorrectionError, match="no deposit with the id s1-04; the nearest is s1-004"):
        corrections.apply(items, [], [change("s1-04", "reject")])
    with pytest.raises(CorrectionError, match="no rejected candidate at all"):
        corrections.apply(items, [], [change("s1-004", "restore")])
    with pytest.raises(CorrectionError, match="different series"):
        corrections.apply(items, [], [change("x", "merge", "s1-004")])
    with pytest.raises(CorrectionError, match="with itself"):
        corrections.apply(items, [], [change("x", "merge", "x")])


def test_voxels_that_both_deposits_hold_count_once():
    one, two = deposit((20, 30, 30)), deposit((20, 30, 31), name="d2", hu=500.0)
    voxel = one.volume_mm3 / len(one.voxels)
    both = merged(one, two)
    assert len(both.voxels) == 27 + 9
    assert both.volume_mm3 == pytest.approx(36 * voxel)
    assert float((both.hu == 500.0).sum()) == 9
    inside = merged(one, deposit((20, 30, 30), half=0, name="d3", hu=700.0))
    assert inside.volume_mm3 == one.volume_mm3
    assert inside.center_mm == one.center_mm
    assert inside.shape.sphericity == pytest.approx(one.shape.sphericity)
    assert inside.shape.hollow == pytest.approx(one.shape.hollow)
    assert (inside.hu == 400.0).all()
