"""Each score equals its dense formula, as a weight and as a logit, forward and gradient."""

import pytest
import torch
from tests.equal import assert_equal_as_promised, assert_states_equal_as_promised
from tests.kernels.graphs import from_mask, irregular, numbers
from tests.layers import formula
from torch import nn

from edgewise.graph import Graph
from edgewise.layers import SCORES, Hearing, Loudness, MessagePassing
from edgewise.part import Part

SQUARE, ACROSS = irregular(7, 7, seed=5), irregular(6, 9, seed=6)
IN, OUT, SENDER = 6, 8, 5
# How each score is set up besides by its name: its options, and how many raw features its edges have.
SETTINGS = {
    "constant": [({}, None), ({}, 3)],
    "symmetric": [({}, None), ({}, 1), ({"weights": "optional"}, 1)],
    "dot": [({}, None), ({"scale": 0.3}, None), ({}, 3)],
    "additive": [({}, None), ({"negative_slope": 0.1}, None), ({}, 3)],
    "gatv2": [({}, None), ({"negative_slope": 0.1}, None), ({}, 3)],
    "light": [({"before": 9, "after": 9}, None), ({"before": 9, "after": 9}, 3)],
    "dynamic": [({"before": 9, "after": 9}, None), ({"before": 9, "after": 9}, 3)],
    "gaussian": [({}, None), ({"dim": 3}, None), ({"coordinates": 3}, 3), ({"coordinates": 1}, 1)],
}
CASES = [(name, options, edge_dim) for name in SCORES for options, edge_dim in SETTINGS[name]]


@pytest.mark.parametrize("aggregator", ["sum", "softmax"])
@pytest.mark.parametrize("graph", [SQUARE, ACROSS], ids=["among nodes", "between two node sets"])
@pytest.mark.parametrize(("name", "options", "edge_dim"), CASES)
def test_a_score_is_its_formula(name, options, edge_dim, graph, aggregator):
    torch.manual_seed(0)
    hearing = Hearing(score=Part(name, options), aggregator=aggregator, num_heads=2, edge_dim=edge_dim)
    layer = MessagePassing(IN, OUT, hearing, IN if graph is SQUARE else SENDER).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.5)
    given = {"x": numbers(graph.num_receivers, IN, seed=1)}
    if graph is ACROSS:
        given["senders"] = numbers(graph.num_senders, SENDER, seed=2)
    if edge_dim is not None:
        # Positive, as GCN's weights are.
        given["edges"] = (numbers(graph.num_edges, edge_dim, seed=3).detach().abs() + 0.1).requires_grad_()
    every = given | dict(layer.named_parameters())
    x, others = given["x"], {name: t for name, t in given.items() if name != "x"}
    ours = formula.gradients(layer(x, graph, **others), every)
    assert_states_equal_as_promised(ours, formula.gradients(formula.layer(layer, x, graph, **others), every))


def loudness(name: str, graph: Graph, edges=None, **options) -> torch.Tensor:
    edge_dim = None if edges is None else edges.shape[1]
    score = Part(name, options).build(SCORES, "score", num_heads=1, head_dim=1, edge_dim=edge_dim).double()
    heard = score(None, None, None, graph, edges)
    assert isinstance(heard, Loudness)
    return heard.weights(graph, 1)


def test_weights_of_a_graph_convolution_may_be_left_out():
    hearing = Hearing(score=Part("symmetric", {"weights": "optional"}), aggregator="sum", edge_dim=1)
    layer = MessagePassing(IN, OUT, hearing).double()
    x = numbers(7, IN)
    ones = torch.ones(SQUARE.num_edges, 1, dtype=torch.float64)
    assert_equal_as_promised(layer(x, SQUARE), layer(x, SQUARE, edges=ones))


def test_a_weight_of_zero_is_an_edge_that_is_not_heard():
    graph = from_mask(torch.tensor([[0, 1, 1], [1, 0, 0], [0, 1, 0]], dtype=torch.bool))
    weights = torch.tensor([[2.0], [0.0], [1.0], [0.0]], dtype=torch.float64, requires_grad=True)
    heard = loudness("symmetric", graph, weights)
    assert_equal_as_promised(heard, torch.tensor([2**0.5, 0, 2**-0.5, 0], dtype=torch.float64))
    heard.sum().backward()
    assert weights.grad.isfinite().all()


def test_the_gaussian_is_loudest_at_its_mean():
    torch.manual_seed(0)
    graph = irregular(5, 5)
    score = Part("gaussian", {"coordinates": 2}).build(SCORES, "score", num_heads=3, head_dim=1, edge_dim=2)
    at_mean = score(None, None, None, graph, score.mean[1].expand(graph.num_edges, 2)).weights(graph, 3)
    torch.testing.assert_close(at_mean[:, 1], torch.ones(graph.num_edges))
    assert (at_mean <= 1).all()


def test_half_precision_weighs_by_degrees_in_float32():
    layer = MessagePassing(IN, OUT, Hearing(score="symmetric", aggregator="sum")).half()
    heard = layer.score(None, None, None, SQUARE, None).weights(SQUARE, 1)
    assert heard.dtype == torch.float32
    assert layer(torch.ones(7, IN, dtype=torch.float16), SQUARE).dtype == torch.float16


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("name", "options", "edge_dim", "message"),
    [
        ("symmetric", {}, 3, "symmetric: an edge has one weight, so edge_dim must be 1, got 3"),
        ("symmetric", {"weights": "maybe"}, 1, "symmetric: weights must be 'given' or 'optional', got 'maybe'"),
        (
            "gaussian",
            {"coordinates": "place"},
            None,
            "coordinates must be 'degree' or a number of edge features, got 'place'",
        ),
        ("gaussian", {}, 2, "gaussian: coordinates='degree' needs edge_dim=None, got 2"),
        ("gaussian", {"coordinates": 2}, None, "gaussian: coordinates=2 needs edge_dim=2, got None"),
        ("gaussian", {"coordinates": 2}, 1, "gaussian: coordinates=2 needs edge_dim=2, got 1"),
        (
            "gaussian",
            {"coordinates": 2, "dim": 4},
            2,
            "dim is for coordinates='degree'; 2 edge features are as they are",
        ),
        ("light", {"before": -1}, None, "light: before must be at least 0, got -1; it counts nodes besides the node"),
        ("dynamic", {"after": -2}, None, "dynamic: after must be at least 0, got -2; it counts nodes besides the node"),
        ("dot", {"scal": 1.0}, None, "score 'dot': unknown option 'scal'.*Did you mean 'scale'"),
        ("gatv2", {"num_heads": 1}, None, "score 'gatv2': unknown option 'num_heads'"),
    ],
)
def test_settings_that_cannot_be_are_refused(name, options, edge_dim, message):
    with pytest.raises(ValueError, match=message):
        MessagePassing(IN, OUT, Hearing(score=Part(name, options), edge_dim=edge_dim))


def test_a_bias_is_for_logits():
    graph = irregular(5, 5)
    heard = SCORES["constant"]()(None, None, None, graph, None).plus(torch.zeros(graph.num_edges), 0.0)
    with pytest.raises(ValueError, match="Loudness: a bias is added to logits; read it with attend, weights have none"):
        heard.weights(graph, 1)
