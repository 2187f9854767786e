"""Set algebra equals the algebra of masks, by the compiled merge and by the sweep alike."""

import pytest
import torch
from hypothesis import given, settings
from tests.graph.brute import (
    SIZES,
    assert_graph,
    block_diagonal,
    edge_ids,
    graph_of,
    masks,
    pairs_of_masks,
    random_mask,
    square_masks,
)

from edgewise import native
from edgewise.graph import Graph, algebra, sweep

OPERATIONS = {
    "union": (sweep.UNION, Graph.__or__, lambda a, b: a | b),
    "intersection": (sweep.INTERSECTION, Graph.__and__, lambda a, b: a & b),
    "difference": (sweep.DIFFERENCE, Graph.__sub__, lambda a, b: a & ~b),
}


@pytest.mark.parametrize("name", OPERATIONS)
@given(pairs_of_masks())
@settings(max_examples=100, deadline=None)
def test_operators_equal_those_of_masks(name, pair):
    _, operator, on_masks = OPERATIONS[name]
    assert_graph(operator(*map(graph_of, pair)), on_masks(*pair))


@pytest.mark.parametrize("name", OPERATIONS)
@given(pairs_of_masks())
@settings(max_examples=100, deadline=None)
def test_the_sweep_is_the_definition(name, pair):
    table, _, on_masks = OPERATIONS[name]
    a, b = map(graph_of, pair)
    runs = algebra.combine_by_sweep(a.runs, b.runs, a.num_senders, table)
    assert_graph(Graph._trusted(runs, a.num_senders), on_masks(*pair))


@pytest.mark.skipif(not native.available(), reason="no compiled part on this machine")
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_compiled_merge_equals_the_sweep(name):
    table = OPERATIONS[name][0]
    for seed, density in enumerate([0.0, 0.02, 0.5, 0.98, 1.0]):
        a, b = (graph_of(random_mask(67, 129, density, seed + other)) for other in (0, 100))
        by_merge = algebra.combine(a.runs, b.runs, 129, table)
        assert all(map(torch.equal, by_merge, algebra.combine_by_sweep(a.runs, b.runs, 129, table)))


def test_without_the_compiled_part_the_sweep_answers(monkeypatch):
    monkeypatch.setattr(native, "available", lambda: False)
    a, b = random_mask(5, 6, seed=1), random_mask(5, 6, seed=2)
    assert_graph(graph_of(a) | graph_of(b), a | b)


@given(masks())
@settings(max_examples=100, deadline=None)
def test_the_complement_holds_the_other_pairs(mask):
    assert_graph(~graph_of(mask), ~mask)


@pytest.mark.parametrize("shape", SIZES)
def test_the_complement_of_a_batch_stays_within_its_graphs(shape):
    parts = [graph_of(random_mask(*size)) for size in (shape, (2, 3), shape)]
    batch = ~Graph.batch(parts)
    assert batch == Graph.batch([~part for part in parts])
    assert_graph(batch, block_diagonal([~random_mask(*size) for size in (shape, (2, 3), shape)]))


@pytest.mark.parametrize("name", OPERATIONS)
@given(pairs_of_masks())
@settings(max_examples=50, deadline=None)
def test_edge_maps_lead_to_both_sources(name, pair):
    a, b = map(graph_of, pair)
    graph, from_a, from_b = getattr(a, name)(b, return_edge_maps=True)
    mask = OPERATIONS[name][2](*pair)
    assert_graph(graph, mask)
    assert torch.equal(from_a, edge_ids(pair[0])[mask])
    assert torch.equal(from_b, edge_ids(pair[1])[mask])


@given(square_masks())
@settings(max_examples=50, deadline=None)
def test_self_loops_are_the_diagonal(mask):
    graph, diagonal = graph_of(mask), torch.eye(len(mask)).bool()
    added, from_graph = graph.add_self_loops(return_edge_map=True)
    assert_graph(added, mask | diagonal)
    assert torch.equal(from_graph, edge_ids(mask)[mask | diagonal])
    removed, from_graph = graph.remove_self_loops(return_edge_map=True)
    assert_graph(removed, mask & ~diagonal)
    assert torch.equal(from_graph, edge_ids(mask)[mask & ~diagonal])
    assert graph.has_self_loops() == bool((mask & diagonal).any())


def test_self_loops_of_unequal_sides_follow_the_alignment():
    more_senders = graph_of(torch.zeros(2, 4).bool()).add_self_loops()
    assert_graph(more_senders, torch.tensor([[0, 0, 1, 0], [0, 0, 0, 1]]).bool())
    fewer_senders = graph_of(torch.zeros(3, 1).bool()).add_self_loops()
    assert_graph(fewer_senders, torch.tensor([[0], [0], [1]]).bool())
    both = Graph.batch([graph_of(torch.zeros(*shape).bool()) for shape in ((2, 4), (3, 1))])
    assert both.add_self_loops() == Graph.batch([more_senders, fewer_senders])
    assert both.add_self_loops().has_self_loops()
    assert not both.has_self_loops()


def test_cuts_that_are_the_same_are_kept():
    a, b = graph_of(random_mask(2, 3)), graph_of(random_mask(4, 1))
    batch, other = Graph.batch([a, b]), Graph.batch([~a, ~b])
    for graph in (batch | other, batch & other, batch - other, batch.add_self_loops()):
        assert graph.receiver_offsets.tolist() == [0, 2, 6]
        assert graph.sender_offsets.tolist() == [0, 3, 4]


def test_where_cuts_differ_a_union_is_one_graph_and_a_part_keeps_the_cuts_of_the_left():
    one, two = graph_of(torch.ones(1, 1).bool()), graph_of(torch.ones(2, 2).bool())
    a, b = Graph.batch([one, two]), Graph.batch([two, one])
    assert (a | b).num_graphs == 1
    assert (a & b).receiver_offsets.tolist() == [0, 1, 3]
    assert (a - b).receiver_offsets.tolist() == [0, 1, 3]
    assert_graph(a | b, block_diagonal([torch.ones(1, 1).bool(), torch.ones(2, 2).bool()]) | (b.dense()))


@pytest.mark.usefixtures("unchecked_shapes")
def test_graphs_that_do_not_fit_are_refused():
    graph = graph_of(random_mask(2, 3))
    with pytest.raises(ValueError, match="union: the graphs must have the same nodes, got Graph.2 receivers, 3 send"):
        graph | graph_of(random_mask(3, 3))
    with pytest.raises(ValueError, match="difference: the graphs are on cpu and meta; move them to one device"):
        graph - graph.to("meta")
    with pytest.raises(TypeError, match="intersection: expected a Graph, got int; patterns are built first"):
        graph & 3
