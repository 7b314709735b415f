"""Rods of a calibration phantom: found where they are, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy import ndimage

from calciscope.domain import knowledge
from calciscope.domain.image import Acquisition, Geometry, Volume
from calciscope.errors import KnowledgeError
from calciscope.measure.phantom.calibration import Calibration, calibrate
from calciscope.measure.phantom.models import phantoms
from calciscope.simulate import simulate
from tests.measure.cylinders import Scanner, noise

MODEL = phantoms()[0]


@dataclass(frozen=True)
class Phantom:
    """A phantom to simulate: attenuation in HU, lengths in mm; the rods lie in slices ``first`` to ``last``."""

    bright: float = 310.0
    dark: float = 35.0
    body: float = 72.0
    diameter: float = 20.0
    stretch: float = 1.0
    apart: float = 23.0
    angle: float = 200.0
    first: int = 2
    last: int = 6
    drift: float = 0.0
    tilt: float = 0.0
    gradient: float = 0.0
    noise: float = 20.0
    spacing: tuple[float, float, float] = (3.0, 0.5, 0.5)
    count: int = 9
    others: tuple[tuple[float, float, float, float], ...] = ()


def image_of(one: Phantom, seed: int = 1) -> np.ndarray:
    """Slices of 100 mm; ``others`` are discs more: row and column off the calcium rod (mm), radius, attenuation."""
    side = round(100 / one.spacing[1])
    scanner = Scanner(spacing=one.spacing, noise=one.noise, shape=(one.count, side, side))
    y = ((np.arange(side) - side // 2) * one.spacing[1])[:, None]
    x = ((np.arange(side) - side // 2) * one.spacing[2])[None, :]
    image = np.full(scanner.shape, -850.0)
    for level in range(one.count):
        plane = np.where(np.hypot(y, x) < 46, one.body + one.gradient * x, -850.0)
        if one.first <= level <= one.last:
            step = level - one.first
            row, column = 6.0 + one.tilt * step, 4.0
            for off_row, off_column, radius, hu in one.others:
                plane[np.hypot(y - row - off_row, x - column - off_column) <= radius] = hu
            turn = np.radians(one.angle)
            water = (row + one.apart * np.sin(turn), column + one.apart * np.cos(turn))
            radius = one.diameter / 2
            plane[np.hypot(y - water[0], x - water[1]) <= radius] = one.dark
            rod = np.hypot((y - row) / one.stretch, (x - column) * one.stretch) <= radius
            plane[rod] = (
                (one.bright + one.drift * step + one.gradient * x + 0 * y)[rod]
                if one.gradient
                else (one.bright + one.drift * step)
            )
        image[level] = ndimage.gaussian_filter(plane, 0.7 / one.spacing[1])
    if one.noise:
        image += noise(scanner, np.random.default_rng(seed))
    return np.rint(image).astype(np.int16)


def volume_of(one: Phantom, kvp: float | None = 120.0, seed: int = 1) -> Volume:
    image = image_of(one, seed)
    return Volume(image, Geometry(image.shape, one.spacing), Acquisition(kvp=kvp))


def found(one: Phantom, kvp: float | None = 120.0, seed: int = 1) -> Calibration | None:
    return calibrate(volume_of(one, kvp, seed))


def test_the_factor_is_density_over_the_difference_of_the_rods():
    got = found(Phantom())
    assert got.factor == pytest.approx(0.2 / 275, rel=0.01)
    assert got.slices == (2, 3, 4, 5, 6)
    assert got.phantom == MODEL.name
    assert got.water_hu == pytest.approx(35, abs=3)
    assert got.noise == pytest.approx(20, rel=0.15)
    assert (got.calcium.density, got.water.density) == (200.0, 0.0)


def test_the_rods_are_where_they_are():
    got = found(Phantom())
    z, y, x = got.calcium.centres[0]
    assert (z, y, x) == pytest.approx((2, 112, 108), abs=0.3)
    turn = np.radians(200)
    _, row, column = got.water.centres[0]
    assert row == pytest.approx(112 + 46 * np.sin(turn), abs=5)
    assert column == pytest.approx(108 + 46 * np.cos(turn), abs=5)
    assert got.calcium.diameter == pytest.approx(20, abs=0.4)
    assert len(got.calcium.means) == len(got.slices)
    assert got.calcium.mean == pytest.approx(np.mean(got.calcium.means))


def test_forty_phantoms_agree_with_the_standard_error():
    """Wherever the water rod lies and whatever the noise: no bias, and the error tells the scatter."""
    made = [
        found(Phantom(angle=angle, noise=level, dark=30 + angle / 60), seed=angle)
        for angle in range(0, 360, 36)
        for level in (5.0, 12.0, 20.0, 28.0)
    ]
    assert None not in made
    truth = [0.2 / (280 - angle / 60) for angle in range(0, 360, 36) for _ in range(4)]
    off = np.array([one.factor / true - 1 for one, true in zip(made, truth, strict=True)])
    assert np.abs(off).max() < 0.01
    assert abs(off.mean()) < 0.003
    sure = [abs(o) <= 1.96 * one.error / one.factor for o, one in zip(off, made, strict=True)]
    assert np.mean(sure) > 0.85


@pytest.mark.parametrize(
    ("kvp", "bright"), [(70, 460.0), (80, 400.0), (100, 340.0), (120, 310.0), (140, 280.0), (None, 310.0), (130, 300.0)]
)
def test_the_voltage_says_what_to_expect(kvp, bright):
    got = found(Phantom(bright=bright), kvp)
    assert got.factor == pytest.approx(0.2 / (bright - 35), rel=0.01)


@pytest.mark.parametrize("spacing", [(2.5, 0.39, 0.39), (3.0, 0.7, 0.7), (5.0, 0.98, 0.98), (1.5, 0.6, 0.6)])
def test_any_grid(spacing):
    assert found(Phantom(spacing=spacing)).factor == pytest.approx(0.2 / 275, rel=0.01)


def test_slices_along_another_axis():
    volume = volume_of(Phantom())
    turned = np.ascontiguousarray(np.moveaxis(volume.hu, 0, 2))
    got = calibrate(Volume(turned, Geometry(turned.shape, (0.5, 0.5, 3.0)), replace(volume.acquisition, slice_axis=2)))
    assert got.factor == pytest.approx(calibrate(volume).factor)
    assert got.calcium.centres[0] == pytest.approx((112, 108, 2), abs=0.3)


def test_without_noise():
    assert found(Phantom(noise=0.0)).factor == pytest.approx(0.2 / 275, rel=0.003)


def test_slices_at_the_end_of_a_rod_that_fade_do_not_count():
    steady = volume_of(Phantom())
    hu = steady.hu.copy()
    hu[6] = np.where(hu[6] > -500, hu[6] - 40, hu[6])
    got = calibrate(Volume(hu, steady.geometry, steady.acquisition))
    assert got.slices == (2, 3, 4, 5)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"bright": 180.0}, id="too little calcium"),
        pytest.param({"bright": 600.0}, id="too much, as metal or bone"),
        pytest.param({"diameter": 16.0}, id="too thin"),
        pytest.param({"diameter": 24.0}, id="too wide"),
        pytest.param({"stretch": 1.1}, id="oval, as an aorta seen aslant"),
        pytest.param({"dark": 72.0}, id="an enhanced aorta: no water rod"),
        pytest.param({"dark": -100.0}, id="fat in the place of water"),
        pytest.param({"dark": 90.0}, id="brighter than the body"),
        pytest.param({"apart": 30.0}, id="too far apart"),
        pytest.param({"first": 4, "last": 4}, id="one slice"),
        pytest.param({"spacing": (1.0, 0.5, 0.5), "last": 4}, id="three slices of 1 mm"),
        pytest.param({"drift": 30.0}, id="attenuation changes from slice to slice"),
        pytest.param({"tilt": 2.0}, id="aslant"),
        pytest.param({"gradient": 4.0}, id="not even"),
        pytest.param({"noise": 80.0}, id="too noisy to tell"),
        pytest.param({"others": ((0.0, 14.0, 4.0, 250.0),)}, id="bone beside it"),
        pytest.param({"others": ((14.0, 0.0, 5.0, -850.0),)}, id="lung beside it"),
        pytest.param({"others": ((0.0, 24.0, 6.0, -80.0),), "dark": 72.0}, id="a lobe of fat, smaller than a rod"),
    ],
)
def test_what_is_no_phantom(change):
    assert found(Phantom(**change)) is None


def test_an_image_without_anything_bright_costs_nothing_and_gives_nothing():
    empty = np.zeros((4, 50, 50), dtype=np.int16)
    assert calibrate(Volume(empty, Geometry(empty.shape, (3.0, 1.0, 1.0)))) is None
    tiny = np.full((1, 2, 2), 400, dtype=np.int16)
    assert calibrate(Volume(tiny, Geometry(tiny.shape, (3.0, 1.0, 1.0)))) is None


def test_a_rod_at_the_edge_of_the_image_is_refused_not_guessed():
    volume = volume_of(Phantom())
    cut = np.ascontiguousarray(volume.hu[:, :120, :])
    assert calibrate(Volume(cut, Geometry(cut.shape, (3.0, 0.5, 0.5)), volume.acquisition)) is None


def test_limits_between_and_beyond_the_listed_voltages():
    assert MODEL.expected(120.0).low == 230
    assert 230 < MODEL.expected(110.0).low < 260
    assert MODEL.expected(150.0) == MODEL.expected(140.0)
    whole = MODEL.expected(None)
    assert whole.low == min(one.low for one in MODEL.contrast)
    assert whole.high == max(one.high for one in MODEL.contrast)


@pytest.mark.parametrize("text", ["version: '1'\nphantoms: [{name: x}]", "{", "version: '1'"])
def test_a_broken_knowledge_file_is_named(text, tmp_path, monkeypatch):
    (tmp_path / "phantoms.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(knowledge, "EMBEDDED", tmp_path)
    phantoms.cache_clear()
    try:
        with pytest.raises(KnowledgeError, match=r"phantoms\.yaml"):
            phantoms()
    finally:
        phantoms.cache_clear()


def test_a_simulated_body_with_contrast_and_a_prosthesis_holds_no_phantom():
    made = simulate(1, quick=True, contrast=True, prosthesis=True, deposits=())
    assert int(made.volume.hu.max()) > 2000
    assert calibrate(made.volume) is None
