import numpy as np

from calciscope.anatomy.embedded import aorta, column
from calciscope.domain.anatomy import Region
from tests.anatomy import phantom

ABDOMEN = (Region("abdomen", 0, 110, 0.8),)


def test_the_column_is_a_stack_of_discs():
    frame = phantom.abdomen(spine_from=0.0).frame()
    found = column.column(frame)
    known = np.isfinite(found[:, 0])
    assert known.mean() > 0.6
    assert np.allclose(np.nanmedian(found[:, :2], axis=0), frame.spine[50, :2], atol=2.5)


def test_no_bone_no_column():
    frame = phantom.abdomen().frame()
    found = column.column(phantom.without(frame, bone=np.zeros_like(frame.bone)))
    assert np.isnan(found).all()


def test_a_lost_spine_is_found_again():
    frame = phantom.abdomen(spine_from=0.0).frame(regions=ABDOMEN)
    lost = phantom.without(frame, spine=np.full_like(frame.spine, np.nan))
    track = aorta.spine_track(lost)
    known = np.isfinite(track[:, 0])
    assert known.sum() > 40
    assert abs(np.nanmedian(track[:, 1]) - frame.spine[50, 1]) * phantom.MM < 6


def test_gaps_between_vertebrae_are_filled_but_not_the_rest():
    frame = phantom.abdomen(spine_from=0.0).frame()
    spine = frame.spine.copy()
    spine[40:45] = np.nan
    spine[:30] = np.nan
    track = aorta.spine_track(phantom.without(frame, spine=spine))
    assert np.isfinite(track[40:45]).all()
    assert np.isfinite(track[20:30]).all()
    assert np.isnan(track[:15]).all()


def test_the_centre_moves_behind_the_front_edge_of_the_bone():
    frame = phantom.abdomen(spine_from=0.0).frame()
    behind = frame.spine.copy()
    behind[:, 0] += 3.0
    behind[:, 2] = 12.0
    track = aorta.spine_track(phantom.without(frame, spine=behind))
    truth = frame.spine[50, 0] - 18.0 / phantom.MM
    assert abs(track[50, 0] - track[50, 2] / phantom.MM - truth) * phantom.MM < 5
