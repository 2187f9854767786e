"""Complete and causal graphs: reference == dense == PyTorch's scaled_dot_product_attention, forward and gradient."""

import pytest
import torch
from edgewise.graph import Graph
from edgewise.kernels import Dot, OffsetTable, attend, plan

from tests.equal import assert_equal_as_promised
from tests.kernels import formula
from tests.kernels.graphs import DENSE, causal, complete, forward_and_gradients, numbers

ROUTES = ["reference", "dense", "auto"]
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


def tensors(graph: Graph, dtype=torch.float64, batch=(), heads=4, kv_heads=4, dim=8, value_dim=5):
    q = numbers(*batch, graph.num_receivers, heads, dim, seed=1, dtype=dtype)
    k = numbers(*batch, graph.num_senders, kv_heads, dim, seed=2, dtype=dtype)
    v = numbers(*batch, graph.num_senders, kv_heads, value_dim, seed=3, dtype=dtype)
    return [q, k, v]


def wide(x):
    return x.detach().double().requires_grad_()


def assert_all_equal(ours, theirs, truth=None):
    for n, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        assert_equal_as_promised(a, b, None if truth is None else truth[n])


@pytest.mark.parametrize("impl", ROUTES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", DENSE)
def test_three_way_parity(name, dtype, impl):
    graph = DENSE[name]
    inputs = tensors(graph, dtype)
    ours = forward_and_gradients(attend(*inputs, graph, impl=impl), inputs)
    theirs = forward_and_gradients(formula.per_graph(*inputs, graph), inputs)
    exact = [wide(x) for x in inputs]
    assert_all_equal(ours, theirs, forward_and_gradients(formula.per_graph(*exact, graph), exact))
