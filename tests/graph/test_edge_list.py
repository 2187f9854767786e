"""Edge lists in: any order, any integer type, duplicates refused or merged, offenders named."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.graph.brute import SIZES, assert_graph, edge_ids, graph_of, masks, random_mask

from edgewise.graph import Graph


def shuffled(mask, seed=0):
    receivers, senders = mask.nonzero(as_tuple=True)
    order = torch.randperm(len(senders), generator=torch.Generator().manual_seed(seed))
    return senders[order], receivers[order]


@given(masks(), st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_an_edge_list_in_any_order_is_the_graph_of_its_mask(mask, seed):
    senders, receivers = shuffled(mask, seed)
    sizes = {"num_senders": mask.shape[1], "num_receivers": mask.shape[0]}
    graph, order = Graph.from_edges(senders, receivers, **sizes, return_order=True)
    assert_graph(graph, mask)
    assert graph == graph_of(mask)
    assert all(map(torch.equal, graph.edges(), (senders[order], receivers[order])))


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8])
def test_every_integer_type_is_taken(shape, dtype):
    mask = random_mask(*shape)
    senders, receivers = (nodes.to(dtype) for nodes in shuffled(mask))
    assert_graph(Graph.from_edges(senders, receivers, num_senders=shape[1], num_receivers=shape[0]), mask)


def test_senders_and_receivers_are_as_many_unless_said():
    assert_graph(
        Graph.from_edges(torch.tensor([2]), torch.tensor([0]), num_senders=3),
        torch.eye(3).bool()[[2, 1, 1]] & torch.tensor([[1], [0], [0]]).bool(),
    )


def test_edges_that_come_sorted_keep_their_order():
    mask = random_mask(5, 6)
    senders, receivers = graph_of(mask).edges()
    _, order = Graph.from_edges(senders, receivers, num_senders=6, num_receivers=5, return_order=True)
    assert torch.equal(order, torch.arange(len(senders)))


def test_features_follow_their_edges():
    mask = random_mask(6, 6)
    senders, receivers = shuffled(mask)
    features = edge_ids(mask)[receivers, senders]
    graph, sorted_features, order = Graph.from_edges(
        senders, receivers, num_senders=6, features=features, return_order=True
    )
    assert torch.equal(sorted_features, torch.arange(graph.num_edges))
    assert torch.equal(features[order], sorted_features)


SENDERS, RECEIVERS = torch.tensor([1, 0, 1, 1, 0]), torch.tensor([0, 1, 0, 0, 1])
MERGED = {
    "sum": [[7, 70], [5, 50]],
    "mean": [[7 / 3, 70 / 3], [2.5, 25]],
    "max": [[4, 40], [5, 50]],
    "first": [[1, 20], [0, 50]],
}
FEATURES = torch.tensor([[1, 20], [0, 50], [4, 10], [2, 40], [5, 0]])


@pytest.mark.parametrize("duplicates", MERGED)
@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.int32]
)
def test_duplicates_merge_as_they_are_told_to(duplicates, dtype):
    if duplicates == "mean" and not dtype.is_floating_point:
        return
    graph, features, order = Graph.from_edges(
        SENDERS,
        RECEIVERS,
        num_senders=2,
        features=FEATURES.to(dtype),
        duplicates=duplicates,
        return_order=True,
    )
    assert_graph(graph, torch.tensor([[0, 1], [1, 0]]).bool())
    assert features.dtype == dtype
    torch.testing.assert_close(features, torch.tensor(MERGED[duplicates]).to(dtype))
    assert order.tolist() == [0, 1]


@pytest.mark.parametrize("duplicates", MERGED)
def test_merging_where_nothing_comes_twice_changes_nothing(duplicates):
    graph, features = Graph.from_edges(
        SENDERS[:2], RECEIVERS[:2], num_senders=2, features=FEATURES[:2], duplicates=duplicates
    )
    assert graph.num_edges == 2
    assert torch.equal(features, FEATURES[:2])


@pytest.mark.parametrize("duplicates", MERGED)
def test_merged_features_have_gradients(duplicates):
    def merged(features):
        return Graph.from_edges(SENDERS, RECEIVERS, num_senders=2, features=features, duplicates=duplicates)[1]

    assert torch.autograd.gradcheck(merged, FEATURES.double().requires_grad_())


def test_duplicates_without_features_are_dropped():
    assert Graph.from_edges(SENDERS, RECEIVERS, num_senders=2, duplicates="first").num_edges == 2


def test_duplicates_are_refused_by_name():
    with pytest.raises(ValueError, match=r"3 of the edges came before \(sender -> receiver: 1 -> 0, 0 -> 1, \.\.\.\)"):
        Graph.from_edges(SENDERS, RECEIVERS, num_senders=2)
    with pytest.raises(
        ValueError, match=r"1 of the edges came before \(sender -> receiver: 0 -> 1\); a graph has each"
    ):
        Graph.from_edges(torch.tensor([0, 0]), torch.tensor([1, 1]), num_senders=2)
    with pytest.raises(ValueError, match="unknown duplicates 'men'. Known: first, max, mean, sum. Did you mean 'mean'"):
        Graph.from_edges(SENDERS, RECEIVERS, num_senders=2, duplicates="men")
    with pytest.raises(TypeError, match='duplicates="mean" needs floating-point features, got torch.int64'):
        Graph.from_edges(SENDERS, RECEIVERS, num_senders=2, features=FEATURES, duplicates="mean")


EDGES = torch.tensor([0, 1])


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("senders", "receivers", "error", "message"),
    [
        ([0, 1], EDGES, TypeError, "from_edges: senders must be a tensor, got list"),
        (EDGES.float(), EDGES, TypeError, "from_edges: senders must be integers, got torch.float32; convert"),
        (EDGES, EDGES.bool(), TypeError, "receivers must be integers, got torch.bool"),
        (EDGES[None], EDGES, ValueError, r"senders must have one dimension, got shape \(1, 2\); an edge_index"),
        (EDGES[:1], EDGES, ValueError, "1 senders and 2 receivers; an edge needs one of each"),
        (EDGES, EDGES.to("meta"), ValueError, "senders are on cpu and receivers on meta; move them to one device"),
        (torch.tensor([0, -1]), EDGES, IndexError, r"senders\[1\] is -1; node numbers must lie between 0 and 1"),
        (torch.tensor([0, 2]), EDGES, IndexError, r"senders\[1\] is 2; .* \(2 senders\)"),
        (EDGES, torch.tensor([3, 4]), IndexError, r"receivers\[0\] is 3; node numbers must lie between 0 and 1"),
    ],
)
def test_bad_edges_are_refused(senders, receivers, error, message):
    with pytest.raises(error, match=message):
        Graph.from_edges(senders, receivers, num_senders=2)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("name", ["num_senders", "num_receivers"])
@pytest.mark.parametrize(
    ("count", "error", "message"),
    [
        (-1, ValueError, "must be between 0 and 2147483647"),
        (2**31, ValueError, "node numbers are stored as int32"),
        (2.0, TypeError, "must be an int, got 2.0"),
        (True, TypeError, "must be an int, got True"),
    ],
)
def test_bad_counts_are_refused(name, count, error, message):
    with pytest.raises(error, match=message):
        Graph.from_edges(EDGES, EDGES, **{"num_senders": 2, "num_receivers": 2, name: count})


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("features", [torch.ones(3), torch.tensor(1.0)])
def test_features_of_another_length_are_refused(features):
    with pytest.raises(ValueError, match="features must have one row for each of the 2 edges, got shape"):
        Graph.from_edges(EDGES, EDGES, num_senders=2, features=features)
