import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgewise.data.token_budget import evenly, num_steps


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.integers(1, 60))
def test_every_text_is_in_one_step_and_no_step_is_empty(lengths, budget):
    sizes = torch.tensor(lengths)
    steps = evenly(sizes, num_steps(sizes, budget))
    assert [k for step in steps for k in range(len(lengths))[step]] == list(range(len(lengths)))
    assert all(step.stop > step.start for step in steps) and len(steps) == num_steps(sizes, budget)


@pytest.mark.parametrize("budget", [64, 256])
def test_steps_of_short_texts_are_nearly_of_one_size(budget):
    sizes = torch.randint(1, 9, (1000,), generator=torch.Generator().manual_seed(0))
    tokens = [int(sizes[step].sum()) for step in evenly(sizes, num_steps(sizes, budget))]
    assert max(tokens) <= budget + 8 and min(tokens) >= budget - 20


def test_all_at_once_is_one_step():
    assert num_steps(torch.tensor([5, 5]), 0) == 1
