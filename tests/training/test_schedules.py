import math

import pytest

from edgewise.training import SCHEDULES, Recipe, Schedule, TrainingConfig
from edgewise.training.schedules import FALLS, WarmUpStableDecay, schedule_of


def shares(name, warm_up, steps, **options):
    schedule = SCHEDULES[name](**options)
    return [schedule.share(step, warm_up, steps) for step in range(steps)]


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


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_that_does_not_end_is_the_same_in_a_longer_run(name):
    same = shares(name, 3, 40)[:20] == shares(name, 3, 20)
    assert same is not SCHEDULES[name].ends


def test_each_falls_by_its_formula():
    assert set(shares("constant", 0, 9)) == {1.0}
    assert shares("linear", 2, 6)[2:] == [1.0, 0.75, 0.5, 0.25]
    assert shares("cosine", 2, 6)[4] == pytest.approx(0.5)
    assert shares("inverse_square_root", 4, 20)[15] == math.sqrt(4 / 16)
    assert shares("warm_up_stable_decay", 2, 20, decay=0.2)[2:] == [1.0] * 15 + [0.75, 0.5, 0.25]


def test_one_step_is_at_the_peak():
    assert all(shares(name, 0, 1) == [1.0] for name in SCHEDULES)


@pytest.mark.parametrize("name", ["linear", "cosine", "warm_up_stable_decay"])
def test_a_schedule_falls_to_its_least_share(name):
    falling = shares(name, 0, 1000, least=0.1)
    assert falling[0] == 1.0 and falling[-1] == pytest.approx(0.1, abs=0.01) and min(falling) >= 0.1
    assert shares(name, 0, 9, least=1.0) == [1.0] * 9


@pytest.mark.parametrize("fall", FALLS)
def test_a_decay_of_all_steps_is_its_fall(fall):
    found = shares("warm_up_stable_decay", 0, 8, decay=1.0, fall=fall)
    assert found == [FALLS[fall](step / 8) for step in range(8)]
    assert FALLS[fall](0.0) == 1.0 and FALLS[fall](1.0) == pytest.approx(0.0)


def test_a_decay_waits_for_the_warm_up_and_has_a_step_at_least():
    assert shares("warm_up_stable_decay", 6, 8, decay=1.0)[5:] == [1.0, 1.0, 0.5]
    assert shares("warm_up_stable_decay", 0, 3, decay=0.01, least=0.5) == [1.0, 1.0, 1.0]


def test_noam_is_the_inverse_square_root_with_another_peak():
    width, warm_up = 512, 40
    noam = [width**-0.5 * min(step**-0.5, step * warm_up**-1.5) for step in range(1, 200)]
    peak = 1 / math.sqrt(width * warm_up)
    assert [peak * share for share in shares("inverse_square_root", warm_up, 199)] == pytest.approx(noam)


def test_a_config_names_a_schedule_and_its_options(recipe_file, tmp_path):
    table = {"name": "warm_up_stable_decay", "decay": 0.2}
    assert schedule_of(TrainingConfig(schedule=table)) == WarmUpStableDecay(decay=0.2)
    recipe = Recipe.read(recipe_file, ['training.schedule={name = "warm_up_stable_decay", decay = 0.2}'])
    assert schedule_of(recipe.training) == WarmUpStableDecay(decay=0.2)
    (tmp_path / "again.toml").write_text(recipe.as_toml())
    assert Recipe.read(tmp_path / "again.toml", name=recipe.name) == recipe


class Halved(Schedule):
    """One of one's own."""

    def shape(self, step, warm_up, steps):
        return 0.5


def test_a_schedule_of_ones_own_is_named_by_its_import_path():
    assert schedule_of(TrainingConfig(schedule=f"{__name__}:Halved")).share(3, 0, 9) == 0.5


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ('{name = "cosine", decay = 0.2}', r"\[training.schedule\] unknown key 'decay'. Known: least"),
        (
            '{name = "cosine", least = 2.0}',
            r"\[training\] schedule: least must be from 0 to 1, a share of the peak, got 2.0",
        ),
        (
            '{name = "warm_up_stable_decay", decay = 0.0}',
            r"\[training\] schedule: decay must be above 0 and at most 1, a share of all steps, got 0.0",
        ),
        (
            '{name = "warm_up_stable_decay", fall = "lineal"}',
            r"schedule: unknown fall 'lineal'. Known: cosine, linear, square_root. Did you mean 'linear'",
        ),
    ],
)
def test_an_option_that_is_none_is_named_in_the_recipe(recipe_file, schedule, message):
    with pytest.raises(ValueError, match=message):
        Recipe.read(recipe_file, [f"training.schedule={schedule}"])
