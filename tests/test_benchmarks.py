"""The benchmark of the anatomy measures what it says, and its exit status is that of its targets."""

import importlib
import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from calciscope.anatomy import embedded
from calciscope.domain.image import Geometry, Volume

FOLDER = Path(__file__).parents[1] / "benchmarks"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmarks are not here")


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("FINDERS", "build", "assemble"):
        monkeypatch.setattr(embedded, name, getattr(embedded, name))
    sys.modules.pop("anatomy", None)
    yield importlib.import_module("anatomy")
    sys.modules.pop("anatomy", None)


def test_one_run_has_its_seconds_its_memory_and_its_steps(benchmark, tmp_path):
    hu = np.full((12, 48, 48), -1000, dtype=np.int16)
    for z in range(12):  # no slice like another, or it would be a phantom
        hu[z, 8:40, 8 : 40 - z] = 40
    file = tmp_path / "volume"
    file.write_bytes(pickle.dumps(Volume(hu, Geometry(hu.shape, (5.0, 6.0, 6.0)))))
    run = benchmark.once(file, profile=True)
    assert run["shape"] == (12, 48, 48)
    assert run["peak_mb"] > 10
    assert {"build (frame)", "assemble", "vessels", "abdomen"} <= set(run["steps"])
    assert 0 < sum(run["steps"].values()) <= run["seconds"]


@pytest.mark.parametrize(("seconds", "peak", "met"), [(2.9, 900.0, True), (3.1, 900.0, False), (2.9, 1300.0, False)])
def test_the_targets_decide(benchmark, monkeypatch, capsys, seconds, peak, met):
    run = {
        "shape": [1, 2, 3],
        "seconds": seconds,
        "cpu": 1.0,
        "peak_mb": peak,
        "structures": 4,
        "curves": 2,
        "steps": {},
    }
    monkeypatch.setattr(benchmark, "child", lambda *given: json.dumps(run))
    monkeypatch.setattr(sys, "argv", ["anatomy.py", "--only", "heart"])
    assert benchmark.main() == (0 if met else 1)
    assert ("targets: met" in capsys.readouterr().out) == met


@pytest.fixture
def patients(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    sys.modules.pop("patients", None)
    yield importlib.import_module("patients")
    sys.modules.pop("patients", None)


def test_made_up_patients_are_the_same_every_time_and_can_be_assessed(patients, tmp_path):
    assert [patients.patient(number) for number in range(20)] == [patients.patient(number) for number in range(20)]
    files = patients.write(tmp_path, 3)
    assert len({file.read_text() for file in files}) == 3
    assert patients.seconds(files) > 0


@pytest.mark.parametrize(("alone", "many", "met"), [(0.4, 0.09, True), (0.6, 0.09, False), (0.4, 0.11, False)])
def test_both_targets_of_patient_files_decide(patients, monkeypatch, capsys, alone, many, met):
    monkeypatch.setattr(patients, "alone", lambda file: alone)
    monkeypatch.setattr(patients, "seconds", lambda files: many)
    monkeypatch.setattr(sys, "argv", ["patients.py", "--files", "10"])
    assert patients.main() == (0 if met else 1)
    assert ("targets: met" in capsys.readouterr().out) == met


@pytest.fixture
def reports(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    sys.modules.pop("text", None)
    yield importlib.import_module("text")
    sys.modules.pop("text", None)


def test_made_up_reports_are_explained_by_the_command(reports):
    pytest.importorskip("spacy", reason="the text extra is not installed")
    after, whole, processor, count = reports.once(3, seed=1)
    assert count == 3
    assert 0 <= after < whole
    assert processor > 0


@pytest.mark.parametrize(("after", "count", "met"), [(5.9, 100, True), (6.1, 100, False), (1.0, 99, False)])
def test_the_target_of_reports_decides(reports, monkeypatch, capsys, after, count, met):
    monkeypatch.setattr(reports, "once", lambda *given: (after, after + 4.0, after, count))
    monkeypatch.setattr(sys, "argv", ["text.py", "--reports", "100"])
    assert reports.main() == (0 if met else 1)
    assert ("met" in capsys.readouterr().out) == met
