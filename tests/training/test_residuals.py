import pytest
import torch
from tests.training.stand_in import AnswersTask

from edgewise.data import ANSWERS, Numbers
from edgewise.training.goal import DEFAULTS
from edgewise.training.residuals import FILE, draw_residuals
from edgewise.training.showing import SHOWN


@pytest.mark.parametrize("count", [1, 2])
def test_every_number_is_drawn(tmp_path, count):
    targets = torch.randn(9, count)
    targets[3] = float("nan")
    lines = draw_residuals(AnswersTask(Numbers(("x", "y")[:count]), targets), torch.randn(9, count), tmp_path)
    assert (tmp_path / FILE).read_bytes().startswith(b"\x89PNG") and lines == [f"![said against is]({FILE})"]
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_number_of_which_nothing_is_known_is_an_empty_picture(tmp_path):
    draw_residuals(AnswersTask(Numbers(("x",)), torch.full((2, 1), float("nan"))), torch.randn(2, 1), tmp_path)
    assert (tmp_path / FILE).exists()


def test_every_answer_is_shown_somehow():
    assert set(SHOWN) == set(DEFAULTS) == set(ANSWERS.values())
