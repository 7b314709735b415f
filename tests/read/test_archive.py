"""ZIPs are opened with care."""

import stat
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from calciscope.domain.patient import Patient
from calciscope.read import archive
from calciscope.read.archive import ArchiveError, extract
from calciscope.read.study import open_study
from tests.read.make_dicom import Series, phantom


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def test_members_keep_their_folders_and_content(tmp_path):
    made = zipped(tmp_path / "a.zip", {"one/two/x.dcm": b"x", "one/x.dcm": b"y", "volume.mhd": b"z"})
    folder = extract(made, tmp_path)
    assert (folder / "one/two/x.dcm").read_bytes() == b"x"
    assert (folder / "one/x.dcm").read_bytes() == b"y"
    assert (folder / "volume.mhd").read_bytes() == b"z"


@pytest.mark.parametrize(
    "name", ["../evil.dcm", "a/../../evil.dcm", "/etc/evil.dcm", "C:\\evil.dcm", "..\\evil.dcm", "\\evil.dcm"]
)
def test_a_path_that_leads_out_is_refused_before_anything_is_written(tmp_path, name):
    made = zipped(tmp_path / "a.zip", {"good.dcm": b"x", name: b"evil"})
    inner = tmp_path / "inner"
    inner.mkdir()
    with pytest.raises(ArchiveError, match="leads out"):
        extract(made, inner)
    assert list(inner.iterdir()) == []
    assert not (tmp_path / "evil.dcm").exists()


def test_a_link_is_refused(tmp_path):
    entry = zipfile.ZipInfo("link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(entry, "/etc/passwd")
    with pytest.raises(ArchiveError, match="link"):
        extract(tmp_path / "a.zip", tmp_path)


def encrypted(path):
    """A ZIP whose only member claims to be encrypted: flag bit 0 in both of its headers."""
    content = bytearray(zipped(path, {"a.dcm": b"secret"}).read_bytes())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.index(signature) + at
        flags = struct.unpack_from("<H", content, start)[0]
        struct.pack_into("<H", content, start, flags | 1)
    path.write_bytes(content)
    return path


def test_an_encrypted_zip_is_refused(tmp_path):
    with pytest.raises(ArchiveError, match=r"encrypted.*password"):
        extract(encrypted(tmp_path / "a.zip"), tmp_path)


def test_a_bomb_is_refused(tmp_path):
    with pytest.raises(ArchiveError, match="out of all proportion"):
        extract(zipped(tmp_path / "a.zip", {"a": bytes(80 * 1024**2)}), tmp_path)


def test_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "_MOST_BYTES", 10)
    with pytest.raises(ArchiveError, match="too large"):
        extract(zipped(tmp_path / "a.zip", {"a": b"x" * 11}), tmp_path)


@pytest.mark.parametrize("damage", ["cut", "empty"])
def test_a_damaged_or_empty_zip_is_refused(tmp_path, damage):
    made = zipped(tmp_path / "a.zip", {"a": np.random.default_rng(0).bytes(5000)} if damage == "cut" else {})
    if damage == "cut":
        made.write_bytes(made.read_bytes()[:3000])
    with pytest.raises(ArchiveError, match="damaged" if damage == "cut" else "empty"):
        extract(made, tmp_path)


def pack(folder, path):
    return zipped(
        path, {f"CT/{file.relative_to(folder)}": file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    )


def test_a_zip_is_read_like_its_folder_and_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    hu = phantom()
    Series(hu).write(tmp_path / "folder" / "deep")
    study = open_study([pack(tmp_path / "folder", tmp_path / "scan.zip")], Patient())
    assert np.array_equal(study.series[0].volume.hu, hu)
    assert study.inputs[0][0] == "scan.zip"
    assert list(Path(tmp_path / "temporary").iterdir()) == []


def test_a_refused_zip_does_not_stop_the_rest(tmp_path):
    hu = phantom()
    Series(hu).write(tmp_path / "folder")
    bad = encrypted(tmp_path / "locked.zip")
    study = open_study([bad, tmp_path / "folder"], Patient())
    assert np.array_equal(study.series[0].volume.hu, hu)
    (refusal,) = study.refused
    assert refusal.input == "locked.zip"


def test_a_zip_in_a_folder_is_opened_and_one_in_a_zip_is_not(tmp_path):
    hu = phantom()
    Series(hu).write(tmp_path / "folder")
    (tmp_path / "inputs").mkdir()
    inner = pack(tmp_path / "folder", tmp_path / "inputs" / "inner.zip")
    assert len(open_study([tmp_path / "inputs"], Patient()).series) == 1
    outer = zipped(tmp_path / "outer.zip", {"inner.zip": inner.read_bytes()})
    study = open_study([outer], Patient())
    assert [line.input for line in study.refused if "ZIP inside a ZIP" in line.why] == ["inner.zip"]


def test_a_zip_without_images_says_so(tmp_path):
    study = open_study([zipped(tmp_path / "a.zip", {"readme.txt": b"hello"})], Patient())
    (refusal,) = study.refused
    assert refusal.input == "a.zip"
    assert "no images found" in refusal.why
