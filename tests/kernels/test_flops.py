import pytest
import torch

from edgewise.graph import Graph
from edgewise.kernels import Additive, EdgeTerm, aggregate, attend, score_edges
from edgewise.kernels.flops import FLOPS, count_flops
from edgewise.kernels.ops import watched

R, S, H, D, V, F = 5, 7, 3, 4, 2, 6


@pytest.fixture
def graph():
    chance = torch.Generator().manual_seed(0)
    return Graph.from_mask(torch.rand(R, S, generator=chance) < 0.5)


def rows(*shape):
    return torch.randn(*shape, requires_grad=True)


@pytest.mark.parametrize("impl", ["auto", "reference"])
def test_attention_counts_its_edges_whatever_way_it_takes(graph, impl):
    q, k, v, E = rows(R, H, D), rows(S, H, D), rows(S, H, V), graph.num_edges
    with torch.no_grad():
        assert count_flops(lambda: attend(q, k, v, graph, impl=impl)) == 2 * E * H * (D + V)
    both = count_flops(lambda: attend(q, k, v, graph, impl=impl).sum().backward())
    assert both == 2 * E * H * (D + V) + 2 * E * H * (3 * D + 2 * V)
    batch = count_flops(lambda: attend(q.expand(8, R, H, D), k, v, graph, impl=impl))
    assert batch == 8 * 2 * E * H * (D + V)


def test_the_count_is_that_of_pytorch_on_the_complete_graph():
    n, graph = 6, Graph.from_mask(torch.ones(6, 6, dtype=torch.bool))
    q, k, v = (rows(n, H, D) for _ in range(3))

    def dense():
        heads = [x.movedim(0, 1) for x in (q, k, v)]
        weights = (heads[0] @ heads[1].mT).softmax(-1)
        return (weights @ heads[2]).sum()

    with torch.no_grad():
        assert count_flops(lambda: attend(q, k, v, graph)) == count_flops(dense)


def test_scores_without_a_product_and_edges_with_features(graph):
    E = graph.num_edges
    q, k, v = rows(R, H, 1), rows(S, H, 1), rows(S, H, V)
    assert count_flops(lambda: attend(q, k, v, graph, score=Additive())) == 2 * E * H * (1 + V)
    term = EdgeTerm(torch.randn(E, F), rows(F, H, V))
    own = H * (2 * E * F + 2 * R * F * V)
    assert count_flops(lambda: attend(q, k, v, graph, score=Additive(), edge_value=term)) == 2 * E * H * (1 + V) + own
    assert count_flops(lambda: score_edges(rows(R, H, D), rows(S, H, D), graph)) == 2 * E * H * D


@pytest.mark.parametrize("reduce", ["sum", "mean", "max"])
def test_aggregation_counts_its_edges(graph, reduce):
    v, E = rows(S, H, D), graph.num_edges
    with torch.no_grad():
        assert count_flops(lambda: aggregate(v, graph, reduce)) == E * H * D
    assert count_flops(lambda: aggregate(v, graph, reduce).sum().backward()) == 2 * E * H * D
    weights = torch.rand(E)
    if reduce == "sum":
        assert count_flops(lambda: aggregate(v, graph, reduce, weights=weights)) == 2 * E * H * D


def test_every_operator_has_its_formula():
    ours = {schema.name for schema in torch._C._jit_get_all_schemas() if schema.name.startswith("edgewise::")}
    assert {f"edgewise::{operator.__name__}" for operator in FLOPS} == ours


def test_counting_changes_no_result(graph):
    q, k, v = rows(R, H, D), rows(S, H, D), rows(S, H, V)
    counted = []
    assert count_flops(lambda: counted.append(attend(q, k, v, graph))) > 0
    assert torch.equal(counted[0], attend(q, k, v, graph)) and not watched()


def test_no_nodes_cost_nothing():
    nobody = Graph.from_mask(torch.ones(0, 0, dtype=torch.bool))
    empty = torch.zeros(0, H, D)
    assert count_flops(lambda: attend(empty, empty, empty, nobody)) == 0
    assert count_flops(lambda: aggregate(empty, nobody)) == 0
