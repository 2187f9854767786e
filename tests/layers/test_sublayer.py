"""Residual and norm around a step: before, after, or not at all."""

import pytest
import torch
from torch import nn

from edgewise.layers import Sublayer

STEP = nn.Linear(4, 4)
X = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))


def run(sublayer: Sublayer, step: nn.Module = STEP) -> torch.Tensor:
    return sublayer.after(X, step(sublayer.before(X)))


def test_the_norm_stands_before():
    sublayer = Sublayer(4, 4, norm="layer")
    torch.testing.assert_close(run(sublayer), X + STEP(sublayer.norm(X)))


def test_the_norm_stands_after():
    sublayer = Sublayer(4, 4, norm="layer", placement="post")
    torch.testing.assert_close(run(sublayer), sublayer.norm(X + STEP(X)))


def test_without_a_norm_the_state_is_added():
    torch.testing.assert_close(run(Sublayer(4, 4)), X + STEP(X))


def test_without_a_residual_the_result_is_all():
    torch.testing.assert_close(run(Sublayer(4, 4, residual=False)), STEP(X))
    wider, post = nn.Linear(4, 6), Sublayer(4, 6, norm="rms", placement="post", residual=False)
    torch.testing.assert_close(run(post, wider), post.norm(wider(X)))


def test_the_result_is_dropped_and_not_the_state():
    torch.manual_seed(0)
    sublayer = Sublayer(4, 4, dropout=0.5)
    kept = run(sublayer) - X
    assert (kept == 0).any()
    torch.testing.assert_close(kept[kept != 0], 2 * STEP(X)[kept != 0])
    torch.testing.assert_close(run(sublayer.eval()), X + STEP(X))


def test_dropout_that_is_switched_on_by_itself_drops():
    around = Sublayer(200, 200, dropout=0.5).eval()
    x, result = torch.zeros(3, 200), torch.ones(3, 200)
    assert torch.equal(around.after(x, result), result)
    around.dropout.train()  # as Monte Carlo dropout has it
    assert set(around.after(x, result).unique().tolist()) == {0.0, 2.0}


def test_a_residual_needs_one_width():
    with pytest.raises(
        ValueError, match="a residual adds the state itself, so 4 and 6 channels must be equal; set residual=False"
    ):
        Sublayer(4, 6)


@pytest.mark.usefixtures("unchecked_shapes")
def test_an_unknown_placement_is_refused():
    with pytest.raises(ValueError, match="Sublayer: placement must be 'pre' or 'post', got 'before'"):
        Sublayer(4, 4, placement="before")
