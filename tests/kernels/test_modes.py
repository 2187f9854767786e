"""Modes of PyTorch that a caller may be in: deterministic algorithms, inference."""

import pytest
import torch
from tests.kernels.graphs import causal, forward_and_gradients, irregular, numbers

from edgewise import native
from edgewise.graph import Graph
from edgewise.kernels import REDUCTIONS, EdgeTerm, OffsetTable, aggregate, attend, score_edges

GRAPHS = {"dense": causal(70), "tiles": causal(70), "native": irregular(70, 70), "reference": irregular(70, 70)}


@pytest.fixture
def deterministic():
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def inputs(graph: Graph) -> list[torch.Tensor]:
    E = graph.num_edges
    shapes = ((70, 4, 8), (70, 2, 8), (70, 2, 8), (5, 4), (E, 4), (E, 3), (3, 2, 8))
    return [numbers(*shape, seed=n, dtype=torch.float32) for n, shape in enumerate(shapes)]


def calls(impl: str, graph: Graph):
    """Everything that the route takes."""
    yield lambda q, k, v, table, *_: attend(q, k, v, graph, bias=OffsetTable(table, -2), impl=impl)
    yield lambda q, k, v, *_: attend(q, k, v, graph, dropout=0.2, seed=1, impl=impl)
    if impl in ("native", "reference"):

        def with_edges(q, k, v, table, bias, *features_and_weight):
            term = EdgeTerm(*features_and_weight)
            return attend(q, k, v, graph, bias=bias, edge_key=term, edge_value=term, impl=impl)

        yield with_edges


def skip_without(impl: str) -> None:
    if impl in ("native", "tiles") and not native.available():
        pytest.skip("this installation has no compiled part")


@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("impl", GRAPHS)
def test_attend_keeps_to_deterministic_algorithms_and_repeats_itself(impl):
    skip_without(impl)
    graph = GRAPHS[impl]
    given = inputs(graph)
    for call in calls(impl, graph):
        once, again = (forward_and_gradients(call(*given), given) for _ in range(2))
        assert all(map(torch.equal, once, again))


@pytest.mark.usefixtures("deterministic")
def test_aggregate_and_score_edges_keep_to_deterministic_algorithms_and_repeat_themselves():
    graph = GRAPHS["native"]
    given = inputs(graph)
    q, k, v, table, bias, features, weight = given
    term = EdgeTerm(features, weight)
    every = [lambda reduce=reduce: aggregate(v, graph, reduce, weights=bias, edge_value=term) for reduce in REDUCTIONS]
    every.append(lambda: score_edges(q, k, graph, bias=OffsetTable(table, -2), edge_key=term))
    for call in every:
        once, again = (forward_and_gradients(call(), given) for _ in range(2))
        assert all(map(torch.equal, once, again))


@pytest.mark.parametrize("impl", GRAPHS)
def test_a_graph_first_met_in_inference_mode_serves_training_after(impl):
    skip_without(impl)
    graph = GRAPHS[impl]
    graph = Graph(*graph.runs, num_senders=graph.num_senders)  # one that remembers nothing yet
    q = numbers(70, 2, 8)
    with torch.inference_mode():
        found = attend(q, q, q, graph, impl=impl)
        scores = score_edges(q, q, graph)
        summed = aggregate(q, graph, "max")
    assert found.is_inference()
    assert not found.requires_grad
    learns = attend(q, q, q, graph, impl=impl)
    learns.sum().backward()
    assert q.grad.isfinite().all()
    assert torch.equal(found, learns)
    assert torch.equal(scores, score_edges(q, q, graph))
    assert torch.equal(summed, aggregate(q, graph, "max"))


@pytest.mark.parametrize("impl", GRAPHS)
def test_tensors_made_in_inference_mode_are_taken(impl):
    skip_without(impl)
    with torch.inference_mode():
        q = numbers(70, 2, 8).detach()
    assert torch.equal(attend(q, q, q, GRAPHS[impl], impl=impl), attend(q.clone(), q, q, GRAPHS[impl], impl=impl))
