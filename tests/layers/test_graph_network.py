"""The Graph Network step equals Battaglia's three updates, written out."""

import pytest
import torch
from tests.equal import assert_all_equal_as_promised
from tests.kernels.graphs import forward_and_gradients, irregular, numbers
from torch import Tensor

from edgewise.graph import Graph
from edgewise.layers import GraphNetwork, GraphNetworkConfig, State
from edgewise.layers.past import Past

PARTS = [irregular(5, 5, seed=1), irregular(1, 1), irregular(4, 4, seed=2)]
GRAPH = Graph.batch(PARTS)
NODE = 4


def reduced(reduce: str, rows: list[Tensor], width: int) -> Tensor:
    if not rows:
        return torch.zeros(width, dtype=torch.float64)
    stacked = torch.stack(rows)
    return {"sum": stacked.sum(0), "mean": stacked.mean(0), "max": stacked.amax(0)}[reduce]


def flat(states: tuple[Tensor, ...]) -> Tensor:
    return torch.cat([state.flatten() for state in states])


def update(phi: torch.nn.Module, *states: Tensor) -> Tensor:
    return phi.narrow(phi.widen(torch.cat(states)).relu())


def formula(step: GraphNetwork, x: Tensor, e: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Edge by edge, node by node, graph by graph."""
    senders, receivers = GRAPH.edges()
    graph_of = torch.repeat_interleave(GRAPH.receiver_offsets.diff())
    config, reduce = step.config, step.config.reduce
    edges = [
        update(step.renew_edge, e[k], x[i], x[j], u[graph_of[i]])
        for k, (j, i) in enumerate(zip(senders, receivers, strict=True))
    ]
    nodes = [
        update(
            step.renew_node,
            reduced(reduce, [edges[k] for k in range(len(edges)) if receivers[k] == i], config.edge_out_dim),
            x[i],
            u[graph_of[i]],
        )
        for i in range(len(x))
    ]
    whole = [
        update(
            step.renew_whole,
            reduced(reduce, [edges[k] for k in range(len(edges)) if graph_of[receivers[k]] == g], config.edge_out_dim),
            reduced(reduce, [nodes[i] for i in range(len(x)) if graph_of[i] == g], step.out_dim),
            u[g],
        )
        for g in range(len(u))
    ]
    return torch.stack(nodes), torch.stack(edges), torch.stack(whole)


@pytest.mark.parametrize("reduce", ["sum", "mean", "max"])
@pytest.mark.parametrize(("edge_dim", "whole_dim", "out_dim"), [(3, 2, 6), (0, 2, None), (3, 0, None), (0, 0, 5)])
def test_a_step_renews_edges_then_nodes_then_the_whole(reduce, edge_dim, whole_dim, out_dim):
    torch.manual_seed(0)
    config = GraphNetworkConfig(
        hidden=7,
        edge_dim=edge_dim,
        edge_out_dim=5,
        whole_dim=whole_dim,
        whole_out_dim=3,
        out_dim=out_dim,
        reduce=reduce,
    )
    step = GraphNetwork(NODE, config).double()
    x, e, u = numbers(10, NODE), numbers(GRAPH.num_edges, edge_dim, seed=1), numbers(3, whole_dim, seed=2)
    state = State({"nodes": x}, {"edges": e} if edge_dim else {}, u if whole_dim else None)
    after, kept = step.step(state, {"edges": GRAPH})
    assert kept == []
    inputs = [x, e, u, *step.parameters()]
    ours = (after.nodes["nodes"], after.edges["edges"], after.whole)
    assert_all_equal_as_promised(
        forward_and_gradients(flat(ours), inputs), forward_and_gradients(flat(formula(step, x, e, u)), inputs)
    )


def test_a_whole_that_is_not_renewed_stays():
    step = GraphNetwork(NODE, GraphNetworkConfig(hidden=7, edge_out_dim=5, whole_dim=2))
    whole = torch.randn(3, 2)
    after, _ = step.step(State({"nodes": torch.randn(10, NODE)}, whole=whole), {"edges": GRAPH})
    assert after.whole is whole
    assert step.renew_whole is None


def test_other_node_sets_stay():
    step = GraphNetwork(NODE, GraphNetworkConfig(hidden=7, edge_out_dim=5, graph="a->a", nodes="a"))
    others = torch.randn(2, 3)
    after, _ = step.step(State({"a": torch.randn(10, NODE), "b": others}), {"a->a": GRAPH})
    assert after.nodes["b"] is others


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (GraphNetworkConfig(hidden=7), "edge_out_dim must be at least 1, nodes hear edges; got 0"),
        (GraphNetworkConfig(hidden=7, edge_out_dim=5, reduce="men"), "unknown reduce 'men'.*Did you mean 'mean'"),
        (
            GraphNetworkConfig(hidden=7, edge_out_dim=5, graph="a->b", nodes="b"),
            "renews the node set 'b', so it hears a graph among these nodes, got 'a->b'",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(config, message):
    with pytest.raises(ValueError, match=message):
        GraphNetwork(NODE, config)


@pytest.mark.parametrize(
    ("x", "e", "u", "message"),
    [
        ((10, NODE), (GRAPH.num_edges, 2), (3, 2), r"GraphNetwork: expected edge states \[\d+, 3\], got \[\d+, 2\]"),
        ((10, NODE), (2, 3), (3, 2), r"GraphNetwork: expected edge states \[\d+, 3\], got \[2, 3\]"),
        ((10, NODE), None, (3, 2), r"GraphNetwork: expected edge states \[\d+, 3\], got none"),
        ((10, NODE), (GRAPH.num_edges, 3), (4, 2), r"GraphNetwork: expected whole states \[3, 2\], got \[4, 2\]"),
        ((10, NODE), (GRAPH.num_edges, 3), None, r"GraphNetwork: expected whole states \[3, 2\], got none"),
        ((9, NODE), (GRAPH.num_edges, 3), (3, 2), r"GraphNetwork: expected node states \[10, 4\], got \[9, 4\]"),
        (
            (2, 10, NODE),
            (GRAPH.num_edges, 3),
            (3, 2),
            r"GraphNetwork: expected node states \[10, 4\], got \[2, 10, 4\]",
        ),
    ],
)
def test_states_that_do_not_fit_are_refused(x, e, u, message):
    step = GraphNetwork(NODE, GraphNetworkConfig(hidden=7, edge_dim=3, edge_out_dim=5, whole_dim=2))
    edges = {} if e is None else {"edges": torch.ones(e)}
    with pytest.raises(ValueError, match=message):
        step.step(State({"nodes": torch.ones(x)}, edges, None if u is None else torch.ones(u)), {"edges": GRAPH})


def test_edges_that_are_renewed_have_no_past():
    step = GraphNetwork(NODE, GraphNetworkConfig(hidden=7, edge_out_dim=5))
    past = Past(None, torch.ones(1, 1, NODE), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="GraphNetwork: renews edges, so it has no past senders; give it the whole"):
        step.step(State({"nodes": torch.ones(10, NODE)}), {"edges": GRAPH}, [past])
