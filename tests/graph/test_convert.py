"""Masks, SciPy, NetworkX and PyTorch Geometric: there and back without a change."""

import networkx
import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given, settings
from tests.graph.brute import SIZES, assert_graph, edge_ids, graph_of, masks, random_mask, square_masks
from torch_geometric.data import Batch, Data

from edgewise.graph import Graph


@given(masks())
@settings(max_examples=100, deadline=None)
def test_masks_there_and_back(mask):
    assert Graph.from_mask(mask) == graph_of(mask)
    assert Graph.from_mask(mask.T.contiguous().T) == graph_of(mask)
    assert torch.equal(Graph.from_mask(mask).dense(), mask)


@given(masks())
@settings(max_examples=50, deadline=None)
def test_scipy_there_and_back(mask):
    matrix = graph_of(mask).to_scipy()
    assert np.array_equal(matrix.toarray(), mask.numpy())
    assert Graph.from_scipy(matrix) == graph_of(mask)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok"])
def test_scipy_values_follow_their_edges(shape, form):
    mask = random_mask(*shape)
    graph = graph_of(mask)
    values = torch.arange(1.0, graph.num_edges + 1)
    matrix = graph.to_scipy(values)
    assert np.array_equal(matrix.toarray(), (edge_ids(mask) + 1).numpy())
    for stored in (matrix.asformat(form), scipy.sparse.csr_matrix(matrix).asformat(form)):
        back, sorted_values = Graph.from_scipy(stored, return_values=True)
        assert back == graph
        assert torch.equal(sorted_values, values.double() if form == "dok" else values)


def test_a_stored_zero_is_an_edge_and_an_entry_stored_twice_an_error():
    matrix = scipy.sparse.coo_array((np.zeros(1), ([0], [1])), shape=(2, 2))
    assert Graph.from_scipy(matrix).edges() == (torch.tensor([1]), torch.tensor([0]))
    twice = scipy.sparse.coo_array((np.ones(2), ([0, 0], [1, 1])), shape=(2, 2))
    with pytest.raises(ValueError, match="1 of the edges came before"):
        Graph.from_scipy(twice)


@given(square_masks())
@settings(max_examples=30, deadline=None)
def test_networkx_there_and_back(mask):
    network = graph_of(mask).to_networkx()
    assert set(network.edges()) == {(j, i) for i, j in mask.nonzero().tolist()}
    graph, nodes = Graph.from_networkx(network)
    assert graph == graph_of(mask)
    assert nodes == list(range(len(mask)))


def test_networkx_nodes_keep_their_names_and_undirected_edges_go_both_ways():
    network = networkx.Graph([("a", "b"), ("b", "c"), ("c", "c")])
    graph, nodes = Graph.from_networkx(network)
    assert nodes == ["a", "b", "c"]
    assert_graph(graph, torch.tensor([[0, 1, 0], [1, 0, 1], [0, 1, 1]]).bool())
    directed, _ = Graph.from_networkx(networkx.DiGraph([("a", "b")]))
    assert directed.edges() == (torch.tensor([0]), torch.tensor([1]))


def test_parallel_edges_of_networkx_are_refused():
    with pytest.raises(ValueError, match="1 of the edges came before"):
        Graph.from_networkx(networkx.MultiDiGraph([(0, 1), (0, 1)]))


@given(square_masks())
@settings(max_examples=50, deadline=None)
def test_pyg_there_and_back(mask):
    graph = graph_of(mask)
    edge_index = graph.to_edge_index()
    assert torch.equal(edge_index, mask.nonzero().T.flip(0))
    assert Graph.from_pyg(edge_index, num_nodes=len(mask)) == graph
    assert Graph.from_pyg(Data(edge_index=edge_index, num_nodes=len(mask))) == graph


@pytest.mark.parametrize("shape", SIZES)
def test_pyg_edges_of_two_node_sets(shape):
    mask = random_mask(*shape)
    rows, columns = shape
    assert Graph.from_pyg(graph_of(mask).to_edge_index(), num_nodes=(columns, rows)) == graph_of(mask)


def test_the_order_of_pyg_edges_is_known():
    mask = random_mask(6, 6)
    edge_index = mask.nonzero().T.flip(0)
    edge_index = edge_index[:, torch.randperm(edge_index.shape[1], generator=torch.Generator().manual_seed(0))]
    graph, order = Graph.from_pyg(Data(edge_index=edge_index, num_nodes=6), return_order=True)
    assert torch.equal(graph.to_edge_index(), edge_index[:, order])


def test_a_batch_of_pyg_is_a_batch():
    graphs = [graph_of(random_mask(n, n, seed=n)) for n in (3, 1, 5)]
    data = [Data(edge_index=graph.to_edge_index(), num_nodes=graph.num_senders) for graph in graphs]
    assert Graph.from_pyg(Batch.from_data_list(data)) == Graph.batch(graphs)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Graph.from_mask(torch.ones(2, 2)), TypeError, "expected a bool mask of shape .*, got torch.float32"),
        (lambda: Graph.from_mask(torch.ones(2).bool()), TypeError, "from_mask: expected a bool mask of shape"),
        (lambda: Graph.from_scipy(np.ones((2, 2))), TypeError, "expected a SciPy sparse matrix or array, got ndarray"),
        (lambda: Graph.from_networkx([1]), TypeError, "from_networkx: expected a NetworkX graph, got list"),
        (lambda: Graph.from_pyg([1]), TypeError, "from_pyg: expected a PyG Data with an edge_index, or"),
        (lambda: Graph.from_pyg(torch.ones(3, 2).long()), ValueError, r"edge_index must have shape \[2, edges\], got"),
        (lambda: Graph.from_pyg(torch.ones(2, 2).long()), ValueError, "does not say how many nodes there are; give"),
        (lambda: graph_of(random_mask(2, 3)).to_networkx(), ValueError, "to_networkx: needs as many senders as rec"),
        (
            lambda: graph_of(torch.eye(2).bool()).to_scipy(torch.ones(3)),
            ValueError,
            r"values must be one number for each of the 2 edges, got shape \(3,\)",
        ),
    ],
)
def test_what_is_no_graph_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
