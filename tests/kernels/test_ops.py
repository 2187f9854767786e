"""The operators under the operations are what PyTorch asks of one: schema, shapes, derivative, tracing."""

import pytest
import torch
from tests.equal import assert_all_equal_as_promised
from tests.kernels.cases import EXTRAS, SCORES, Case
from tests.kernels.graphs import DENSE, IRREGULAR, causal, forward_and_gradients, irregular, numbers

from edgewise.kernels import attend, ops
from edgewise.kernels.attention import Attention

pytestmark = pytest.mark.usefixtures("unchecked_shapes")

GRAPHS = {
    "irregular": irregular(5, 4),
    "no edges": IRREGULAR["no edges"],
    "no nodes": IRREGULAR["no nodes"],
    "batch": IRREGULAR["batch"],
    "causal": causal(3, 4),
    "causal batch": DENSE["unequal causal sizes"],
}


def attention(case: Case, **more) -> Attention:
    t = case.tensors
    options = case.options()
    edge_value = (t["value features"], t["value weight"]) if "value features" in t else None
    return Attention(t.get("query"), t.get("key"), t["value"], edge_value=edge_value, **options, **more)


def check(operator, args) -> None:
    """opcheck raises where a check fails; its answer is looked at too."""
    found = torch.library.opcheck(operator, args)
    assert set(found.values()) == {"SUCCESS"}


@pytest.mark.parametrize("learns", [False, True])
@pytest.mark.parametrize("name", GRAPHS)
def test_attend_is_an_operator(name, learns):
    graph = GRAPHS[name]
    given = attention(Case("Dot", (), graph))
    check(ops._attend, (*ops._flat_graph(graph), *ops._flat_attention(given), False, "auto", learns))


@pytest.mark.parametrize("impl", ["reference", "auto"])
@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("extras", [EXTRAS[-1], ("bias by offset",)], ids=" ".join)
def test_attend_is_an_operator_with_every_score(score, extras, impl):
    graph = GRAPHS["irregular"]
    given = attention(Case(score, extras, graph), dropout=0.3, seed=torch.tensor(4))
    check(ops._attend, (*ops._flat_graph(graph), *ops._flat_attention(given), True, impl, True))


@pytest.mark.parametrize("score", SCORES)
def test_score_edges_is_an_operator(score):
    graph = GRAPHS["irregular"]
    given = attention(Case(score, (), graph))
    check(ops._score_edges, (*ops._flat_graph(graph), *ops._flat_attention(given), "auto"))


@pytest.mark.parametrize("reduce", ["sum", "mean", "max"])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_aggregate_is_an_operator(reduce, batch):
    graph = GRAPHS["irregular"]
    args = (numbers(*batch, 4, 2, 3), reduce, numbers(graph.num_edges, 4), None, None, "auto")
    check(ops._aggregate, (*ops._flat_graph(graph), *args))


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("extras", EXTRAS, ids=" ".join)
def test_an_operator_computes_what_the_eager_call_computes(extras, name):
    graph = GRAPHS[name]
    case = Case("Dot", extras, graph)
    out, weights = ops.attend(attention(case), graph, True, "reference")
    ours = forward_and_gradients(torch.cat([out.flatten(), weights.flatten()]), case.inputs)
    out, weights = case.attend(return_weights=True)
    theirs = forward_and_gradients(torch.cat([out.flatten(), weights.flatten()]), case.inputs)
    assert_all_equal_as_promised(ours, theirs)


def test_an_operator_gives_gradients_only_to_those_who_ask():
    graph = GRAPHS["irregular"]
    case = Case("Dot", ("bias [E, H]",), graph)
    case.tensors["key"] = case.tensors["key"].detach()
    out, _ = ops.attend(attention(case), graph, False, "auto")
    out.sum().backward()
    assert case.tensors["key"].grad is None
    assert all(case.tensors[name].grad is not None for name in ("query", "value", "bias"))


def test_scores_given_come_back_as_a_tensor_of_their_own():
    graph = GRAPHS["irregular"]
    case = Case("Given", (), graph)
    scores = ops.score_edges(attention(case), graph, "auto")
    assert torch.equal(scores, case.tensors["scores"])
    assert scores.data_ptr() != case.tensors["scores"].data_ptr()


def test_a_half_precision_operator_answers_in_its_dtype():
    graph = GRAPHS["causal batch"]
    q, k, v = (numbers(n, 2, 4, dtype=torch.bfloat16) for n in (graph.num_receivers, *[graph.num_senders] * 2))
    (out,) = [ops.attend(Attention(q, k, v, Case("Dot", (), graph).options()["score"]), graph, False, "auto")[0]]
    assert out.dtype == torch.bfloat16
    assert torch.equal(out, attend(q, k, v, graph, score=Case("Dot", (), graph).options()["score"]))
