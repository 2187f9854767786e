"""Graphs whose order hides that receivers hear the same: they are taken in another, which changes nothing else."""

import pytest
import torch
from tests.equal import assert_all_equal_as_promised
from tests.kernels.graphs import forward_and_gradients, numbers

from edgewise import native
from edgewise.graph import Graph
from edgewise.kernels import OffsetTable, attend, plan
from edgewise.kernels.native_call import compiled, rows_struct
from edgewise.kernels.tiles import ORDER_GAIN, cost_by_edge, tiles
from edgewise.patterns import parse

pytestmark = pytest.mark.skipif(not native.available(), reason="this installation has no compiled part")


def shuffled(graph: Graph, seed: int = 0) -> Graph:
    return graph.reorder(torch.randperm(graph.num_senders, generator=torch.Generator().manual_seed(seed)))


def random(nodes: int, share: float) -> Graph:
    return Graph.from_mask(torch.rand(nodes, nodes, generator=torch.Generator().manual_seed(0)) < share)


def cliques(*sizes: int) -> Graph:
    return Graph.batch([parse("complete").build(n) for n in sizes])


HIDDEN = {
    "cliques": shuffled(cliques(60, 33, 1, 70, 40)),
    "window": shuffled(parse("window(20, 20)").build(211)),
    "one-sided window": shuffled(parse("causal & window(30, 0)").build(190)),
    "window and hubs": shuffled(parse("window(20, 20) | hubs(0, 7)").build(500)),
    "cliques and strays": shuffled(cliques(*[64] * 5) | random(320, 0.02)),
    "batch": Graph.batch([shuffled(parse("window(20, 20)").build(n), n) for n in (97, 130)]),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_is_hidden_is_found(name):
    graph = HIDDEN[name]
    found = tiles(graph)
    assert found is not None and found.found.in_order
    assert found.found.num_edges + found.found.rest_edges == graph.num_edges
    assert found.cost < ORDER_GAIN * cost_by_edge(graph)
    assert plan(graph).route == "tiles" and "those near who hear each other" in str(plan(graph))


def test_some_leave_edges_to_be_taken_by_themselves():
    assert any(tiles(graph).rest is not None for graph in HIDDEN.values())


@pytest.mark.parametrize("graph", [random(2_000, 0.01), parse("window(20, 20)").build(211), cliques(60, 33)], ids=str)
def test_an_order_that_gains_nothing_is_not_taken(graph):
    found = tiles(graph)
    assert found is None or not found.found.in_order


CALLS = {
    "plain": {},
    "dropout": {"dropout": 0.4, "seed": 3},
    "offsets": {"bias": OffsetTable(numbers(9, 4, seed=8), -4)},
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", HIDDEN)
def test_tiles_in_an_order_equal_the_definition(name, call):
    graph, given = HIDDEN[name], CALLS[call]
    N = graph.num_senders
    inputs = [numbers(N, heads, 5, seed=n) for n, heads in enumerate((4, 2, 2))]
    leaves = [*inputs, given["bias"].table] if "bias" in given else inputs
    ours, theirs = (
        forward_and_gradients(attend(*inputs, graph, impl=impl, **given), leaves) for impl in ("tiles", "reference")
    )
    assert_all_equal_as_promised(ours, theirs)


@pytest.mark.parametrize("name", HIDDEN)
def test_one_thread_and_two_give_the_same_bits_in_an_order(name):
    graph = HIDDEN[name]
    inputs = [numbers(graph.num_senders, 4, 16, seed=n, dtype=torch.float32) for n in range(3)]
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(forward_and_gradients(attend(*inputs, graph, impl="tiles"), inputs))
    finally:
        torch.set_num_threads(before)
    assert all(map(torch.equal, *found))


def test_overlap_is_what_neighbours_hear_in_common():
    def overlap(graph: Graph) -> float:
        return compiled().overlap(rows_struct(graph, None), 64)

    assert overlap(parse("complete").build(20)) == 1
    assert overlap(HIDDEN["cliques"]) == 1
    assert overlap(random(2_000, 0.005)) < 0.02
    assert 0.6 < overlap(HIDDEN["window"]) < 0.9
    empty = (Graph.from_mask(torch.zeros(n, n, dtype=torch.bool)) for n in (0, 4))
    assert [overlap(graph) for graph in empty] == [0, 0]
