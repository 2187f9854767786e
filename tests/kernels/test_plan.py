"""The plan of a graph: which route it takes, and why."""

import pytest
import torch
from tests.kernels.graphs import causal, complete, irregular

from edgewise import native
from edgewise.graph import Graph
from edgewise.kernels import attend, plan
from edgewise.kernels.native_call import has_wide_lanes
from edgewise.kernels.plan import ONE_ALONE
from edgewise.patterns import hubs, window


@pytest.mark.parametrize(
    ("graph", "kind"),
    [
        (complete(3), "complete"),
        (causal(3), "causal"),
        (causal(1, 5), "complete"),
        (Graph.batch([causal(2), causal(3, 4)]), "causal"),
        (Graph.batch([complete(2), causal(3)]), None),
        (complete(4) - causal(4), None),
    ],
    ids=str,
)
def test_the_plan_names_the_kind(graph, kind):
    assert plan(graph).kind == kind
    # Dense attention costs something a graph, and these are small; one receiver alone is quick edge by edge.
    by_edge = kind is None or graph.num_graphs > 1 or (graph.num_receivers == 1 and has_wide_lanes())
    assert plan(graph).route == ("native" if by_edge else "dense")
    assert plan(graph).num_edges == graph.num_edges
    assert ("dense: every graph of the batch is" in str(plan(graph))) == (not by_edge)


def test_one_receiver_of_many_is_left_to_several_threads():
    assert plan(causal(1, ONE_ALONE + 1)).route == "dense"
    two_and_none = Graph.batch([causal(2, 3), causal(0, 2)])  # as many receivers as graphs
    assert plan(two_and_none).kind == "causal"


@pytest.mark.skipif(not native.available() or not has_wide_lanes(), reason="the compiled part, with AVX2 or more")
@pytest.mark.parametrize(
    ("graph", "count", "route"),
    [
        (causal(4), 64, "native"),
        (causal(64), 8, "tiles"),
        (complete(4), 64, "native"),
        (complete(64), 8, "dense"),
        (complete(4), 1, "dense"),
    ],
    ids=str,
)
def test_many_short_graphs_are_not_planned_densely(graph, count, route):
    graph = Graph.batch([graph] * count)
    assert plan(graph).route == route
    query, key, value = torch.randn(3, graph.num_receivers, 2, 8)
    expected = attend(query, key, value, graph, impl="dense")
    for _ in range(2):  # the second by what the first has settled
        torch.testing.assert_close(attend(query, key, value, graph), expected)


def test_what_neighbours_share_is_planned_in_tiles():
    graph = (window(16, 16) | hubs(0)).build(200)
    found = plan(graph)
    assert found.route == ("tiles" if native.available() else "reference")
    if native.available():
        tiled, rest = found.tiles.found.num_edges, found.tiles.found.rest_edges
        assert tiled + rest == graph.num_edges
        assert 0 < rest < tiled < found.cost < found.num_pairs
        assert f"{tiled:,} edges in 6 dense tiles of 32 receivers, {rest:,} edge by edge" in str(found)


@pytest.mark.skipif(not native.available(), reason="this installation has no compiled part")
def test_documents_of_many_sizes_are_taken_in_tiles_and_of_one_size_densely():
    assert plan(Graph.batch([complete(40), complete(90), complete(61)])).route == "tiles"
    assert plan(Graph.batch([complete(40)] * 3)).route == "dense"


@pytest.mark.skipif(not native.available() or not has_wide_lanes(), reason="this processor has no wide instructions")
def test_the_half_of_a_causal_graph_is_taken_in_tiles_and_a_complete_one_densely():
    assert plan(causal(300)).route == "tiles"
    assert plan(causal(300)).kind == "causal"
    assert plan(causal(3, 300)).route == "dense"
    assert plan(complete(300)).route == "dense"


@pytest.mark.skipif(not native.available(), reason="this installation has no compiled part")
def test_an_edge_price_is_estimated_where_there_is_no_tile():
    graph = irregular(50, 50, density=0.05)
    found, hearing = plan(graph), int((graph.degree() > 0).sum())
    assert (found.route, found.cost) == ("native", 4 * found.num_edges + 40 * hearing + 15 * (50 - hearing))
    assert "at the price of about" in str(found)
