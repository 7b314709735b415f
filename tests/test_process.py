"""The command as a process: terminals, pipes, interrupts, and the demo run twice."""

import json
import os
import subprocess
import sys

import pytest

from calciscope.simulate import patient as simulator
from tests.studies import run, series

pty = pytest.importorskip("pty", reason="terminals are tested where there are any")
FINDING = "age: 60\nfindings: [{site: ureter.left, diameter: 6 mm}]\n"


@pytest.fixture
def patient(tmp_path):
    path = tmp_path / "patient.yaml"
    path.write_text(FINDING)
    return path


def start(*words, folder, **how):
    return subprocess.Popen(
        [sys.executable, "-m", "calciscope", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        **how,
    )


def test_a_reader_that_closes_early_does_not_cost_the_report(tmp_path, patient):
    process = start("assess", "--patient", "patient.yaml", "--out", "out", folder=tmp_path)
    process.stdout.close()
    assert b"Traceback" not in process.stderr.read()
    process.wait()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "assessment.json",
        "deposits.csv",
        "report.html",
    ]


def test_an_interrupt_ends_it_without_a_traceback(tmp_path, patient, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("calciscope.pipeline.open_study", interrupted)
    ran = run("assess", "--patient", patient, out=tmp_path / "out")
    assert ran.code in (1, 130)
    assert "Traceback" not in ran.err
    assert "internal error" not in ran.err
    assert not (tmp_path / "out").exists()


def test_a_terminal_without_the_signs_still_gets_the_answer(tmp_path):
    (tmp_path / "patient.yaml").write_text(FINDING)
    odd = "R\u00f6ntgen\u2192"
    process = start(
        "assess", "--patient", "patient.yaml", odd, "--out", odd, folder=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"},
    )  # fmt: skip
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert out.startswith(b"Significant: ")
    assert (tmp_path / odd / "report.html").exists()


def on_a_terminal(words, folder):
    pid, descriptor = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execv(sys.executable, [sys.executable, "-m", "calciscope", *words])
    said = b""
    while True:
        try:
            block = os.read(descriptor, 4096)
        except OSError:
            break
        if not block:
            break
        said += block
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode()


def test_a_bar_on_a_terminal_and_none_on_a_pipe(tmp_path):
    series(header={"SeriesDescription": "[/bold] odd [red]"}).write(tmp_path / "study")
    code, said = on_a_terminal(["assess", "study", "--out", "out"], tmp_path)
    assert code == 0, said
    assert "Traceback" not in said
    assert "\x1b[" in said
    assert "reading" in said or "anatomy of" in said
    ran = run("assess", tmp_path / "study", out=tmp_path / "out")
    assert ran.err == ""
    assert "\x1b" not in ran.out
    assert "reading" not in ran.out
    assert "[/bold] odd" in ran.data["acquisition"][0]["label"]


def test_a_second_demo_with_another_seed_is_its_own_patient(tmp_path, monkeypatch):
    whole = simulator.simulate
    spans = {1: (0.0, 120.0), 2: (0.0, 90.0)}
    monkeypatch.setattr(simulator, "simulate", lambda seed: whole(seed=seed, quick=True, span=spans[seed]))
    for seed in spans:
        ran = run("demo", "--seed", seed, out=tmp_path / "out")
        assert ran.code == 0, ran.err
        assert ran.err == ""
        assert "Measured against true" in ran.out
        assert ran.out.strip().endswith("report.html")
        slices = len(list((tmp_path / "out" / "study").iterdir()))
        assert ran.data["acquisition"][0]["slices"] == slices
    assert json.loads((tmp_path / "out" / "assessment.json").read_text())["refused"] == []
