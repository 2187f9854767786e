"""What a compiled program's arrays stand for is remembered as long as they live, and never after they have changed."""

import gc
import weakref

import torch
from tests.kernels.graphs import causal, irregular

from edgewise.graph import Graph
from edgewise.kernels import plan
from edgewise.kernels.ops import _flat_graph
from edgewise.kernels.recall import _known, recall


def copy(graph: Graph) -> Graph:
    """An equal graph of other arrays."""
    return Graph(*(x.clone() for x in graph.runs), num_senders=graph.num_senders)


def test_the_same_arrays_are_the_same_graph_with_its_memory():
    for graph in (irregular(5, 4), Graph.batch([causal(3), causal(2)])):
        found = recall(*_flat_graph(graph))
        assert found == graph
        assert recall(*_flat_graph(graph)) is found
        assert plan(recall(*_flat_graph(graph))) is plan(found)
        assert recall(*_flat_graph(graph)).transpose() is found.transpose()


def test_equal_graphs_of_other_arrays_have_a_memory_each():
    graph = irregular(5, 4)
    found = recall(*_flat_graph(graph))
    assert recall(*_flat_graph(copy(graph))) is not found
    assert recall(*_flat_graph(graph)) is found


def test_one_array_shared_does_not_make_two_graphs_one():
    offsets = torch.tensor([0, 1, 2])
    start, stop = torch.tensor([0, 1], dtype=torch.int32), torch.tensor([1, 2], dtype=torch.int32)
    one, other = (Graph(offsets, start, stop, num_senders=n) for n in (2, 3))
    longer = Graph(offsets, start, stop + 1, num_senders=3)
    cut = torch.tensor([0, 1, 2])
    batch = Graph(offsets, start, stop, num_senders=2, receiver_offsets=cut, sender_offsets=cut)
    for graph in (one, other, longer, batch, one):
        assert recall(*_flat_graph(graph)) == graph


def test_arrays_written_on_are_another_graph():
    graph = copy(irregular(6, 6))
    offsets, start, stop, *rest = _flat_graph(graph)
    found = recall(offsets, start, stop, *rest)
    before = found.num_edges
    lengthened = (stop - start).argmax()
    stop[lengthened] -= 1
    after = recall(offsets, start, stop, *rest)
    assert after is not found
    assert after.num_edges == before - 1


def test_a_graph_is_forgotten_with_its_arrays():
    graph = copy(irregular(7, 4))
    gc.collect()
    before = len(_known)
    found = weakref.ref(recall(*_flat_graph(graph)))
    assert len(_known) == before + 1
    assert found() is not None
    del graph
    gc.collect()
    assert len(_known) == before
    assert found() is None


def test_arrays_made_in_inference_mode_are_taken_as_they_come():
    with torch.inference_mode():
        graph = copy(irregular(5, 4))
        assert recall(*_flat_graph(graph)) == graph
