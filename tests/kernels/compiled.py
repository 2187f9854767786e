"""What `torch.compile` makes of the operations: run by test_compile.py in a process of its own.

There the shapes in signatures are not executed: torch.compile cannot look through those checks, and users have none.
"""

import pytest
import torch
from tests.equal import assert_all_equal_as_promised, assert_equal_as_promised
from tests.kernels.cases import Case
from tests.kernels.graphs import causal, complete, forward_and_gradients, from_mask, irregular, numbers

from edgewise import native
from edgewise.graph import Graph
from edgewise.kernels import (
    Additive,
    Constant,
    Dot,
    GATv2,
    Given,
    OffsetTable,
    aggregate,
    attend,
    native_call,
    score_edges,
)

FULL = ("edge_key", "edge_value", "bias [E, H]")


@pytest.fixture(autouse=True)
def fresh():
    torch._dynamo.reset()


def compiled(function, backend="aot_eager"):
    return torch.compile(function, backend=backend, fullgraph=True)


def weights_and_out(case, **options):
    out, weights = case.attend(return_weights=True, **options)
    return torch.cat([out.flatten(), weights.flatten()])


CALLS = {
    "dot": (Case("Dot", (), irregular(9, 7)), lambda case: case.attend()),
    "everything": (Case("Dot", FULL, irregular(9, 7)), lambda case: case.attend()),
    "by offset": (Case("Dot", ("bias by offset",), irregular(9, 7)), lambda case: case.attend()),
    "dropout": (Case("Dot", ("bias [E]",), irregular(9, 7)), lambda case: case.attend(dropout=0.5, seed=3)),
    "weights": (Case("Additive", (), irregular(9, 7)), weights_and_out),
    "gatv2": (Case("GATv2", FULL, irregular(9, 7)), lambda case: case.attend()),
    "given": (Case("Given", ("edge_value",), irregular(9, 7)), lambda case: case.attend()),
    "constant": (Case("Constant", (), irregular(9, 7)), lambda case: case.attend()),
    "scores": (Case("Dot", FULL, irregular(9, 7)), lambda case: case.score_edges()),
    "scores given": (Case("Given", (), irregular(9, 7)), lambda case: case.score_edges()),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_compiled_call_equals_an_eager_one(name):
    case, call = CALLS[name]

    def function(tensors, graph):
        case.tensors, case.graph = tensors, graph
        return call(case) * 2

    tensors = dict(case.tensors)
    theirs = forward_and_gradients(function(tensors, case.graph), case.inputs)
    ours = forward_and_gradients(compiled(function)(tensors, case.graph), case.inputs)
    assert_all_equal_as_promised(ours, theirs)


class Recorder:
    """The compiled part, and the names of what was asked of it."""

    def __init__(self) -> None:
        self.part, self.steps = native_call.compiled(), []

    def __getattr__(self, step):
        self.steps.append(step)
        return getattr(self.part, step)


@pytest.fixture
def recorder(monkeypatch):
    found = Recorder()
    monkeypatch.setattr(native_call, "compiled", lambda: found)
    return found


NATIVE = {
    "plain": ((), ()),
    "batch": ((2,), ()),
    "edge values": ((), ("edge_key", "edge_value")),
    "batch and edge values": ((2,), ("edge_value", "bias [E, H]")),
}


@pytest.mark.skipif(not native.available(), reason="this installation has no compiled part")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("call", [Case.attend, weights_and_out])
@pytest.mark.parametrize("name", NATIVE)
def test_compiled_kernels_run_once_forward_and_give_the_bits_of_an_eager_call(name, call, dtype, recorder):
    batch, extras = NATIVE[name]
    case = Case("Dot", extras, irregular(9, 7), dtype)
    for node in ("query", "key", "value"):
        case.tensors[node] = numbers(*batch, *case.tensors[node].shape, dtype=dtype)

    def function(tensors, graph):
        case.tensors, case.graph = tensors, graph
        return call(case, impl="native", dropout=0.3, seed=5)

    tensors = dict(case.tensors)
    theirs = forward_and_gradients(function(tensors, case.graph), case.inputs)
    run = compiled(function)
    run(tensors, case.graph)
    recorder.steps.clear()
    ours = forward_and_gradients(run(tensors, case.graph), case.inputs)
    kernels = [step for step in recorder.steps if step.startswith("attend_")]
    assert kernels == ["attend_forward", "attend_backward"]
    assert all(map(torch.equal, ours, theirs))


@pytest.mark.skipif(not native.available(), reason="this installation has no compiled part")
@pytest.mark.parametrize("more", [(20, 20), (60, 3)], ids=["tiles alone", "tiles and edges"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_compiled_tiles_give_the_bits_of_an_eager_call(dtype, more, recorder):
    mask = torch.ones(64, 64, dtype=torch.bool).tril(8).triu(-8)
    mask[more] = True
    inputs = [numbers(64, 2, 8, seed=n, dtype=dtype) for n in range(3)] + [numbers(5, 2, seed=3, dtype=dtype)]

    def function(q, k, v, table, graph):
        return attend(q, k, v, graph, bias=OffsetTable(table, -2), impl="tiles")

    theirs = forward_and_gradients(function(*inputs, from_mask(mask)), inputs)
    ours = forward_and_gradients(compiled(function)(*inputs, from_mask(mask)), inputs)
    assert all(map(torch.equal, ours, theirs))


def test_a_compiled_call_plans_and_transposes_a_graph_once(monkeypatch):
    made = []
    remember = Graph.remember
    monkeypatch.setattr(
        Graph, "remember", lambda graph, name, make: remember(graph, name, lambda: (made.append(name), make())[1])
    )
    graph, q = irregular(9, 9), numbers(9, 2, 4)
    run = compiled(lambda q, graph: attend(q.tanh(), q, q, graph))
    for _ in range(2):
        run(q, graph).sum().backward()
    assert "plan" in made
    assert "transpose" in made
    made.clear()
    run(q, graph).sum().backward()
    assert made == []


@pytest.mark.parametrize("reduce", ["sum", "mean", "max"])
def test_a_compiled_aggregate_equals_an_eager_one(reduce):
    graph = irregular(9, 7)
    inputs = [numbers(2, 7, 2, 3), numbers(graph.num_edges, 4)]

    def function(value, weights, graph):
        return aggregate(value, graph, reduce, weights=weights.sigmoid()).relu()

    ours = forward_and_gradients(compiled(function)(*inputs, graph), inputs)
    assert_all_equal_as_promised(ours, forward_and_gradients(function(*inputs, graph), inputs))


@pytest.mark.parametrize("batch", [(), (2,)])
@pytest.mark.parametrize("graph", [complete(6), causal(6), Graph.batch([causal(4), causal(2)])], ids=str)
def test_a_compiled_dense_graph_equals_an_eager_one(graph, batch):
    inputs = [numbers(*batch, 6, heads, 8, seed=heads, dtype=torch.float32) for heads in (4, 2, 2)]

    def function(q, k, v, graph):
        return attend(q.tanh(), k, v, graph)

    ours = forward_and_gradients(compiled(function)(*inputs, graph), inputs)
    assert_all_equal_as_promised(ours, forward_and_gradients(function(*inputs, graph), inputs))


def test_inductor_makes_the_same_of_all_three():
    graph = irregular(9, 7)

    def function(q, k, v, graph):
        scores = score_edges(q, k, graph)
        heard = attend(None, None, v, graph, score=Given(scores.relu()))
        return heard + aggregate(v, graph, weights=scores)

    inputs = [numbers(n, 2, 4, seed=n, dtype=torch.float32) for n in (9, 7, 7)]
    ours = forward_and_gradients(compiled(function, "inductor")(*inputs, graph), inputs)
    assert_all_equal_as_promised(ours, forward_and_gradients(function(*inputs, graph), inputs))


def test_a_new_graph_recompiles_nothing():
    def function(q, k, v, table, weights, graph):
        out = attend(q, k, v, graph, bias=OffsetTable(table, -1))
        return out + aggregate(v, graph, "mean", weights=weights)

    run, table = compiled(function), numbers(3, 2)

    def step(graph):
        R, S = graph.num_receivers, graph.num_senders
        inputs = [numbers(n, 2, 4) for n in (R, S, S)] + [table, numbers(graph.num_edges, 2)]
        ours = forward_and_gradients(run(*inputs, graph), inputs)
        assert_all_equal_as_promised(ours, forward_and_gradients(function(*inputs, graph), inputs))

    step(irregular(9, 7))
    step(irregular(12, 10))  # sizes become symbols
    with torch._dynamo.config.patch(error_on_recompile=True):
        for graph in (irregular(8, 11, seed=1), irregular(5, 6, density=0.9), causal(13, 14), complete(30, 20)):
            step(graph)


def test_a_new_batch_of_graphs_recompiles_nothing():
    def function(q, k, v, graph):
        return attend(q, k, v, graph)

    run = compiled(function)

    def step(sizes):
        graph = Graph.batch([causal(n) for n in sizes])
        inputs = [numbers(sum(sizes), 2, 4, seed=n) for n in range(3)]
        assert_equal_as_promised(run(*inputs, graph), function(*inputs, graph))

    step([3, 4])
    step([5, 2, 6])
    with torch._dynamo.config.patch(error_on_recompile=True):
        step([2, 2, 9, 4])
        step([7, 8])


def test_dropout_draws_anew_at_every_call_and_follows_the_generator():
    graph = irregular(20, 20)
    q = numbers(20, 2, 4)
    run = compiled(lambda q, graph: attend(q, q, q, graph, dropout=0.5))
    torch.manual_seed(1)
    first, second = run(q, graph), run(q, graph)
    torch.manual_seed(1)
    assert torch.equal(run(q, graph), first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("graph", [irregular(9, 9), causal(9)], ids=["irregular", "causal"])
def test_autocast_and_compilation_go_together(graph):
    torch.manual_seed(0)
    project, x = torch.nn.Linear(8, 24), numbers(9, 8, dtype=torch.float32)

    def function(x, graph):
        q, k, v = project(x).view(9, 3, 2, 4).unbind(1)
        return attend(q, k, v, graph)

    inputs = [x, *project.parameters()]
    with torch.autocast("cpu", torch.bfloat16):
        out, theirs = compiled(function)(x, graph), function(x, graph)
    assert out.dtype == theirs.dtype == torch.bfloat16
    for a, b in zip(forward_and_gradients(out, inputs), forward_and_gradients(theirs, inputs), strict=True):
        torch.testing.assert_close(a, b, atol=2e-2, rtol=2e-2)


def test_a_module_of_scores_compiles():
    graph = irregular(9, 9)
    for score in (Dot(0.5), Additive(), GATv2(torch.ones(2, 1)), Constant()):
        nodes = [None, None] if score == Constant() else [numbers(9, 2, 1), numbers(9, 2, 1, seed=1)]
        value = numbers(9, 2, 5)
        run = compiled(lambda q, k, v, graph, score=score: attend(q, k, v, graph, score=score))
        assert_equal_as_promised(run(*nodes, value, graph), attend(*nodes, value, graph, score=score))


class Distance:
    """A reader's own score: minus the distance of query and key."""

    name = "distance"
    reads_nodes = True
    number = 0.0
    tensor = None

    def logits(self, query, key):
        return -(query - key).norm(dim=-1)


def test_a_score_of_ones_own_is_refused_by_name():
    graph, q = irregular(9, 9), numbers(9, 2, 4)
    assert attend(q, q, q, graph, score=Distance()).shape == (9, 2, 4)
    with pytest.raises(Exception, match="the score 'distance' is not one of edgewise's own"):
        compiled(lambda q, graph: attend(q, q, q, graph, score=Distance()))(q, graph)
