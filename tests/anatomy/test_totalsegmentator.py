"""The provider of TotalSegmentator, on a double of its Python API and on label maps that the package itself made."""

import importlib
import importlib.util
import inspect
import json
import sys
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from calciscope import anatomy as providers
from calciscope.anatomy.totalsegmentator import TotalSegmentator, home
from calciscope.anatomy.totalsegmentator.tasks import tasks
from calciscope.domain.image import Geometry, Volume
from calciscope.domain.structures import dictionary
from calciscope.errors import AnatomyError
from tests.anatomy.test_labelmap import base

DOUBLE = Path(__file__).with_name("double")
REAL = importlib.util.find_spec("totalsegmentator")
SHAPE = (10, 20, 30)
GEOMETRY = Geometry(SHAPE, (3.0, 2.0, 2.0), (-30.0, -20.0, 100.0))
LICENCE = "aca_12345678901234"


def forget():
    for name in [name for name in sys.modules if name.partition(".")[0] == "totalsegmentator"]:
        del sys.modules[name]


@pytest.fixture
def user(tmp_path, monkeypatch):
    """A user's home with no settings of TotalSegmentator."""
    for name in ("TOTALSEG_HOME_DIR", "TOTALSEG_WEIGHTS_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def api(user, monkeypatch):
    """The double of the package's API, asked as the package would be."""
    forget()
    monkeypatch.syspath_prepend(str(DOUBLE))
    monkeypatch.setattr("calciscope.anatomy.embedded.segment", base)
    from totalsegmentator import python_api

    yield python_api
    forget()


def volume(geometry=GEOMETRY):
    return Volume(np.arange(np.prod(geometry.shape), dtype=np.int16).reshape(geometry.shape) % 900, geometry)


def answer(**boxes):
    """A label map ``(x, y, z)`` of boxes given in ``(z, y, x)``, by the numbers of ``total``."""
    numbers = {name: n for n, name in sys.modules["totalsegmentator.map_to_binary"].class_map["total"].items()}
    labels = np.zeros(SHAPE, dtype=np.uint8)
    for name, where in boxes.items():
        labels[where] = numbers[name]
    return labels.transpose(2, 1, 0)


LIVER = (slice(4, 8), slice(4, 10), slice(2, 9))
KIDNEYS = {
    "kidney_right": (slice(0, 3), slice(2, 5), slice(3, 6)),
    "kidney_left": (slice(0, 3), slice(2, 5), slice(20, 23)),
}


def test_structures_come_back_where_they_are(api):
    api.ANSWERS["total"] = answer(liver=LIVER, **KIDNEYS)
    body = providers.provider("totalsegmentator")(volume())
    mask = np.zeros(SHAPE, dtype=bool)
    mask[LIVER] = True
    assert np.array_equal(body.mask("liver"), mask)
    assert body.provider_of("liver") == "totalsegmentator"
    assert body.structures["liver"].confidence == tasks().tasks["total"].confidence
    assert body.has("spleen")
    assert body.laid_over[0].provider == "totalsegmentator"
    assert body.laid_over[0].licence == "Apache-2.0"


@pytest.mark.parametrize("direction", [(1, 0, 0, 0, 1, 0, 0, 0, 1), (0.8, 0.6, 0, -0.6, 0.8, 0, 0, 0, 1)])
def test_the_image_is_the_volume_in_nifti_coordinates(api, direction):
    api.ANSWERS["total"] = answer(liver=LIVER)
    scan = volume(replace(GEOMETRY, direction=tuple(float(v) for v in direction)))
    providers.provider("totalsegmentator")(scan)
    image = api.CALLS[-1]["image"]
    at = (3, 7, 11)
    world = image.affine @ [11, 7, 3, 1]
    assert np.asarray(image.dataobj)[11, 7, 3] == scan.hu[at]
    assert (world[:3] * [-1, -1, 1]) == pytest.approx(scan.geometry.to_mm(at))


def test_statistics_are_off_and_the_users_settings_are_not_touched(api, user, capfd):
    folder = user / ".totalsegmentator"
    folder.mkdir()
    mine = {"totalseg_id": "mine", "send_usage_stats": True, "prediction_counter": 7, "license_number": LICENCE}
    (folder / "config.json").write_text(json.dumps(mine))
    api.ANSWERS["total"] = answer(liver=LIVER)
    providers.provider("totalsegmentator")(volume())
    call = api.CALLS[-1]
    assert api.SENT == []
    assert call["home"] != folder
    assert not call["home"].exists()
    assert call["license"] == LICENCE
    assert call["weights"] == folder / "nnunet" / "results"
    assert json.loads((folder / "config.json").read_text()) == mine
    assert home.folder() == folder
    assert capfd.readouterr() == ("", "")


def test_the_double_would_have_sent_statistics_otherwise(api, user):
    api.ANSWERS["total"] = answer(liver=LIVER)
    api.totalsegmentator(nibabel.Nifti1Image(np.zeros(SHAPE[::-1], dtype=np.int16), np.eye(4)))
    assert len(api.SENT) == 1
    api.SENT.clear()


def test_folders_that_the_user_set_are_kept(api, user, monkeypatch):
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(user / "elsewhere"))
    api.ANSWERS["total"] = answer(liver=LIVER)
    providers.provider("totalsegmentator")(volume())
    assert api.CALLS[-1]["weights"] == user / "elsewhere" / "nnunet" / "results"
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(user / "weights"))
    providers.provider("totalsegmentator")(volume())
    assert api.CALLS[-1]["weights"] == user / "weights"
    assert home.folder() == user / "elsewhere"


def test_options_are_tasks_a_device_and_a_speed(api):
    api.ANSWERS["total"] = answer(liver=LIVER)
    api.ANSWERS["hip_implant"] = np.zeros(SHAPE[::-1], dtype=np.uint8)
    api.CALLS.clear()
    body = providers.provider("totalsegmentator:fast, total,hip_implant,gpu:1")(volume())
    assert [(one["task"], one["device"], one["fast"]) for one in api.CALLS] == [
        ("total", "gpu:1", True),
        ("hip_implant", "gpu:1", False),
    ]
    assert all(one["quiet"] and one["skip_saving"] and one["output"] is None for one in api.CALLS)
    assert body.laid_over[0].version.endswith("total hip_implant fast")
    assert TotalSegmentator() == TotalSegmentator(("total",), "gpu", "")


def test_a_later_task_overrides_an_earlier_one(api):
    api.ANSWERS["total"] = answer(lung_upper_lobe_left=(slice(2, 8), slice(2, 12), slice(16, 28)))
    vessels = np.zeros(SHAPE, dtype=np.uint8)
    vessels[4, 5, 18:22] = 3
    api.ANSWERS["lung_vessels"] = vessels.transpose(2, 1, 0)
    body = providers.provider("totalsegmentator:total,lung_vessels")(volume())
    assert body.mask("lung_vessels").sum() == 4
    assert body.mask("lung_upper_lobe_left").sum() == 6 * 10 * 12 - 4
    assert len(body.laid_over) == 1


def test_swapped_sides_are_not_used(api):
    boxes = {"kidney_left": KIDNEYS["kidney_right"], "kidney_right": KIDNEYS["kidney_left"]}
    api.ANSWERS["total"] = answer(liver=LIVER, **boxes)
    body = providers.provider("totalsegmentator")(volume())
    assert not any(name.startswith("kidney") for name in body.structures)
    assert body.has("liver")
    assert any("left and right of kidney were swapped" in note for note in body.notes)


def test_a_missing_package_is_said_before_anything_is_read(user, monkeypatch):
    monkeypatch.setattr("calciscope.anatomy.totalsegmentator.find_spec", lambda name: None)
    with pytest.raises(AnatomyError, match=r"not installed; pip install 'calciscope\[totalsegmentator\]'"):
        providers.provider("totalsegmentator")


def test_a_licence_is_asked_for_and_only_where_its_task_is_named(api, user):
    with pytest.raises(AnatomyError, match="coronary_arteries needs a licence") as caught:
        providers.provider("totalsegmentator:total,coronary_arteries")
    assert "\n" not in str(caught.value)
    (user / ".totalsegmentator").mkdir()
    (user / ".totalsegmentator" / "config.json").write_text(json.dumps({"license_number": LICENCE}))
    vessel = np.zeros(SHAPE, dtype=np.uint8)
    vessel[4, 5, 5:9] = 1
    api.ANSWERS |= {"total": answer(liver=LIVER), "coronary_arteries": vessel.transpose(2, 1, 0)}
    body = providers.provider("totalsegmentator:total,coronary_arteries")(volume())
    assert body.mask("coronary_arteries").sum() == 4
    assert any("coronary_arteries is used under a licence" in note for note in body.notes)
    assert "coronary_arteries under its own" in body.laid_over[0].licence


def test_a_licence_that_the_package_refuses_does_not_end_the_program(api, user):
    (user / ".totalsegmentator").mkdir()
    (user / ".totalsegmentator" / "config.json").write_text(json.dumps({"license_number": "short"}))
    with pytest.raises(AnatomyError, match=r"failed in the task coronary_arteries \(SystemExit\)"):
        providers.provider("totalsegmentator:coronary_arteries")(volume())


class RefusedError(OSError):
    """What the HTTP library of the package raises without a network."""


RefusedError.__module__ = "requests.exceptions"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (RefusedError("/home/someone/file"), "weights of the TotalSegmentator task total cannot be had"),
        (ConnectionResetError("x"), "totalseg_download_weights -t total"),
        (MemoryError(), "ran out of memory on gpu"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "ran out of memory on gpu"),
        (RuntimeError("/home/someone/patient.nii"), r"failed in the task total \(RuntimeError\)"),
        (ImportError("libtorch"), r"cannot be loaded \(ImportError\)"),
        (SystemExit(1), r"failed in the task total \(SystemExit\)"),
    ],
)
def test_what_goes_wrong_is_one_line_that_names_no_file(api, error, says):
    api.ANSWERS["total"] = error
    with pytest.raises(AnatomyError, match=says) as caught:
        providers.provider("totalsegmentator")(volume())
    assert "someone" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "given", [None, (None, {}), nibabel.Nifti1Image(np.zeros((2, 2, 2), dtype=np.uint8), np.eye(4))]
)
def test_an_unexpected_answer_is_said(api, given):
    api.ANSWERS["total"] = given
    with pytest.raises(AnatomyError, match="gave"):
        providers.provider("totalsegmentator")(volume())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("totl", "did you mean total"),
        ("total_mr", "is for MR images"),
        ("body", "says nothing of where calcium lies"),
        ("xyzzy", "tasks are total"),
        ("gpu:one", "did you mean gpu"),
    ],
)
def test_a_wrong_option_is_said_at_once(api, options, says):
    with pytest.raises(AnatomyError, match=says):
        providers.provider(f"totalsegmentator:{options}")


def test_every_class_of_every_task_is_known_or_listed(api):
    classes = sys.modules["totalsegmentator.map_to_binary"].class_map
    assert len(classes["total"]) == 117
    known = dictionary().meanings
    for task, names in classes.items():
        for name in names.values():
            ours = tasks().structure(name)
            assert ours in known, f"{task}: {name}"


def test_the_table_names_structures_that_exist():
    assert set(tasks().names.values()) <= set(dictionary().meanings)
    assert not set(tasks().tasks) & tasks().of_no_use
    assert tasks().fast <= set(tasks().tasks)
    assert not tasks().licensed("total")
    assert tasks().structure("optic_nerve_left") is None
    assert tasks().structure("never_heard_of") is None


@pytest.mark.skipif(REAL is None, reason="TotalSegmentator is not installed")
def test_the_double_has_the_parameters_of_the_package(monkeypatch):
    def parameters():
        forget()
        function = importlib.import_module("totalsegmentator.python_api").totalsegmentator
        return {name: one.default for name, one in inspect.signature(function).parameters.items()}

    theirs = parameters()
    monkeypatch.syspath_prepend(str(DOUBLE))
    assert parameters() == theirs
    forget()
