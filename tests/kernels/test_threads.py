"""Gradients are bitwise repeatable, whatever the number of threads."""

import pytest
import torch
from tests.kernels.graphs import causal, forward_and_gradients, irregular, numbers

from edgewise.graph import Graph
from edgewise.kernels import REDUCTIONS, Additive, EdgeTerm, GATv2, OffsetTable, aggregate, attend

# Large enough for PyTorch to share the work among threads.
GRAPHS = {"irregular": irregular(150, 140, density=0.4), "causal": causal(130)}


@pytest.fixture
def with_threads():
    before = torch.get_num_threads()

    def run(count, compute):
        torch.set_num_threads(count)
        return compute()

    yield run
    torch.set_num_threads(before)


def tensors(graph: Graph) -> dict[str, torch.Tensor]:
    R, S, E = graph.num_receivers, graph.num_senders, graph.num_edges
    shapes = {"q": (R, 4, 16), "k": (S, 2, 16), "v": (S, 2, 16), "b": (E, 4), "t": (9, 4), "f": (E, 5), "w": (5, 2, 16)}
    shapes["a"] = (4, 16)
    return {name: numbers(*shape, seed=n, dtype=torch.float32) for n, (name, shape) in enumerate(shapes.items())}


CALLS = {
    "plain": lambda g, q, k, v, **_: attend(q, k, v, g),
    "reference": lambda g, q, k, v, **_: attend(q, k, v, g, impl="reference"),
    "bias": lambda g, q, k, v, b, **_: attend(q, k, v, g, bias=b),
    "offsets": lambda g, q, k, v, t, **_: attend(q, k, v, g, bias=OffsetTable(t, -4)),
    "dropout": lambda g, q, k, v, **_: attend(q, k, v, g, dropout=0.2, seed=3),
    "edges": lambda g, q, k, v, f, w, **_: attend(q, k, v, g, edge_key=EdgeTerm(f, w), edge_value=EdgeTerm(f, w)),
    "additive": lambda g, q, k, v, f, w, **_: attend(
        *(x[..., :1] for x in (q, k)), v, g, score=Additive(), edge_key=EdgeTerm(f, w[..., :1])
    ),
    "gatv2": lambda g, q, k, v, a, **_: attend(q, k, v, g, score=GATv2(a)),
} | {
    reduce: lambda g, v, b, f, w, reduce=reduce, **_: aggregate(v, g, reduce, weights=b, edge_value=EdgeTerm(f, w))
    for reduce in REDUCTIONS
}


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("call", CALLS)
def test_one_thread_and_two_give_the_same_bits(call, name, with_threads):
    graph = GRAPHS[name]
    given = tensors(graph)

    def compute():
        return forward_and_gradients(CALLS[call](graph, **given), list(given.values()))

    alone, together, again = (with_threads(count, compute) for count in (1, 2, 2))
    assert all(map(torch.equal, alone, together))
    assert all(map(torch.equal, together, again))
