"""What holds whatever the graph: names and order of nodes and edges do not matter, and only edges carry."""

import pytest
import torch
from tests.equal import assert_all_equal_as_promised, assert_equal_as_promised
from tests.kernels.cases import EXTRAS, SCORES, Case
from tests.kernels.graphs import IRREGULAR, causal, complete, forward_and_gradients, from_mask, irregular, numbers
from torch.autograd import gradcheck, gradgradcheck
from torch.autograd.functional import jacobian

from edgewise.graph import Graph
from edgewise.kernels import REDUCTIONS, EdgeTerm, OffsetTable, aggregate, attend

EVERYTHING = EXTRAS[-1]
PER_RECEIVER = {"query"}
PER_SENDER = {"key", "value"}


def per_edge(case):
    return [name for name, x in case.tensors.items() if x.shape[:1] == (case.graph.num_edges,)]


def moved(case, graph, **changed):
    """The same case over another graph, with some tensors changed."""
    other = Case(case.score, case.extras, graph)
    other.tensors = {name: changed.get(name.replace(" ", "_"), x) for name, x in case.tensors.items()}
    return other


def aggregated(case, reduce, impl="auto"):
    t = case.tensors
    edge_value = EdgeTerm(t["value features"], t["value weight"])
    return aggregate(t["value"], case.graph, reduce, weights=t["bias"], edge_value=edge_value, impl=impl)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("seed", range(3))
def test_relabelling_nodes_permutes_the_output(score, seed):
    case = Case(score, EVERYTHING, irregular(8, 8, seed=seed))
    new = torch.randperm(8, generator=torch.Generator().manual_seed(seed))
    old = new.argsort()
    senders, receivers = case.graph.edges()
    graph, order = Graph.from_edges(new[senders], new[receivers], num_senders=8, return_order=True)
    other = Case(score, EVERYTHING, graph)
    edges = per_edge(case)
    other.tensors = {
        name: x[order] if name in edges else x[old] if name in PER_RECEIVER | PER_SENDER else x
        for name, x in case.tensors.items()
    }
    assert_equal_as_promised(other.attend()[new], case.attend())
    for reduce in REDUCTIONS:
        assert_equal_as_promised(aggregated(other, reduce)[new], aggregated(case, reduce))


@pytest.mark.parametrize("score", SCORES)
def test_shuffling_the_edge_list_changes_nothing(score):
    case = Case(score, EVERYTHING, irregular(8, 6))
    senders, receivers = case.graph.edges()
    shuffled = torch.randperm(case.graph.num_edges, generator=torch.Generator().manual_seed(1))
    graph, order = Graph.from_edges(
        senders[shuffled], receivers[shuffled], num_senders=6, num_receivers=8, return_order=True
    )
    other = Case(score, EVERYTHING, graph)
    edges = per_edge(case)
    other.tensors = {name: x[shuffled][order] if name in edges else x for name, x in case.tensors.items()}
    assert torch.equal(other.attend(), case.attend())
    for reduce in REDUCTIONS:
        assert torch.equal(aggregated(other, reduce), aggregated(case, reduce))


@pytest.mark.parametrize("score", SCORES)
def test_a_batch_of_graphs_is_each_of_them_side_by_side(score):
    graphs = [irregular(5, 5), irregular(3, 7, seed=1), from_mask(torch.zeros(2, 0, dtype=torch.bool)), complete(1)]
    whole = Case(score, EVERYTHING, Graph.batch(graphs))
    edges = per_edge(whole)
    parts = []
    starts = dict.fromkeys(("receivers", "senders", "edges"), 0)
    for graph in graphs:
        sizes = {"receivers": graph.num_receivers, "senders": graph.num_senders, "edges": graph.num_edges}
        part = Case(score, EVERYTHING, graph)
        for name, x in whole.tensors.items():
            kind = "edges" if name in edges else "senders" if name in PER_SENDER else "receivers"
            whole_of_it = name not in edges and name not in PER_SENDER | PER_RECEIVER
            part.tensors[name] = x if whole_of_it else x[starts[kind] : starts[kind] + sizes[kind]]
        parts.append(part)
        starts = {kind: start + sizes[kind] for kind, start in starts.items()}
    assert_equal_as_promised(whole.attend(), torch.cat([part.attend() for part in parts]))
    for reduce in REDUCTIONS:
        assert_equal_as_promised(aggregated(whole, reduce), torch.cat([aggregated(part, reduce) for part in parts]))


@pytest.mark.parametrize("score", ["Dot", "Additive", "GATv2"])
@pytest.mark.parametrize("graph", [IRREGULAR["cross"], causal(5), causal(4, 6)], ids=["cross", "causal", "past"])
def test_only_edges_carry(graph, score):
    case = Case(score, (), graph)
    names = ["query", "key", "value"]
    jacobians = jacobian(
        lambda *xs: moved(case, graph, **dict(zip(names, xs, strict=True))).attend().sum((1, 2)),
        tuple(case.tensors[name] for name in names),
    )
    carries = [(block != 0).any(-1).any(-1) for block in jacobians]
    hears = graph.dense()
    alone = (hears.sum(1) == 1)[:, None]  # a lone sender's weight is 1 whatever its key
    assert torch.equal(carries[2], hears)
    assert torch.equal(carries[1], hears & ~alone)
    assert torch.equal(carries[0], torch.eye(len(hears), dtype=torch.bool) & (hears.sum(1, keepdim=True) > 1))


@pytest.mark.parametrize("score", SCORES)
def test_the_reference_has_right_first_and_second_derivatives(score):
    case = Case(score, EVERYTHING, irregular(4, 5, seed=3))

    def out(*tensors):
        changed = dict(zip((name.replace(" ", "_") for name in case.tensors), tensors, strict=True))
        return moved(case, case.graph, **changed).attend(return_weights=True)

    assert gradcheck(out, case.inputs, fast_mode=True)
    assert gradgradcheck(out, case.inputs, fast_mode=True)


def test_a_bias_by_offset_has_right_first_and_second_derivatives():
    graph, (q, k, v), table = irregular(4, 5), [numbers(n, 2, 3, seed=n) for n in (4, 5, 5)], numbers(3, 2, seed=9)

    def out(*tensors):
        return attend(*tensors[:3], graph, bias=OffsetTable(tensors[3], -1), impl="reference")

    assert gradcheck(out, (q, k, v, table), fast_mode=True)
    assert gradgradcheck(out, (q, k, v, table), fast_mode=True)


@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_aggregate_has_right_first_and_second_derivatives(reduce):
    case = Case("Dot", EVERYTHING, irregular(4, 5))
    names = ["value", "value features", "value weight", "bias"]

    def out(*tensors):
        changed = dict(zip((n.replace(" ", "_") for n in names), tensors, strict=True))
        return aggregated(moved(case, case.graph, **changed), reduce, "reference")

    inputs = [case.tensors[name] for name in names]
    assert gradcheck(out, inputs, fast_mode=True)
    assert gradgradcheck(out, inputs, fast_mode=True)


def test_the_dense_route_has_the_right_derivative():
    graph, inputs = causal(3, 4), [numbers(n, 2, 3, seed=n) for n in (3, 4, 4)]
    assert gradcheck(lambda *xs: attend(*xs, graph, impl="dense"), inputs, fast_mode=True)
    assert gradcheck(lambda *xs: attend(*xs, graph, impl="dense", dropout=0.3, seed=1), inputs, fast_mode=True)


@pytest.mark.parametrize("impl", ["reference", "dense"])
def test_strides_are_taken_as_they_are(impl):
    graph = causal(6)
    packed = numbers(6, 3 * 2 * 4)
    q, k, v = packed.view(6, 3, 2, 4).unbind(1)
    assert not q.is_contiguous()
    ours = forward_and_gradients(attend(q, k, v, graph, impl=impl), [packed])
    theirs = forward_and_gradients(attend(*(x.contiguous() for x in (q, k, v)), graph, impl=impl), [packed])
    assert_all_equal_as_promised(ours, theirs)
    heads_first = [numbers(2, 6, 4, seed=n) for n in range(3)]
    out = attend(*(x.transpose(0, 1) for x in heads_first), graph, impl=impl)
    assert_equal_as_promised(out, attend(*(x.transpose(0, 1).contiguous() for x in heads_first), graph, impl=impl))
    assert_equal_as_promised(
        aggregate(heads_first[0].transpose(0, 1), graph), aggregate(heads_first[0].transpose(0, 1).contiguous(), graph)
    )


@pytest.mark.parametrize("impl", ["reference", "auto"])
@pytest.mark.parametrize("side", [(0, 0), (0, 3), (3, 0), (1, 1)], ids=str)
@pytest.mark.parametrize("batch", [(), (2,), (0,), (2, 0)], ids=str)
def test_nothing_is_a_size_like_any_other(batch, side, impl):
    receivers, senders = side
    graph = complete(receivers, senders)
    q, k, v = (numbers(*batch, n, 2, 3) for n in (receivers, senders, senders))
    out, weights = attend(q, k, v, graph, return_weights=True, impl=impl)
    assert out.shape == (*batch, receivers, 2, 3)
    assert weights.shape == (*batch, receivers * senders, 2)
    forward_and_gradients(out, [q, k, v])
    for reduce in REDUCTIONS:
        assert aggregate(v, graph, reduce).shape == (*batch, receivers, 2, 3)


@pytest.mark.parametrize("impl", ["reference", "auto"])
def test_a_dimension_of_zero_is_a_size_like_any_other(impl):
    graph = complete(3)
    assert attend(*(numbers(3, 2, 0) for _ in range(3)), graph, impl=impl).shape == (3, 2, 0)
    q, k, v = numbers(3, 2, 0), numbers(3, 2, 0), numbers(3, 2, 1)
    mean = v.mean(0, keepdim=True).expand(3, 2, 1)
    assert_equal_as_promised(attend(q, k, v, graph, impl=impl), mean)
