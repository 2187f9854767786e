"""Positions that turn queries and keys: only distance counts, and Llama turns the same way."""

import pytest
import torch
from tests.kernels.graphs import causal, complete, numbers
from transformers.models.llama.configuration_llama import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

from edgewise.graph import Graph
from edgewise.layers import ROTARIES, Hearing, MessagePassing
from edgewise.layers.positions import Rotary
from edgewise.part import Part


@pytest.mark.parametrize("name", ROTARIES)
def test_only_the_distance_counts(name):
    rotary = ROTARIES[name](head_dim=6)
    q, k = numbers(1, 2, 6), numbers(1, 2, 6, seed=1)

    def product(i: int, j: int) -> torch.Tensor:
        turned_q, turned_k = rotary(q, k, torch.tensor([i]), torch.tensor([j]))
        return (turned_q * turned_k).sum(-1)

    torch.testing.assert_close(product(3, 1), product(12, 10))
    torch.testing.assert_close(product(0, 0), (q * k).sum(-1))
    assert not torch.allclose(product(3, 1), product(3, 2))


@pytest.mark.parametrize("name", ROTARIES)
def test_a_turn_keeps_the_length(name):
    q, k = numbers(5, 2, 6), numbers(5, 1, 6, seed=1)
    for before, after in zip((q, k), ROTARIES[name](head_dim=6)(q, k, *[torch.arange(5)] * 2), strict=True):
        torch.testing.assert_close(after.norm(dim=-1), before.norm(dim=-1))


@pytest.mark.parametrize("base", [10000.0, 500000.0])
def test_it_turns_as_llama_does(base):
    config = LlamaConfig(
        hidden_size=32, num_attention_heads=4, rope_parameters={"rope_type": "default", "rope_theta": base}
    )
    q, k = (numbers(40, 4, 8, seed=seed, dtype=torch.float32) for seed in (1, 2))
    places = torch.arange(40)
    cosine, sine = LlamaRotaryEmbedding(config)(q, places[None])
    theirs = apply_rotary_pos_emb(q.transpose(0, 1)[None], k.transpose(0, 1)[None], cosine, sine)
    ours = Rotary(8, base)(q, k, places, places)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b[0].transpose(0, 1))


def test_far_places_stay_apart_in_half_precision():
    x = torch.ones(1, 1, 8)
    rotary, far = Rotary(8), torch.tensor([30001])
    torch.testing.assert_close(
        rotary.bfloat16().turned(x.bfloat16(), far).float(), rotary.turned(x, far), atol=0.02, rtol=0.0
    )


def test_an_odd_head_dim_is_refused():
    with pytest.raises(ValueError, match="rotary: turns pairs of channels, so the head dim must be even, got 3"):
        MessagePassing(6, 6, Hearing(num_heads=2, rotary="rotary"))


def test_every_graph_of_a_batch_begins_anew():
    torch.manual_seed(0)
    layer = MessagePassing(8, 8, Hearing(num_heads=2, rotary=Part("rotary", {"base": 20.0}))).double()
    graphs = [complete(3), causal(5), complete(1)]
    x = numbers(9, 8)
    apart = [layer(part, graph) for part, graph in zip(x.split([3, 5, 1]), graphs, strict=True)]
    torch.testing.assert_close(layer(x, Graph.batch(graphs)), torch.cat(apart))


def test_senders_of_another_node_set_stand_at_their_own_places():
    torch.manual_seed(0)
    layer = MessagePassing(8, 8, Hearing(num_heads=2, rotary="rotary")).double()
    graphs = [complete(2, 4), complete(4, 2)]
    x, senders = numbers(6, 8), numbers(6, 8, seed=1)
    apart = [
        layer(rows, graph, senders=columns)
        for rows, columns, graph in zip(x.split([2, 4]), senders.split([4, 2]), graphs, strict=True)
    ]
    torch.testing.assert_close(layer(x, Graph.batch(graphs), senders=senders), torch.cat(apart))
