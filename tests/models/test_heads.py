"""Heads equal their formulas: per node, per edge, per graph, per token."""

import pytest
import torch
from tests.kernels.graphs import complete, irregular
from torch import nn

from edgewise.graph import Graph
from edgewise.layers import State
from edgewise.models import HEADS
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
