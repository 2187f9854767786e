"""aggregate equals the dense formula over a mask: sum, mean and max, weighted, with edge features."""

import pytest
import torch
from tests.equal import assert_all_equal_as_promised
from tests.kernels import formula
from tests.kernels.cases import FEATURES, GRAPHS, HEADS, KV_HEADS
from tests.kernels.graphs import forward_and_gradients, from_mask, irregular, numbers

from edgewise.kernels import REDUCTIONS, EdgeTerm, aggregate

WEIGHTS = [None, (), (HEADS,)]


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("edge_value", [False, True])
@pytest.mark.parametrize("weights", WEIGHTS, ids=["unweighted", "[E]", "[E, H]"])
@pytest.mark.parametrize("reduce", REDUCTIONS)
@pytest.mark.parametrize("impl", ["auto", "reference"])
def test_aggregate_is_the_dense_formula(impl, reduce, weights, edge_value, name):
    assert_aggregates_like_the_formula(GRAPHS[name], reduce, weights, edge_value, torch.float64, impl)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("edge_value", [False, True])
@pytest.mark.parametrize("reduce", REDUCTIONS)
@pytest.mark.parametrize("impl", ["auto", "reference"])
def test_aggregate_is_as_accurate_as_the_formula_in_every_dtype(impl, reduce, edge_value, dtype):
    assert_aggregates_like_the_formula(irregular(17, 13), reduce, (HEADS,), edge_value, dtype, impl)


def assert_aggregates_like_the_formula(graph, reduce, weights, edge_value, dtype, impl):
    S, E = graph.num_senders, graph.num_edges
    inputs = [numbers(S, KV_HEADS, 5, seed=1, dtype=dtype)]
    if weights is not None:
        inputs.append(numbers(E, *weights, seed=2, dtype=dtype))
    if edge_value:
        inputs += [numbers(E, FEATURES, seed=3, dtype=dtype), numbers(FEATURES, KV_HEADS, 5, seed=4, dtype=dtype)]

    def ask(value, *rest):
        given = rest[0] if weights is not None else None
        term = EdgeTerm(*rest[-2:]) if edge_value else None
        return aggregate(value, graph, reduce, weights=given, edge_value=term, impl=impl)

    def dense(value, *rest):
        heads = HEADS if weights else KV_HEADS
        values = formula.along_edges(value, graph, heads, rest[-2:] if edge_value else None)
        w = rest[0] if weights is not None else torch.ones(E, heads, dtype=value.dtype)
        w = w if w.dim() == 2 else w[:, None].expand(-1, heads)
        return formula.aggregation(values, formula.dense(w, graph), reduce, graph)

    out = ask(*inputs)
    assert out.dtype == dtype
    ours = forward_and_gradients(out, inputs)
    exact = [x.detach().double().requires_grad_() for x in inputs]
    truth = forward_and_gradients(dense(*exact), exact)
    assert_all_equal_as_promised(ours, forward_and_gradients(dense(*inputs), inputs), truth)


@pytest.mark.parametrize("reduce", REDUCTIONS)
@pytest.mark.parametrize(
    ("value_batch", "weight_batch"), [((2,), ()), ((), (2,)), ((3, 1), (2,)), ((2, 2), (2, 2))], ids=str
)
def test_aggregate_broadcasts_batch_dimensions(value_batch, weight_batch, reduce):
    graph = GRAPHS["batch"]
    value = numbers(*value_batch, graph.num_senders, 2, 3)
    weights = numbers(*weight_batch, graph.num_edges, 4)
    ours = forward_and_gradients(aggregate(value, graph, reduce, weights=weights), [value, weights])
    batch = torch.broadcast_shapes(value_batch, weight_batch)
    spread = zip(
        value.expand(*batch, *value.shape[-3:]).flatten(0, len(batch) - 1),
        weights.expand(*batch, *weights.shape[-2:]).flatten(0, len(batch) - 1),
        strict=True,
    )
    theirs = torch.stack([aggregate(v, graph, reduce, weights=w) for v, w in spread]).unflatten(0, batch)
    assert_all_equal_as_promised(ours, forward_and_gradients(theirs, [value, weights]))


@pytest.mark.parametrize("impl", ["auto", "reference"])
def test_the_largest_shares_its_gradient_evenly_among_ties(impl):
    graph = from_mask(torch.tensor([[True, True, True, True], [False, True, False, True]]))
    value = torch.tensor([3.0, 5.0, 5.0, 1.0])[:, None, None].requires_grad_()
    out = aggregate(value, graph, "max", impl=impl)
    assert out.flatten().tolist() == [5, 5]
    out.backward(torch.tensor([6.0, 10.0])[:, None, None])
    assert value.grad.flatten().tolist() == [0, 3 + 10, 3, 0]


@pytest.mark.parametrize("impl", ["auto", "reference"])
def test_negative_numbers_have_a_largest_and_an_isolated_receiver_receives_zero(impl):
    graph = from_mask(torch.tensor([[True, True], [False, False]]))
    value = torch.tensor([-3.0, -5.0])[:, None, None]
    assert aggregate(value, graph, "max", impl=impl).flatten().tolist() == [-3, 0]


def test_an_implementation_is_named_among_those_there_are():
    graph = from_mask(torch.ones(2, 2, dtype=torch.bool))
    with pytest.raises(ValueError, match="unknown impl 'dense'. Known: auto, native, reference"):
        aggregate(numbers(2, 1, 1), graph, impl="dense")
