"""Every node hears itself: what its loop carries, and which loops stay."""

import pytest
import torch
from tests.kernels.graphs import from_mask, irregular

from edgewise.graph import Graph
from edgewise.layers import Hearing, MessagePassing
from edgewise.layers.self_loops import with_self_loops

MASK = torch.tensor([[1, 0, 1, 1], [0, 0, 0, 0], [0, 1, 1, 0], [1, 0, 1, 0]], dtype=torch.bool)
GRAPH = from_mask(MASK)
FEATURES = torch.randn(GRAPH.num_edges, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def dense(graph: Graph, features: torch.Tensor) -> torch.Tensor:
    senders, receivers = graph.edges()
    return torch.zeros(graph.num_receivers, graph.num_senders, 2, dtype=features.dtype).index_put(
        (receivers, senders), features
    )


def test_none_adds_nothing():
    assert with_self_loops(GRAPH, FEATURES, "none") == (GRAPH, FEATURES)


def test_loops_that_exist_stay_and_new_ones_carry_ones():
    graph, features = with_self_loops(GRAPH, FEATURES, "ones")
    expected = dense(GRAPH, FEATURES)
    for i in range(4):
        if not MASK[i, i]:
            expected[i, i] = 1
    assert torch.equal(graph.dense(), MASK | torch.eye(4, dtype=torch.bool))
    torch.testing.assert_close(dense(graph, features), expected)


def test_every_loop_is_new_and_carries_the_mean_of_what_is_heard_from_others():
    graph, features = with_self_loops(GRAPH, FEATURES, "mean")
    expected = dense(GRAPH, FEATURES)
    for i in range(4):
        others = [expected[i, j] for j in range(4) if j != i and MASK[i, j]]
        expected[i, i] = torch.stack(others).mean(0) if others else 0
    torch.testing.assert_close(dense(graph, features), expected)


@pytest.mark.parametrize("fill", ["mean", "ones"])
def test_receivers_among_more_senders_hear_the_one_they_are_aligned_with(fill):
    past = Graph.batch([irregular(2, 5, seed=1), irregular(3, 3, seed=2)])
    graph, features = with_self_loops(past, torch.ones(past.num_edges, 2), fill)
    i = torch.arange(5)
    assert graph.dense()[i, past.position()].all()
    assert (
        graph.num_edges
        == len(features)
        == int((past.dense().index_put((i, past.position()), torch.tensor(True))).sum())
    )


def test_gradients_go_back_to_the_features():
    features = FEATURES.clone().requires_grad_()
    for fill in ("mean", "ones"):
        assert torch.autograd.gradcheck(lambda f, fill=fill: with_self_loops(GRAPH, f, fill)[1], features)


def test_the_graph_with_loops_is_made_once():
    assert with_self_loops(GRAPH, None, "ones")[0] is with_self_loops(GRAPH, FEATURES, "mean")[0]


@pytest.mark.parametrize("fill", ["mean", "ones"])
def test_a_node_alone_hears_itself(fill):
    hearing = Hearing(self_loops=fill, project_value=False, project_output=False, output_bias=False)
    layer, x = MessagePassing(3, 3, hearing), torch.randn(2, 3)
    alone = Graph.from_edges(torch.zeros(0).long(), torch.zeros(0).long(), num_senders=2)
    torch.testing.assert_close(layer(x, alone), x)


def test_no_nodes_have_no_loops():
    none = from_mask(torch.zeros(0, 0, dtype=torch.bool))
    graph, features = with_self_loops(none, torch.zeros(0, 2), "mean")
    assert (graph.num_edges, features.shape) == (0, (0, 2))
