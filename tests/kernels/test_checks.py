"""The door: what does not fit is refused by a message that says where, what was expected, what came, and the mend."""

import re

import pytest
import torch
from tests.kernels.graphs import complete, irregular

from edgewise.graph import Graph
from edgewise.kernels import (
    IMPLEMENTATIONS,
    Additive,
    Constant,
    EdgeTerm,
    GATv2,
    Given,
    OffsetTable,
    aggregate,
    attend,
    score_edges,
)

pytestmark = pytest.mark.usefixtures("unchecked_shapes")

# 5 receivers, 7 senders; 4 heads, 2 of keys and values; head dim 6; 3 edge features.
GRAPH = irregular(5, 7, density=0.5)
E = GRAPH.num_edges


def nodes(**changed):
    shapes = {"query": (5, 4, 6), "key": (7, 2, 6), "value": (7, 2, 6)}
    return {name: torch.zeros(shape) for name, shape in shapes.items()} | changed


def call(graph=GRAPH, **changed):
    given = nodes(**changed)
    return attend(given.pop("query"), given.pop("key"), given.pop("value"), graph, **given)


def refused(kind, message):
    return pytest.raises(kind, match=re.escape(message))


def zeros(*shape, **options):
    return torch.zeros(shape, **options)


NODES_REFUSED = {
    "query": (
        zeros(4, 4, 6),
        "attend: query has 4 nodes (dimension -3 of [4, 4, 6]) but the graph has 5 receivers",
    ),
    "key": (
        zeros(2, 5, 2, 6),
        "attend: key has 5 nodes (dimension -3 of [2, 5, 2, 6]) but the graph has 7 senders",
    ),
    "value": (
        zeros(8, 2, 6),
        "attend: value has 8 nodes (dimension -3 of [8, 2, 6]) but the graph has 7 senders",
    ),
}


@pytest.mark.parametrize("name", NODES_REFUSED)
def test_a_row_for_every_node(name):
    wrong, message = NODES_REFUSED[name]
    with refused(ValueError, message):
        call(**{name: wrong})


@pytest.mark.parametrize("name", ["query", "key", "value"])
def test_heads_are_a_dimension_of_their_own(name):
    message = f"attend: {name} must be [..., nodes, heads, dim], got shape [7, 6]; add a heads dimension of 1"
    with refused(ValueError, message):
        call(**{name: zeros(7, 6)})


EXTRAS = {
    "query": lambda x: {"query": x},
    "key": lambda x: {"key": x},
    "value": lambda x: {"value": x},
    "bias": lambda x: {"bias": x},
    "the bias table": lambda x: {"bias": OffsetTable(x, 0)},
    "the vector of GATv2": lambda x: {"score": GATv2(x)},
    "the scores given": lambda x: {"score": Given(x), "query": None, "key": None},
    "edge_key.features": lambda x: {"edge_key": EdgeTerm(x, zeros(3, 2, 6))},
    "edge_key.weight": lambda x: {"edge_key": EdgeTerm(zeros(E, 3), x)},
    "edge_value.features": lambda x: {"edge_value": EdgeTerm(x, zeros(3, 2, 6))},
    "edge_value.weight": lambda x: {"edge_value": EdgeTerm(zeros(E, 3), x)},
}
SHAPES = {
    "query": (5, 4, 6),
    "key": (7, 2, 6),
    "value": (7, 2, 6),
    "bias": (E, 4),
    "the bias table": (9, 4),
    "the vector of GATv2": (4, 6),
    "the scores given": (E, 4),
    "edge_key.features": (E, 3),
    "edge_key.weight": (3, 2, 6),
    "edge_value.features": (E, 3),
    "edge_value.weight": (3, 2, 6),
}


@pytest.mark.parametrize("name", EXTRAS)
def test_everything_fits_before_it_is_made_wrong(name):
    assert call(**EXTRAS[name](zeros(*SHAPES[name]))).shape == (5, 4, 6)


@pytest.mark.parametrize("name", EXTRAS)
@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64])
def test_a_dtype_that_is_not_computed_with(name, dtype):
    got = str(dtype).removeprefix("torch.")
    with refused(TypeError, f"attend: {name} must be one of float32, float64, bfloat16, float16, got {got}"):
        call(**EXTRAS[name](zeros(*SHAPES[name], dtype=dtype)))


@pytest.mark.parametrize("name", EXTRAS)
def test_another_device_than_the_graph(name):
    message = f"attend: {name} is on meta but the graph is on cpu; move one: graph.to('meta')"
    with refused(ValueError, message):
        call(**EXTRAS[name](zeros(*SHAPES[name], device="meta")))


def test_query_and_key_must_match():
    with refused(TypeError, "attend: query and key must have one dtype, got torch.float32 and torch.float64"):
        call(key=zeros(7, 2, 6, dtype=torch.float64))
    with refused(ValueError, "attend: query and key must have one head dim, got 6 and 5"):
        call(key=zeros(7, 2, 5))


@pytest.mark.parametrize("name", ["key", "value"])
@pytest.mark.parametrize("heads", [0, 3, 8])
def test_heads_that_cannot_be_shared(name, heads):
    with refused(ValueError, f"attend: 4 heads cannot share the {heads} heads of {name}; give a divisor of 4"):
        call(**{name: zeros(7, heads, 6)})


def test_key_and_value_have_as_many_heads():
    with refused(ValueError, "attend: key and value must have one number of heads, got 2 and 4"):
        call(value=zeros(7, 4, 6))


def test_batch_dimensions_must_broadcast():
    message = "attend: the leading batch dimensions differ: query [2], key [], value [3]"
    with refused(ValueError, message):
        call(query=zeros(2, 5, 4, 6), value=zeros(3, 7, 2, 6))
    with refused(ValueError, "attend: the leading batch dimensions differ: value [3], scores [2]"):
        call(query=None, key=None, value=zeros(3, 7, 2, 6), score=Given(zeros(2, E, 4)))
    with refused(ValueError, "aggregate: the leading batch dimensions differ: value [3], weights [2]"):
        aggregate(zeros(3, 7, 2, 6), GRAPH, weights=zeros(2, E, 4))


def test_a_score_that_reads_nodes_needs_them_and_another_refuses_them():
    with refused(ValueError, "attend: the score Dot needs a query and a key, got None; Constant() and Given(scores)"):
        call(query=None)
    with refused(ValueError, "attend: the score Constant reads no query or key, so both must be None"):
        call(score=Constant())
    with refused(ValueError, "attend: the score Given reads no query or key, so both must be None"):
        call(score=Given(zeros(E)), query=None)
    with refused(ValueError, "attend: edge_key is added to the key, but the score reads no key; leave edge_key out"):
        call(score=Constant(), query=None, key=None, edge_key=EdgeTerm(zeros(E, 3), zeros(3, 2, 6)))


def test_a_score_asked_for_logits_that_it_does_not_have():
    with refused(TypeError, "Constant: has no logits of its own; every edge counts the same"):
        Constant().logits(zeros(1), zeros(1))
    with refused(TypeError, "Given: its scores are per edge already; query and key must be None"):
        Given(zeros(1)).logits(zeros(1), zeros(1))


def test_the_shape_that_a_score_asks_for():
    message = "attend: the score Additive takes one scalar per node and head (head dim 1), got head dim 6"
    with refused(ValueError, message):
        call(score=Additive())
    with refused(ValueError, "attend: the vector of GATv2 must be [heads, dim] = [4, 6], got [2, 6]"):
        call(score=GATv2(zeros(2, 6)))


@pytest.mark.parametrize("shape", [(E + 1,), (E, 2), (E, 1), (1, E, 4), (4,), ()], ids=str)
def test_a_bias_is_per_edge(shape):
    message = f"attend: bias must be [{E}] or [{E}, 4] (edges, heads), got {list(shape)}"
    with refused(ValueError, message):
        call(bias=zeros(*shape))


@pytest.mark.parametrize("shape", [(E - 1,), (E - 1, 4), (2, E - 1, 4), (), (0, 4)], ids=str)
def test_scores_given_are_per_edge(shape):
    heads = shape[-1] if len(shape) > 1 else 2
    message = f"attend: the scores given must be [{E}] or [..., {E}, {heads}] (edges, heads), got {list(shape)}"
    with refused(ValueError, message):
        call(score=Given(zeros(*shape)), query=None, key=None)


@pytest.mark.parametrize("shape", [(0, 4), (9, 2), (9,), (1, 9, 4)], ids=str)
def test_a_bias_table_has_an_offset_and_every_head(shape):
    with refused(ValueError, f"attend: the bias table must be [offsets >= 1, 4 heads], got {list(shape)}"):
        call(bias=OffsetTable(zeros(*shape), 0))


@pytest.mark.parametrize("name", ["edge_key", "edge_value"])
def test_edge_features_and_their_weight(name):
    for shape in [(E - 1, 3), (E,), (1, E, 3)]:
        with refused(ValueError, f"attend: {name}.features must be [{E} edges, features], got {list(shape)}"):
            call(**{name: EdgeTerm(zeros(*shape), zeros(3, 2, 6))})
    for shape in [(2, 2, 6), (3, 4, 6), (3, 2, 5), (3, 12)]:
        message = f"attend: {name}.weight must be [features, heads, dim] = [3, 2, 6], got {list(shape)}"
        with refused(ValueError, message):
            call(**{name: EdgeTerm(zeros(E, 3), zeros(*shape))})


@pytest.mark.parametrize("dropout", [-0.1, 1.0, 1.5, float("nan")])
def test_dropout_is_a_probability_that_leaves_something(dropout):
    with refused(ValueError, f"attend: dropout must be at least 0 and below 1, got {dropout}"):
        call(dropout=dropout)


@pytest.mark.parametrize("seed", [0.5, "7", torch.tensor(0.5)], ids=str)
def test_a_seed_is_a_whole_number(seed):
    with refused(TypeError, f"attend: seed must be an int, an integer tensor or None, got {seed!r}"):
        call(dropout=0.5, seed=seed)


def test_an_unknown_implementation_names_the_known_ones():
    listed = ", ".join(sorted(IMPLEMENTATIONS))
    with refused(ValueError, f"unknown impl 'refrence'. Known: {listed}. Did you mean 'reference'?"):
        call(impl="refrence")


def test_an_unknown_reduction_names_the_known_ones():
    with refused(ValueError, "unknown reduce 'men'. Known: max, mean, sum. Did you mean 'mean'?"):
        aggregate(zeros(7, 2, 6), GRAPH, "men")


def test_the_dense_route_says_what_keeps_a_call_from_it():
    only = "attend: impl='dense' takes complete and causal graphs with edges only, and this one is neither; use impl="
    with refused(ValueError, only):
        call(impl="dense")
    graph = complete(5, 7)
    with refused(ValueError, "attend: impl='dense' takes the score Dot only, got Constant; use impl='auto'"):
        call(graph, impl="dense", query=None, key=None, score=Constant())
    for name in ("edge_key", "edge_value"):
        with refused(ValueError, "attend: impl='dense' takes no edge features; use impl='auto'"):
            call(graph, impl="dense", **{name: EdgeTerm(zeros(35, 3), zeros(3, 2, 6))})


def test_a_graph_is_a_graph():
    edge_index = torch.tensor([[0, 1], [1, 0]])
    message = "graph must be a Graph, got Tensor; Graph.from_edges and Graph.from_mask make one"
    with refused(TypeError, f"attend: {message}"):
        call(edge_index)
    with refused(TypeError, f"score_edges: {message}"):
        score_edges(zeros(5, 4, 6), zeros(7, 4, 6), edge_index)
    with refused(TypeError, f"aggregate: {message}"):
        aggregate(zeros(7, 4, 6), edge_index)


def test_a_score_is_a_value_not_a_name():
    message = "attend: score must be Dot(), Additive(), GATv2(vector), Given(scores) or Constant(), got 'dot'"
    with refused(TypeError, message):
        call(score="dot")


def test_score_edges_and_aggregate_stand_behind_the_same_door():
    with refused(
        ValueError, "score_edges: query has 4 nodes (dimension -3 of [4, 4, 6]) but the graph has 5 receivers"
    ):
        score_edges(zeros(4, 4, 6), zeros(7, 2, 6), GRAPH)
    with refused(ValueError, "aggregate: value has 5 nodes (dimension -3 of [5, 4, 6]) but the graph has 7 senders"):
        aggregate(zeros(5, 4, 6), GRAPH)
    with refused(ValueError, f"aggregate: weights must be [{E}] or [..., {E}, 4] (edges, heads), got [3, 4]"):
        aggregate(zeros(7, 2, 6), GRAPH, weights=zeros(3, 4))
    with refused(ValueError, "aggregate: 3 heads cannot share the 2 heads of value; give a divisor of 3"):
        aggregate(zeros(7, 2, 6), GRAPH, weights=zeros(E, 3))
    with refused(ValueError, f"aggregate: edge_value.features must be [{E} edges, features], got [3, 3]"):
        aggregate(zeros(7, 2, 6), GRAPH, edge_value=EdgeTerm(zeros(3, 3), zeros(3, 2, 6)))
    with refused(TypeError, "aggregate: weights must be one of float32, float64, bfloat16, float16, got int64"):
        aggregate(zeros(7, 2, 6), GRAPH, weights=torch.ones(E, dtype=torch.int64))


def test_the_empty_graph_still_checks():
    empty = Graph.from_edges(torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64), num_senders=0)
    with refused(ValueError, "attend: query has 5 nodes (dimension -3 of [5, 4, 6]) but the graph has 0 receivers"):
        call(empty, value=zeros(0, 2, 6), key=zeros(0, 2, 6))
