"""Autocast ends at the door: the numbers and dtypes of a call are those of the tensors it gets."""

import pytest
import torch
from tests.kernels.graphs import causal, forward_and_gradients, irregular, numbers

from edgewise.kernels import EdgeTerm, OffsetTable, aggregate, attend, score_edges

GRAPHS = {"irregular": irregular(9, 9), "causal": causal(9)}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("impl", ["auto", "reference"])
def test_attend_is_the_same_under_autocast(name, dtype, impl):
    graph = GRAPHS[name]
    inputs = [numbers(9, 2, 4, seed=n, dtype=dtype) for n in range(3)] + [numbers(5, 2, dtype=dtype)]

    def call():
        q, k, v, table = inputs
        return attend(q, k, v, graph, bias=OffsetTable(table, -2), impl=impl)

    theirs = forward_and_gradients(call(), inputs)
    with torch.autocast("cpu", torch.bfloat16):
        out = call()
    assert out.dtype == dtype
    assert all(map(torch.equal, forward_and_gradients(out, inputs), theirs))


def test_aggregate_and_score_edges_are_the_same_under_autocast():
    graph = GRAPHS["irregular"]
    q, features, weight = (
        numbers(*shape, dtype=torch.float32) for shape in ((9, 2, 4), (graph.num_edges, 3), (3, 2, 4))
    )

    def calls():
        term = EdgeTerm(features, weight)
        return aggregate(q, graph, "mean", edge_value=term), score_edges(q, q, graph, edge_key=term)

    theirs = calls()
    with torch.autocast("cpu", torch.bfloat16):
        ours = calls()
    assert all(map(torch.equal, ours, theirs))


def test_query_and_value_of_a_mixed_layer_meet_in_attend():
    # A norm answers in float32 and a linear layer in bfloat16, as autocast has it.
    q, v = numbers(9, 2, 4, dtype=torch.float32), numbers(9, 2, 4, dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        outs = [attend(q, q, v, graph) for graph in GRAPHS.values()]
    assert all(out.dtype == torch.bfloat16 for out in outs)
