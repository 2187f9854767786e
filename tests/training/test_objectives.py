import pytest
import torch

from edgewise.training import OBJECTIVES


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_perfect_answer_has_less_loss_and_more_score_than_a_wrong_one(name):
    objective, targets = OBJECTIVES[name], torch.tensor([0, 1, 2])
    right, wrong = 5 * torch.eye(3), 5 * torch.eye(3).roll(1, 0)
    assert objective.loss(right, targets) < objective.loss(wrong, targets)
    assert objective.score(right, targets) > objective.score(wrong, targets)
    assert objective.score_name


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_loss_has_a_gradient(name):
    outputs = torch.zeros(2, 3, requires_grad=True)
    OBJECTIVES[name].loss(outputs, torch.tensor([0, 1])).backward()
    assert outputs.grad.abs().sum() > 0


def test_accuracy_counts_nodes():
    outputs = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert OBJECTIVES["cross_entropy"].score(outputs, torch.tensor([0, 1, 1, 1])).item() == 0.75
