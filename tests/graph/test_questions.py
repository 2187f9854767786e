"""Edges, masks, degrees, positions, edge numbers: each equals what plain loops say."""

import pytest
import torch
from hypothesis import given, settings
from tests.graph.brute import SIZES, edge_ids, graph_of, masks, random_mask

from edgewise.graph import Graph
from edgewise.graph.materialise import MATERIALISE_LIMIT


@given(masks())
@settings(max_examples=100, deadline=None)
def test_edges_degrees_and_the_mask_come_back(mask):
    graph = graph_of(mask)
    receivers, senders = mask.nonzero(as_tuple=True)
    assert all(map(torch.equal, graph.edges(), (senders, receivers)))
    assert torch.equal(graph.dense(), mask)
    assert torch.equal(graph.degree(), mask.sum(1))
    assert torch.equal(graph.sender_degree(), mask.sum(0))
    assert torch.equal(graph.edge_offsets.diff(), mask.sum(1))


@given(masks())
@settings(max_examples=100, deadline=None)
def test_every_pair_is_located(mask):
    ids = edge_ids(mask)
    receivers, senders = torch.ones_like(mask).nonzero(as_tuple=True)
    graph = graph_of(mask)
    assert torch.equal(graph.locate(senders, receivers, missing="-1"), ids.view(-1))
    present = ids.view(-1) >= 0
    assert torch.equal(graph.locate(senders[present].int(), receivers[present].int()), ids[mask])


@given(masks())
@settings(max_examples=100, deadline=None)
def test_an_edge_has_its_ends_by_its_number(mask):
    graph = graph_of(mask)
    taken = torch.arange(graph.num_edges).flip(0)
    for ends, every in zip(graph.ends(taken), graph.edges(), strict=True):
        assert torch.equal(ends, every.flip(0))
    for wrong in (-1, graph.num_edges):
        with pytest.raises(IndexError, match=f"ends: there is no edge {wrong}; edges go from 0 to"):
            graph.ends(torch.tensor([wrong]))


def test_ends_of_billions_of_edges_cost_those_asked_for():
    nobody = graph_of(torch.zeros(1, 1).bool()).from_edges(*torch.zeros(2, 0).long(), num_senders=10**6)
    senders, receivers = (~nobody).ends(torch.tensor([10**12 - 1, 3 * 10**6 + 5]))
    assert senders.tolist() == [10**6 - 1, 5] and receivers.tolist() == [10**6 - 1, 3]


def test_an_edge_that_is_not_there_is_named():
    graph = graph_of(torch.eye(3).bool())
    senders, receivers = torch.tensor([0, 1, 2]), torch.tensor([0, 2, 1])
    with pytest.raises(ValueError, match="2 of the pairs are no edges of the graph, first pair 1, 1 -> 2"):
        graph.locate(senders, receivers)
    assert graph.locate(senders, receivers, missing="-1").tolist() == [0, -1, -1]


@pytest.mark.usefixtures("unchecked_shapes")
def test_locate_checks_at_the_door():
    graph = graph_of(torch.eye(3).bool())
    with pytest.raises(IndexError, match=r"locate: receivers\[0\] is 3; node numbers must lie between 0 and 2"):
        graph.locate(torch.tensor([0]), torch.tensor([3]))
    with pytest.raises(ValueError, match="locate: missing must be 'error' or '-1', got 'zero'"):
        graph.locate(torch.tensor([0]), torch.tensor([0]), missing="zero")


def test_the_last_receiver_is_aligned_with_the_last_sender():
    assert graph_of(random_mask(3, 3)).position().tolist() == [0, 1, 2]
    assert graph_of(random_mask(2, 5)).position().tolist() == [3, 4]
    assert graph_of(random_mask(3, 1)).position().tolist() == [-2, -1, 0]
    batch = Graph.batch([graph_of(random_mask(*shape)) for shape in [(2, 3), (0, 2), (1, 1), (3, 0), (1, 2)]])
    assert batch.position().tolist() == [1, 2, 5, 3, 4, 5, 7]


@pytest.mark.parametrize("shape", SIZES)
def test_a_receiver_may_hear_the_senders_of_its_own_graph(shape):
    graph = graph_of(random_mask(*shape))
    first, last = Graph.batch([graph, graph]).sender_range()
    rows, columns = shape
    assert first.tolist() == [0] * rows + [columns] * rows
    assert last.tolist() == [columns] * rows + [2 * columns] * rows


@pytest.mark.parametrize("shape", SIZES)
def test_incidence_lets_receivers_hear_their_edges(shape):
    graph = graph_of(random_mask(*shape))
    incidence = graph.incidence()
    senders, receivers = incidence.edges()
    assert incidence.num_senders == graph.num_edges
    assert senders.tolist() == list(range(graph.num_edges))
    assert torch.equal(receivers, graph.edges()[1])
    batch = Graph.batch([graph, graph])
    assert batch.incidence() == Graph.batch([incidence, incidence])


def test_members_lets_the_graphs_of_a_batch_hear_their_nodes():
    batch = Graph.batch([graph_of(random_mask(n, 2)) for n in (3, 0, 1)])
    members = batch.members()
    assert (members.num_receivers, members.num_senders, members.num_graphs) == (3, 4, 3)
    assert members.edges()[1].tolist() == [0, 0, 0, 2]
    assert members.edges()[0].tolist() == [0, 1, 2, 3]
    assert graph_of(random_mask(3, 2)).members().degree().tolist() == [3]


def complete(rows: int, columns: int) -> Graph:
    offsets = torch.arange(rows + 1)
    start = torch.zeros(rows, dtype=torch.int32)
    return Graph(offsets, start, start + columns, num_senders=columns)


def test_what_nobody_means_to_make_is_refused():
    large = complete(10**6, 10**6)
    with pytest.raises(ValueError, match=r"edges: the list of 1000000000000 edges would take 14,901 GiB, more than 16"):
        large.edges()
    with pytest.raises(ValueError, match=r"dense: the mask of 1000000 x 1000000 pairs would take 931 GiB"):
        large.dense()
    with pytest.raises(ValueError, match="num_edges .* must be between 0 and 2147483647"):
        large.incidence()
    assert complete(1, 1000).edges()[0].element_size() * 2 == 16
    assert MATERIALISE_LIMIT == 2**34
