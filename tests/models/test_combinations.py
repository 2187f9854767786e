"""Every block is given a learned combination of all that was said before it."""

from dataclasses import replace

import pytest
import torch
from tests.equal import assert_equal_as_promised
from tests.kernels.graphs import complete
from tests.models.pages import network_of

from edgewise.layers import State
from edgewise.models import COMBINATIONS, Network, encoder, encoder_decoder, gat
from edgewise.part import Part

N = 5
TOKENS = torch.tensor([3, 0, 10, 4, 4])
TEXT = {"dim": 8, "num_heads": 2, "num_layers": 3, "hidden": 12, "dropout": 0.0}


def built(placement: str, **options) -> Network:
    network = network_of(encoder(11, **TEXT, placement=placement, combination=Part("linear", options))).double()
    for weight in network.combination.weights:
        torch.nn.init.normal_(weight)
    return network


@pytest.mark.parametrize("placement", ["pre", "post"])
def test_a_network_is_its_equation(placement):
    network = built(placement)
    w, norms, graphs = network.combination.weights, network.combination.norms, network.graphs([N])
    said = [network.embed["nodes"](TOKENS, complete(N), None)]
    for n, block in enumerate((*network.blocks, None)):
        if placement == "pre":
            x = sum(w[n][k] * norms[k](said[k]) for k in range(n + 1))
        else:
            x = norms[n](sum(w[n][k] * said[k] for k in range(n + 1)))
        if block is not None:
            said.append(block.step(State({"nodes": x}), graphs)[0].nodes["nodes"])
    assert_equal_as_promised(network(graphs, TOKENS), x if network.norm is None else network.norm(x))


def test_weights_begin_as_the_average():
    torch.manual_seed(0)
    combination = COMBINATIONS["linear"](4, 2, norm=None)
    said = [torch.randn(3, 4) for _ in range(3)]
    for n in range(3):
        torch.testing.assert_close(combination(said[: n + 1]), torch.stack(said[: n + 1]).mean(0))


def test_gradients_reach_every_weight():
    network = built("pre")
    network(network.graphs([N]), TOKENS).square().sum().backward()
    assert all(weight.grad.all() for weight in network.combination.weights)


def test_a_combination_has_the_norm_that_it_names():
    assert type(built("pre", norm="rms").combination.norms[0]).__name__ == "RMSNorm"
    assert not len(COMBINATIONS["linear"](4, 2, norm=None).norms)


@pytest.mark.usefixtures("unchecked_shapes")
def test_an_unknown_placement_is_refused():
    with pytest.raises(ValueError, match=r"unknown placement 'pst'\. Known: post, pre\. Did you mean 'post'"):
        COMBINATIONS["linear"](4, 2, placement="pst")


def test_one_node_set_is_combined():
    config = encoder_decoder(11, 13, **{**TEXT, "num_layers": 1})
    with pytest.raises(ValueError, match="NetworkConfig: a combination is of one node set, got source, target"):
        Network(replace(config, combination="linear"))


def test_all_states_have_one_width():
    config = gat(5, 3, hidden=4, num_heads=2)
    with pytest.raises(ValueError, match="each must give 5 channels as the embedding does, got 8, 3"):
        Network(replace(config, combination="linear"))
