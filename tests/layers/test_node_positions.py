"""Positions added to states: each equals its formula or PyG's transform, graph by graph of a batch."""

import math

import pytest
import torch
from tests.kernels.graphs import causal, complete, from_mask, irregular
from torch import nn
from torch_geometric.data import Data
from torch_geometric.transforms import AddLaplacianEigenvectorPE, AddRandomWalkPE

from edgewise.graph import Graph
from edgewise.layers import NODE_POSITIONS
from edgewise.layers.positions import receiver_places, sender_places
from edgewise.part import Part


def position(name: str, dim: int, **options) -> nn.Module:
    return Part(name, options).build(NODE_POSITIONS, "node position", dim=dim)


def mutual(nodes: int, seed: int = 0, density: float = 0.4) -> Graph:
    graph = irregular(nodes, nodes, density, seed)
    return graph | graph.transpose()


def bare(module: nn.Module) -> nn.Module:
    """The same without its projection: what it is a projection of."""
    nn.init.eye_(module.project.weight)
    nn.init.zeros_(module.project.bias)
    return module


@pytest.mark.parametrize("dim", [0, 1, 5, 8])
@pytest.mark.parametrize("base", [10000.0, 100.0])
def test_sinusoidal_is_its_formula(dim, base):
    found = position("sinusoidal", dim, base=base)(complete(6))
    expected = torch.tensor(
        [
            [(math.sin, math.cos)[c % 2](p / base ** ((c - c % 2) / dim)) for c in range(dim)]
            for p in range(6)
        ]
    ).reshape(6, dim)  # fmt: skip
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(("name", "options"), [("sinusoidal", {}), ("learned", {"max_length": 9})])
def test_every_graph_of_a_batch_begins_anew_and_past_senders_come_first(name, options):
    place = position(name, 4, **options)
    whole = place(complete(9))
    batch = Graph.batch([complete(3), causal(2, 6), complete(0), complete(1)])
    torch.testing.assert_close(place(batch), whole[[0, 1, 2, 4, 5, 0]])
    torch.testing.assert_close(place(causal(4, 9)), whole[5:])


@pytest.mark.parametrize("shapes", [[(5, 5), (3, 3), (5, 5)], [(2, 7), (1, 1), (2, 7)], [(3, 1), (4, 4)], [(0, 0)] * 2])
def test_places_in_common_have_the_numbers_that_each_has_alone(shapes):
    place = position("sinusoidal", 6)
    graphs = [causal(*shape) for shape in shapes]
    assert torch.equal(place(Graph.batch(graphs)), torch.cat([place(graph) for graph in graphs]))


def test_places_of_receivers_and_of_senders():
    batch = Graph.batch([causal(2, 3), causal(1, 4), complete(2)])
    assert receiver_places(batch).tolist() == [1, 2, 3, 0, 1]
    assert sender_places(batch).tolist() == [0, 1, 2, 0, 1, 2, 3, 0, 1]
    assert sender_places(complete(3)).tolist() == [0, 1, 2]


def test_learned_is_a_table_by_place():
    learned = position("learned", 4, max_length=5, offset=2)
    torch.testing.assert_close(learned(complete(3)), learned.table.weight[2:5])
    assert learned(complete(5)).shape == (5, 4)
    assert learned.table.weight.shape == (7, 4)


def test_a_text_longer_than_the_table_is_refused():
    with pytest.raises(
        ValueError, match="a graph has place 5, but there are 5 places; shorten the text or raise max_length"
    ):
        position("learned", 4, max_length=5)(causal(1, 6))


@pytest.mark.parametrize("nodes", [5, 12])
def test_laplacian_is_that_of_pyg_but_for_signs(nodes):
    graph, count = mutual(nodes, seed=nodes, density=0.6), 3
    laplacian = bare(position("laplacian", count, count=count)).eval()
    data = Data(edge_index=graph.to_edge_index(), num_nodes=nodes)
    theirs = AddLaplacianEigenvectorPE(count, attr_name="vectors")(data).vectors
    torch.testing.assert_close(laplacian(graph).abs(), theirs.abs(), atol=1e-5, rtol=1e-5)


def test_signs_are_drawn_for_every_graph_in_every_training_step_only():
    torch.manual_seed(0)
    parts = [mutual(6, seed=1), mutual(5, seed=2)]
    laplacian, graph = bare(position("laplacian", 3, count=3)), Graph.batch(parts)
    fixed = laplacian.eval()(graph)
    assert torch.equal(laplacian(graph), fixed)
    torch.testing.assert_close(fixed, torch.cat([laplacian(part) for part in parts]))
    laplacian.train()
    drawn = torch.stack([laplacian(graph) for _ in range(40)])
    assert torch.equal(drawn.abs(), fixed.abs().expand_as(drawn))
    signs = torch.where(fixed.abs() > 1e-4, drawn.sign() * fixed.sign(), torch.nan)
    for rows in (signs[:, :6], signs[:, 6:]):
        each = rows.nanmean(1)
        assert ((each == 1) | (each == -1)).all(), "a graph's eigenvector is turned as a whole"
        assert {(-1, 1), (1, -1), (1, 1), (-1, -1)} == {tuple(row) for row in each[:, :2].int().tolist()}
    assert not torch.equal(signs[:, :6].nanmean(1), signs[:, 6:].nanmean(1)), "graphs are turned apart"


def test_a_graph_with_few_nodes_has_zeros_for_the_rest():
    vectors = bare(position("laplacian", 3, count=3)).eval()(Graph.batch([complete(1), complete(2)]))
    assert (vectors[:, 1:] == 0).all()
    assert vectors[0, 0] == 0
    assert vectors[1, 0] == -vectors[2, 0] != 0


@pytest.mark.parametrize("graph", [mutual(9, seed=3), irregular(7, 7, seed=4)], ids=["mutual", "directed"])
def test_random_walk_is_that_of_pyg(graph):
    walk = bare(position("random_walk", 5, steps=5))
    data = Data(edge_index=graph.to_edge_index(), num_nodes=graph.num_receivers)
    torch.testing.assert_close(walk(graph), AddRandomWalkPE(5, attr_name="back")(data).back)


def test_degree_is_a_table_by_how_many_are_heard():
    graph = from_mask(torch.tensor([[1, 1, 1], [0, 0, 0], [1, 0, 0]], dtype=torch.bool))
    degree = position("degree", 4, limit=2)
    torch.testing.assert_close(degree(graph), degree.table.weight[[2, 0, 1]])
    assert degree.table.weight.shape == (3, 4)


@pytest.mark.parametrize(("name", "options"), [("laplacian", {"count": 2}), ("random_walk", {"steps": 3})])
def test_what_follows_from_the_edges_is_computed_once(name, options, monkeypatch):
    graph = mutual(6)
    first = position(name, 4, **options).eval()
    before = first(graph)
    monkeypatch.setattr(torch.linalg, "eigh", None)
    monkeypatch.setattr(Graph, "dense", None)
    assert torch.equal(first(graph), before)
