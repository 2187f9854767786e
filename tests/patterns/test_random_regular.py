"""Random regular graphs are simple, regular, undirected, and follow from their seed."""

import networkx
import pytest
import torch

from edgewise.patterns import random_regular
from edgewise.patterns.random_regular import edge_keys, first_of_its_kind, repeated, trade_ends


def to_networkx(graph):
    made = networkx.DiGraph()
    made.add_nodes_from(range(graph.num_receivers))
    senders, receivers = graph.edges()
    made.add_edges_from(zip(senders.tolist(), receivers.tolist(), strict=True))
    return made


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
def test_every_degree_there_is_on_a_few_nodes(n):
    for degree in range(n):
        if degree * n % 2 == 0:
            for seed in range(3):
                graph = to_networkx(random_regular(degree, seed).build(n))
                assert networkx.is_k_regular(graph.to_undirected(as_view=True), degree)
                assert graph.number_of_edges() == n * degree
                assert networkx.number_of_selfloops(graph) == 0
                assert networkx.is_isomorphic(graph, graph.reverse()) or n > 6


@pytest.mark.parametrize(("n", "degree"), [(1000, 3), (1000, 4), (501, 10), (101, 50), (100, 49), (100, 60), (64, 63)])
def test_many_nodes(n, degree):
    graph = random_regular(degree, seed=5).build(n)
    assert (graph.degree() == degree).all()
    senders, receivers = graph.edges()
    assert not (senders == receivers).any()
    assert graph == graph.transpose()
    assert networkx.is_connected(to_networkx(graph).to_undirected())


def test_seeds_differ_and_repeat():
    first, second = random_regular(4, 1).build(50), random_regular(4, 2).build(50)
    assert first != second
    assert first == random_regular(4, 1).build(50)
    state = torch.get_rng_state()
    random_regular(4, 1).build(50)
    assert torch.equal(state, torch.get_rng_state())


def test_sizes_with_one_graph_only():
    assert random_regular(0).build(1).num_edges == 0
    assert random_regular(3).build(0).num_edges == 0
    assert random_regular(4).build(5).num_edges == 20


def test_it_expands():
    """The second largest eigenvalue comes near 2 * sqrt(degree - 1), which no large regular graph gets below."""
    adjacency = random_regular(4).build(400).dense().double()
    second = torch.linalg.eigvalsh(adjacency)[-2]
    assert second < 2 * 3**0.5 + 0.3


def test_all_neighbours_are_about_as_likely():
    drawn = sum(random_regular(3, seed).build(8).dense().double() for seed in range(300)) / 300
    expected = (3 / 7) * (1 - torch.eye(8, dtype=torch.float64))
    assert (drawn - expected).abs().max() < 0.12


def test_a_trade_keeps_degrees_and_repeats_nothing_new():
    draw = torch.Generator().manual_seed(0)
    ends = torch.tensor([[0, 0, 2, 4, 6, 1, 3], [1, 1, 3, 5, 7, 8, 9]])
    surplus = repeated(ends, 10)
    assert surplus.tolist() == [1]
    for _ in range(20):
        traded = trade_ends(ends, surplus, 10, draw)
        assert torch.equal(traded.flatten().bincount(), ends.flatten().bincount())
        assert (traded[0] != traded[1]).all()
        assert len(repeated(traded, 10)) <= 1


def test_edges_are_the_same_both_ways():
    assert edge_keys(torch.tensor([[1, 2], [2, 1]]), 5).tolist() == [7, 7]
    assert first_of_its_kind(torch.tensor([7, 3, 7, 3, 1])).tolist() == [True, True, False, False, True]
