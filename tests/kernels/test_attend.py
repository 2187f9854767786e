"""Any graph: attend equals the dense formula over a mask, for every score and every extra."""

import pytest
import torch
from tests.equal import assert_all_equal_as_promised, assert_equal_as_promised
from tests.kernels.cases import EXTRAS, GRAPHS, SCORES, Case
from tests.kernels.graphs import complete, forward_and_gradients, irregular, numbers

from edgewise.graph import Graph
from edgewise.kernels import Given, attend


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("extras", EXTRAS, ids=" ".join)
@pytest.mark.parametrize("score", SCORES)
def test_attend_is_the_dense_formula(score, extras, name):
    case = Case(score, extras, GRAPHS[name])
    ours = forward_and_gradients(case.attend(), case.inputs)
    assert_all_equal_as_promised(ours, forward_and_gradients(case.formula(), case.inputs))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("extras", [(), EXTRAS[-1], ("bias by offset",)], ids=" ".join)
@pytest.mark.parametrize("score", SCORES)
def test_attend_is_as_accurate_as_the_formula_in_every_dtype(score, extras, dtype):
    case = Case(score, extras, irregular(17, 13), dtype)
    exact = case.exactly()
    out = case.attend()
    assert out.dtype == dtype
    ours = forward_and_gradients(out, case.inputs)
    theirs = forward_and_gradients(case.formula(), case.inputs)
    assert_all_equal_as_promised(ours, theirs, forward_and_gradients(exact.formula(), exact.inputs))


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("name", GRAPHS)
def test_an_isolated_receiver_receives_zero_and_gives_zero_gradient(name, score):
    case = Case(score, EXTRAS[-1], GRAPHS[name])
    out, *gradients = forward_and_gradients(case.attend(), case.inputs)
    silent = case.graph.degree() == 0
    assert torch.equal(out[silent], torch.zeros_like(out[silent]))
    assert all(g.isfinite().all() for g in gradients)
    named = dict(zip(case.tensors, gradients, strict=True))
    if "query" in named:
        assert torch.equal(named["query"][silent], torch.zeros_like(named["query"][silent]))
    unheard = case.graph.sender_degree() == 0
    assert torch.equal(named["value"][unheard], torch.zeros_like(named["value"][unheard]))


def test_edges_of_minus_infinite_score_are_as_good_as_absent():
    graph = GRAPHS["irregular"]
    case = Case("Given", ("edge_value",), graph)
    absent = torch.rand(graph.num_edges, generator=torch.Generator().manual_seed(5)) < 0.5
    absent |= graph.edges()[1] == 3
    case.tensors["scores"] = case.tensors["scores"].detach().masked_fill(absent[:, None], -torch.inf).requires_grad_()
    out, *gradients = forward_and_gradients(case.attend(), case.inputs)
    assert all(g.isfinite().all() for g in gradients)
    senders, receivers = (x[~absent] for x in graph.edges())
    rest = Case("Given", ("edge_value",), Graph.from_edges(senders, receivers, num_senders=9))
    rest.tensors = {
        name: x[~absent].detach().requires_grad_() if x.shape[0] == graph.num_edges else x
        for name, x in case.tensors.items()
    }
    theirs, *_ = forward_and_gradients(rest.attend(), rest.inputs)
    assert torch.equal(out[3], torch.zeros_like(out[3]))
    assert_equal_as_promised(out, theirs)


def test_a_nan_passes_through_to_those_who_hear_it():
    case = Case("Dot", (), GRAPHS["irregular"])
    with torch.no_grad():
        case.tensors["key"][2] = torch.nan
    hears = case.graph.dense()[:, 2]
    assert torch.equal(case.attend().isnan().any(-1).any(-1), hears)


def test_huge_scores_do_not_overflow():
    graph = complete(3)
    scores = torch.tensor([[1e30], [0.0], [-1e30]]).repeat(3, 1)
    out = attend(None, None, torch.arange(3.0)[:, None, None], graph, score=Given(scores))
    assert torch.equal(out, torch.zeros(3, 1, 1))


@pytest.mark.parametrize("batch", [(2,), (2, 1), (3, 2)])
@pytest.mark.parametrize("score", SCORES)
def test_batch_dimensions_are_one_call_each(score, batch):
    graph = GRAPHS["irregular"]
    case = Case(score, EXTRAS[-1], graph)
    for n, name in enumerate(("query", "key", "value", "scores")):
        if name in case.tensors:
            case.tensors[name] = numbers(*batch, *case.tensors[name].shape, seed=n)
    out, weights = case.attend(return_weights=True)
    assert weights.shape == (*batch, graph.num_edges, 4)
    ours = forward_and_gradients(out, case.inputs)
    singles = []
    for index in torch.cartesian_prod(*map(torch.arange, batch)).reshape(-1, len(batch)).tolist():
        one = Case(score, EXTRAS[-1], graph)
        one.tensors = {
            name: x[tuple(index)] if name in ("query", "key", "value", "scores") else x
            for name, x in case.tensors.items()
        }
        singles.append(one.attend())
    assert_all_equal_as_promised(ours, forward_and_gradients(torch.stack(singles).unflatten(0, batch), case.inputs))


@pytest.mark.parametrize("score", SCORES)
def test_dropout_drops_and_rescales(score):
    graph = irregular(30, 30)
    case = Case(score, EXTRAS[-1], graph)
    out, weights = case.attend(dropout=0.3, seed=5, return_weights=True)
    _, whole = case.attend(return_weights=True)
    kept = weights != 0
    assert 0.6 < kept.double().mean() < 0.8
    assert_equal_as_promised(weights[kept], whole[kept] / 0.7)
    assert torch.equal(case.attend(dropout=0.3, seed=5), out)
    assert torch.equal(case.attend(dropout=0.3, seed=torch.tensor(5)), out)
    assert not torch.equal(case.attend(dropout=0.3, seed=6), out)


def test_dropout_without_a_seed_follows_the_generator_of_pytorch():
    case = Case("Dot", (), irregular(20, 20))
    torch.manual_seed(3)
    first, second = case.attend(dropout=0.5), case.attend(dropout=0.5)
    torch.manual_seed(3)
    assert torch.equal(case.attend(dropout=0.5), first)
    assert not torch.equal(first, second)


class Distance:
    """A reader's own score: minus the distance of query and key."""

    name = "distance"
    reads_nodes = True
    number = 0.0
    tensor = None

    def logits(self, query, key):
        return -(query - key).norm(dim=-1)


@pytest.mark.parametrize("impl", ["auto", "reference"])
def test_a_score_of_ones_own_is_a_score(impl):
    graph, q, k, v = irregular(9, 7), numbers(9, 2, 4), numbers(7, 2, 4), numbers(7, 2, 3)
    senders, receivers = graph.edges()
    theirs = attend(None, None, v, graph, score=Given(Distance().logits(q[receivers], k[senders])), impl="reference")
    ours = attend(q, k, v, graph, score=Distance(), impl=impl)
    assert_all_equal_as_promised(forward_and_gradients(ours, [q, k, v]), forward_and_gradients(theirs, [q, k, v]))


@pytest.mark.parametrize("impl", ["auto", "reference"])
@pytest.mark.parametrize("learns", ["bias", "scores", "key weight"])
def test_weights_have_gradients_whatever_learns(learns, impl):
    score = "Given" if learns == "scores" else "Dot"
    case = Case(score, ("edge_key", "bias [E, H]"), GRAPHS["irregular"])
    case.tensors = {name: x if name == learns else x.detach() for name, x in case.tensors.items()}
    _, weights = case.attend(impl=impl, return_weights=True)
    (gradient,) = torch.autograd.grad((weights**2).sum(), [case.tensors[learns]])
    assert gradient.abs().max() > 0
