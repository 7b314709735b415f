"""``calciscope compare``: two dates of scans, of assessments and of a patient file."""

import json

import pytest

from tests.studies import body, run, series

FIRST, LAST = {"AcquisitionDate": "20200501"}, {"AcquisitionDate": "20230501"}


def study(folder, *, focus=True, header=None, uid="1.2.3.6", **changes):
    hu = body().copy()
    if not focus:
        hu[20:22, 100:107, 120:125] = 40
    hu.setflags(write=False)
    series(hu=hu, uid=uid, header=header or {}, **changes).write(folder)
    return folder


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A focus that one date lacks; three years lie between."""
    folder = tmp_path_factory.mktemp("pair")
    study(folder / "old", focus=False, header=FIRST)
    study(folder / "new", header=LAST, uid="1.2.3.7")
    ran = run("compare", folder / "old", folder / "new", out=folder / "out")
    return folder, ran


def result(ran):
    return json.loads((ran.folder / "comparison.json").read_text(encoding="utf-8"))


def test_a_new_deposit_is_new_and_the_others_are_stable(pair):
    folder, ran = pair
    assert ran.code == 0, ran.err
    found = result(ran)
    assert found["matched_by"] == "registration"
    assert sorted(one["state"] for one in found["deposits"]) == ["new", "stable", "stable"]
    assert found["years"] == pytest.approx(3.0, abs=0.01)
    assert "Changed over 3.0 years" in ran.out
    page = (folder / "out" / "comparison.html").read_text(encoding="utf-8")
    assert found["answer"] in page
    assert "<script" not in page


def test_swapped_dates_are_put_right_and_said(pair):
    folder, _ = pair
    found = json.loads(run("compare", folder / "new", folder / "old", "--json").out)
    assert [one["state"] for one in found["deposits"]].count("new") == 1
    assert any("exchanged" in note for note in found["notes"])
    given = run("compare", folder / "old", folder / "new", "--old-date", "2024-01-01")
    assert given.code == 2
    assert "later than" in given.err


def test_the_same_scan_twice_is_said(pair):
    folder, _ = pair
    found = json.loads(run("compare", folder / "new", folder / "new", "--json").out)
    assert "OLD and NEW are the same scan" in found["notes"]
    assert {one["state"] for one in found["deposits"]} == {"stable"}
    assert all(one["per_year"] is None for site in found["sites"] for one in site["measures"].values())


def test_another_patient_is_refused_without_a_name(tmp_path):
    study(tmp_path / "a", header={"PatientID": "SECRET-1", "PatientName": "Doe^Jane", **FIRST})
    study(tmp_path / "b", header={"PatientID": "SECRET-2", "PatientName": "Roe^Jim", **LAST}, uid="1.2.3.7")
    ran = run("compare", tmp_path / "a", tmp_path / "b")
    assert ran.code == 2
    assert len(ran.lines) == 1
    assert "different patients" in ran.err
    assert not any(word in ran.err for word in ("SECRET", "Doe", "Roe"))
    assert run("compare", tmp_path / "a", tmp_path / "b", "--same-patient").code == 0


def test_two_assessments_are_matched_by_site(pair, tmp_path):
    folder, _ = pair
    for name in ("old", "new"):
        run("assess", folder / name, out=tmp_path / name)
    old, new = (tmp_path / name / "assessment.json" for name in ("old", "new"))
    found = json.loads(run("compare", old, new, "--json").out)
    assert found["matched_by"] == "site"
    assert found["deposits"] == []
    assert any("totals of sites only" in note for note in found["notes"])
    assert found["years"] == pytest.approx(3.0, abs=0.01)
    assert [found[side]["date"] for side in ("old", "new")] == ["2020-05-01", "2023-05-01"]
    swapped = json.loads(run("compare", new, old, "--json").out)
    assert any("exchanged" in note for note in swapped["notes"])
    dated = run("compare", old, new, "--json", "--old-date", "2020-01-01", "--new-date", "2022-01-01")
    assert json.loads(dated.out)["years"] == pytest.approx(2.0, abs=0.01)


def test_a_json_file_of_something_else_is_refused(tmp_path):
    (tmp_path / "x.json").write_text('{"a": 1}', encoding="utf-8")
    ran = run("compare", tmp_path / "x.json", tmp_path / "x.json")
    assert (ran.code, len(ran.lines)) == (2, 1)
    assert "x.json: is no assessment.json" in ran.err


def test_a_patient_file_alone(tmp_path):
    path = tmp_path / "patient.yaml"
    path.write_text(
        "age: 62\nsex: male\nmedications: [statin]\nfindings:\n"
        "  - {site: artery.coronary, agatston: 210, date: 2020-03-02}\n"
        "  - {site: artery.coronary, agatston: 420, date: 2023-03-02}\n"
        "  - {site: kidney.left, diameter: 4 mm}\n",
        encoding="utf-8",
    )
    ran = run("compare", "--patient", path, "--json")
    assert ran.code == 0, ran.err
    (site,) = json.loads(ran.out)["sites"]
    assert site["state"] == "grown"
    assert {one["definition"]: one["progression"] for one in site["progression"]} == {
        "hokanson": None, "berry": True, "raggi": True,
    }  # fmt: skip
    assert "progression.coronary.treated" in {one["rule"] for one in site["meaning"]}
    shown = run("compare", "--patient", path).out
    assert "210 to 420" in shown
    assert "two scores do not test a treatment" in shown


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("compare",), 2, "give OLD and NEW"),
        (("compare", "a"), 2, "give OLD and NEW"),
        (("compare", "not-there", "nor-this"), 2, "no such file or folder"),
        (("compare", "a", "b", "--old-date", "soon"), 2, "--old-date"),
        (("compare", "a", "b", "--old-date", "2999-01-01"), 2, "in the future"),
    ],
)
def test_bad_words_are_one_line(words, code, said):
    ran = run(*words)
    assert ran.code == code
    assert said in ran.err


def test_a_patient_file_with_one_date_has_nothing_to_compare(tmp_path):
    path = tmp_path / "patient.yaml"
    path.write_text("findings:\n  - {site: kidney.left, diameter: 4 mm, date: 2020-01-01}\n", encoding="utf-8")
    ran = run("compare", "--patient", path)
    assert ran.code == 3
    assert "two dates" in ran.err


DATED = (
    "age: 62\nsex: female\nfindings:\n"
    "  - {site: artery.coronary, agatston: 100, date: 2021-03-02}\n"
    "  - {site: artery.coronary, agatston: 210, date: 2024-03-02}\n"
)


def test_for_a_patient_the_change_stands_in_plain_words(tmp_path):
    patient = tmp_path / "patient.yaml"
    patient.write_text(DATED)
    ran = run("compare", "--patient", patient, "--for", "patient", out=tmp_path / "out")
    assert ran.code == 0, ran.err
    assert "The calcium score went from 100 to 210." in ran.out
    assert "not a medical device" in ran.out
    page = (tmp_path / "out" / "patient.html").read_text(encoding="utf-8")
    assert "The calcium score went from 100 to 210." in page
    usual, plain = (run("compare", "--patient", patient, "--json", *more).out for more in ((), ("--for", "patient")))
    assert json.loads(usual) == json.loads(plain)
    assert run("compare", "--patient", patient, "--for", "lawyer").code == 2


def test_what_is_unverified_is_marked_wherever_it_speaks(tmp_path):
    path = tmp_path / "patient.yaml"
    path.write_text(
        "age: 62\nsex: male\nfindings:\n"
        "  - {site: coronary arteries, agatston: 120, date: 2021-03-02}\n"
        "  - {site: artery.coronary, agatston: 210, date: 2024-03-02}\n",
        encoding="utf-8",
    )
    ran = run("compare", "--patient", path)
    assert ran.code == 0, ran.err
    berry = [line for line in ran.out.splitlines() if "Berry 2009" in line]
    assert berry
    assert all("[unverified]" in line for line in berry)
    assert not any("[unverified]" in line for line in ran.out.splitlines() if "Raggi 2004" in line)
