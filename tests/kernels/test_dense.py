"""Complete and causal graphs: reference == dense == PyTorch's scaled_dot_product_attention, forward and gradient."""

import pytest
import torch
from tests.equal import assert_all_equal_as_promised
from tests.kernels import formula
from tests.kernels.graphs import DENSE, causal, complete, forward_and_gradients, numbers

from edgewise.graph import Graph
from edgewise.kernels import Dot, OffsetTable, attend
from edgewise.kernels.groups import Group

ROUTES = ["reference", "dense"]
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


def tensors(graph: Graph, dtype=torch.float64, batch=(), heads=4, kv_heads=4, dim=8, value_dim=5):
    q = numbers(*batch, graph.num_receivers, heads, dim, seed=1, dtype=dtype)
    k = numbers(*batch, graph.num_senders, kv_heads, dim, seed=2, dtype=dtype)
    v = numbers(*batch, graph.num_senders, kv_heads, value_dim, seed=3, dtype=dtype)
    return [q, k, v]


def wide(x):
    return x.detach().double().requires_grad_()


@pytest.mark.parametrize("impl", ROUTES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", DENSE)
def test_three_way_parity(name, dtype, impl):
    graph = DENSE[name]
    inputs = tensors(graph, dtype)
    ours = forward_and_gradients(attend(*inputs, graph, impl=impl), inputs)
    theirs = forward_and_gradients(formula.per_graph(*inputs, graph), inputs)
    exact = [wide(x) for x in inputs]
    assert_all_equal_as_promised(ours, theirs, forward_and_gradients(formula.per_graph(*exact, graph), exact))


@pytest.mark.parametrize("impl", ROUTES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("graph", [complete(40), causal(40), causal(7, 33)], ids=["complete", "causal", "past"])
def test_a_longer_sentence_is_as_accurate_in_every_dtype(graph, dtype, impl):
    inputs = tensors(graph, dtype, heads=2, kv_heads=2, dim=32, value_dim=32)
    ours = forward_and_gradients(attend(*inputs, graph, impl=impl), inputs)
    theirs = forward_and_gradients(formula.per_graph(*inputs, graph), inputs)
    exact = [wide(x) for x in inputs]
    assert_all_equal_as_promised(ours, theirs, forward_and_gradients(formula.per_graph(*exact, graph), exact))


@pytest.mark.parametrize("impl", ROUTES)
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@pytest.mark.parametrize("name", ["causal", "causal with past", "unequal causal sizes"])
def test_fewer_key_heads_serve_several_query_heads(name, kv_heads, impl):
    graph = DENSE[name]
    inputs = tensors(graph, kv_heads=kv_heads)
    ours = forward_and_gradients(attend(*inputs, graph, impl=impl), inputs)
    assert_all_equal_as_promised(ours, forward_and_gradients(formula.per_graph(*inputs, graph), inputs))


@pytest.mark.parametrize("impl", ROUTES)
@pytest.mark.parametrize(
    "batches",
    [((2,), (2,), (2,)), ((2, 3), (2, 3), (2, 3)), ((3,), (), ()), ((), (3,), (2, 1)), ((2, 1), (1, 3), (3,))],
    ids=str,
)
@pytest.mark.parametrize("name", ["complete", "causal with past", "unequal causal sizes", "one node"])
def test_batch_dimensions_broadcast(name, batches, impl):
    graph = DENSE[name]
    inputs = [
        numbers(*batch, *x.shape, seed=n) for n, (batch, x) in enumerate(zip(batches, tensors(graph), strict=True))
    ]
    whole = torch.broadcast_shapes(*batches)
    ours = attend(*inputs, graph, impl=impl)
    spread = [x.expand(*whole, *x.shape[-3:]) for x in inputs]
    theirs = formula.per_graph(*spread, graph)
    assert_all_equal_as_promised(forward_and_gradients(ours, inputs), forward_and_gradients(theirs, inputs))


@pytest.mark.parametrize("impl", ROUTES)
@pytest.mark.parametrize("return_weights", [False, True])
@pytest.mark.parametrize("per_head", [False, True])
@pytest.mark.parametrize("name", DENSE)
def test_a_bias_per_edge_is_added_to_the_logits(name, per_head, return_weights, impl):
    graph = DENSE[name]
    inputs = tensors(graph)
    bias = numbers(graph.num_edges, *([4] if per_head else []), seed=4)
    out = attend(*inputs, graph, bias=bias, return_weights=return_weights, impl=impl)
    ours = forward_and_gradients(out[0] if return_weights else out, [*inputs, bias])
    theirs = formula.per_graph(*inputs, graph, bias if per_head else bias[:, None].expand(-1, 4))
    assert_all_equal_as_promised(ours, forward_and_gradients(theirs, [*inputs, bias]))


@pytest.mark.parametrize("impl", ROUTES)
@pytest.mark.parametrize("return_weights", [False, True])
@pytest.mark.parametrize(("offsets", "lowest"), [(1, 0), (4, -3), (40, -20)])
@pytest.mark.parametrize("name", DENSE)
def test_a_bias_by_offset_counts_from_the_position(name, offsets, lowest, return_weights, impl):
    graph = DENSE[name]
    inputs = tensors(graph)
    table = numbers(offsets, 4, seed=4)
    out = attend(*inputs, graph, bias=OffsetTable(table, lowest), return_weights=return_weights, impl=impl)
    ours = forward_and_gradients(out[0] if return_weights else out, [*inputs, table])
    # Counted by hand: inside each graph the last receiver stands at the last sender.
    distance = []
    for one in graph.unbatch():
        senders, receivers = one.edges()
        distance.append((one.num_receivers - 1 - receivers) - (one.num_senders - 1 - senders))
    bias = table[(torch.cat(distance) - lowest).clamp(0, offsets - 1)]
    assert_all_equal_as_promised(ours, forward_and_gradients(formula.per_graph(*inputs, graph, bias), [*inputs, table]))


@pytest.mark.parametrize("impl", ROUTES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["complete", "causal with past", "unequal causal sizes"])
def test_a_bias_is_as_accurate_in_every_dtype(name, dtype, impl):
    graph = DENSE[name]
    inputs = [*tensors(graph, dtype), numbers(graph.num_edges, 4, seed=4, dtype=dtype)]
    exact = [wide(x) for x in inputs]
    *qkv, bias = inputs
    ours = forward_and_gradients(attend(*qkv, graph, bias=bias, impl=impl), inputs)
    theirs = forward_and_gradients(formula.per_graph(*qkv, graph, bias), inputs)
    *qkv, bias = exact
    assert_all_equal_as_promised(ours, theirs, forward_and_gradients(formula.per_graph(*qkv, graph, bias), exact))


@pytest.mark.parametrize("impl", ROUTES)
@pytest.mark.parametrize("bias", [None, "edges"])
@pytest.mark.parametrize("name", DENSE)
def test_every_route_drops_the_same_edges(name, bias, impl):
    graph = DENSE[name]
    inputs = tensors(graph, batch=(2,), kv_heads=2)
    bias = None if bias is None else numbers(graph.num_edges, 4, seed=4)
    options = {"bias": bias, "dropout": 0.4, "seed": 11, "return_weights": True}
    out, weights = attend(*inputs, graph, impl=impl, **options)
    plain, plain_weights = attend(*inputs, graph, impl="reference", **options)
    assert torch.equal(weights == 0, plain_weights == 0)
    assert_all_equal_as_promised([weights], [plain_weights])
    assert_all_equal_as_promised(forward_and_gradients(out, inputs), forward_and_gradients(plain, inputs))
    if graph.num_edges > 20:
        assert 0.3 < (weights == 0).double().mean() < 0.5


@pytest.mark.parametrize("impl", ROUTES)
@pytest.mark.parametrize("batch", [(), (2,), (2, 1)])
@pytest.mark.parametrize("name", DENSE)
def test_weights_come_in_edge_order(name, batch, impl):
    graph = DENSE[name]
    q, k, v = tensors(graph, batch=batch)
    out, weights = attend(q, k, v, graph, return_weights=True, impl=impl)
    assert weights.shape == (*batch, graph.num_edges, 4)
    senders, receivers = graph.edges()
    sums = torch.zeros(*batch, graph.num_receivers, 4, dtype=torch.float64).index_add(-2, receivers, weights)
    assert_all_equal_as_promised([sums], [(graph.degree() > 0)[:, None].expand_as(sums).double()])
    messages = weights[..., None] * v[..., senders, :, :]
    total = torch.zeros_like(out).index_add(-3, receivers, messages)
    assert_all_equal_as_promised([out], [total])


@pytest.mark.parametrize("impl", ROUTES)
def test_gradients_flow_through_the_weights(impl):
    graph = DENSE["unequal causal sizes"]
    inputs = tensors(graph)
    _, weights = attend(*inputs, graph, return_weights=True, impl=impl)
    _, plain = attend(*inputs, graph, return_weights=True, impl="reference")
    assert_all_equal_as_promised(forward_and_gradients(weights, inputs), forward_and_gradients(plain, inputs))


@pytest.mark.parametrize("impl", ROUTES)
@pytest.mark.parametrize("scale", [0.0, 1.0, -0.5])
def test_the_scale_is_taken_as_given(scale, impl):
    graph = DENSE["causal"]
    inputs = tensors(graph)
    ours = attend(*inputs, graph, score=Dot(scale), impl=impl)
    assert_all_equal_as_promised([ours], [formula.per_graph(*inputs, graph, scale=scale)])


@pytest.mark.parametrize("impl", ROUTES)
@pytest.mark.parametrize("return_weights", [False, True])
@pytest.mark.parametrize("dtypes", [(torch.bfloat16, torch.float32), (torch.float32, torch.float16)], ids=str)
def test_query_and_value_may_have_different_dtypes(dtypes, return_weights, impl):
    graph = DENSE["causal"]
    q, k, v = (x.to(dtype) for x, dtype in zip(tensors(graph), (dtypes[0], *dtypes), strict=True))
    out = attend(q, k, v, graph, return_weights=return_weights, impl=impl)
    out = out[0] if return_weights else out
    assert out.dtype == dtypes[1]
    exact = formula.per_graph(wide(q), wide(k), wide(v), graph)
    torch.testing.assert_close(out.double(), exact, atol=1e-3, rtol=1e-2)


@pytest.mark.parametrize("impl", ROUTES)
def test_a_receiver_whose_every_bias_is_minus_infinity_receives_zero(impl):
    graph = complete(4)
    inputs = tensors(graph)
    bias = torch.zeros(4, 4, dtype=torch.float64)
    bias[2], bias[3, 1] = -torch.inf, -torch.inf
    out = attend(*inputs, graph, bias=bias.flatten(), impl=impl)
    assert torch.equal(out[2], torch.zeros_like(out[2]))
    ours, *gradients = forward_and_gradients(out, inputs)
    assert all(g.isfinite().all() for g in gradients)
    assert torch.equal(gradients[0][2], torch.zeros_like(gradients[0][2]))
    some = from_rows(graph, bias)
    assert_all_equal_as_promised([ours], [attend(*inputs, some, impl="reference")])


def from_rows(graph: Graph, bias: torch.Tensor) -> Graph:
    senders, receivers = graph.edges()
    left = bias.flatten().isfinite()
    return Graph.from_edges(senders[left], receivers[left], num_senders=4)


@pytest.mark.parametrize("name", [name for name, g in DENSE.items() if g.num_graphs == 1 < g.num_receivers])
def test_the_dense_route_is_taken_by_itself(name):
    graph = DENSE[name]
    inputs = tensors(graph, torch.float32)
    assert torch.equal(attend(*inputs, graph), attend(*inputs, graph, impl="dense"))


def test_a_causal_graph_makes_no_mask_of_its_pairs(monkeypatch):
    def refuse(group):
        raise AssertionError("a mask of every pair was made")

    monkeypatch.setattr(Group, "causal", refuse)
    graph = DENSE["equal causal sizes"]
    inputs = tensors(graph)
    assert_all_equal_as_promised([attend(*inputs, graph)], [formula.per_graph(*inputs, graph)])
