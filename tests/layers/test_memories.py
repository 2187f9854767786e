"""Memories are further columns of one softmax: the layer equals a dense attention over keys laid end to end."""

import pytest
import torch
from tests.equal import assert_equal_as_promised, assert_states_equal_as_promised
from tests.kernels.graphs import DENSE, IRREGULAR, causal, complete, irregular, numbers
from tests.layers import formula
from tests.layers.test_edge_bias import of_pairs
from torch import nn

from edgewise.data.sparse import sparse_table
from edgewise.graph import Graph
from edgewise.kernels import SparseTable
from edgewise.layers import Hearing, MessagePassing
from edgewise.part import Part

IN, M = 6, 3
GRAPHS = {
    **{f"dense, {name}": g for name, g in DENSE.items()},
    **{f"other, {name}": g for name, g in IRREGULAR.items()},
}


def built(hearing: Hearing, sender_dim: int | None = None) -> MessagePassing:
    torch.manual_seed(0)
    layer = MessagePassing(IN, 8, hearing, sender_dim).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.5)
    return layer


def compare(hearing: Hearing, graph: Graph) -> None:
    layer = built(hearing, sender_dim=5)
    given = {"x": numbers(graph.num_receivers, IN), "senders": numbers(graph.num_senders, 5, seed=1)}
    if hearing.edge_dim is not None:
        given["edges"] = numbers(graph.num_edges, hearing.edge_dim, seed=2)
    bias = 0.0 if layer.edge_bias is None else of_pairs(layer.edge_bias(graph, graph), graph).double()
    every = given | dict(layer.named_parameters())
    ours = formula.gradients(layer(**given, graph=graph), every)
    assert_states_equal_as_promised(
        ours, formula.gradients(formula.layer(layer, graph=graph, bias=bias, **given), every)
    )


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_memories_are_columns_of_one_softmax(graph):
    compare(Hearing(num_heads=2, memories=M), graph)


@pytest.mark.parametrize(
    "words",
    [
        {"edge_bias": "alibi"},
        {"edge_bias": "t5"},
        {"edge_bias": "shortest_path"},
        {"edge_dim": 3},
        {"edge_dim": 3, "num_key_value_heads": 1},
    ],
)
def test_no_position_and_no_edge_touches_a_memory(words):
    graphs = [irregular(7, 7), Graph.batch([causal(3), complete(4)])]
    for graph in graphs if words.get("edge_bias") == "shortest_path" else [*graphs, causal(5, 9)]:
        compare(Hearing(num_heads=2, memories=M, **words), graph)


def test_a_memory_is_not_turned_by_place():
    graph, x = causal(5), numbers(5, IN)
    layer = built(Hearing(num_heads=2, memories=M, rotary="rotary"))
    with torch.no_grad():
        layer.projections.to_key.weight.zero_()
        layer.projections.to_key.bias.zero_()
        layer.projections.to_query.weight.zero_()
    layer.rotary.turned = lambda t, places: t + places[:, None, None]  # what it would do to a memory would be seen
    q = layer.projections.to_query(x).unflatten(-1, (2, 4)) + torch.arange(5)[:, None, None]
    v = layer.projections.to_value(x).unflatten(-1, (2, 4))
    k = torch.cat([torch.arange(5)[:, None, None].expand(5, 2, 4), layer.memories.key * 2])
    s = torch.einsum("ihd,jhd->ijh", q, k) / 2
    s[:, :5].masked_fill_(~graph.dense()[..., None], -torch.inf)
    out = torch.einsum("ijh,jhd->ihd", s.softmax(1), torch.cat([v, layer.memories.value * M**0.5]))
    assert_equal_as_promised(layer(x, graph), layer.output(out.flatten(1)))


def test_leading_batch_dimensions_share_the_memories():
    layer, x, graph = built(Hearing(num_heads=2, memories=M)), numbers(2, 3, 7, IN), irregular(7, 7)
    apart = torch.stack([torch.stack([layer(one, graph) for one in row]) for row in x])
    torch.testing.assert_close(layer(x, graph), apart)


def test_memories_are_no_part_of_a_past():
    layer, x = built(Hearing(num_heads=2, memories=M, rotary="rotary", edge_bias="alibi")), numbers(9, IN)
    begun, past = layer.hear(x[:4], causal(4))
    assert past.value.shape[-3] == 4
    rest = layer(x[4:], causal(5, 9), past=past)
    assert_equal_as_promised(torch.cat([begun, rest]), layer(x, causal(9)))


def test_key_and_value_begin_with_the_variance_of_a_state():
    torch.manual_seed(0)
    layer = MessagePassing(64, 64, Hearing(num_heads=2, memories=500))
    heard = layer.memories(torch.zeros(1, 2, 32), torch.zeros(1, 2, 32), complete(1))
    for learned in heard[:2]:
        assert float(learned[:500].detach().std()) == pytest.approx(1, abs=0.05)


def test_a_graph_is_widened_once():
    layer, graph = built(Hearing(num_heads=2, memories=M)), causal(5)
    wide = [layer.memories(torch.zeros(5, 2, 4), torch.zeros(5, 2, 4), graph)[2] for _ in range(2)]
    assert wide[0] is wide[1]
    assert wide[0] == causal(5, 5 + M)


@pytest.mark.parametrize(
    ("hearing", "message"),
    [
        (Hearing(memories=-1), "Hearing: memories must be at least 0, got -1"),
        (Hearing(memories=2, score="additive"), "one softmax of dot products.*got 'additive' and 'softmax'"),
        (
            Hearing(memories=2, aggregator="sum"),
            "they need score='dot' and aggregator='softmax', got 'dot' and 'sum'",
        ),
        (Hearing(memories=2, aggregator=Part("several", {"of": ["softmax"]})), "got 'dot' and 'several'"),
    ],
)
def test_memories_need_one_softmax_of_dot_products(hearing, message):
    with pytest.raises(ValueError, match=message):
        MessagePassing(IN, 8, hearing)


def test_sparse_features_heard_as_they_are_have_no_memories():
    layer = MessagePassing(IN, 8, Hearing(memories=2, project_value=False))
    table = SparseTable.of(sparse_table(torch.arange(IN), torch.arange(IN), torch.ones(IN), (IN, IN)))
    with pytest.raises(TypeError, match="sums sparse features as they are, which needs their zeros here"):
        layer(table, complete(IN))
