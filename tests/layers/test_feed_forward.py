"""The feed-forward equals its formula, gated and not."""

import pytest
import torch
from torch import nn

from edgewise.layers import ACTIVATIONS, FeedForward, FeedForwardConfig


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("bias", [True, False])
def test_it_is_its_formula(activation, bias):
    torch.manual_seed(0)
    layer = FeedForward(3, 4, FeedForwardConfig(hidden=5, activation=activation, bias=bias))
    x = torch.randn(2, 6, 3)
    torch.testing.assert_close(layer(x), layer.narrow(ACTIVATIONS[activation](layer.widen(x))))
    assert (layer.widen.bias is not None) == (layer.narrow.bias is not None) == bias


def test_gated_it_is_its_formula():
    torch.manual_seed(0)
    layer = FeedForward(3, 4, FeedForwardConfig(hidden=5, activation="silu", gated=True))
    x = torch.randn(6, 3)
    torch.testing.assert_close(layer(x), layer.narrow(nn.functional.silu(layer.gate(x)) * layer.widen(x)))


def test_the_norm_stands_before_the_activation():
    torch.manual_seed(0)
    layer = FeedForward(3, 4, FeedForwardConfig(hidden=5, norm="layer"))
    x = torch.randn(6, 3)
    torch.testing.assert_close(layer(x), layer.narrow(layer.norm(layer.widen(x)).relu()))


def test_hidden_channels_are_dropped_in_training_only():
    torch.manual_seed(1)
    layer = FeedForward(1, 1, FeedForwardConfig(hidden=1000, dropout=0.5, bias=False))
    nn.init.ones_(layer.widen.weight)
    nn.init.ones_(layer.narrow.weight)
    sums = torch.stack([layer(torch.ones(1, 1)) for _ in range(9)])
    assert len(sums.unique()) > 1
    assert abs(sums.mean().item() - 1000) < 100
    assert layer.eval()(torch.ones(1, 1)) == 1000


@pytest.mark.parametrize(
    ("name", "equal"),
    [
        ("relu", lambda x: x.clamp(min=0)),
        ("gelu", lambda x: x * (1 + torch.erf(x / 2**0.5)) / 2),
        ("gelu_tanh", lambda x: x / 2 * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3)))),
        ("silu", lambda x: x / (1 + torch.exp(-x))),
        ("elu", lambda x: torch.where(x > 0, x, x.exp() - 1)),
        ("leaky_relu", lambda x: torch.where(x > 0, x, 0.01 * x)),
        ("tanh", lambda x: 1 - 2 / (torch.exp(2 * x) + 1)),
        ("sigmoid", lambda x: 1 / (1 + torch.exp(-x))),
    ],
)
def test_an_activation_is_its_formula(name, equal):
    x = torch.linspace(-4, 4, 33, dtype=torch.float64)
    torch.testing.assert_close(ACTIVATIONS[name](x), equal(x))


def test_every_activation_has_its_formula_here():
    (mark,) = test_an_activation_is_its_formula.pytestmark
    assert {name for name, _ in mark.args[1]} == set(ACTIVATIONS)


def test_an_unknown_activation_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown activation 'rlu'.*Did you mean 'relu'"):
        FeedForward(3, 3, FeedForwardConfig(hidden=3, activation="rlu"))
