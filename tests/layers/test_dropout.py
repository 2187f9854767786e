"""Dropout drops as often as it says, keeps the mean, drops the gradient alike, and else goes PyTorch's way."""

import pytest
import torch
from torch import nn

from edgewise.layers.dropout import LEAST, STRETCH, Dropout

MANY = LEAST + STRETCH // 2 + 3


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_as_many_are_dropped_as_it_says_and_the_mean_stays(p):
    torch.manual_seed(0)
    x = torch.ones(MANY)
    y = Dropout(p)(x)
    near = 5 * (p * (1 - p) / MANY * 4) ** 0.5
    for lane in range(4):  # of the four draws that a number of the generator gives
        assert (y[lane::4] == 0).float().mean().item() == pytest.approx(p, abs=near)
    assert y.mean().item() == pytest.approx(1, abs=near / (1 - p))
    assert torch.allclose(y[y != 0], torch.tensor(1 / (1 - p)), rtol=1e-3)


def test_draws_are_not_of_their_neighbours():
    torch.manual_seed(0)
    dropped = (Dropout(0.5)(torch.ones(MANY)) == 0).float() - 0.5
    for apart in (1, 2, 3, 4, STRETCH):
        assert abs((dropped[apart:] * dropped[:-apart]).mean()) < 0.0025


def test_the_gradient_is_dropped_alike():
    x = torch.randn(3, MANY // 3, requires_grad=True)
    y = Dropout(0.3)(x)
    (grad,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    torch.testing.assert_close(grad * x, y)
    assert grad.shape == x.shape


def test_rows_that_lie_otherwise_are_dropped_in_their_shape():
    x = torch.arange(1.0, MANY + MANY % 2 + 1).reshape(2, -1).T
    y = Dropout(0.5)(x)
    assert torch.equal(y[y != 0], 2 * x[y != 0])


def test_a_seed_gives_the_same_again():
    draws = []
    for _ in range(2):
        torch.manual_seed(3)
        draws.append(Dropout(0.2)(torch.ones(MANY)))
    assert torch.equal(*draws)


@pytest.mark.parametrize("given", [torch.ones(9), torch.ones(MANY, dtype=torch.float64)], ids=["few", "double"])
def test_what_is_not_its_goes_pytorchs_way(given):
    both = []
    for kind in (Dropout, nn.Dropout):
        torch.manual_seed(0)
        both.append(kind(0.5)(given))
    assert torch.equal(*both)


@pytest.mark.parametrize("p", [0.0, 1.0, 1e-9])
def test_nobody_and_everybody(p):
    x = torch.ones(MANY)
    assert torch.equal(Dropout(p)(x), x * (p < 1))


def test_nothing_is_dropped_in_evaluation():
    x = torch.ones(MANY)
    assert Dropout(0.5).eval()(x) is x


def test_transforms_go_pytorchs_way():
    x = torch.ones(MANY)
    found = torch.func.grad(lambda x: Dropout(0.5)(x).sum())(x)
    assert set(found.tolist()) == {0.0, 2.0}
