"""What a graph remembers of plain calls changes no answer, loses no check, and keeps nothing alive."""

import gc
import weakref

import pytest
import torch
from tests.kernels.compiled_part import fresh
from tests.kernels.graphs import complete, forward_and_gradients, from_mask, irregular, numbers

from edgewise import native
from edgewise.kernels import Additive, Dot, attend, checks
from edgewise.kernels.settled import MOST, settled

needs_compiled = pytest.mark.skipif(not native.available(), reason="this installation has no compiled part")
PLACE = torch.arange(70)
GRAPHS = [
    pytest.param(irregular(9, 7), marks=needs_compiled, id="irregular"),
    pytest.param(complete(9, 7), id="dense"),
    pytest.param(from_mask((PLACE - PLACE[:, None]).abs() <= 20), marks=needs_compiled, id="in tiles"),
]


def nodes(graph, dim=6, dtype=torch.float64):
    R, S = graph.num_receivers, graph.num_senders
    sides = ((R, 4), (S, 2), (S, 2))
    return [numbers(*side, dim, seed=seed, dtype=dtype) for seed, side in enumerate(sides)]


@pytest.fixture
def checked(monkeypatch):
    """The calls that were looked at in full."""
    seen, check = [], checks.check_attention
    monkeypatch.setattr(checks, "check_attention", lambda *call: (seen.append(call), check(*call)))
    return seen


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_call_like_an_earlier_one_is_not_looked_at_again_and_answers_the_same(graph, checked):
    graph = fresh(graph)
    inputs = nodes(graph)
    first, second = (forward_and_gradients(attend(*inputs, graph), inputs) for _ in range(2))
    assert len(checked) == 1
    assert all(map(torch.equal, first, second))


@pytest.mark.parametrize("graph", GRAPHS)
def test_what_differs_is_another_call(graph, checked):
    graph = fresh(graph)
    calls = [
        (nodes(graph), {}),
        (nodes(graph, dim=3), {}),
        (nodes(graph, dtype=torch.float32), {}),
        (nodes(graph), {"score": Dot(0.5)}),
        (nodes(graph, dim=1), {"score": Additive(0.3)}),
        (nodes(graph), {"bias": numbers(graph.num_edges)}),
        (nodes(graph), {"dropout": 0.5, "seed": 3}),
        ([x[None] for x in nodes(graph)], {}),
    ]
    for _ in range(2):
        for inputs, more in calls:
            expected = attend(*inputs, graph, impl="reference", **more)
            torch.testing.assert_close(attend(*inputs, graph, **more), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("graph", GRAPHS)
def test_what_does_not_fit_is_refused_after_what_fits(graph):
    graph = fresh(graph)
    query, key, value = nodes(graph)
    for _ in range(2):
        attend(query, key, value, graph)
    wrong = {
        "query has [0-9]+ nodes": (query[1:], key, value),
        "key has [0-9]+ nodes": (query, key[1:], value),
        "query and key must have one dtype": (query.float(), key, value),
        "must have one head dim": (query, key[..., 1:], value),
        "4 heads cannot share the 3 heads of key": (query, key[:, :1].expand(-1, 3, -1), value),
        "must be .*, got int64": (query, key, value.detach().long()),
        "value is on meta": (query, key, value.to("meta")),
    }
    for message, inputs in wrong.items():
        with pytest.raises((ValueError, TypeError), match=message):
            attend(*inputs, graph)
    with pytest.raises(TypeError, match="graph must be a Graph, got Tensor"):
        attend(query, key, value, graph.dense())


def test_a_graph_keeps_a_few_of_many_calls():
    graph = fresh(complete(9, 7))
    inputs = nodes(graph)
    for n in range(2 * MOST):
        attend(*inputs, graph, score=Dot(1.0 / (n + 1)))
    assert 0 < len(settled(graph)) <= MOST


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_graph_does_not_outlive_its_last_reference(graph):
    graph = fresh(graph)
    inputs = nodes(graph)
    gc.disable()  # a cycle would wait for it
    try:
        for _ in range(2):
            attend(*inputs, graph).sum().backward()
        there = weakref.ref(graph)
        del graph
        assert there() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("graph", GRAPHS)
def test_transforms_are_seen_after_a_settled_call(graph):
    graph = fresh(graph)
    query, key, value = nodes(graph)
    for _ in range(2):
        attend(query, key, value, graph)
    mapped = torch.vmap(lambda v: attend(query, key, v, graph))(torch.stack([value, 2 * value]))
    torch.testing.assert_close(mapped[1], 2 * attend(query, key, value, graph))
    tangent = torch.func.jvp(lambda v: attend(query, key, v, graph), (value,), (value,))[1]
    torch.testing.assert_close(tangent, attend(query, key, value, graph))
