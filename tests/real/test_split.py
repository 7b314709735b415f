"""A real scan that is cut into several series is the scan that it was."""

import numpy as np
import pytest
from pydicom import dcmread

from calciscope.domain.patient import Patient
from calciscope.read.study import open_study

pytestmark = pytest.mark.real


@pytest.mark.parametrize("name", ["qrm-phantom", "chest-coronary"])
@pytest.mark.parametrize("cut", ["end to end", "interleaved"])
def test_series_cut_in_three(scans, tmp_path, name, cut):
    (whole,) = open_study([scans / name], Patient()).series
    files = sorted(path for path in (scans / name).rglob("*") if path.is_file())
    headers = [header for path in files if "ImagePositionPatient" in (header := dcmread(path, force=True))]
    headers.sort(key=lambda header: float(header.ImagePositionPatient[2]))
    for k, header in enumerate(headers):
        part = 3 * k // len(headers) if cut == "end to end" else k % 3
        header.SeriesInstanceUID = f"{header.SeriesInstanceUID[:50]}.{part + 1}"
        header.SeriesNumber = 100 + part
        header.save_as(tmp_path / f"{k}.dcm")
    study = open_study([tmp_path], Patient())
    (series,) = study.series
    assert not study.unused
    assert np.array_equal(series.volume.hu, whole.volume.hu)
    assert series.volume.geometry == whole.volume.geometry
    assert "read from 3 series that are one stack" in series.info.acquisition.notes
