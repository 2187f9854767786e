"""Heads equal their formulas: per node, per edge, per pair, per graph, per token."""

import pytest
import torch
from tests.equal import assert_all_equal_as_promised
from tests.kernels.graphs import complete, irregular
from torch import nn

from edgewise.graph import Graph
from edgewise.layers import State
from edgewise.models import HEADS, Network, gcn
from edgewise.part import Part

DIMS = {"nodes": 5, "source": 4}
GRAPH = Graph.batch([irregular(4, 4, seed=1), complete(3)])
ACROSS = irregular(7, 6, seed=2)
GRAPHS = {"edges": GRAPH, "source->nodes": ACROSS}


def built(name: str, table=None, **options) -> nn.Module:
    torch.manual_seed(0)
    return Part(name, options).build(HEADS, "head", dims=DIMS, table=table)


def state(*batch: int, whole=None) -> State:
    torch.manual_seed(1)
    return State({"nodes": torch.randn(*batch, 7, 5), "source": torch.randn(*batch, 6, 4)}, whole=whole)


@pytest.mark.parametrize("batch", [(), (2, 3)])
def test_a_row_for_each_node(batch):
    given = state(*batch)
    head = built("nodes", out_dim=3)
    torch.testing.assert_close(head(given, GRAPHS), head.project(given.nodes["nodes"]))
    assert built("nodes", out_dim=3, nodes="source", bias=False)(given, GRAPHS).shape == (*batch, 6, 3)
    deep = built("nodes", out_dim=3, hidden=8)
    torch.testing.assert_close(
        deep(given, GRAPHS), deep.project.narrow(deep.project.widen(given.nodes["nodes"]).relu())
    )


@pytest.mark.parametrize("batch", [(), (2, 3)])
@pytest.mark.parametrize("name", GRAPHS)
def test_a_row_for_each_edge(name, batch):
    given = state(*batch)
    head = built("edges", out_dim=3, graph=name)
    senders, receivers = GRAPHS[name].edges()
    x, s = given.nodes["nodes"], given.nodes["source" if "source" in name else "nodes"]
    expected = (
        torch.cat([x[..., receivers, :], s[..., senders, :]], -1)
        @ torch.cat([head.of_receiver.weight, head.of_sender.weight], 1).T
    )
    torch.testing.assert_close(head(given, GRAPHS), expected + head.of_receiver.bias)


@pytest.mark.parametrize("batch", [(), (2, 3)])
@pytest.mark.parametrize("name", GRAPHS)
def test_a_row_for_each_node_and_then_each_edge(name, batch):
    given, head = state(*batch), built("nodes_and_edges", out_dim=3, graph=name)
    rows = head.of_nodes.project(given.nodes["nodes"]), head.of_edges(given, GRAPHS)
    torch.testing.assert_close(head(given, GRAPHS), torch.cat(rows, dim=-2))


@pytest.mark.parametrize("batch", [(), (2, 3)])
@pytest.mark.parametrize(
    "options", [{"symmetric": True, "head_dim": 3}, {"symmetric": False, "graph": "source->nodes"}]
)
def test_a_link_is_attention_before_its_softmax_forward_and_gradient(options, batch):
    head = built("links", out_dim=2, num_heads=5, **{"graph": "edges", **options})
    nn.init.normal_(head.combine.weight)
    given = State({name: x.requires_grad_() for name, x in state(*batch).nodes.items()})
    graph = GRAPHS[head.graph]

    x, s = given.nodes["nodes"], given.nodes[head.senders]
    q, k = (
        (h @ W.weight.T).unflatten(-1, head.heads).transpose(-2, -3)
        for h, W in ((x, head.query), (s, head.key or head.query))
    )
    dense = head.combine((q @ k.mT / head.heads[1] ** 0.5).movedim(-3, -1))

    senders, receivers = graph.edges()
    answers = head(given, GRAPHS), dense[..., receivers, senders, :]
    weights = torch.randn(answers[0].shape)
    wanted = [*(given.nodes[name] for name in {"nodes", head.senders}), *head.parameters()]
    ours, theirs = ([answer, *torch.autograd.grad((answer * weights).sum(), wanted)] for answer in answers)
    assert_all_equal_as_promised(ours, theirs)


@pytest.mark.parametrize("num_heads", [1, 3])
def test_a_symmetric_head_says_the_same_in_both_directions_to_the_last_bit(num_heads):
    nodes = 61
    graph = complete(nodes)
    head = Part("links", {"num_heads": num_heads, "head_dim": 37, "graph": "edges"}).build(HEADS, "head", dims=DIMS)
    said = head(State({"nodes": torch.randn(nodes, 5)}), {"edges": graph}).view(nodes, nodes)
    assert torch.equal(said, said.T) and said.std() > 0


def test_a_network_asked_for_links_wants_their_graph():
    network = Network(gcn(5, 1, head="links"))
    assert network.graph_names == ("edges", "links")
    with pytest.raises(ValueError, match="Network: hears the graph 'links', got edges"):
        network({"edges": GRAPH}, torch.randn(7, 5))
    with pytest.raises(ValueError, match="Network: hears edges, links; give the graphs by name, got one graph alone"):
        network(GRAPH, torch.randn(7, 5))


@pytest.mark.parametrize("batch", [(), (2, 3)])
@pytest.mark.parametrize(("readout", "reduce"), [(None, torch.mean), ("sum", torch.sum), ("max", torch.amax)])
def test_a_row_for_each_graph(readout, reduce, batch):
    given = state(*batch)
    head = built("graph", out_dim=3, **({} if readout is None else {"readout": readout}))
    parts = given.nodes["nodes"].split([4, 3], dim=-2)
    torch.testing.assert_close(head(given, GRAPHS), head.project(torch.stack([reduce(x, -2) for x in parts], -2)))


def test_the_state_of_the_whole_graph_may_answer():
    whole = torch.randn(2, 6)
    head = built("graph", out_dim=3, whole=6, hidden=4)
    torch.testing.assert_close(head(state(whole=whole), {}), head.project(whole))


def test_a_logit_for_each_token():
    head = built("tokens", tokens=9)
    assert head(state(), {}).shape == (7, 9)
    table = nn.Parameter(torch.randn(9, 5))
    tied = built("tokens", table, tokens=9, tied=True)
    assert tied.project.weight is table
    torch.testing.assert_close(tied(state(), {}), state().nodes["nodes"] @ table.T)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "nodes",
            {"out_dim": 3, "nodes": "node"},
            "unknown node set 'node'. Known: nodes, source. Did you mean 'nodes'",
        ),
        ("edges", {"out_dim": 3, "graph": "a->nodes"}, "unknown node set 'a'"),
        ("graph", {"out_dim": 3, "graph": "a->b"}, "unknown node set 'b'"),
        ("graph", {"out_dim": 3, "readout": "men"}, "unknown readout 'men'.*Did you mean 'mean'"),
        (
            "graph",
            {"out_dim": 3, "readout": "sum", "whole": 4},
            "reads whole states or nodes, got whole=4 and readout='sum'",
        ),
        (
            "links",
            {"graph": "a->nodes"},
            "LinkHead: symmetric is for pairs within one node set, and 'a->nodes' has two",
        ),
        ("links", {"graph": "a->nodes", "symmetric": False}, "unknown node set 'a'"),
        ("links", {"num_heads": 2}, "LinkHead: num_heads = 2 do not share 5 channels evenly; give head_dim, or fewer"),
        ("links", {"num_heads": 0}, "LinkHead: num_heads = 0 do not share 5 channels evenly"),
        ("tokens", {"tokens": 9, "nodes": "nods"}, "unknown node set 'nods'"),
        ("tokens", {"tokens": 9, "tied": True}, "tied needs an embedding of 9 tokens and 5 channels, got none"),
        ("nodes", {}, "head 'nodes': needs the option 'out_dim'"),
        ("nods", {}, "unknown head 'nods'.*Did you mean 'nodes'"),
    ],
)
def test_settings_that_cannot_be_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        built(name, **options)


def test_a_table_of_another_size_cannot_be_tied():
    with pytest.raises(ValueError, match=r"tied needs an embedding of 9 tokens and 5 channels, got \[8, 5\]"):
        built("tokens", nn.Parameter(torch.randn(8, 5)), tokens=9, tied=True)


@pytest.mark.parametrize(("whole", "got"), [(None, "none"), (torch.ones(2, 5), "5")])
def test_a_whole_that_is_not_there_is_missed(whole, got):
    with pytest.raises(ValueError, match=f"GraphHead: expected states of whole graphs of 6 channels, got {got}"):
        built("graph", out_dim=3, whole=6)(state(whole=whole), {})


@pytest.mark.parametrize("name", ["edges", "graph"])
def test_a_graph_that_is_not_there_is_named(name):
    with pytest.raises(ValueError, match="unknown graph 'edges'. Known: edge. Did you mean 'edge'"):
        built(name, out_dim=3)(state(), {"edge": GRAPH})
