"""Every real scan is read to its shape, place and acquisition; mixed, renamed and damaged ones as well."""

import shutil

import numpy as np
import pytest

from calciscope.domain.image import Contrast
from calciscope.domain.patient import Patient
from calciscope.read.study import open_study

pytestmark = pytest.mark.real

# Name, shape and spacing (z y x), origin (x y z), sum of all Hounsfield units, kV, kernel, compression, contrast.
EXPECTED = """
chest-coronary 98 512 512 3.0 1.0742 1.0742 -275.0 -524.0 -122.441 -21472209796 130 000000 lossy unknown
chest-aorta 64 512 512 5.0 0.8418 0.8418 -228.037 -93.063 -439.0 -11426730969 120 B exact none
chest-abdomen-gallstone 102 512 512 3.0 0.8828 0.8828 -231.559 -386.559 -266.5 -17141943304 120 B40f exact unknown
abdomen-pelvis-contrast 160 512 512 3.0 1.03 1.03 -276.367 -263.672 1055.0 -37301071034 120 FC13 exact given
limb-sts-007 70 215 249 3.27 0.9766 0.9766 -198.242 -9.766 -779.03 -1023844273 140 SOFT exact unknown
limb-sts-013 114 215 252 3.27 0.9766 0.9766 -46.875 -78.125 531.04 -3468848337 140 SOFT exact unknown
limb-sts-028 68 176 173 3.27 0.9766 0.9766 -37.109 -88.867 400.07 -1213425933 140 STANDARD exact unknown
qrm-phantom 47 512 512 3.0 0.488 0.488 -128.506 -106.006 534.875 -10801680373 120 FC12 exact none
ts/example_ct_dicom 20 512 512 2.0 0.9766 0.9766 -249.512 -437.512 -804.5 -3272217339 120 Br38f/3 exact given
ts/example_ct.nii.gz 112 101 122 3.0 3.0 3.0 -185.044 -311.319 94.302 -496851173 - - exact unknown
ts/example_ct_sm.nii.gz 30 101 122 3.0 3.0 3.0 -185.044 -311.319 94.302 -130894872 - - exact unknown
ts/aorta_report/ct_cropped.nii.gz 164 126 120 1.5 1.5 1.5 -71.658 -255.658 540.2 -497705824 - - exact unknown
"""


@pytest.mark.parametrize("line", EXPECTED.split("\n")[1:-1], ids=lambda line: line.split()[0])
def test_scan(scans, line):
    name, *numbers = line.split()
    name = name.replace("ts/", "totalsegmentator/")
    total, kvp, kernel, compression, contrast = numbers[9:]
    shape, spacing, origin = (tuple(map(float, numbers[i : i + 3])) for i in (0, 3, 6))
    study = open_study([scans / name], Patient())
    assert study.refused == ()
    (series,) = study.series
    volume, a = series.volume, series.info.acquisition
    assert volume.hu.shape == shape
    assert volume.hu.dtype == np.int16
    assert int(volume.hu.sum(dtype=np.int64)) == int(total)
    assert np.allclose(volume.geometry.spacing, spacing, atol=1e-4)
    assert np.allclose(volume.geometry.origin, origin, atol=1e-3)
    assert np.allclose(volume.geometry.direction, np.eye(3).ravel(), atol=1e-9)
    assert a.kvp == (None if kvp == "-" else float(kvp))
    assert a.kernel == (None if kernel == "-" else kernel)
    assert a.lossy is (compression == "lossy")
    assert a.contrast is Contrast(contrast)
    assert (a.slice_axis, a.missing_slices, a.resampled) == (0, (), None)
    assert a.increment == pytest.approx(spacing[0], abs=1e-4)
    assert a.sharp_kernel in (False, None)


def test_label_maps_beside_a_scan_are_refused(scans):
    study = open_study([scans / "totalsegmentator" / "aorta_report"], Patient())
    assert len(study.series) == 1
    assert study.refused
    assert all("label map" in line.why or "equal" in line.why for line in study.refused)


@pytest.fixture(scope="module")
def mixed(scans, tmp_path_factory):
    """Four scans of four patients in one folder under meaningless names."""
    folder = tmp_path_factory.mktemp("mixed")
    names = ("limb-sts-007", "limb-sts-028", "limb-sts-013", "totalsegmentator/example_ct_dicom")
    files = [file for name in names for file in sorted((scans / name).iterdir()) if file.is_file()]
    for number, file in zip(np.random.default_rng(3).permutation(len(files)), files, strict=True):
        shutil.copy(file, folder / f"{number:05d}")
    return folder


def test_mixed_patients_are_refused_one_line_each(mixed):
    study = open_study([mixed], Patient())
    assert study.series == ()
    assert len(study.refused) == 4
    assert all(line.why.startswith(f"patient {n} of 4") for n, line in enumerate(study.refused, start=1))


def test_one_of_the_mixed_patients_can_be_chosen(scans, mixed):
    from pydicom import dcmread

    wanted = next(file for file in (scans / "limb-sts-028").iterdir() if file.suffix == ".dcm")
    study = open_study([mixed], Patient(), patient_id=dcmread(wanted, stop_before_pixels=True).PatientID)
    (series,) = study.series
    assert series.volume.hu.shape == (68, 176, 173)
    assert len(study.refused) == 3


def test_a_scan_with_lost_and_cut_off_slices(scans, tmp_path):
    files = sorted((scans / "chest-coronary").iterdir())
    for file in files:
        shutil.copy(file, tmp_path / file.name)
    # The header does not name the order of files; what is lost is counted and not located.
    images = sorted(
        (file for file in tmp_path.iterdir() if file.suffix != ".txt"), key=lambda file: int(file.suffix[1:])
    )
    images[40].unlink()
    images[60].write_bytes(images[60].read_bytes()[:5000])
    study = open_study([tmp_path], Patient())
    (series,) = study.series
    assert series.volume.hu.shape == (98, 512, 512)
    assert len(series.info.acquisition.missing_slices) == 2
    assert [line.input for line in study.refused] == [images[60].name]
