"""The configuration: what is wrong is said in one line that names the key."""

import sys

import pytest

from calciscope.errors import InputError
from calciscope.serve.node.settings import read
from tests.serve.node.make import toml
from tests.studies import run

RECEIVE = {"allow": ["PACS"]}
SEND = {"ae_title": "PACS", "host": "127.0.0.1", "port": 104}


def test_what_is_not_said_has_a_default_and_paths_are_from_the_file(tmp_path):
    (tmp_path / "node.toml").write_text(toml(folder="kept", receive=RECEIVE, send=SEND))
    made = read(tmp_path / "node.toml")
    assert made.folder == tmp_path / "kept"
    assert made.receive.host == made.http.host == "127.0.0.1"
    assert made.assess.formats == ("seg", "sr", "pdf-dicom")
    assert made.database.endswith("kept/queue.sqlite")


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"receive": RECEIVE}, "results need one way out"),
        ({"send": SEND}, "nothing arrives"),
        ({"receive": {**RECEIVE, "allow": []}, "send": SEND}, "receive.allow: is empty"),
        ({"receive": {"allow": "PACS"}, "send": SEND}, "receive.allow: is a list"),
        ({"receive": {}, "send": SEND}, "receive.allow: is missing"),
        ({"receive": {**RECEIVE, "port": 70000}, "send": SEND}, "receive.port: is at most 65535"),
        (
            {"receive": {**RECEIVE, "port": "x", "host": 4}, "send": SEND},
            'host: is text, such as "PACS"; receive.port: is a',
        ),
        ({"receive": {**RECEIVE, "ae_title": "A TITLE THAT IS TOO LONG"}, "send": SEND}, "1 to 16 printable"),
        ({"receive": {**RECEIVE, "quiet": 3}, "send": SEND}, "receive.quiet: there is no such key; there are ae_title"),
        ({"receive": RECEIVE, "sent": SEND}, "sent: there is no such key; there are assess, folder"),
        ({"receive": RECEIVE, "send": SEND, "assess": {"guidelines": "x"}}, "assess.guidelines: is esc or us"),
        ({"receive": RECEIVE, "send": SEND, "web": {"url": "x"}}, "web.url: starts with http:// or https://"),
        ({"receive": {**RECEIVE, "tls": {}}, "send": SEND}, "a receiver needs certificate and key"),
        ({"receive": RECEIVE, "send": {**SEND, "tls": {"authorities": "absent.pem"}}}, "there is no such file"),
        ({"receive": RECEIVE, "send": SEND, "assess": {"formats": ["csv"]}}, "formats: there is no csv"),
        ({"receive": RECEIVE, "send": SEND, "assess": {"preset": "nonsense"}}, "preset: there is no nonsense"),
        ({"receive": RECEIVE, "send": SEND, "assess": {"knowledge": ["absent"]}}, "there is no such folder"),
        ({"receive": RECEIVE, "send": SEND, "web": {"url": "https://x", "store": True}}, "one way out"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, sections, said):
    nested = {key: {k: v for k, v in value.items() if not isinstance(v, dict)} for key, value in sections.items()}
    text = toml(folder="kept", **nested)
    for name, section in sections.items():
        for key, value in section.items():
            if isinstance(value, dict):
                text += toml(**{f"{name}.{key}": value})
    (tmp_path / "node.toml").write_text(text)
    with pytest.raises(InputError) as refused:
        read(tmp_path / "node.toml")
    assert said in str(refused.value)
    assert str(refused.value).startswith("node.toml: ")
    assert "\n" not in str(refused.value)


def test_the_command_says_whether_it_can_be_used(tmp_path):
    path = tmp_path / "node.toml"
    path.write_text(toml(folder="kept", receive=RECEIVE, send=SEND))
    assert run("node", path, "--check").out == "node.toml: can be used\n"
    assert run("node", path, "--retry").out == "0 studies are taken up again\n"
    path.write_text("folder = ")
    ran = run("node", path, "--check")
    assert ran.code == 2
    assert ran.err.startswith("error: node.toml: is not TOML") or "node.toml: is not TOML" in ran.err
    assert "cannot be read" in run("node", tmp_path / "absent.toml", "--check").err


@pytest.mark.parametrize(
    ("top", "sections", "said"),
    [
        ({"folder": "file/kept"}, {}, "folder: "),
        ({"keep_free_mb": 10**12}, {}, f"keep_free_mb: {10**12} MB are to stay free"),
        ({}, {"http": {"port": 11112}}, "http.port: 11112 is the port of [receive] too"),
    ],
)
def test_the_check_says_what_this_computer_does_not_allow(tmp_path, top, sections, said):
    (tmp_path / "file").write_text("")
    text = toml(**{"folder": "kept", **top}, receive=RECEIVE, send=SEND, **sections)
    (tmp_path / "node.toml").write_text(text)
    ran = run("node", tmp_path / "node.toml", "--check")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert f"calciscope: {said}" in ran.err
    assert not (tmp_path / "kept").exists()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "node.toml").write_text(toml(folder="file/kept", receive=RECEIVE, send=SEND))
    ran = run("node", tmp_path / "node.toml")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert ran.err.startswith("calciscope: folder: ")


def test_a_pdf_that_cannot_be_made_is_said_before_any_study_comes(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    (tmp_path / "node.toml").write_text(toml(folder="kept", receive=RECEIVE, send=SEND))
    ran = run("node", tmp_path / "node.toml", "--check")
    assert ran.code == 2
    assert "pip install 'calciscope[pdf]'" in ran.err
