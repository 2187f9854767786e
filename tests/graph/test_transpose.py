"""The transpose is that of the mask, whichever way it is found."""

import pytest
import torch
from hypothesis import given, settings
from tests.graph.brute import SIZES, assert_graph, edge_ids, graph_of, masks, random_mask, square_masks

from edgewise.graph import Graph, transpose


@pytest.mark.parametrize("by", ["comparing rows", "sorting edges"])
@given(masks())
@settings(max_examples=100, deadline=None)
def test_the_transpose_is_that_of_the_mask(by, mask):
    graph = graph_of(mask)
    # Which way is taken follows from the number of edges it is told.
    few = graph.num_edges if by == "sorting edges" else 10**9
    assert_graph(Graph._trusted(transpose.transpose(graph.runs, mask.shape[1], few), mask.shape[0]), mask.T)
    assert_graph(graph.transpose(), mask.T)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("density", [0.1, 0.5, 0.9, 1.0])
def test_its_edge_map_leads_back(shape, density):
    mask = random_mask(*shape, density)
    transposed, from_graph = graph_of(mask).transpose(return_edge_map=True)
    assert torch.equal(from_graph, edge_ids(mask).T[mask.T])
    assert transposed.transpose() == graph_of(mask)


def test_it_is_made_once():
    graph = graph_of(random_mask(3, 4))
    assert graph.transpose() is graph.transpose()
    assert graph.transpose(return_edge_map=True)[0] is graph.transpose()


def test_the_transpose_of_a_batch_is_the_batch_of_transposes():
    parts = [graph_of(random_mask(*shape)) for shape in SIZES]
    assert Graph.batch(parts).transpose() == Graph.batch([part.transpose() for part in parts])


@given(square_masks(4))
@settings(max_examples=100, deadline=None)
def test_symmetric_graphs_are_known(mask):
    assert graph_of(mask).is_symmetric() == torch.equal(mask, mask.T)
    assert (graph_of(mask) | graph_of(mask).transpose()).is_symmetric()


def test_a_graph_between_two_node_sets_is_not_symmetric():
    assert not graph_of(torch.zeros(2, 3).bool()).is_symmetric()
