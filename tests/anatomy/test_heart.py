import numpy as np
import pytest

from calciscope.anatomy.embedded import heart, mediastinum, vessels
from tests.anatomy import phantom


def finders(frame):
    masks = dict(vessels.segment(frame, {}).masks)
    masks.update(heart.segment(frame, masks).masks)
    masks.update(mediastinum.segment(frame, masks).masks)
    return masks


@pytest.fixture(scope="module")
def body():
    return phantom.chest()


@pytest.fixture(scope="module")
def masks(body):
    return finders(body.frame())


def ellipsoid(body):
    return ((body.x - 12) / 48) ** 2 + ((body.y + 70) / 40) ** 2 + ((body.z - 95) / 48) ** 2 < 1


def test_the_heart_is_found(body, masks):
    mask, confidence = masks["heart_region"]
    truth = ellipsoid(body)
    assert (mask & truth).sum() / truth.sum() > 0.75
    assert confidence >= 0.8


def test_the_heart_swallows_none_of_its_neighbours(body, masks):
    mask = masks["heart_region"][0]
    aorta = (np.hypot(body.x - 25, body.y + 22) < 12) & (body.z > 45)
    spine = np.hypot(body.x, body.y) < 18
    liver = ((body.x + 70) / 75) ** 2 + ((body.y + 55) / 75) ** 2 + ((body.z + 5) / 65) ** 2 < 1
    assert not (mask & aorta).any()
    assert not (mask & spine).any()
    assert (mask & liver & ~ellipsoid(body)).sum() < 0.05 * mask.sum()
    assert not (mask & (body.z > 200)).any()


@pytest.mark.parametrize("hu", [45.0, 150.0, 400.0])
def test_contrast_does_not_move_the_heart(body, hu):
    frame = phantom.chest(hu).frame()
    mask = finders(frame)["heart_region"][0]
    truth = ellipsoid(body)
    assert (mask & truth).sum() / truth.sum() > 0.75


def test_the_heart_is_less_sure_without_its_neighbours(masks):
    frame = phantom.chest().frame()
    alone = heart.segment(phantom.without(frame, airway=np.zeros_like(frame.airway)), {})
    assert alone.masks["heart_region"][1] < masks["heart_region"][1]


def test_a_missing_lung_leaves_no_heart():
    frame = phantom.chest().frame()
    part = heart.segment(phantom.without(frame, lung_left=np.zeros_like(frame.lung_left)), {})
    assert not part.masks


def test_no_heart_in_an_abdomen():
    frame = phantom.abdomen().frame()
    assert not heart.segment(frame, {}).masks
    assert not mediastinum.segment(frame, {}).masks


def test_hila_lie_beside_the_bronchi(body, masks):
    frame = body.frame()
    for side, sign in (("left", 1), ("right", -1)):
        mask, confidence = masks[f"hilum_{side}"]
        z, _, x = np.argwhere(mask).mean(axis=0) * phantom.MM
        assert 140 < z < 205
        assert 25 < sign * (x - 0.5 * body.width) < 75
        assert confidence < 0.8
        assert not (mask & frame.bone).any()


def test_regions_of_the_chest_do_not_overlap(masks):
    names = [n for n in masks if n.startswith(("heart", "mediastinum", "hilum", "arch_br"))]
    total = sum(masks[n][0].astype(int) for n in names)
    assert total.max() == 1


def test_the_mediastinum_lies_between_the_lungs(body, masks):
    mask = masks["mediastinum"][0]
    assert not (mask & body.frame().lungs).any()
    assert np.abs(np.broadcast_to(body.x, mask.shape)[mask]).max() < 70


def test_branches_leave_above_the_arch(masks):
    mask = masks["arch_branches"][0]
    arch = masks["aorta_arch"][0]
    assert np.flatnonzero(mask.any(axis=(1, 2))).mean() > np.flatnonzero(arch.any(axis=(1, 2))).mean()
    assert not (mask & arch).any()


def with_airway(frame, cells):
    """The frame with an airway of the given (slice, row, column) cells, each a few voxels wide."""
    airway = np.zeros_like(frame.airway)
    for z, y, x in cells:
        airway[z, y - 1 : y + 2, x - 1 : x + 2] = True
    return phantom.without(frame, airway=airway)


def test_a_windpipe_has_a_fork_and_a_bronchus_has_none(body):
    frame = body.frame()
    middle, column = frame.airway.shape[1] // 2, frame.airway.shape[2] // 2
    low, high = 30, frame.airway.shape[0]
    straight = [(z, middle, column) for z in range(low, high)]
    aside = [(z, middle, column + (z - low) // 2) for z in range(low, high)]
    ending = straight[: round(24.0 / frame.spacing[0])]
    assert heart.fork_of_windpipe(with_airway(frame, straight)) == low
    assert heart.fork_of_windpipe(with_airway(frame, aside)) is None
    assert heart.fork_of_windpipe(with_airway(frame, ending)) is None


def test_lungs_that_reach_the_border_of_the_view_are_cut(body):
    frame = body.frame()
    assert heart.cut_sides(frame) == (False, False)
    wide = frame.lung_left.copy()
    wide[..., -1] = True
    assert heart.cut_sides(phantom.without(frame, lung_left=wide)) == (False, True)


def test_a_heart_reaches_the_border_of_a_lung_that_is_cut(body):
    frame = body.frame()
    columns = np.flatnonzero(frame.lung_left.any(axis=(0, 1)))
    edge = int(columns[0] + 0.35 * (columns[-1] - columns[0]))
    names = ("hu", "body", "lung_left", "lung_right", "airway", "bone", "metal", "fat")
    cut = phantom.without(frame, **{name: getattr(frame, name)[..., :edge] for name in names})
    assert heart.cut_sides(cut) == (False, True)
    whole, part = heart.between_lungs(frame)[..., :edge], heart.between_lungs(cut)
    assert part.sum() >= 0.85 * whole.sum()


def test_of_two_large_pieces_the_higher_is_the_heart():
    mask = np.zeros((30, 20, 20), dtype=bool)
    mask[0:10] = True
    mask[14:24, :, :12] = True
    mask[26:28, :4, :4] = True
    found = heart._highest(mask)
    assert found[14:24].sum() == found.sum() == mask[14:24].sum()


def test_a_view_that_ends_in_the_liver_dome_shows_no_heart(body):
    frame = body.frame()
    # The domes of both sides, cut at a height where the lungs are but a rim around liver and spleen.
    y, x = np.indices(frame.hu.shape[1:])
    middle = frame.hu.shape[2] / 2
    away = np.hypot(y - 0.45 * frame.hu.shape[1], (np.abs(x - middle) - 24.0))
    lungs = np.broadcast_to((away < 22.0) & (away > 18.0), frame.hu.shape).copy()
    lungs[:4] = False
    hu = np.where(lungs, -850.0, np.maximum(frame.hu, 50.0)).astype(np.float32)
    left = lungs & (x > middle)
    cut = phantom.without(frame, hu=hu, lung_left=left, lung_right=lungs & ~left, airway=np.zeros_like(frame.airway))
    ends = float(cut.hu.shape[0])
    assert heart.heart_floor(cut)[:, int(middle) :].max() > ends - 4
    assert heart.heart_floor(frame).max() < ends / 2


def test_a_vessel_at_the_hilum_is_no_dome(body):
    frame = body.frame()
    middle = frame.hu.shape[2] // 2
    # The lungs reach the first slice everywhere but over a few columns of vessels far up.
    right = np.zeros_like(frame.lung_right)
    right[:, 15:60, 4 : middle - 8] = True
    right[:30, 30:36, middle - 24 : middle - 18] = False
    hu = np.where(right, -850.0, 50.0).astype(np.float32)
    bare = phantom.without(frame, hu=hu, lung_right=right, lung_left=right[:, :, ::-1].copy())
    assert heart.heart_floor(bare).max() == 0
