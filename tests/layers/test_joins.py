"""Joins equal their equations, and the gates begin near the identity."""

import pytest
import torch
from tests.kernels.graphs import irregular, numbers
from torch import sigmoid, tanh

from edgewise.layers import JOINS, Block, BlockConfig, FeedForwardConfig, Sublayer
from edgewise.part import Part

DIM = 5


def gru(j, x, y):
    W, U = j.from_result.weight.split(DIM), j.from_state.weight.split(DIM)
    r = sigmoid(y @ W[0].T + x @ U[0].T)
    z = sigmoid(y @ W[1].T + x @ U[1].T - j.bias)
    return (1 - z) * x + z * tanh(y @ W[2].T + (r * x) @ j.from_reset.weight.T)


def highway(j, x, y):
    gate = sigmoid(x @ j.gate.weight.T + j.bias)
    return gate * x + (1 - gate) * y


EQUATIONS = {
    "residual": lambda j, x, y: x + y,
    "input": lambda j, x, y: sigmoid(x @ j.gate.weight.T) * x + y,
    "output": lambda j, x, y: x + sigmoid(x @ j.gate.weight.T - j.bias) * y,
    "highway": highway,
    "sigmoid_tanh": lambda j, x, y: x + sigmoid(y @ j.gate.weight.T - j.bias) * tanh(y @ j.value.weight.T),
    "gru": gru,
}
BIASED = [name for name in JOINS if name not in ("residual", "input")]
joins = pytest.mark.parametrize("name", JOINS)


def built(name: str, **options) -> torch.nn.Module:
    torch.manual_seed(0)
    return Part(name, options).build(JOINS, "join", dim=DIM).double()


@joins
@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize("nodes", [0, 1, 7])
def test_a_join_is_its_equation(name, activation, nodes):
    join, x, y = built(name, activation=activation), numbers(nodes, DIM), numbers(nodes, DIM, seed=1)
    if hasattr(join, "bias"):
        torch.nn.init.normal_(join.bias)
    torch.testing.assert_close(join(x, y), EQUATIONS[name](join, x, y if activation is None else y.relu()))


@joins
def test_a_state_stays_in_float32_where_a_sublayer_is_in_half(name):
    join, x, y = built(name).float(), numbers(7, DIM).float(), numbers(7, DIM, seed=1).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        assert join(x, y).dtype == torch.float32


@pytest.mark.parametrize("name", BIASED)
def test_a_bias_says_how_near_the_identity_it_begins(name):
    x, y = numbers(7, DIM), numbers(7, DIM, seed=1)
    away = [(built(name, bias=bias)(x, y) - x).abs().max().item() for bias in (0.0, 2.0, 20.0)]
    assert away[0] > 2 * away[1] > 0
    assert away[2] < 1e-6


@joins
@pytest.mark.parametrize("placement", ["pre", "post"])
def test_a_sublayer_joins_and_norms_where_it_is_told(name, placement):
    torch.manual_seed(0)
    around, step = Sublayer(DIM, DIM, "layer", placement, join=name).double(), torch.nn.Linear(DIM, DIM).double()
    x = numbers(7, DIM)
    result = step(around.norm(x) if placement == "pre" else x)
    joined = EQUATIONS[name](around.join, x, result)
    expected = joined if placement == "pre" else around.norm(joined)
    torch.testing.assert_close(around.after(x, step(around.before(x))), expected)


def test_every_step_of_a_block_has_a_join_of_its_own():
    torch.manual_seed(0)
    words = {"norm": "layer", "feed_forward": FeedForwardConfig(hidden=9), "join": Part("gru", {"activation": "relu"})}
    block, graph, x = Block(DIM, BlockConfig(**words)).double(), irregular(7, 7, seed=1), numbers(7, DIM)
    first, second = block.around[0], block.around_feed_forward
    h = gru(first.join, x, block.hearings[0](first.norm(x), graph).relu())
    h = gru(second.join, h, block.feed_forward(second.norm(h)).relu())
    torch.testing.assert_close(block(x, graph), h)


def test_a_join_without_the_state_is_refused():
    with pytest.raises(ValueError, match="Sublayer: join='gru' joins the result to the state, and residual=False"):
        Sublayer(DIM, DIM, residual=False, join=Part("gru"))


def test_an_unknown_join_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown join 'gur'\. Known: gru, .* Did you mean 'gru'"):
        Sublayer(DIM, DIM, join="gur")
