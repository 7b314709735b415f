"""Stored values become the same Hounsfield units in every transfer syntax."""

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from calciscope.domain.patient import Patient
from calciscope.read.study import open_study
from tests.read.make_dicom import Series, enhanced, phantom, save, save_jpeg_lossless

SYNTAXES = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEGLSLossless,
    JPEG2000Lossless,
)
HU = phantom((3, 64, 70))


def volume_of(folder):
    study = open_study([folder], Patient())
    assert not study.refused
    (series,) = study.series
    return series.volume


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.name)
def test_every_syntax_gives_the_same_values(tmp_path, syntax, signed):
    Series(HU, signed=signed, intercept=0 if signed else -1024).write(tmp_path, syntax)
    volume = volume_of(tmp_path)
    assert np.array_equal(volume.hu, HU)
    assert volume.hu.dtype == np.int16
    assert not volume.acquisition.lossy


@pytest.mark.parametrize("signed", [False, True])
def test_jpeg_lossless(tmp_path, signed):
    series = Series(HU, signed=signed, intercept=0 if signed else -1024)
    paths = [save_jpeg_lossless(ds, tmp_path / f"{k}") for k, ds in enumerate(series.datasets())]
    assert dcmread(paths[0]).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.70"
    assert np.array_equal(volume_of(tmp_path).hu, HU)


def test_jpeg_lossless_with_a_fractional_rescale_and_padding(tmp_path):
    hu = (np.arange(3 * 64 * 70).reshape(3, 64, 70) % 4000) * 0.5 - 1000
    series = Series(hu, slope=0.5, intercept=-1000, header={"PixelPaddingValue": 0})
    for k, ds in enumerate(series.datasets()):
        ds["PixelPaddingValue"].VR = "US"
        save_jpeg_lossless(ds, tmp_path / f"{k}")
    assert np.allclose(volume_of(tmp_path).hu, np.where(hu == -1000, -1024, hu))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless], ids=lambda uid: uid.name)
def test_enhanced_multi_frame(tmp_path, syntax):
    series = Series(HU, order=(0, 1, 2), flips=(0,))
    save(enhanced(series), tmp_path / "image", syntax)
    volume = volume_of(tmp_path)
    assert np.array_equal(volume.hu, HU)
    a = volume.acquisition
    assert (a.kvp, a.kernel, a.slice_thickness, a.increment) == (120.0, "B35f", 3.0, pytest.approx(3.0))


@pytest.mark.parametrize("signed", [False, True])
def test_fewer_bits_stored_than_allocated(tmp_path, signed):
    hu = np.clip(HU, -1024, 1000)
    series = Series(hu, signed=signed, intercept=0 if signed else -1024, bits=12)
    folder = tmp_path / "s"
    folder.mkdir()
    for k, ds in enumerate(series.datasets()):
        # An overlay in the bits above, as old scanners wrote it.
        stored = np.frombuffer(ds.PixelData, "<u2") & 0x0FFF
        ds.PixelData = (stored | 0x5000).astype("<u2").tobytes()
        save(ds, folder / str(k))
    assert np.array_equal(volume_of(folder).hu, hu)


def test_fractional_rescale_keeps_floats(tmp_path):
    hu = (np.arange(3 * 8 * 10).reshape(3, 8, 10) * 0.25 - 20.5).astype(np.float32)
    Series(hu, slope=0.25, intercept=-1000.5).write(tmp_path)
    volume = volume_of(tmp_path)
    assert volume.hu.dtype == np.float32
    assert np.allclose(volume.hu, hu)


@pytest.mark.parametrize(("signed", "padding"), [(True, -2000), (True, 63536), (False, 65535)])
def test_padding_becomes_air(tmp_path, signed, padding):
    hu = np.clip(HU, -1000, 1000)
    series = Series(hu, signed=signed, intercept=0 if signed else -1024, header={"PixelPaddingValue": padding & 0xFFFF})
    folder = tmp_path / "s"
    folder.mkdir()
    for k, ds in enumerate(series.datasets()):
        ds["PixelPaddingValue"].VR = "US"
        stored = np.frombuffer(ds.PixelData, "<u2").reshape(64, 70).copy()
        stored[:5] = padding & 0xFFFF
        ds.PixelData = stored.tobytes()
        save(ds, folder / str(k))
    volume = volume_of(folder)
    assert (volume.hu[:, :5] == -1024).all()
    assert np.array_equal(volume.hu[:, 5:], hu[:, 5:])


def test_padding_within_tissue_is_ignored_and_said(tmp_path):
    hu = np.clip(HU, -100, 100)
    Series(hu, signed=True, intercept=0, header={"PixelPaddingValue": 0}).write(tmp_path)
    volume = volume_of(tmp_path)
    assert np.array_equal(volume.hu, hu)
    assert any("padding" in note for note in volume.acquisition.notes)


def test_missing_rescale_is_said(tmp_path):
    Series(HU, signed=True, intercept=0, header={"RescaleSlope": None, "RescaleIntercept": None}).write(tmp_path)
    volume = volume_of(tmp_path)
    assert np.array_equal(volume.hu, HU)
    assert any("rescale" in note for note in volume.acquisition.notes)


def test_values_beyond_16_bits_are_clipped(tmp_path):
    hu = np.full((3, 8, 8), 40000)
    Series(hu, intercept=-1024).write(tmp_path)
    assert (volume_of(tmp_path).hu == 32767).all()


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless], ids=lambda uid: uid.name)
def test_a_damaged_compressed_slice_is_missing_and_named(tmp_path, syntax):
    hu = phantom((6, 64, 70))
    paths = Series(hu).write(tmp_path, syntax)
    content = paths[2].read_bytes()
    paths[2].write_bytes(content[: len(content) // 2])
    study = open_study([tmp_path], Patient())
    (refusal,) = study.refused
    assert refusal.input == "slice-002.dcm"
    (series,) = study.series
    assert series.info.acquisition.missing_slices == (2,)
    assert np.array_equal(series.volume.hu[[0, 1, 3, 4, 5]], hu[[0, 1, 3, 4, 5]])


def test_a_damaged_slice_at_the_end_shortens_the_volume(tmp_path):
    hu = phantom((6, 64, 70))
    paths = Series(hu).write(tmp_path, RLELossless)
    content = paths[0].read_bytes()
    paths[0].write_bytes(content[: len(content) // 2])
    (series,) = open_study([tmp_path], Patient()).series
    assert series.volume.hu.shape == (5, 64, 70)
    assert series.volume.geometry.origin[2] == pytest.approx(103.0)


def test_nothing_decodable_is_a_refusal(tmp_path):
    for path in Series(phantom((3, 64, 70))).write(tmp_path, RLELossless):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 3])
    study = open_study([tmp_path], Patient())
    assert not study.series
    assert study.refused
