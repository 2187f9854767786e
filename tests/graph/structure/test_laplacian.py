"""Laplacian eigenvectors solve their equation, and are PyG's and NetworkX's."""

import networkx
import pytest
import torch
from tests.graph.brute import graph_of, random_mask
from torch_geometric.data import Data
from torch_geometric.transforms import AddLaplacianEigenvectorPE

from edgewise.graph import Graph, laplacian_eigenvectors
from edgewise.graph.structure import laplacian


def connected(nodes: int, seed: int = 0) -> Graph:
    graph = graph_of(random_mask(nodes, nodes, 0.2, seed) | torch.ones(nodes, nodes).bool().diagonal(1).diag_embed(1))
    return graph | graph.transpose()


@pytest.fixture(params=["dense", "sparse"])
def solver(request, monkeypatch):
    used = []
    for name in ("dense_eigenvectors", "sparse_eigenvectors"):
        solve = getattr(laplacian, name)
        monkeypatch.setattr(laplacian, name, lambda *given, name=name, solve=solve: used.append(name) or solve(*given))
    if request.param == "sparse":
        monkeypatch.setattr(laplacian, "DENSE_NODES", 0)
    yield
    assert set(used) == {f"{request.param}_eigenvectors"}


@pytest.mark.usefixtures("solver")
def test_they_solve_the_equation():
    graph = connected(21)
    values, vectors = laplacian_eigenvectors(graph, 5)
    mask = graph.remove_self_loops().dense().double()
    scale = mask.sum(1).rsqrt()
    matrix = torch.eye(21) - scale[:, None] * mask * scale
    torch.testing.assert_close(matrix @ vectors.double(), values.double() * vectors.double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(vectors.T @ vectors, torch.eye(5), atol=1e-6, rtol=0)
    assert values[0, 0] > 1e-3
    assert torch.equal(values, values.sort().values)


@pytest.mark.usefixtures("solver")
def test_they_are_those_of_pyg_but_for_the_sign():
    graph = connected(30)
    data = Data(edge_index=graph.to_edge_index(), num_nodes=30)
    theirs = AddLaplacianEigenvectorPE(6, attr_name="pe", is_undirected=True)(data).pe
    _, ours = laplacian_eigenvectors(graph, 6)
    torch.testing.assert_close(ours.abs(), theirs.abs(), atol=1e-5, rtol=0)


@pytest.mark.usefixtures("solver")
def test_the_values_are_those_of_networkx():
    network = networkx.gnp_random_graph(25, 0.3, seed=3)
    values, _ = laplacian_eigenvectors(Graph.from_networkx(network)[0], 8)
    theirs = torch.from_numpy(networkx.normalized_laplacian_spectrum(network)).sort().values
    torch.testing.assert_close(values[0].double(), theirs[1:9], atol=1e-6, rtol=0)


def test_each_graph_of_a_batch_has_its_own():
    graphs = [connected(7), connected(1), connected(3), Graph.from_mask(torch.zeros(0, 0).bool()), connected(12)]
    values, vectors = laplacian_eigenvectors(Graph.batch(graphs), 4)
    alone = [laplacian_eigenvectors(graph, 4) for graph in graphs]
    assert torch.equal(values, torch.cat([v for v, _ in alone]))
    assert torch.equal(vectors, torch.cat([v for _, v in alone]))


def test_a_small_graph_has_zeros_for_the_rest():
    values, vectors = laplacian_eigenvectors(connected(3), 5)
    assert (values[0] != 0).tolist() == [True, True, False, False, False]
    assert (vectors != 0).any(0).tolist() == [True, True, False, False, False]
    assert laplacian_eigenvectors(connected(3), 0)[1].shape == (3, 0)


def test_self_loops_change_nothing_and_isolated_nodes_are_alone():
    graph = connected(6)
    assert all(map(torch.equal, laplacian_eigenvectors(graph.add_self_loops(), 3), laplacian_eigenvectors(graph, 3)))
    _, vectors = laplacian_eigenvectors(graph_of(torch.zeros(3, 3).bool()), 2)
    assert vectors.abs().sum(0).tolist() == [1, 1]


def test_the_first_of_the_largest_entries_is_positive():
    vectors = torch.tensor([[-0.5, 0.1], [0.5, -0.9], [-0.5, 0.2]], dtype=torch.float64)
    assert laplacian.with_sign(vectors)[0].tolist() == [0.5, -0.1]


def test_an_asymmetric_graph_is_refused():
    graph = graph_of(torch.ones(3, 3).tril().bool())
    with pytest.raises(ValueError, match="the graph must be symmetric, got .*; graph | graph.transpose"):
        laplacian_eigenvectors(graph, 1)
    with pytest.raises(ValueError, match="laplacian_eigenvectors: count must be between 0 and"):
        laplacian_eigenvectors(connected(3), -1)
