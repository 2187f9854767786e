import pytest
import torch

from edgewise.data import Classes, Labels
from edgewise.training import OBJECTIVES

NAN = float("nan")


def examples(answer):
    """Targets, right outputs and wrong ones."""
    if answer is Classes:
        return torch.tensor([0, 1, 2]), 5 * torch.eye(3), 5 * torch.eye(3).roll(1, 0)
    targets = torch.tensor([[0.0, 1.0], [1.0, NAN]])
    right = 5 * (2 * targets.nan_to_num(0.5) - 1) if answer is Labels else targets.nan_to_num(7.0)
    return targets, right, 1 - right


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_perfect_answer_has_less_loss_than_a_wrong_one(name):
    targets, right, wrong = examples(OBJECTIVES[name].answers[0])
    assert OBJECTIVES[name].loss(right, targets) < OBJECTIVES[name].loss(wrong, targets)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_loss_has_a_finite_gradient_and_none_where_nothing_is_known(name):
    targets, _, outputs = examples(OBJECTIVES[name].answers[0])
    OBJECTIVES[name].loss(outputs.requires_grad_(), targets).backward()
    assert outputs.grad.isfinite().all() and outputs.grad.abs().sum() > 0
    if targets.dim() == 2:
        assert (outputs.grad[targets.isnan()] == 0).all()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_loss_is_a_mean_over_what_is_known(name):
    targets, _, outputs = examples(OBJECTIVES[name].answers[0])
    loss = OBJECTIVES[name].loss(outputs, targets)
    assert torch.allclose(OBJECTIVES[name].loss(outputs.repeat(3, 1), torch.cat([targets] * 3)), loss)


@pytest.mark.parametrize("name", [name for name, known in OBJECTIVES.items() if known.smoothed])
def test_a_smoothed_label_is_spread_over_all_classes(name):
    objective = OBJECTIVES[name]
    targets, _, outputs = examples(objective.answers[0])
    assert objective.smoothed(outputs, targets, 0.0) == objective.loss(outputs, targets)
    every = torch.stack([objective.loss(outputs, torch.full_like(targets, c)) for c in range(outputs.shape[1])])
    expected = 0.8 * objective.loss(outputs, targets) + 0.2 * every.mean()
    torch.testing.assert_close(objective.smoothed(outputs, targets, 0.2), expected)
