"""Which deposit is which: one to one by distance, and what split or merged counted together."""

import numpy as np

from calciscope.compare.match import Cloud, Group, match


def ball(x, y=0.0, z=0.0, radius=2.0):
    grid = np.stack(np.meshgrid(*[np.arange(-radius, radius + 0.5, 0.5)] * 3), axis=-1).reshape(-1, 3)
    return Cloud(grid[np.linalg.norm(grid, axis=1) <= radius] + np.array([x, y, z]))


def rod(start, end):
    return Cloud(np.array([[x, y, 0.0] for x in np.arange(start, end, 0.5) for y in (-0.5, 0.0, 0.5)]))


def test_each_finds_its_own_whatever_the_order():
    old = [ball(0), ball(20), ball(40)]
    new = [ball(41), ball(1), ball(20.5)]
    assert match(old, new, 1.0) == (Group((0,), (1,)), Group((1,), (2,)), Group((2,), (0,)))


def test_what_only_one_date_has_stays_alone():
    assert match([ball(0), ball(60)], [ball(0.5), ball(-60)], 1.0) == (
        Group((0,), (0,)),
        Group((1,), ()),
        Group((), (1,)),
    )


def test_the_sum_of_distances_decides_between_neighbours():
    # Greedy matching would give the first old deposit the nearer new one and leave the other pair far apart.
    old, new = [ball(0), ball(5)], [ball(3), ball(8)]
    assert match(old, new, 2.0) == (Group((0,), (0,)), Group((1,), (1,)))


def test_a_deposit_that_broke_is_one_with_its_pieces():
    assert match([rod(0, 20)], [rod(0, 8), rod(12, 20)], 0.5) == (Group((0,), (0, 1)),)


def test_deposits_that_flowed_together_are_one_with_the_whole():
    assert match([rod(0, 8), rod(12, 20)], [rod(0, 20)], 0.5)[0].new == (0,)
    assert sorted(match([rod(0, 8), rod(12, 20)], [rod(0, 20)], 0.5)[0].old) == [0, 1]


def test_a_new_neighbour_is_no_piece_of_the_old_one():
    assert match([rod(0, 10)], [rod(0, 10), rod(15, 30)], 0.5) == (Group((0,), (0,)), Group((), (1,)))


def test_a_deposit_that_grew_a_lot_is_still_itself():
    assert match([ball(0, radius=1.0)], [ball(2, radius=6.0)], 1.0) == (Group((0,), (0,)),)


def test_nothing_on_either_side():
    assert match([], [], 1.0) == ()
    assert match([ball(0)], [], 1.0) == (Group((0,), ()),)
    assert match([], [ball(0)], 1.0) == (Group((), (0,)),)


def test_calcium_that_was_divided_at_another_place_is_one():
    old, new = [rod(0, 12), rod(13, 20)], [rod(0, 6), rod(7, 20)]
    assert match(old, new, 1.0) == (Group((0, 1), (0, 1)),)


def test_a_neighbour_that_grew_towards_another_stays_itself():
    old, new = [rod(0, 6), rod(12, 20)], [rod(0, 10), rod(12, 20)]
    assert match(old, new, 1.0) == (Group((0,), (0,)), Group((1,), (1,)))
