"""Each aggregator equals its dense formula, forward and gradient, with edges in the value and a bias on the logits."""

import pytest
import torch
from tests.equal import assert_states_equal_as_promised
from tests.kernels.formula import dense
from tests.kernels.graphs import irregular, numbers
from tests.layers import formula
from torch import nn

from edgewise.layers import AGGREGATORS, Hearing, MessagePassing
from edgewise.part import Part

GRAPHS = {"among nodes": irregular(7, 7, seed=5), "between two node sets": irregular(6, 9, seed=6)}
IN, OUT, EDGE = 6, 8, 3
# How each aggregator is set up besides by its name.
SETTINGS = {
    "sum": [{}],
    "mean": [{}],
    "max": [{}],
    "softmax": [{}],
    "convolution": [{"before": 9, "after": 9}, {"before": 9, "after": 9, "times": 2}],
    "several": [{}, {"of": ["sum"]}, {"of": ["softmax", "max", Part("several", {"of": ["mean", "sum"]})]}],
}
CASES = [(name, options) for name in AGGREGATORS for options in SETTINGS[name]]


def compare(hearing: Hearing, name: str) -> None:
    torch.manual_seed(0)
    graph = GRAPHS[name]
    layer = MessagePassing(IN, OUT, hearing).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.5)
    given = {"x": numbers(graph.num_receivers, IN, seed=1), "senders": numbers(graph.num_senders, IN, seed=2)}
    if hearing.edge_dim is not None:
        given["edges"] = numbers(graph.num_edges, EDGE, seed=3)
    every = given | dict(layer.named_parameters())
    ours = formula.gradients(layer(graph=graph, **given), every)
    assert_states_equal_as_promised(ours, formula.gradients(formula.layer(layer, graph=graph, **given), every))


@pytest.mark.parametrize("edges", [False, True])
@pytest.mark.parametrize("score", ["constant", "dot"])
@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize(("name", "options"), [case for case in CASES if "Part" not in str(case)])
def test_an_aggregator_is_its_formula(name, options, graph, score, edges):
    hearing = Hearing(
        score=score,
        aggregator=Part(name, options),
        num_heads=4,
        num_key_value_heads=2,
        edge_dim=EDGE if edges else None,
    )
    compare(hearing, graph)


def test_several_may_hold_several():
    of = ["softmax", "max", Part("several", {"of": ["mean", "sum"]})]
    nested = MessagePassing(IN, OUT, Hearing(aggregator=Part("several", {"of": of}))).double()
    flat = MessagePassing(IN, OUT, Hearing(aggregator=Part("several", {"of": ["softmax", "max", "mean", "sum"]})))
    flat.double().load_state_dict(nested.state_dict())
    x, graph = numbers(7, IN), GRAPHS["among nodes"]
    torch.testing.assert_close(nested(x, graph), flat(x, graph))


@pytest.mark.parametrize("aggregator", ["softmax", Part("several", {"of": ["softmax", "softmax"]})])
def test_a_bias_is_added_to_the_logits(aggregator):
    torch.manual_seed(0)
    graph = GRAPHS["among nodes"]
    layer = MessagePassing(IN, OUT, Hearing(num_heads=2, aggregator=aggregator, edge_bias="shortest_path")).double()
    bias = layer.edge_bias(graph, graph)
    every = {"x": numbers(7, IN)} | dict(layer.named_parameters())
    ours = formula.gradients(layer(every["x"], graph), every)
    theirs = formula.gradients(formula.layer(layer, every["x"], graph, bias=dense(bias, graph)), every)
    assert_states_equal_as_promised(ours, theirs)


def test_several_needs_one():
    with pytest.raises(ValueError, match=r"several: needs at least one aggregator in of=\[\.\.\.\], such as"):
        MessagePassing(IN, OUT, Hearing(aggregator=Part("several", {"of": []})))


def test_a_bias_is_refused_where_not_all_read_logits():
    several = Part("several", {"of": ["softmax", "sum"]})
    with pytest.raises(ValueError, match="edge_bias is added to logits, so it needs the aggregator 'softmax'"):
        MessagePassing(IN, OUT, Hearing(aggregator=several, edge_bias="alibi"))
