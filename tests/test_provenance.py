"""What was used and what produced it, so that another person can repeat an assessment."""

from __future__ import annotations

import platform
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope import provenance
from calciscope.domain.anatomy import Anatomy, BloodPool, Manifest
from calciscope.domain.assessment import Correction
from calciscope.domain.image import Acquisition, Contrast, Geometry, Volume
from calciscope.domain.patient import Patient
from calciscope.domain.study import Series, SeriesInfo, Study

GRID = Geometry((4, 6, 8), (3.0, 0.7, 0.8))
EMBEDDED = Manifest("embedded", "2", "MIT", ("made for adults", "no veins"))
MAP = Manifest("label map", "1", "of the user", ("no veins", "as good as its maker"))


def info(name="s1", uses=("find", "score"), **made):
    return SeriesInfo(
        id=name,
        label=f"series {name}",
        acquisition=Acquisition(**made),
        geometry=GRID,
        files=4,
        uses=frozenset(uses),
        why="the only one",
        digest="ab" * 32,
    )


def seen(*infos, unused=(), **more):
    volume = Volume(np.zeros(GRID.shape, np.int16), GRID)
    return Study(patient=Patient(), series=tuple(Series(one, volume) for one in infos), unused=tuple(unused), **more)


def body(manifest=EMBEDDED, **more):
    return Anatomy(np.zeros(GRID.shape, np.uint8), {}, GRID, manifest, **more)


def made(study=None, anatomies=(), **more):
    options = {
        "knowledge_folders": (),
        "anatomy": "embedded",
        "preset": "standard",
        "guidelines": "esc",
        "corrections": (),
    }
    return provenance.of(study or seen(), anatomies, **(options | more))


def test_inputs_are_kept_by_name_with_their_digest_in_order():
    inputs = (("b.zip", "11" * 32), ("a", "22" * 32))
    assert list(made(seen(inputs=inputs)).inputs.items()) == list(inputs)


def test_every_library_that_touches_a_number_is_named_with_its_version():
    versions = made().versions
    assert versions["python"] == platform.python_version()
    for name in ("numpy", "scipy", "scikit-image", "pydicom", "simpleitk"):
        assert versions[name] == version(name)
    assert made().calciscope == version("calciscope") == provenance.calciscope_version()


def test_the_time_is_that_of_the_run_with_its_zone():
    created = datetime.fromisoformat(made().created)
    assert created.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=1)


def test_an_anatomy_is_named_once_with_version_and_licence():
    same = made(anatomies=(body(), body()))
    assert same.anatomy == "embedded 2 (MIT)"
    assert same.anatomy_limits == EMBEDDED.limits


def test_two_anatomies_are_both_named_and_a_limit_of_both_is_told_once():
    both = made(anatomies=(body(MAP), body(), body(MAP)))
    assert both.anatomy == "label map 1 (of the user); embedded 2 (MIT)"
    assert both.anatomy_limits == ("no veins", "as good as its maker", "made for adults")


def test_every_provider_of_one_anatomy_is_named():
    laid = made(anatomies=(body(laid_over=(MAP,)),))
    assert laid.anatomy == "embedded 2 (MIT); label map 1 (of the user)"
    assert set(laid.anatomy_limits) == {"no veins", "as good as its maker", "made for adults"}


@pytest.mark.parametrize(("spec", "named"), [("embedded", "embedded"), ("labels.nii.gz,names.csv", "labels.nii.gz")])
def test_without_images_the_anatomy_is_the_one_that_was_asked_for(spec, named):
    alone = made(anatomy=spec)
    assert alone.anatomy == named
    assert alone.anatomy_limits == ()


def test_a_knowledge_folder_is_named_without_its_path(tmp_path, monkeypatch):
    (tmp_path / "hospital").mkdir()
    monkeypatch.chdir(tmp_path / "hospital")
    for folder in (tmp_path / "hospital", Path()):
        assert made(knowledge_folders=(folder,)).knowledge == ("calciscope", "hospital")
    assert str(tmp_path) not in made(knowledge_folders=(tmp_path / "hospital",)).model_dump_json()


def test_options_and_corrections_are_kept_as_given():
    changes = (
        Correction(deposit="d1", action="move", to="kidney.left", by="Dr Example", why="seen in the calyx"),
        Correction(deposit="d2", action="reject", by="Dr Example"),
    )
    kept = made(preset="agatston-130", guidelines="acc", corrections=changes)
    assert (kept.preset, kept.guidelines, kept.corrections) == ("agatston-130", "acc", changes)


def test_used_series_come_first_and_each_says_what_for():
    study = seen(info("b"), info("a", uses=("score",)), unused=(info("c", uses=()),))
    uses = provenance.acquisition(study, {})
    assert [(one.id, one.used, one.uses) for one in uses] == [
        ("b", True, ("find", "score")),
        ("a", True, ("score",)),
        ("c", False, ()),
    ]


def test_a_series_says_how_it_was_acquired():
    (use,) = provenance.acquisition(
        seen(info(kvp=100.0, kernel="Qr36d", slice_thickness=3.0, contrast=Contrast.GIVEN, lossy=True)), {}
    )
    assert (use.kvp, use.kernel, use.slice_thickness_mm, use.contrast, use.lossy) == (
        100.0,
        "Qr36d",
        3.0,
        "given",
        True,
    )
    assert (use.modality, use.spacing_mm, use.notes) == ("CT", GRID.spacing, ())
    (bare,) = provenance.acquisition(seen(info()), {})
    assert (bare.kvp, bare.kernel, bare.slice_thickness_mm, bare.contrast) == (None, None, None, "unknown")


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_are_counted_as_acquired(axis):
    (use,) = provenance.acquisition(seen(info(slice_axis=axis)), {})
    assert use.slices == GRID.shape[axis]


@given(
    notes=st.lists(st.text(min_size=1, max_size=8), max_size=3),
    missing=st.lists(st.integers(0, 3), unique=True, max_size=3),
    tilted=st.booleans(),
    blood=st.none() | st.floats(-50, 500),
    seen_by_anatomy=st.lists(st.text(min_size=1, max_size=8), max_size=2),
)
def test_whatever_was_noted_is_passed_on_in_order(notes, missing, tilted, blood, seen_by_anatomy):
    one = info(notes=tuple(notes), missing_slices=tuple(missing), resampled="gantry tilt" if tilted else None)
    pool = None if blood is None else BloodPool(blood, 10.0, 100, "aorta")
    (use,) = provenance.acquisition(seen(one), {"s1": body(blood_pool=pool, notes=tuple(seen_by_anatomy))})
    told = [*notes]
    told += [f"{len(missing)} slices are missing and were filled by interpolation"] if missing else []
    told += ["resampled: gantry tilt"] if tilted else []
    told += [f"blood measures {blood:.0f} HU (aorta)"] if blood is not None else []
    assert use.notes == (*told, *seen_by_anatomy)


def test_what_an_anatomy_noted_belongs_to_its_own_series():
    study = seen(info("a"), info("b"), unused=(info("c", uses=()),))
    bodies = {name: body(notes=(f"about {name}",)) for name in ("b", "c")}
    assert [one.notes for one in provenance.acquisition(study, bodies)] == [(), ("about b",), ()]


def test_an_unused_series_keeps_its_reason():
    localizer = replace(info("x", uses=()), why="a localizer")
    (use,) = provenance.acquisition(seen(unused=(localizer,)), {})
    assert (use.used, use.why, use.label) == (False, "a localizer", "series x")
