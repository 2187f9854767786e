"""Distances are NetworkX's, cut at the limit."""

import networkx
import pytest
import torch
from tests.graph.brute import graph_of, random_mask

from edgewise.graph import Graph, shortest_path_lengths


@pytest.mark.parametrize("nodes", [0, 1, 2, 17])
@pytest.mark.parametrize("limit", [0, 1, 3, 100])
@pytest.mark.parametrize("density", [0.05, 0.15, 1.0])
def test_they_are_those_of_networkx(nodes, limit, density):
    graph = graph_of(random_mask(nodes, nodes, density, seed=1))
    along = graph_of(random_mask(nodes, nodes, 0.8, seed=2))
    known = dict(networkx.all_pairs_shortest_path_length(graph.to_networkx()))
    expected = [
        min(known[j].get(i, limit + 1), limit + 1)
        for j, i in zip(*(nodes.tolist() for nodes in along.edges()), strict=True)
    ]
    assert shortest_path_lengths(graph, along, limit).tolist() == expected


def test_the_graphs_of_a_batch_are_far_from_each_other():
    path = graph_of(torch.tensor([[0, 1], [1, 0]]).bool())
    batch = Graph.batch([path, path])
    complete = graph_of(torch.ones(4, 4).bool())
    far = 6
    assert shortest_path_lengths(batch, complete, 5).view(4, 4).tolist() == [
        [0, 1, far, far],
        [1, 0, far, far],
        [far, far, 0, 1],
        [far, far, 1, 0],
    ]


def test_graphs_that_do_not_fit_are_refused():
    graph = graph_of(random_mask(3, 3))
    with pytest.raises(ValueError, match="shortest_path_lengths: the graphs must have the same nodes, got Graph.3 rec"):
        shortest_path_lengths(graph, graph_of(random_mask(2, 2)), 1)
    with pytest.raises(ValueError, match="shortest_path_lengths: needs as many senders as receivers"):
        shortest_path_lengths(graph[:2], graph[:2], 1)
    with pytest.raises(ValueError, match="limit must be between 0 and"):
        shortest_path_lengths(graph, graph, -1)
