"""A batch is the disjoint union, and comes apart again."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.graph.brute import SIZES, assert_graph, block_diagonal, graph_of, masks, random_mask

from edgewise.graph import Graph


@given(st.lists(masks(), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_a_batch_is_block_diagonal_and_comes_apart(parts):
    graphs = [graph_of(mask) for mask in parts]
    batch = Graph.batch(graphs)
    assert batch.num_graphs == len(graphs)
    assert_graph(batch, block_diagonal(parts))
    assert batch.unbatch() == graphs


def test_a_batch_of_batches_is_one_batch():
    graphs = [graph_of(random_mask(*shape)) for shape in SIZES]
    assert Graph.batch([Graph.batch(graphs[:4]), graphs[4], Graph.batch(graphs[5:])]) == Graph.batch(graphs)


def test_one_graph_comes_apart_into_itself():
    graph = graph_of(random_mask(3, 4))
    assert graph.unbatch() == [graph]


def test_edges_of_a_batch_are_the_edges_of_its_graphs_in_turn():
    graphs = [graph_of(random_mask(*shape)) for shape in SIZES]
    batch = Graph.batch(graphs)
    starts = batch.edge_offsets[batch.receiver_offsets].tolist()
    assert starts == [sum(graph.num_edges for graph in graphs[:k]) for k in range(len(graphs) + 1)]


def test_nothing_to_batch_is_refused():
    with pytest.raises(ValueError, match="Graph.batch: expected at least one graph, got none"):
        Graph.batch([])


def test_graphs_on_two_devices_are_refused():
    graph = graph_of(random_mask(2, 2))
    with pytest.raises(ValueError, match="graph 1 is on meta and graph 0 on cpu; move them to one device"):
        Graph.batch([graph, graph.to("meta")])


def test_more_senders_than_int32_holds_are_refused():
    most = 2**31 - 1
    large = Graph(torch.tensor([0, 1]), torch.zeros(1).int(), torch.tensor([most]).int(), num_senders=most)
    with pytest.raises(ValueError, match="Graph.batch: the sum of num_senders must be between 0 and 2147483647"):
        Graph.batch([large, large])
