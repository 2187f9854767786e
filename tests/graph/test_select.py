"""Rows and subgraphs equal the rows and columns of the mask, and their edge maps lead back."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.graph.brute import SIZES, assert_graph, edge_ids, graph_of, masks, random_mask

from edgewise.graph import Graph

SLICES = [slice(None), slice(1, 3), slice(-1, None), slice(3, 1), slice(None, None, 2), slice(None, None, 1)]


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("rows", SLICES)
def test_a_slice_takes_these_rows(shape, rows):
    mask = random_mask(*shape)
    assert_graph(graph_of(mask)[rows], mask[rows])
    graph, from_graph = graph_of(mask).select(rows, return_edge_map=True)
    assert_graph(graph, mask[rows])
    assert torch.equal(from_graph, edge_ids(mask)[rows][mask[rows]])


def test_a_slice_may_go_backwards():
    mask = random_mask(5, 4)
    assert_graph(graph_of(mask)[::-2], mask.flip(0)[::2])


@given(masks(), st.data())
@settings(max_examples=100, deadline=None)
def test_numbers_take_rows_in_any_order_and_again(mask, data):
    nodes = st.lists(st.integers(0, max(0, len(mask) - 1)), max_size=9 if len(mask) else 0)
    rows = torch.tensor(data.draw(nodes), dtype=torch.int64)
    graph, from_graph = graph_of(mask).select(rows, return_edge_map=True)
    assert_graph(graph, mask[rows])
    assert torch.equal(from_graph, edge_ids(mask)[rows][mask[rows]])
    assert graph_of(mask)[rows.int()] == graph
    assert graph_of(mask)[rows.tolist()] == graph


@given(masks(), st.data())
@settings(max_examples=50, deadline=None)
def test_a_mask_takes_the_rows_where_it_is_true(mask, data):
    rows = torch.tensor(data.draw(st.lists(st.booleans(), min_size=len(mask), max_size=len(mask))), dtype=torch.bool)
    assert_graph(graph_of(mask)[rows], mask[rows])


@pytest.mark.parametrize("in_order", [True, False])
@given(masks(), st.data())
@settings(max_examples=100, deadline=None)
def test_a_subgraph_is_those_rows_and_columns(in_order, mask, data):
    rows, columns = (torch.tensor(data.draw(st.permutations(range(n))), dtype=torch.int64) for n in mask.shape)
    rows, columns = rows[: len(rows) * 2 // 3], columns[: len(columns) * 2 // 3]
    if in_order:
        columns = columns.sort().values
    graph, from_graph = graph_of(mask).subgraph(rows, columns, return_edge_map=True)
    kept = mask[rows][:, columns]
    assert_graph(graph, kept)
    assert torch.equal(from_graph, edge_ids(mask)[rows][:, columns][kept])


def test_a_subgraph_of_one_node_set_takes_rows_and_columns_alike():
    mask = random_mask(9, 9)
    nodes = torch.tensor([7, 0, 3])
    assert_graph(graph_of(mask).subgraph(nodes), mask[nodes][:, nodes])
    assert_graph(graph_of(mask).subgraph(mask[0]), mask[mask[0]][:, mask[0]])
    assert_graph(graph_of(mask).subgraph(slice(2, 5)), mask[2:5, 2:5])


def test_runs_that_come_to_touch_are_joined():
    graph = graph_of(torch.tensor([[1, 0, 0, 1]]).bool())
    assert graph.subgraph(slice(None), [0, 3]).num_runs == 1


@pytest.mark.parametrize("n", [0, 1, 7])
def test_reordering_there_and_back_changes_nothing(n):
    mask = random_mask(n, n)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    graph, from_graph = graph_of(mask).reorder(order, return_edge_map=True)
    assert_graph(graph, mask[order][:, order])
    assert torch.equal(from_graph, edge_ids(mask)[order][:, order][mask[order][:, order]])
    assert graph.reorder(order.argsort()) == graph_of(mask)


def test_receivers_and_senders_are_reordered_apart_between_two_node_sets():
    mask = random_mask(3, 5)
    assert_graph(graph_of(mask).reorder([2, 0, 1], [4, 3, 2, 1, 0]), mask[[2, 0, 1]].flip(1))
    assert_graph(graph_of(mask).reorder(slice(None, None, -1), slice(None)), mask.flip(0))


def batch_of(*shapes):
    return Graph.batch([graph_of(random_mask(*shape, seed=k)) for k, shape in enumerate(shapes)])


def test_rows_that_stay_in_the_order_of_their_graphs_stay_a_batch():
    batch = batch_of((2, 3), (0, 1), (4, 4))
    for rows in (slice(1, 4), torch.tensor([1, 3, 2]), torch.tensor([False, True, True, True, False, False])):
        part = batch[rows]
        assert part.receiver_offsets.tolist() == [0, 1, 1, 3]
        assert part.sender_offsets.tolist() == [0, 3, 4, 8]
        assert torch.equal(part.dense(), batch.dense()[rows])
    mixed = batch[torch.tensor([5, 0])]
    assert mixed.num_graphs == 1
    assert_graph(mixed, batch.dense()[[5, 0]])


def test_nodes_that_stay_in_the_order_of_their_graphs_stay_a_batch():
    batch = batch_of((3, 3), (2, 2), (4, 4))
    part = batch.subgraph([0, 2, 1, 8, 5])
    assert part.receiver_offsets.tolist() == [0, 3, 3, 5]
    assert part.unbatch()[0] == batch.unbatch()[0].subgraph([0, 2, 1])
    assert part.unbatch()[1].num_receivers == 0
    assert batch.subgraph([8, 0]).num_graphs == 1


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("nodes", "error", "message"),
    [
        (3, TypeError, r"receivers must be a slice, a mask or several numbers, got 3; write \[3\]"),
        ([0, 5], IndexError, r"select: receivers\[1\] is 5; node numbers must lie between 0 and 4"),
        (torch.tensor([-1]), IndexError, r"select: receivers\[0\] is -1"),
        (torch.ones(4).bool(), TypeError, "a bool mask of 5 or a list of node numbers, got torch.bool of shape"),
        (torch.ones(5), TypeError, "got torch.float32 of shape"),
        (torch.zeros(1, 2).long(), TypeError, r"got torch.int64 of shape \(1, 2\)"),
        (torch.zeros(1, device="meta").long(), ValueError, "receivers are on meta and the graph on cpu; move one"),
    ],
)
def test_what_names_no_rows_is_refused(nodes, error, message):
    with pytest.raises(error, match=message):
        graph_of(random_mask(5, 4)).select(nodes)


def test_what_names_no_subgraph_is_refused():
    square, other = graph_of(random_mask(4, 4)), graph_of(random_mask(4, 5))
    with pytest.raises(ValueError, match=r"nodes must be distinct, node 2 comes twice; graph\[rows\] may repeat rows"):
        square.subgraph([2, 0, 2])
    with pytest.raises(ValueError, match="subgraph without senders=: needs as many senders as receivers, got 4 rec"):
        other.subgraph([0])
    with pytest.raises(ValueError, match="reorder: nodes must hold each of the 4 once; subgraph takes a part of them"):
        square.reorder([0, 1])
    with pytest.raises(ValueError, match="reorder: senders must hold each of the 5 once"):
        other.reorder([0, 1, 2, 3], [0])
