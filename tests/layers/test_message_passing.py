"""The layer equals its dense formula whatever its words say; words that would be ignored are refused."""

import pytest
import torch
from tests.equal import assert_states_equal_as_promised
from tests.kernels.graphs import irregular, numbers
from tests.layers import formula
from torch import nn

from edgewise.graph import Graph
from edgewise.layers import Hearing, MessagePassing
from edgewise.part import Part

SQUARE = irregular(7, 7, seed=5)
ACROSS = irregular(6, 9, seed=6)
IN, OUT, SENDER, EDGE = 6, 8, 5, 3

HEARINGS = {
    "attention": Hearing(num_heads=2),
    "fewer key and value heads": Hearing(num_heads=4, num_key_value_heads=2),
    "one key and value head": Hearing(num_heads=4, num_key_value_heads=1, edge_dim=EDGE),
    "heads averaged": Hearing(num_heads=3, heads="mean"),
    "heads added": Hearing(num_heads=3, heads="sum", project_output=False),
    "heads of a width": Hearing(num_heads=2, head_dim=3),
    "key is value": Hearing(num_heads=2, share="key_value"),
    "key is value, with edges": Hearing(num_heads=2, share="key_value", edge_dim=EDGE),
    "value unprojected": Hearing(num_heads=2, head_dim=4, project_value=False),
    "value unprojected, fewer key heads": Hearing(num_heads=4, num_key_value_heads=2, project_value=False),
    "value unprojected, edges in the score": Hearing(num_heads=2, project_value=False, edge_dim=EDGE, edges_in="score"),
    "value unprojected, edges in the value": Hearing(num_heads=2, project_value=False, edge_dim=EDGE, edges_in="value"),
    "output unprojected": Hearing(num_heads=2, project_output=False),
    "no biases": Hearing(num_heads=2, projection_bias=False, output_bias=False),
    "no bias at all": Hearing(num_heads=2, project_output=False, output_bias=False),
    "edges": Hearing(num_heads=2, edge_dim=EDGE),
    "edges in the score": Hearing(num_heads=2, edge_dim=EDGE, edges_in="score"),
    "edges in the value": Hearing(num_heads=2, edge_dim=EDGE, edges_in="value"),
    "edges, fewer key and value heads": Hearing(num_heads=4, num_key_value_heads=2, edge_dim=EDGE),
    "edges, nothing asked": Hearing(score="constant", aggregator="mean", num_heads=2, edge_dim=EDGE),
    "fewer value heads, nothing asked": Hearing(score="constant", aggregator="sum", num_heads=4, num_key_value_heads=2),
    "fewer value heads, edges": Hearing(
        score="constant", aggregator="max", num_heads=4, num_key_value_heads=2, edge_dim=EDGE
    ),
    "fewer value heads, softmax": Hearing(score="constant", num_heads=4, num_key_value_heads=2),
    "value activated": Hearing(score="constant", aggregator="max", value_activation="relu"),
    "own state projected": Hearing(root="linear"),
    "own state projected with a bias": Hearing(root=Part("gated")),
    "GATv2": Hearing(score="gatv2", share="key_value", num_heads=2, edge_dim=EDGE, edges_in="score"),
}
ALIKE = {  # these need senders and receivers of one width
    "one projection": Hearing(num_heads=2, share="all"),
    "GAT": Hearing(score="additive", share="all", num_heads=2, project_output=False, edge_dim=EDGE, edges_in="score"),
}


def compare(hearing: Hearing, graph: Graph, sender_dim: int | None = None, out_dim: int = OUT) -> None:
    torch.manual_seed(0)
    layer = MessagePassing(IN, out_dim, hearing, sender_dim).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.5)
    given = {"x": numbers(graph.num_receivers, IN, seed=1)}
    if sender_dim is not None:
        given["senders"] = numbers(graph.num_senders, sender_dim, seed=2)
    if hearing.edge_dim is not None:
        given["edges"] = numbers(graph.num_edges, hearing.edge_dim, seed=3)
    every = given | dict(layer.named_parameters())
    x, others = given["x"], {name: t for name, t in given.items() if name != "x"}
    ours = formula.gradients(layer(x, graph, **others), every)
    assert_states_equal_as_promised(ours, formula.gradients(formula.layer(layer, x, graph, **others), every))


@pytest.mark.parametrize("name", HEARINGS)
def test_the_layer_is_its_formula_among_nodes(name):
    compare(HEARINGS[name], SQUARE)


@pytest.mark.parametrize("name", HEARINGS)
def test_the_layer_is_its_formula_between_two_node_sets(name):
    compare(HEARINGS[name], ACROSS, sender_dim=SENDER)


@pytest.mark.parametrize("name", ALIKE)
def test_one_projection_for_all_is_its_formula(name):
    compare(ALIKE[name], SQUARE)
    compare(ALIKE[name], ACROSS, sender_dim=IN)


def test_unprojected_states_can_be_all_there_is():
    compare(Hearing(score="constant", aggregator="sum", project_value=False, project_output=False), SQUARE, out_dim=IN)


def test_heads_that_project_nothing_need_no_even_share():
    hearing = Hearing(score=Part("gaussian"), aggregator="sum", num_heads=3, project_value=False)
    compare(hearing, SQUARE)


def test_leading_batch_dimensions_are_on_one_graph():
    layer = MessagePassing(IN, OUT, Hearing(num_heads=2, edge_dim=EDGE)).double()
    x, edges = numbers(2, 3, SQUARE.num_receivers, IN), numbers(SQUARE.num_edges, EDGE)
    apart = torch.stack([torch.stack([layer(one, SQUARE, edges=edges) for one in row]) for row in x])
    torch.testing.assert_close(layer(x, SQUARE, edges=edges), apart)


def test_dropped_edges_fall_out_in_training_only():
    torch.manual_seed(0)
    for aggregator in ("softmax", "sum"):
        hearing = Hearing(
            score="constant", aggregator=aggregator, project_value=False, project_output=False, output_bias=False,
            dropout=0.5,
        )  # fmt: skip
        layer = MessagePassing(1, 1, hearing)
        x, graph = torch.ones(200, 1), Graph.from_mask(torch.ones(200, 200, dtype=torch.bool))
        whole = 1.0 if aggregator == "softmax" else 200.0
        heard = layer(x, graph)
        assert heard.std() > 0
        assert abs(float(heard.mean()) / whole - 1) < 0.05
        torch.testing.assert_close(layer.eval()(x, graph), torch.full((200, 1), whole))


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("field", ["heads", "share", "edges_in", "self_loops"])
def test_an_unknown_word_lists_the_known_ones(field):
    with pytest.raises(ValueError, match=rf"unknown Hearing\.{field} 'men'\. Known: "):
        Hearing(**{field: "men"})


@pytest.mark.parametrize(
    ("hearing", "message"),
    [
        (Hearing(num_heads=0), "num_heads must be at least 1, got 0"),
        (Hearing(num_heads=3), "3 heads cannot share 8 channels evenly; choose a multiple, or set head_dim"),
        (Hearing(num_heads=4, num_key_value_heads=3), "num_key_value_heads must divide num_heads 4, got 3"),
        (Hearing(num_heads=4, num_key_value_heads=0), "num_key_value_heads must divide num_heads 4, got 0"),
        (Hearing(share="key_value", project_value=False), "shares the value projection, but project_value is False"),
        (
            Hearing(share="all", num_heads=2, num_key_value_heads=1),
            "share='all' needs senders and receivers of one width",
        ),
        (Hearing(score="constant", share="key_value"), "'constant' reads no key, so share='key_value'"),
        (
            Hearing(score="constant", project_value=False, head_dim=4),
            "head_dim=4 would be ignored: the score 'constant' and project_value=False leave nothing to project",
        ),
        (Hearing(value_activation="relu", share="key_value"), "value_activation needs a value projection of its own"),
        (
            Hearing(score="constant", edge_dim=3, edges_in="score"),
            "the score 'constant' reads no edges, so edges_in='score' would ignore them",
        ),
        (
            Hearing(score="symmetric", edge_dim=1, edges_in="value"),
            "the score 'symmetric' reads the edges itself, so edges_in='value' cannot be",
        ),
        (
            Hearing(project_value=False, edge_dim=3),
            "edges_in='both' needs a projected value of the key's width; use 'score' or 'value'",
        ),
        (
            Hearing(aggregator="mean", edge_bias="alibi"),
            "edge_bias is added to logits, so it needs the aggregator 'softmax'",
        ),
        (
            Hearing(score="constant", rotary="rotary"),
            "rotary turns queries and keys, and the score 'constant' reads none",
        ),
        (
            Hearing(num_heads=2, head_dim=3, project_output=False),
            "the heads give 6 channels but out_dim is 8; set project_output=True or out_dim=6",
        ),
        (Hearing(root="epsilon"), "epsilon: adds the state itself, so in_dim 6 and out_dim 8 must be equal"),
        (Hearing(score="dto"), "unknown score 'dto'.*Did you mean 'dot'"),
        (Hearing(aggregator="men"), "unknown aggregator 'men'.*Did you mean 'mean'"),
        (Hearing(root="liner"), "unknown root 'liner'.*Did you mean 'linear'"),
        (Hearing(edge_bias="alibo"), "unknown edge bias 'alibo'.*Did you mean 'alibi'"),
        (Hearing(rotary="rotry"), "unknown rotary 'rotry'.*Did you mean 'rotary'"),
        (Hearing(score="constant", value_activation="rlu"), "unknown activation 'rlu'.*Did you mean 'relu'"),
        (Hearing(dropout=1.0), "Hearing: dropout must be at least 0 and below 1, got 1.0"),
    ],
)
def test_words_that_do_not_go_together_are_refused(hearing, message):
    with pytest.raises(ValueError, match=message):
        MessagePassing(IN, OUT, hearing)


PLAIN = MessagePassing(IN, OUT, Hearing())
TWO_SETS = MessagePassing(IN, OUT, Hearing(), sender_dim=SENDER)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("layer", "graph", "given", "message"),
    [
        (PLAIN, SQUARE, {"x": torch.ones(6, IN)}, r"x must be \[\.\.\., 7 receivers, 6 channels\], got \[6, 6\]"),
        (PLAIN, SQUARE, {"x": torch.ones(7, 5)}, r"x must be \[\.\.\., 7 receivers, 6 channels\], got \[7, 5\]"),
        (PLAIN, SQUARE, {"x": torch.ones(7)}, r"x must be \[\.\.\., 7 receivers, 6 channels\], got \[7\]"),
        (
            PLAIN,
            ACROSS,
            {"x": torch.ones(6, IN)},
            "the graph has 9 senders but 6 states were given; give the states of another node set as senders=",
        ),
        (
            PLAIN,
            ACROSS,
            {"x": torch.ones(6, IN), "senders": torch.ones(9, 4)},
            r"senders must have 6 channels, got \[9, 4\]",
        ),
        (TWO_SETS, SQUARE, {"x": torch.ones(7, IN)}, "senders must have 5 channels, got none besides x of 6"),
        (
            PLAIN,
            SQUARE,
            {"x": torch.ones(7, IN), "edges": torch.ones(SQUARE.num_edges, 3)},
            r"expected edge features none, got \[\d+, 3\]; edge_dim in Hearing says which",
        ),
        (
            MessagePassing(IN, OUT, Hearing(edge_dim=3)),
            SQUARE,
            {"x": torch.ones(7, IN)},
            r"expected edge features \[\d+, 3\], got none; edge_dim in Hearing says which",
        ),
        (
            MessagePassing(IN, OUT, Hearing(edge_dim=3)),
            SQUARE,
            {"x": torch.ones(7, IN), "edges": torch.ones(2, 3)},
            r"edge features must be \[\d+, 3\], got \[2, 3\]",
        ),
        (
            MessagePassing(IN, OUT, Hearing(self_loops="ones")),
            ACROSS,
            {"x": torch.ones(6, IN), "senders": torch.ones(9, IN)},
            "self_loops='ones' needs a sender for each receiver, got 9 senders of another node set for 6 receivers",
        ),
        (
            PLAIN,
            SQUARE,
            {"x": torch.ones(7, IN), "along": SQUARE},
            "its edge bias measures along the graph it is heard on, got a graph along=",
        ),
        (
            MessagePassing(IN, OUT, Hearing(edge_bias=Part("shortest_path", {"along": "roads"}))),
            SQUARE,
            {"x": torch.ones(7, IN)},
            "its edge bias measures along roads, got none",
        ),
    ],
)
def test_what_does_not_fit_is_refused(layer, graph, given, message):
    with pytest.raises(ValueError, match=message):
        layer(given.pop("x"), graph, **given)


def test_a_score_with_other_heads_is_refused():
    hearing = Hearing(score="tests.own_parts:EightHeads", num_heads=4)
    with pytest.raises(ValueError, match="num_heads is 4, but the score 'tests.own_parts:EightHeads' has 8 heads"):
        MessagePassing(IN, OUT, hearing)(torch.ones(7, IN), SQUARE)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"score": "tests.own_parts:Silent"}, r"Silent: defines forward\(query, key, edge_key, graph, edges\)"),
        ({"aggregator": "tests.own_parts:Idle"}, r"Idle: defines forward\(value, loudness, graph, edge_value\)"),
    ],
)
def test_a_part_without_a_forward_says_which_it_needs(words, message):
    with pytest.raises(NotImplementedError, match=message):
        MessagePassing(IN, OUT, Hearing(**words))(torch.ones(7, IN), SQUARE)


def test_a_score_and_an_aggregator_of_ones_own_are_named_by_import_path():
    torch.manual_seed(0)
    hearing = Hearing(score=Part("tests.own_parts:Distance", {"scale": 0.5}), num_heads=2)
    layer = MessagePassing(IN, OUT, hearing).double()
    x = numbers(7, IN)
    q, k, v = (
        t.unflatten(-1, (2, -1))
        for t in (
            layer.projections.query(x).flatten(-2),
            *(getattr(layer.projections, name)(x) for name in ("to_key", "to_value")),
        )
    )
    logits = -0.5 * (q[:, None] - k).square().sum(-1)
    torch.testing.assert_close(
        layer(x, SQUARE),
        layer.output(formula.softmax(None, logits, 0, v.expand(7, -1, -1, -1), SQUARE.dense()).flatten(-2)),
    )
    layer = MessagePassing(IN, OUT, Hearing(score="constant", aggregator="tests.own_parts:RootSum")).double()
    total = SQUARE.dense().double() @ layer.projections.to_value(x)
    torch.testing.assert_close(layer(x, SQUARE), layer.output(total.sign() * total.abs().sqrt()))
