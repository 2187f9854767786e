"""Return probabilities are diagonals of powers, and PyG's."""

import pytest
import torch
from tests.graph.brute import graph_of, random_mask
from torch_geometric.data import Data
from torch_geometric.transforms import AddRandomWalkPE

from edgewise.graph import Graph, random_walk_return
from edgewise.graph.structure import random_walk


@pytest.fixture(params=["dense_walk", "sparse_walk"])
def way(request, monkeypatch):
    other = "sparse_walk" if request.param == "dense_walk" else "dense_walk"
    monkeypatch.setattr(random_walk, other, None)
    monkeypatch.setattr(random_walk, "DENSE_NODES", 1024 if request.param == "dense_walk" else -1)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("nodes", [0, 1, 2, 13])
@pytest.mark.parametrize("steps", [0, 1, 2, 7])
def test_they_are_the_diagonals_of_powers(nodes, steps):
    mask = random_mask(nodes, nodes, 0.3, seed=nodes)
    step = mask.T / mask.sum(0).clamp(min=1).double()[:, None]
    ours = random_walk_return(graph_of(mask), steps)
    assert ours.shape == (nodes, steps)
    for k in range(steps):
        expected = torch.linalg.matrix_power(step, k + 1).diagonal().float()
        torch.testing.assert_close(ours[:, k], expected)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("density", [0.05, 0.3])
def test_they_are_those_of_pyg(density):
    graph = graph_of(random_mask(30, 30, density))
    data = Data(edge_index=graph.to_edge_index(), num_nodes=30)
    theirs = AddRandomWalkPE(9, attr_name="pe")(data).pe
    torch.testing.assert_close(random_walk_return(graph, 9), theirs)


@pytest.mark.usefixtures("way")
def test_each_graph_of_a_batch_has_its_own():
    graphs = [graph_of(random_mask(n, n, seed=n)) for n in (4, 0, 1, 9)]
    together = random_walk_return(Graph.batch(graphs), 5)
    assert torch.equal(together, torch.cat([random_walk_return(graph, 5) for graph in graphs]))


def test_walks_need_one_node_set_and_a_count():
    with pytest.raises(ValueError, match="random_walk_return: needs as many senders as receivers"):
        random_walk_return(graph_of(random_mask(2, 3)), 1)
    with pytest.raises(ValueError, match="random_walk_return: steps must be between 0 and"):
        random_walk_return(graph_of(random_mask(2, 2)), -1)
