"""The properties of anything that answers over graphs, for every page of configuration and every head."""

from dataclasses import replace
from functools import partial

import pytest
from tests import properties
from tests.models.pages import PAGES, network_of
from tests.properties import Subject, World
from torch import nn

from edgewise.layers import BlockConfig
from edgewise.models import HEADS, MODELS, Network, NetworkConfig
from edgewise.part import Part

ORDERED = ("sinusoidal", "learned", "rotary")  # parts that read the place of a node
# What each head answers about, and its options.
PER = {
    "nodes": ("nodes", {"out_dim": 3}),
    "edges": ("edges", {"out_dim": 3}),
    "links": ("edges", {"out_dim": 3, "graph": "edges", "num_heads": 2}),
    "graph": ("graphs", {"out_dim": 3, "hidden": 4}),
    "tokens": ("nodes", {"tokens": 11}),
    "nodes_and_edges": ("nodes", {"out_dim": 3}),
}


def subject_of(config: NetworkConfig) -> Subject:
    network = network_of(config)
    edge_dims = dict.fromkeys(network.graph_names, 0)
    hops = 0
    for block in reversed(config.blocks):
        # A Graph Network reads raw edges in its first step alone, so the first one has the last word.
        heard = block.hears if isinstance(block, BlockConfig) else (block,)
        hops += len(heard)
        edge_dims |= {each.graph: each.edge_dim for each in heard if each.edge_dim is not None}
    inputs = {name: embed.features or -(embed.tokens or 0) for name, embed in config.inputs.items()}

    def answer(world: World):
        x = world.x if len(world.x) > 1 else next(iter(world.x.values()))
        return network(world.graphs, x, edges=world.edges or None)

    written = str(config)
    head = Part.of(config.head).name if config.head is not None else "nodes"
    return Subject(
        network,
        answer,
        edge_dims,
        inputs,
        hops=hops,
        per=PER[head][0],
        answers=config.answers,
        symmetric="'laplacian'" in written,
        ordered=", ".join(part for part in ORDERED if f"'{part}'" in written),
    )


def with_head(name: str) -> NetworkConfig:
    config = MODELS["gcn"](5, 4)
    return NetworkConfig(config.inputs, config.blocks, head=Part(name, PER[name][1]))


def half(per: str) -> Subject:
    """The head that answers for nodes and for edges, for one of the two."""
    both = subject_of(with_head("nodes_and_edges"))

    def answer(world: World):
        said, nodes = both.answer(world), world.graphs["edges"].num_receivers
        return said[:nodes] if per == "nodes" else said[nodes:]

    return replace(both, answer=answer, per=per)


CASES = {
    **{name: partial(subject_of, config) for name, config in PAGES.items()},
    **{f"head {name}": lambda name=name: subject_of(with_head(name)) for name in HEADS if name != "nodes_and_edges"},
    **{f"head nodes_and_edges, {per}": partial(half, per) for per in ("nodes", "edges")},
}
# What answers for the other half.
OTHER_HALF = ("of_nodes.project.weight", "of_nodes.project.bias", "of_edges.of_receiver.weight")
OTHER_HALF += ("of_edges.of_receiver.bias", "of_edges.of_sender.weight")


over = pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in CASES.items()])


def test_every_page_is_here():
    assert {name.partition(",")[0] for name in PAGES} == set(MODELS)


@over
def test_relabelling_permutes_the_answer(make):
    subject = make()
    if subject.ordered:
        with pytest.raises(AssertionError):
            properties.relabelling_permutes_the_answer(subject)
    else:
        properties.relabelling_permutes_the_answer(subject)


@over
def test_the_order_of_the_edge_list_changes_nothing(make):
    properties.the_order_of_the_edge_list_changes_nothing(make())


@over
def test_a_batch_answers_as_its_parts(make):
    properties.a_batch_answers_as_its_parts(make())


@over
def test_nobody_is_moved_by_whom_they_cannot_hear(make):
    subject = make()
    if subject.per != "graphs":
        properties.nobody_is_moved_by_whom_they_cannot_hear(subject)


@over
def test_small_worlds_pass(make):
    properties.small_worlds_pass(make())


@over
def test_gradients_reach_every_parameter(make):
    # A softmax does not change when every logit of a receiver grows by the same, as q · b_k does.
    properties.gradients_reach_every_parameter(make(), unmoved=("to_key.bias", *OTHER_HALF))


@over
def test_double_precision_is_kept(make):
    properties.double_precision_is_kept(make())


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("nodes", [0, 1, 5])
def test_a_training_step_passes_on_any_number_of_nodes(name, nodes):
    subject = subject_of(PAGES[name])
    subject.module.train()
    answer = subject.answer(subject.world(nodes))
    answer.sum().backward()
    for name, parameter in subject.module.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_forward_of_its_own(name):
    assert type(network_of(PAGES[name])).forward is Network.forward
    assert not isinstance(MODELS[name.partition(",")[0]], type)
    assert nn.Module not in type(PAGES[name]).__mro__
