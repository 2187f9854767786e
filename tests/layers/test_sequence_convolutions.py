"""Convolutions over sequences are PyTorch's conv1d on the padded sequence, forward and gradient."""

import pytest
import torch
from tests.equal import assert_all_equal_as_promised, assert_equal_as_promised, assert_states_equal_as_promised
from tests.kernels.graphs import forward_and_gradients, irregular, numbers
from tests.layers import formula
from torch import Tensor, nn
from torch.nn.functional import conv1d, glu, pad

from edgewise.graph import Graph
from edgewise.layers import Hearing, MessagePassing
from edgewise.part import Part
from edgewise.patterns import causal, window

DIM, OUT, HEADS = 6, 8, 2
REACHES = pytest.mark.parametrize(("before", "after"), [(3, 0), (1, 1), (0, 2), (0, 0)])


def padded(x: Tensor, before: int, after: int) -> Tensor:
    """[N, C] as [1, C, before + N + after]."""
    return pad(x.T, (before, after))[None]


def built(hearing: Hearing, in_dim: int = DIM, out_dim: int = OUT) -> MessagePassing:
    torch.manual_seed(0)
    layer = MessagePassing(in_dim, out_dim, hearing).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.5)
    return layer


def gated(before: int, after: int, times: int = 2) -> Hearing:
    return Hearing(
        score="constant",
        aggregator=Part("convolution", {"before": before, "after": after, "times": times}),
        project_value=False,
        project_output=False,
        gate="sigmoid",
    )


@REACHES
@pytest.mark.parametrize("length", [1, 7])
def test_a_gated_convolution_is_conv1d_and_glu(length, before, after):
    layer, x = built(gated(before, after), OUT, OUT), numbers(length, OUT)
    kernel, bias = layer.aggregator.kernel, layer.bias
    theirs = conv1d(padded(x, before, after), kernel[:, 0].permute(2, 1, 0), bias)
    theirs = glu(theirs[0].T, dim=-1)
    inputs = [x, kernel, bias]
    assert_all_equal_as_promised(
        forward_and_gradients(layer(x, window(before, after).build(length)), inputs),
        forward_and_gradients(theirs, inputs),
    )


@REACHES
def test_heads_are_groups(before, after):
    options = {"before": before, "after": after}
    hearing = Hearing(score="constant", aggregator=Part("convolution", options), num_heads=HEADS)
    layer, x = built(hearing), numbers(7, DIM)
    value = layer.projections.to_value(x)
    kernel = layer.aggregator.kernel.permute(1, 3, 2, 0).flatten(0, 1)
    theirs = layer.output(conv1d(padded(value, before, after), kernel, groups=HEADS)[0].T)
    inputs = [x, *layer.parameters()]
    assert_all_equal_as_promised(
        forward_and_gradients(layer(x, window(before, after).build(7)), inputs), forward_and_gradients(theirs, inputs)
    )


@REACHES
def test_a_light_convolution_is_depthwise_with_a_softmax_for_a_kernel(before, after):
    hearing = Hearing(score=Part("light", {"before": before, "after": after}), num_heads=HEADS)
    layer, x = built(hearing), numbers(9, DIM)
    value = layer.projections.to_value(x)
    kernel = layer.score.kernel.softmax(0).T.repeat_interleave(OUT // HEADS, 0)[:, None]
    inside = slice(before, 9 - after)  # elsewhere theirs also gives weight to the padding
    theirs = layer.output(conv1d(padded(value, before, after), kernel, groups=OUT)[0].T[inside])
    inputs = [x, *layer.parameters()]
    assert_all_equal_as_promised(
        forward_and_gradients(layer(x, window(before, after).build(9))[inside], inputs),
        forward_and_gradients(theirs, inputs),
    )


def test_where_a_sequence_begins_a_light_kernel_is_normalised_over_what_is_heard():
    layer, x = built(Hearing(score=Part("light", {"before": 2, "after": 0}), num_heads=HEADS)), numbers(5, DIM)
    first = layer.output(layer.projections.to_value(x[:1]))
    assert_equal_as_promised(layer(x, window(2, 0).build(5))[:1], first)


@REACHES
def test_a_dynamic_convolution_has_a_kernel_of_each_receiver(before, after):
    hearing = Hearing(score=Part("dynamic", {"before": before, "after": after}), num_heads=HEADS)
    layer, x = built(hearing), numbers(7, DIM)
    query, value = (p(x).unflatten(-1, (HEADS, -1)) for p in (layer.projections.to_query, layer.projections.to_value))
    rows = []
    for i in range(7):
        near = range(max(i - before, 0), min(i + after + 1, 7))
        logits = torch.stack([(query[i] * layer.score.kernel[j - i + before]).sum(-1) for j in near])
        rows.append(torch.einsum("jh,jhd->hd", logits.softmax(0), value[near.start : near.stop]).flatten())
    inputs = [x, *layer.parameters()]
    assert_all_equal_as_promised(
        forward_and_gradients(layer(x, window(before, after).build(7)), inputs),
        forward_and_gradients(layer.output(torch.stack(rows)), inputs),
    )
    assert layer.projections.to_key is None


HEARINGS = {
    "convolution": gated(3, 0),
    "light": Hearing(score=Part("light", {"before": 3, "after": 0}), num_heads=HEADS),
    "dynamic": Hearing(score=Part("dynamic", {"before": 3, "after": 0}), num_heads=HEADS),
}


@pytest.mark.parametrize("name", HEARINGS)
def test_nothing_is_heard_beyond_a_sequence(name):
    layer, lengths = built(HEARINGS[name], OUT, OUT), [4, 1, 6]
    parts = [numbers(length, OUT, seed=length) for length in lengths]
    apart = torch.cat([layer(x, window(3, 0).build(len(x))) for x in parts])
    assert_equal_as_promised(layer(torch.cat(parts), window(3, 0).build_batch(lengths)), apart)


@pytest.mark.parametrize("name", HEARINGS)
def test_leading_dimensions_are_examples(name):
    layer, x = built(HEARINGS[name], OUT, OUT), numbers(2, 3, 5, OUT)
    graph = window(3, 0).build(5)
    assert_equal_as_promised(layer(x, graph)[1, 2], layer(x[1, 2], graph))


@pytest.mark.parametrize("name", HEARINGS)
@pytest.mark.parametrize("graph", [causal().build(6), window(2, 1).build(6)], ids=str)
def test_an_offset_beyond_the_kernel_is_refused(name, graph):
    lowest, highest = (-5, 0) if graph == causal().build(6) else (-2, 1)
    message = (
        f"{name}: its kernel reaches from -3 to 0, but the graph .* has senders at offsets from {lowest} to {highest}"
    )
    with pytest.raises(ValueError, match=message + r"; hear along window\(3, 0\), or widen the kernel"):
        built(HEARINGS[name], OUT, OUT)(torch.zeros(6, OUT, dtype=torch.float64), graph)


def test_a_kernel_reaches_forward():
    with pytest.raises(ValueError, match="convolution: before must be at least 0, got -1; it counts nodes besides"):
        built(gated(-1, 0), OUT, OUT)


def test_fewer_heads_of_values_and_past_senders_are_heard(monkeypatch):
    options = {"before": 9, "after": 0}
    hearing = Hearing(aggregator=Part("convolution", options), num_heads=4, num_key_value_heads=2, edge_dim=3)
    layer, graph = built(hearing), Graph.batch([causal().build(2, 6), causal().build(1, 4)])
    every = {"x": numbers(3, DIM), "senders": numbers(10, DIM, seed=1), "edges": numbers(graph.num_edges, 3, seed=2)}
    given = dict(every)
    every |= dict(layer.named_parameters())
    # The dense formula aligns one graph; in this batch the offsets of both differ by a shift each.
    place = graph.position()
    rows = (torch.arange(10) - place[:, None] + 9).masked_fill(~graph.dense(), 0)
    monkeypatch.setattr(formula, "row_of", lambda reach, heard: rows)
    theirs = formula.gradients(formula.layer(layer, graph=graph, **given), every)
    assert_states_equal_as_promised(formula.gradients(layer(graph=graph, **given), every), theirs)


@pytest.mark.parametrize(
    "hearing",
    [
        Hearing(num_heads=HEADS, gate="sigmoid"),
        Hearing(num_heads=HEADS, gate="relu", root="gated", output_bias=False),
        Hearing(score="constant", aggregator="mean", project_value=False, project_output=False, gate="tanh"),
        Hearing(num_heads=HEADS, value_gate="sigmoid"),
        Hearing(num_heads=HEADS, value_gate="sigmoid", value_activation="relu", edge_dim=3),
        Hearing(num_heads=HEADS, value_gate="gelu", share="all"),
    ],
    ids=str,
)
def test_gates_are_their_formula(hearing):
    graph, out = irregular(7, 7, seed=5), OUT if hearing.project_output else DIM // 2
    layer = built(hearing, DIM, out)
    every = {"x": numbers(7, DIM)} | ({"edges": numbers(graph.num_edges, 3)} if hearing.edge_dim else {})
    given = dict(every)
    every |= dict(layer.named_parameters())
    assert_states_equal_as_promised(
        formula.gradients(layer(graph=graph, **given), every),
        formula.gradients(formula.layer(layer, graph=graph, **given), every),
    )


@pytest.mark.parametrize(
    ("hearing", "message"),
    [
        (Hearing(project_value=False, value_gate="sigmoid"), "a value_gate needs a value projection: project_value"),
        (Hearing(gate="sigmod"), "unknown activation 'sigmod'.*Did you mean 'sigmoid'"),
        (Hearing(value_gate="sigmod"), "unknown activation 'sigmod'.*Did you mean 'sigmoid'"),
        (gated(1, 0, times=1), "the heads give 6 channels but out_dim is 8 and its gate as wide; .* or out_dim=3"),
        (
            Hearing(score="dynamic", rotary="rotary"),
            "rotary turns queries and keys, and the score 'dynamic' reads no keys",
        ),
        (Hearing(score="dynamic", share="all"), "the score 'dynamic' reads no key, so share='all' is empty"),
    ],
)
def test_settings_that_cannot_be_are_refused(hearing, message):
    with pytest.raises(ValueError, match=message):
        MessagePassing(DIM, OUT, hearing)
