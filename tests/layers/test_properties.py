"""The properties of anything that answers over graphs, for every score with every aggregator, and every other part."""

import itertools
from functools import partial

import pytest
import torch
from tests import properties
from tests.properties import Subject, World
from torch import nn

from edgewise.layers import (
    ACTIVATIONS,
    AGGREGATORS,
    EDGE_BIASES,
    JOINS,
    NODE_POSITIONS,
    NORMS,
    READOUTS,
    ROOTS,
    ROTARIES,
    SCORES,
    Block,
    BlockConfig,
    FeedForwardConfig,
    GraphNetwork,
    GraphNetworkConfig,
    Hearing,
    MessagePassing,
    State,
)
from edgewise.part import Part

DIM = 8
# Raw features that a score reads of an edge where it is not any number; and the options that this takes.
EDGE_DIM = {"symmetric": 1, "gaussian": 2}
# The options of parts that reach only so far; no world has more nodes.
REACH = {name: {"before": 8, "after": 8} for name in ("light", "dynamic", "convolution")}
WITH_EDGES = {"gaussian": {"coordinates": 2}}
NODE_POSITION_OPTIONS = {"learned": {"max_length": 12}, "laplacian": {"count": 3}, "random_walk": {"steps": 4}}
# Why relabelling nodes may change the answer.
ORDERED = {
    "sinusoidal": "reads the place of a node",
    "learned": "reads the place of a node",
    "alibi": "reads the distance of places",
    "t5": "reads the distance of places",
    "gaussian": "reads the distance of places",
    "rotary": "turns by the place of a node",
}


def of_layer(layer: MessagePassing, hearing: Hearing, **needs) -> Subject:
    def answer(world: World):
        return layer(world.x["nodes"], world.graphs["edges"], edges=world.edges.get("edges"))

    return Subject(layer, answer, {"edges": hearing.edge_dim or 0}, {"nodes": DIM}, **needs)


def of_block(config: BlockConfig, seed: int = 0, **needs) -> Subject:
    torch.manual_seed(seed)
    block = Block(DIM, config)
    return Subject(
        block,
        lambda world: block(world.x["nodes"], world.graphs),
        {"edges": 0},
        {"nodes": DIM},
        hops=len(config.hears),
        **needs,
    )


def hearing_with(score: str, aggregator: str, edges: bool) -> Hearing:
    options = REACH.get(score, {}) | (WITH_EDGES.get(score, {}) if edges else {})
    edge_dim = EDGE_DIM.get(score, 3) if edges else None
    return Hearing(
        score=Part(score, options),
        aggregator=Part(aggregator, REACH.get(aggregator, {})),
        num_heads=2,
        edge_dim=edge_dim,
    )


def heard(score: str, aggregator: str, edges: bool) -> Subject:
    torch.manual_seed(0)
    hearing = hearing_with(score, aggregator, edges)
    ordered = "reads how far nodes stand apart" if {score, aggregator} & REACH.keys() else ""
    return of_layer(MessagePassing(DIM, DIM, hearing), hearing, ordered=ordered)


def rooted(name: str) -> Subject:
    return of_block(BlockConfig(hears=(Hearing(root=name),), residual=False))


def normed(name: str, placement: str) -> Subject:
    subject = of_block(BlockConfig(norm=name, placement=placement))
    subject.module.eval()  # in training, batch norm is there to let nodes hear each other
    for part in subject.module.modules():
        if isinstance(part, nn.BatchNorm1d):
            part.running_mean.uniform_(-1, 1)
            part.running_var.uniform_(0.5, 2)
    return subject


def activated(name: str) -> Subject:
    return of_block(BlockConfig(activation=name, feed_forward=FeedForwardConfig(hidden=6, activation=name)))


def gated() -> Subject:
    return of_block(BlockConfig(hears=(Hearing(),) * 2, feed_forward=FeedForwardConfig(hidden=6, gated=True)))


def biased(name: str) -> Subject:
    return of_block(BlockConfig(hears=(Hearing(edge_bias=name, num_heads=2),)), ordered=ORDERED.get(name, ""))


def turned(name: str) -> Subject:
    return of_block(BlockConfig(hears=(Hearing(rotary=name, num_heads=2),)), ordered=ORDERED.get(name, ""))


def joined(name: str) -> Subject:
    return of_block(BlockConfig(join=name, feed_forward=FeedForwardConfig(hidden=6)))


def remembering() -> Subject:
    return of_block(BlockConfig(hears=(Hearing(memories=3, num_heads=2),)))


def placed(name: str) -> Subject:
    torch.manual_seed(0)
    position = Part(name, NODE_POSITION_OPTIONS.get(name, {})).build(NODE_POSITIONS, "node position", dim=DIM)
    layer = MessagePassing(DIM, DIM, Hearing())
    module = nn.ModuleList([position, layer]).eval()

    def answer(world: World):
        graph, x = world.graphs["edges"], world.x["nodes"]
        return layer(x + position(graph).to(x.dtype), graph)

    return Subject(module, answer, {"edges": 0}, {"nodes": DIM}, symmetric=True, ordered=ORDERED.get(name, ""))


def read_out(name: str) -> Subject:
    torch.manual_seed(0)
    readout = Part(name).build(READOUTS, "readout", dim=DIM)
    return Subject(
        readout, lambda w: readout(w.x["nodes"], w.graphs["edges"]), {"edges": 0}, {"nodes": DIM}, per="graphs"
    )


def renewed(reduce: str) -> Subject:
    torch.manual_seed(0)
    step = GraphNetwork(DIM, GraphNetworkConfig(hidden=6, edge_dim=3, edge_out_dim=4, reduce=reduce))

    def answer(world: World):
        return step.step(State(world.x, world.edges), world.graphs)[0].nodes["nodes"]

    return Subject(step, answer, {"edges": 3}, {"nodes": DIM})


CASES = {
    **{
        f"{score}, {aggregator}{', edges' if edges else ''}": partial(heard, score, aggregator, edges)
        for score, aggregator, edges in [
            *itertools.product(SCORES, AGGREGATORS, [False]),
            *itertools.product(SCORES, ("max", "softmax"), [True]),
        ]
    },
    **{f"root {name}": partial(rooted, name) for name in ROOTS},
    **{
        f"{norm} norm, {place}": partial(normed, norm, place)
        for norm, place in itertools.product(NORMS, ("pre", "post"))
    },
    **{f"activation {name}": partial(activated, name) for name in ACTIVATIONS},
    "gated feed-forward": gated,
    **{f"join {name}": partial(joined, name) for name in JOINS},
    "memories": remembering,
    **{f"edge bias {name}": partial(biased, name) for name in EDGE_BIASES},
    **{name: partial(turned, name) for name in ROTARIES},
    **{f"node position {name}": partial(placed, name) for name in NODE_POSITIONS},
    **{f"graph network, {reduce}": partial(renewed, reduce) for reduce in ("sum", "mean", "max")},
}
READ_OUT = {f"readout {name}": partial(read_out, name) for name in READOUTS}

over = partial(pytest.mark.parametrize, "make")


def listed(cases):
    return [pytest.param(make, id=name) for name, make in cases.items()]


@over(listed(CASES | READ_OUT))
def test_relabelling_permutes_the_answer(make):
    subject = make()
    if subject.ordered:
        with pytest.raises(AssertionError):
            properties.relabelling_permutes_the_answer(subject)
    else:
        properties.relabelling_permutes_the_answer(subject)


@over(listed(CASES | READ_OUT))
def test_the_order_of_the_edge_list_changes_nothing(make):
    properties.the_order_of_the_edge_list_changes_nothing(make())


@over(listed(CASES | READ_OUT))
def test_a_batch_answers_as_its_parts(make):
    properties.a_batch_answers_as_its_parts(make())


@over(listed(CASES))
def test_nobody_is_moved_by_whom_they_cannot_hear(make):
    properties.nobody_is_moved_by_whom_they_cannot_hear(make())


@over(listed(CASES | READ_OUT))
def test_small_worlds_pass(make):
    properties.small_worlds_pass(make())


@over(listed(CASES | READ_OUT))
def test_gradients_reach_every_parameter(make):
    # A softmax does not change when every logit of a receiver grows by the same, as q · b_k does.
    properties.gradients_reach_every_parameter(make(), unmoved=("to_key.bias",))


@over(listed(CASES | READ_OUT))
def test_double_precision_is_kept(make):
    properties.double_precision_is_kept(make())


@pytest.mark.parametrize("edges", [False, True])
@pytest.mark.parametrize("aggregator", AGGREGATORS)
@pytest.mark.parametrize("score", SCORES)
def test_isolated_node_receives_zero(score, aggregator, edges):
    torch.manual_seed(0)
    hearing = hearing_with(score, aggregator, edges)
    layer = MessagePassing(DIM, DIM, hearing)
    nn.init.zeros_(layer.output.bias)
    subject = of_layer(layer, hearing)
    world = subject.world(6)
    x = world.x["nodes"].requires_grad_()
    out = subject.answer(world)
    assert (out[0] == 0).all()
    assert out[1:].any()
    out[0].sum().backward()
    assert (x.grad == 0).all()


def test_an_order_that_does_not_count_is_not_excused():
    assert set(ORDERED) <= {*NODE_POSITIONS, *EDGE_BIASES, *ROTARIES}
    assert all(ORDERED.values())
