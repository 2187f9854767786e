"""A graph is a value: checked, immutable, equal by content, hashed, pickled, printed, a pytree."""

import copy
import pickle

import pytest
import torch
import torch.utils._pytree as pytree
from hypothesis import given, settings
from tests.graph.brute import SIZES, assert_graph, graph_of, masks, random_mask

from edgewise.graph import Graph, Runs


def int32(*numbers: int) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.int32)


def test_counts_and_arrays_of_a_small_graph():
    graph = Graph(torch.tensor([0, 2, 2, 3]), int32(0, 3, 1), int32(2, 4, 3), num_senders=4)
    assert (graph.num_receivers, graph.num_senders, graph.num_runs, graph.num_edges) == (3, 4, 3, 5)
    assert graph.run_edge_start.tolist() == [0, 2, 3, 5]
    assert graph.edge_offsets.tolist() == [0, 3, 3, 5]
    assert graph.num_graphs == 1
    assert graph.receiver_offsets.tolist() == [0, 3]
    assert graph.sender_offsets.tolist() == [0, 4]
    assert graph.device == torch.device("cpu")
    assert repr(graph) == "Graph(3 receivers, 4 senders, 5 edges in 3 runs)"
    assert repr(Graph.batch([graph, graph])) == "Graph(6 receivers, 8 senders, 10 edges in 6 runs, batch of 2)"


def test_arrays_with_strides_are_taken():
    graph = Graph(torch.arange(6)[::2] // 2, int32(0, 9, 1)[::2], int32(1, 9, 2)[::2], num_senders=2)
    assert_graph(graph, torch.eye(2).bool())


@pytest.mark.parametrize("shape", SIZES)
def test_equal_content_is_equal_and_hashes_alike(shape):
    mask = random_mask(*shape)
    graph, same = graph_of(mask), graph_of(mask)
    assert graph == same
    assert hash(graph) == hash(same)
    assert {graph: 1}[same] == 1
    assert graph != "graph"


@given(masks(), masks())
@settings(max_examples=100, deadline=None)
def test_graphs_are_equal_iff_their_masks_are(a, b):
    assert (graph_of(a) == graph_of(b)) == (a.shape == b.shape and torch.equal(a, b))


def test_the_cuts_of_a_batch_are_part_of_the_value():
    one, two = graph_of(torch.eye(1).bool()), graph_of(torch.eye(2).bool())
    assert Graph.batch([one, two]) != Graph.batch([two, one])
    assert Graph.batch([one, two]) != graph_of(torch.eye(3).bool())
    assert Graph.batch([two]) == two
    assert hash(Graph.batch([two])) == hash(two)


def test_a_graph_cannot_be_changed():
    graph = graph_of(torch.eye(2).bool())
    with pytest.raises(AttributeError, match="cannot set '_runs', a graph is immutable"):
        graph._runs = None
    with pytest.raises(AttributeError, match="cannot set 'weights'"):
        graph.weights = 1
    with pytest.raises(AttributeError, match="cannot delete '_runs', a graph is immutable"):
        del graph._runs


def test_what_is_remembered_is_made_once_and_is_no_part_of_the_value():
    graph, same = graph_of(torch.eye(3).bool()), graph_of(torch.eye(3).bool())
    made = []
    for _ in range(2):
        assert graph.remember("answer", lambda: made.append(1) or 42) == 42
    assert made == [1]
    assert graph == same
    assert pickle.loads(pickle.dumps(graph)).remember("answer", lambda: 43) == 43


def test_what_is_remembered_in_inference_mode_can_be_trained_with():
    graph = graph_of(random_mask(5, 5))
    with torch.inference_mode():
        graph.transpose().run_edge_start, graph.degree()
    weight = torch.ones(5, requires_grad=True)
    (weight * graph.degree() + weight[graph.transpose().run_start.long()].sum()).sum().backward()
    assert weight.grad is not None


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda graph: pickle.loads(pickle.dumps(graph))])
def test_copies_are_equal(shape, copied):
    graph = graph_of(random_mask(*shape))
    graph.transpose()
    assert copied(graph) == graph
    batch = Graph.batch([graph, graph])
    assert copied(batch) == batch
    assert copied(batch).num_graphs == 2


def test_the_pickle_of_a_part_does_not_hold_the_whole():
    whole = graph_of(torch.eye(1000).bool())
    assert len(pickle.dumps(whole[3:5])) < 3000 < len(pickle.dumps(whole))


@pytest.mark.parametrize("batched", [False, True])
def test_a_graph_is_a_pytree(batched):
    graph = graph_of(random_mask(5, 3))
    graph = Graph.batch([graph, graph]) if batched else graph
    leaves, spec = pytree.tree_flatten(graph)
    assert len(leaves) == (5 if batched else 3)
    assert all(isinstance(leaf, torch.Tensor) for leaf in leaves)
    assert pytree.tree_unflatten(leaves, spec) == graph
    assert pytree.tree_map(torch.clone, {"edges": graph})["edges"] == graph
    assert pytree.treespec_loads(pytree.treespec_dumps(spec)) == spec
    paths = [pytree.keystr(path) for path, _ in pytree.tree_flatten_with_path(graph)[0]]
    assert paths[:3] == [".run_offsets", ".run_start", ".run_stop"]


def test_moving_to_where_it_is_gives_the_graph_itself():
    graph = graph_of(torch.eye(2).bool())
    assert graph.to("cpu") is graph
    moved = Graph.batch([graph, graph]).to("meta")
    assert moved.device == torch.device("meta")
    assert moved.receiver_offsets.device == torch.device("meta")


@pytest.mark.usefixtures("unchecked_shapes")
def test_a_compiled_function_takes_a_graph_whole():
    def heard(x, graph):
        return x[graph.run_start.long()].sum() + graph.run_edge_start[-1] + graph.num_receivers

    graph, x = graph_of(random_mask(6, 6)), torch.arange(6.0)
    torch._dynamo.reset()
    compiled = torch.compile(heard, backend="eager", fullgraph=True)
    assert compiled(x, graph) == heard(x, graph)


OFFSETS, START, STOP = torch.tensor([0, 1, 2]), int32(0, 1), int32(1, 2)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("arrays", "error", "message"),
    [
        ((OFFSETS.int(), START, STOP), TypeError, "run_offsets must be a one-dimensional torch.int64 tensor"),
        ((OFFSETS, START.long(), STOP), TypeError, "run_start must be a one-dimensional torch.int32 tensor"),
        ((OFFSETS, START, STOP[None]), TypeError, r"run_stop must be .* of shape \(1, 2\)"),
        ((OFFSETS, START.to("meta"), STOP), ValueError, "run_start is on meta and run_offsets on cpu; move them"),
        ((OFFSETS, START[:1], STOP), ValueError, "run_start has 1 entries and run_stop 2; give one of each"),
        ((OFFSETS[1:], START, STOP), ValueError, "run_offsets must rise from 0 to the number of runs, 2"),
        ((OFFSETS[:2], START, STOP), ValueError, "run_offsets must rise from 0 to the number of runs"),
        ((torch.tensor([0, 2, 1, 2]), START, STOP), ValueError, r"run_offsets must rise .* got \[0, 2, 1, 2\]"),
        ((OFFSETS[:0], START[:0], STOP[:0]), ValueError, "run_offsets must rise from 0"),
        ((OFFSETS, START - 1, STOP), ValueError, r"run 0 is \[-1, 1\); a run must hold at least one of the 2 senders"),
        ((OFFSETS, START, STOP + 1), ValueError, r"run 1 is \[1, 3\); a run must hold at least one"),
        ((OFFSETS, START, START), ValueError, r"run 0 is \[0, 0\); a run must hold at least one"),
        ((torch.tensor([0, 2]), START, STOP), ValueError, "runs 0 and 1 of receiver 0 overlap, touch or are out of"),
        ((torch.tensor([0, 0, 2]), int32(1, 0), int32(2, 1)), ValueError, "runs 0 and 1 of receiver 1 overlap"),
    ],
)
def test_runs_that_are_not_canonical_are_refused(arrays, error, message):
    with pytest.raises(error, match=message):
        Graph(*arrays, num_senders=2)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("receiver_offsets", "sender_offsets", "error", "message"),
    [
        ([0, 2], None, ValueError, "a batch needs both receiver_offsets and sender_offsets; got one"),
        ([0, 1], [0, 2], ValueError, "receiver_offsets must rise from 0 to 2, with one entry a graph"),
        ([0, 2], [1, 2], ValueError, "sender_offsets must rise from 0 to 2"),
        ([0, 3, 2], [0, 1, 2], ValueError, r"receiver_offsets must rise .* got \[0, 3, 2\]"),
        ([2], [2], ValueError, "receiver_offsets must rise"),
        ([0, 1, 2], [0, 2], ValueError, "receiver_offsets tell of 2 graphs and sender_offsets of 1; give both"),
        ([0, 1, 2], [0, 2, 2], ValueError, r"run 1 is \[1, 2\), which reaches out of graph 1 of the batch"),
        ([0.0, 2.0], [0, 2], TypeError, "receiver_offsets must be a one-dimensional torch.int64 tensor, got torch.fl"),
    ],
)
def test_cuts_that_do_not_fit_are_refused(receiver_offsets, sender_offsets, error, message):
    cuts = [None if cut is None else torch.tensor(cut) for cut in (receiver_offsets, sender_offsets)]
    with pytest.raises(error, match=message):
        Graph(OFFSETS, START, STOP, num_senders=2, receiver_offsets=cuts[0], sender_offsets=cuts[1])


def test_as_many_senders_as_int32_holds_and_no_more():
    most = 2**31 - 1
    graph = Graph(torch.tensor([0, 1]), int32(0), int32(most), num_senders=most)
    assert graph.num_edges == most
    assert graph.locate(torch.tensor([most - 1]), torch.tensor([0])).tolist() == [most - 1]
    assert ((graph | graph) - graph).num_edges == 0
    with pytest.raises(ValueError, match="num_senders must be between 0 and 2147483647"):
        Graph(torch.tensor([0, 1]), int32(0), int32(most), num_senders=most + 1)


def test_trusted_runs_are_taken_as_they_are():
    runs = Runs(OFFSETS, START, STOP)
    assert Graph._trusted(runs, 2).runs is runs
