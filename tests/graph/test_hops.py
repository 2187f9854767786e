"""k_hop equals powers of the mask, and NetworkX; long runs cost their logarithm."""

import networkx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.graph.brute import assert_graph, graph_of, random_mask, square_masks

from edgewise.graph import Graph, hops


def walks(mask, k):
    reach, power = torch.zeros_like(mask), torch.eye(len(mask))
    for _ in range(k):
        power = ((mask.float() @ power) > 0).float()
        reach |= power.bool()
    return reach


@given(square_masks(9), st.integers(1, 5))
@settings(max_examples=150, deadline=None)
def test_k_hop_is_the_union_of_powers(mask, k):
    assert_graph(graph_of(mask).k_hop(k), walks(mask, k))


@pytest.mark.parametrize("n", [1, 2, 17, 40])
@pytest.mark.parametrize("density", [0.03, 0.3, 0.97, 1.0])
def test_k_hop_on_long_runs(n, density):
    mask = random_mask(n, n, density)
    for k in (1, 2, 3):
        assert_graph(graph_of(mask).k_hop(k), walks(mask, k))


@pytest.mark.parametrize("k", [1, 2, 4])
def test_k_hop_without_the_node_itself_is_the_power_of_networkx(k):
    network = networkx.gnp_random_graph(20, 0.1, seed=1)
    graph, _ = Graph.from_networkx(network)
    power, _ = Graph.from_networkx(networkx.power(network, k))
    assert graph.k_hop(k).remove_self_loops() == power


def test_walks_through_two_graphs():
    a, b = random_mask(5, 8), random_mask(8, 33, density=0.1, seed=1)
    runs = hops.compose(graph_of(a).runs, graph_of(b).runs, 33)
    assert_graph(Graph._trusted(runs, 33), (a.float() @ b.float()) > 0)


def test_walks_stay_within_their_graph_of_a_batch():
    parts = [graph_of(random_mask(n, n, seed=n)) for n in (3, 0, 6)]
    assert Graph.batch(parts).k_hop(2) == Graph.batch([part.k_hop(2) for part in parts])


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("k", [0, -1, 1.5, True])
def test_walks_of_no_edges_are_refused(k):
    with pytest.raises(
        ValueError, match="k_hop: k must be an int of at least 1, got .*; it counts the edges of a walk"
    ):
        graph_of(random_mask(3, 3)).k_hop(k)


def test_walks_need_one_node_set():
    with pytest.raises(ValueError, match="k_hop: needs as many senders as receivers, got 3 receivers and 4 senders"):
        graph_of(random_mask(3, 4)).k_hop(2)
