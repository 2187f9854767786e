import math

import pytest

from edgewise.training import SCHEDULES


def shares(name, warm_up, steps):
    return [SCHEDULES[name].share(step, warm_up, steps) for step in range(steps)]


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_warm_up_is_a_straight_line_to_the_peak(name):
    assert shares(name, 4, 20)[:4] == [0.25, 0.5, 0.75, 1.0]
    assert shares(name, 4, 20)[4] == pytest.approx(1.0, abs=0.11)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("warm_up", [0, 1, 5])
def test_no_share_is_above_the_peak_nor_nothing(name, warm_up):
    assert all(0 < share <= 1 for share in shares(name, warm_up, 12))
    after = shares(name, warm_up, 12)[warm_up:]
    assert after == sorted(after, reverse=True)


def test_each_falls_by_its_formula():
    assert set(shares("constant", 0, 9)) == {1.0}
    assert shares("linear", 2, 6)[2:] == [1.0, 0.75, 0.5, 0.25]
    assert shares("cosine", 2, 6)[4] == pytest.approx(0.5)
    assert shares("inverse_square_root", 4, 20)[15] == math.sqrt(4 / 16)


def test_one_step_is_at_the_peak():
    assert all(shares(name, 0, 1) == [1.0] for name in SCHEDULES)
