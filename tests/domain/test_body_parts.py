"""Names of body parts as people write them."""

import pytest

from calciscope.domain import body_parts, site
from calciscope.read.patient import read_patient


@pytest.mark.parametrize(
    ("text", "path", "location"),
    [
        ("left knee", "joint.knee.left", None),
        ("Shoulder", "joint.shoulder", None),
        ("right hip", "joint.hip.right", None),
        ("both knees", "joint.knee", None),
        ("elbows", "joint.elbow", None),
        ("womb", "uterus", None),
        ("windpipe", "airway", None),
        ("left armpit", "node.axillary.left", None),
        ("left lower lobe", "lung.left", None),
        ("Achilles", "tendon.ankle", None),
        ("right patellar tendon", "tendon.knee.right", None),
        ("left thigh", "soft_tissue", "left thigh"),
        ("fingertips", "soft_tissue", "fingertips"),
        ("buttocks", "soft_tissue", "buttocks"),
        ("scrotum", "skin", "scrotum"),
        ("lower leg", "soft_tissue", "lower leg"),
        ("rib", "bone", "rib"),
        ("lumbar spine", "disc", "lumbar spine"),
    ],
)
def test_a_part_of_the_body_is_read_as_a_place(text, path, location):
    found = body_parts.part(text)
    assert (found.site, found.location) == (path, location)
    assert site.exists(found.site)


@pytest.mark.parametrize("text", ["elsewhere", "nose", "", "left"])
def test_what_is_no_part_is_none(text):
    assert body_parts.part(text) is None


def test_every_part_is_a_place_of_the_tree():
    for table in (body_parts._SAME, body_parts._USUAL, body_parts._WITHIN):
        for path, names in table.items():
            assert site.exists(path)
            assert len(set(names)) == len(names)


def test_a_patient_file_says_how_a_part_was_read(tmp_path):
    (tmp_path / "p.yaml").write_text(
        "findings: [{site: left knee}, {site: left thigh}, {site: womb}, {site: nose}, {site: arm}]"
    )
    read = read_patient(tmp_path / "p.yaml")
    assert [one.site for one in read.patient.findings] == ["joint.knee.left", "soft_tissue", "uterus", "limb"]
    assert read.patient.findings[1].values == {"location": "left thigh"}
    told = {one.input: one for one in read.refused}
    assert told["findings[1].site"].used
    assert "is read as left knee joint (joint.knee.left)" in told["findings[1].site"].why
    assert "location left thigh" in told["findings[2].site"].why
    assert "findings[3].site" not in told
    assert not told["findings[4].site"].used
