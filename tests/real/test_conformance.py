"""The committed synthetic cases are those of the conformance set, and the scorer gives its numbers on whole volumes."""

from __future__ import annotations

import numpy as np
import pytest

from calciscope.measure import preset
from calciscope.measure.agatston import Stack, volume_scores
from tests.measure.conformance import ROUNDED, TABLE, cells, rows
from tests.measure.make import CASES

pytestmark = pytest.mark.real


def test_the_committed_table_is_the_conformance_set(conformance):
    assert rows(conformance / TABLE.name) == rows()
    assert {row["case"][:3] for row in rows()} == CASES.keys()


@pytest.mark.parametrize("column", sorted({cell.column for cell in cells()}))
def test_a_preset_reproduces_its_column_from_a_volume_and_a_mask(column):
    """Background of 40 HU around; rules that keep voxels below the threshold get the mask of the object alone."""
    for cell in (one for one in cells() if one.column == column and one.why is None):
        case, rule = CASES[cell.case], preset(cell.preset)
        volume = np.full((14, 18, 18), 40, dtype=np.float32)
        mask = np.zeros(volume.shape, dtype=np.uint8)
        where = tuple(np.array(list(case.voxels)).T)
        volume[where] = list(case.voxels.values())
        mask[where] = 7
        if not rule.every_voxel and cell.case != "C15":
            mask[...] = 7
        stack = Stack((case.increment, case.pixel, case.pixel), 0, case.thickness)
        got = volume_scores(volume, mask, stack, rule.threshold(case.kvp), rule, of=np.array([7, 9]))
        assert got.agatston[0] == pytest.approx(float(cell.theirs), abs=ROUNDED), cell.case
        assert got.agatston[1] == 0.0
