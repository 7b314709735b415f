"""``calciscope serve cds`` starts the service as it was asked to, and says what is wrong before it does."""

import socket

import pytest

from tests.studies import run


@pytest.fixture
def started(monkeypatch):
    calls = []
    monkeypatch.setattr("uvicorn.run", lambda service, **options: calls.append((service, options)))
    return calls


def test_it_listens_on_this_computer_only_and_logs_no_addresses(started):
    assert run("serve", "cds").code == 0
    ((service, options),) = started
    assert (options["host"], options["port"], options["access_log"]) == ("127.0.0.1", 8020, False)
    assert {route.path for route in service.routes} >= {"/cds-services", "/cds-services/{service}", "/health"}


def test_certificates_are_given_to_the_server(started, tmp_path):
    files = [tmp_path / name for name in ("a.pem", "b.pem")]
    for file in files:
        file.write_text("x")
    ran = run("serve", "cds", "--certificate", files[0], "--certificate-key", files[1], "--port", 8443)
    assert ran.code == 0
    assert started[0][1]["ssl_certfile"] == files[0]
    assert started[0][1]["ssl_keyfile"] == files[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--guidelines", "uk"], "esc or us"),
        (["--certificate", "a.pem"], "belong together"),
        (["--certificate", "a.pem", "--certificate-key", "b.pem"], "a.pem is no file"),
        (["--port", "70000"], "--port"),
    ],
)
def test_wrong_options_are_said(started, options, said):
    ran = run("serve", "cds", *options)
    assert ran.code == 2
    assert said in " ".join(ran.err.split())
    assert started == []


def test_a_folder_of_rules_that_is_not_there_is_said(started, tmp_path):
    ran = run("serve", "cds", "--knowledge", tmp_path / "none")
    assert ran.code == 2
    assert started == []


def test_a_library_that_is_missing_is_named(started, monkeypatch):
    monkeypatch.setattr("calciscope.commands.serve.find_spec", lambda name: None)
    ran = run("serve", "cds")
    assert ran.code == 2
    assert "pip install 'calciscope[serve]'" in ran.err


def test_a_port_that_is_taken_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = run("serve", "cds", "--port", taken.getsockname()[1])
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "cannot be opened: Address already in use" in ran.err
