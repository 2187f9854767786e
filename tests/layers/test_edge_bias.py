"""Positions added to logits: ALiBi's slopes, T5's buckets, lengths of shortest paths, and the layer that adds them."""

import networkx
import pytest
import torch
from tests.equal import assert_states_equal_as_promised
from tests.kernels.formula import dense
from tests.kernels.graphs import causal, complete, irregular, numbers
from tests.layers import formula
from torch import Tensor
from transformers.models.bloom.modeling_bloom import build_alibi_tensor
from transformers.models.t5.modeling_t5 import T5Attention

from edgewise.graph import Graph
from edgewise.kernels import OffsetTable
from edgewise.layers import EDGE_BIASES, Hearing, MessagePassing
from edgewise.layers.positions import GaussianBias, T5Buckets
from edgewise.layers.positions.edge_bias import slopes
from edgewise.part import Part


def of_pairs(bias: Tensor | OffsetTable, graph: Graph) -> Tensor:
    """b_ij of every pair that is an edge, [R, S, H]."""
    if isinstance(bias, Tensor):
        return dense(bias, graph)
    senders, receivers = graph.edges()
    return dense(bias.at(senders - graph.position()[receivers], bias.table.dtype), graph)


def test_slopes_of_eight_and_of_twelve_heads():
    assert slopes(8) == [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256]
    assert slopes(12) == [*slopes(8), 2**-0.5, 2**-1.5, 2**-2.5, 2**-3.5]


@pytest.mark.parametrize("num_heads", [1, 2, 3, 8, 12, 16, 20])
def test_slopes_are_those_of_bloom(num_heads):
    theirs = build_alibi_tensor(torch.ones(1, 2), num_heads, torch.float32)[:, 0, 1]
    torch.testing.assert_close(torch.tensor(slopes(num_heads)), theirs)


@pytest.mark.parametrize("num_heads", [2, 3])
def test_alibi_gives_the_attention_of_bloom_on_a_causal_graph(num_heads):
    graph = causal(6)
    ours = of_pairs(EDGE_BIASES["alibi"](num_heads)(graph, graph), graph).permute(2, 0, 1)
    theirs = build_alibi_tensor(torch.ones(1, 6), num_heads, torch.float32)
    hidden = ~graph.dense()
    torch.testing.assert_close(
        ours.masked_fill(hidden, -torch.inf).softmax(-1),
        theirs.expand(-1, 6, -1).masked_fill(hidden, -torch.inf).softmax(-1),
    )


def test_alibi_is_minus_the_distance_both_ways():
    graph = Graph.batch([complete(4), causal(2, 5)])
    table = EDGE_BIASES["alibi"](2)(graph, graph)
    distance = (torch.arange(9) - graph.position()[:, None]).abs()
    slope = torch.tensor([2**-4, 2**-8])
    expected = -(distance[..., None] * slope) * graph.dense()[..., None]
    torch.testing.assert_close(of_pairs(table, graph), expected)


def test_far_places_stay_apart_in_half_precision():
    layer = MessagePassing(4, 4, Hearing(num_heads=4, edge_bias="alibi")).bfloat16()
    graph = causal(1, 3001)
    far = of_pairs(layer.edge_bias(graph, graph), graph)[0, :, 0]
    assert len(far.unique()) == 3001


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize(("num_buckets", "max_distance"), [(32, 128), (32, 64), (8, 20), (4, 5), (6, 9)])
def test_buckets_are_those_of_t5(num_buckets, max_distance, bidirectional):
    offsets = torch.arange(-2 * max_distance, 2 * max_distance + 1)
    ours = T5Buckets(2, num_buckets, max_distance, bidirectional)
    theirs = T5Attention._relative_position_bucket(offsets, bidirectional, num_buckets, max_distance)
    assert torch.equal(ours.bucket(offsets), theirs)
    table = ours(complete(2), complete(2))
    torch.testing.assert_close(table.at(offsets, torch.float32), ours.table(theirs))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_buckets": 2}, "t5: num_buckets must be even and at least 4, got 2"),
        ({"num_buckets": 7}, "t5: num_buckets must be even and at least 4, got 7"),
        ({"max_distance": 8}, "t5: max_distance must be more than 8, the distances with a bucket each, got 8"),
        (
            {"max_distance": 16, "bidirectional": False},
            "t5: max_distance must be more than 16, the distances with a bucket each, got 16",
        ),
    ],
)
def test_buckets_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        T5Buckets(2, **options)


def test_a_gaussian_falls_with_the_square_of_the_distance():
    graph = Graph.batch([complete(4), causal(2, 5)])
    bias = GaussianBias(3, narrowest=0.5, widest=8.0)
    distance = (torch.arange(9) - graph.position()[:, None]).abs()
    expected = -(distance[..., None] ** 2) / (2 * torch.tensor([0.5, 2.0, 8.0]) ** 2) * graph.dense()[..., None]
    torch.testing.assert_close(of_pairs(bias(graph, graph), graph), expected)


def test_a_constant_score_under_a_gaussian_is_the_normalised_kernel_of_the_distance():
    torch.manual_seed(0)
    hearing = Hearing(score="constant", num_heads=2, edge_bias="gaussian", project_output=False, output_bias=False)
    layer, x = MessagePassing(4, 4, hearing).double(), numbers(6, 4)
    squared = (torch.arange(6) - torch.arange(6)[:, None]) ** 2
    deviation = layer.edge_bias.log_deviation.exp()
    kernel = torch.exp(-squared[..., None] / (2 * deviation**2)) * torch.ones(6, 6).tril()[..., None]
    kernel = kernel / kernel.sum(1, keepdim=True)
    value = layer.projections.to_value(x).unflatten(-1, (2, 2))
    every = {"x": x} | dict(layer.named_parameters())
    ours = formula.gradients(layer(x, causal(6)), every)
    theirs = torch.einsum("ijh,jhd->ihd", kernel, value).flatten(1)
    assert_states_equal_as_promised(ours, formula.gradients(theirs, every))


@pytest.mark.parametrize(("narrowest", "widest"), [(0.0, 1.0), (2.0, 1.0), (-1.0, 1.0)])
def test_a_gaussian_without_width_is_refused(narrowest, widest):
    message = f"gaussian: expected 0 < narrowest <= widest, in nodes, got narrowest={narrowest} and widest={widest}"
    with pytest.raises(ValueError, match=message):
        GaussianBias(2, narrowest, widest)


def test_shortest_paths_are_those_of_networkx():
    roads, limit = irregular(9, 9, density=0.2, seed=3), 2
    everyone = complete(9)
    bias = EDGE_BIASES["shortest_path"](2, limit=limit, along="roads")
    lengths = dict(networkx.all_pairs_shortest_path_length(roads.to_networkx()))
    hops = [[min(lengths[j].get(i, limit + 1), limit + 1) for j in range(9)] for i in range(9)]
    assert {0, 1, 2, 3} == {length for row in hops for length in row}
    torch.testing.assert_close(of_pairs(bias(everyone, roads), everyone), bias.table(torch.tensor(hops)))


def test_shortest_paths_are_found_once_for_each_graph_measured_along():
    heard, roads, streets = complete(5), irregular(5, 5, seed=1), irregular(5, 5, seed=2)
    bias = EDGE_BIASES["shortest_path"](1, along="roads")
    before = {along: bias(heard, along) for along in (heard, roads, streets)}
    kept = dict(heard._remembered)
    for along, found in before.items():
        assert torch.equal(bias(heard, along), found)
    assert heard._remembered.keys() == kept.keys()
    assert not torch.equal(before[roads], before[streets])


HEARD = {
    "irregular": irregular(7, 7, seed=5),
    "with past": causal(4, 9),
    "batch": Graph.batch([complete(3), causal(2), irregular(4, 4, seed=2)]),
}
# Paths are among nodes, so the shortest ones know no past senders.
PAIRS = [(name, heard) for name in EDGE_BIASES for heard in HEARD if (name, heard) != ("shortest_path", "with past")]


@pytest.mark.parametrize(("name", "heard"), PAIRS)
def test_the_layer_adds_it_to_the_logits(name, heard):
    graph = HEARD[heard]
    torch.manual_seed(0)
    layer = MessagePassing(6, 8, Hearing(num_heads=2, edge_bias=Part(name))).double()
    every = {"x": numbers(graph.num_receivers, 6), "senders": numbers(graph.num_senders, 6, seed=1)}
    given = dict(every)
    every |= dict(layer.named_parameters())
    bias = of_pairs(layer.edge_bias(graph, graph), graph)
    ours = formula.gradients(layer(graph=graph, **given), every)
    assert_states_equal_as_promised(
        ours, formula.gradients(formula.layer(layer, graph=graph, **given, bias=bias), every)
    )


def test_distance_may_be_measured_along_another_graph():
    roads, everyone, x = irregular(6, 6, seed=1), complete(6), torch.randn(6, 4)
    layer = MessagePassing(4, 4, Hearing(edge_bias=Part("shortest_path", {"along": "roads"})))
    assert not torch.equal(layer(x, everyone, along=roads), layer(x, everyone, along=everyone))
