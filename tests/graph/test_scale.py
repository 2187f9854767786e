"""A million nodes: a pattern costs its runs, not its edges."""

import pytest
import torch

from edgewise.graph import Graph

NODES = 10**6
ROWS = torch.arange(NODES)
OFFSETS = torch.arange(NODES + 1)


def window(width: int) -> Graph:
    return Graph(OFFSETS, (ROWS - width).clamp(0).int(), (ROWS + width + 1).clamp(max=NODES).int(), num_senders=NODES)


def complete() -> Graph:
    return Graph(OFFSETS, torch.zeros(NODES).int(), torch.full((NODES,), NODES).int(), num_senders=NODES)


def causal() -> Graph:
    return Graph(OFFSETS, torch.zeros(NODES).int(), (ROWS + 1).int(), num_senders=NODES)


def test_the_complete_graph():
    graph = complete()
    assert repr(graph) == "Graph(1000000 receivers, 1000000 senders, 1000000000000 edges in 1000000 runs)"
    assert graph.is_symmetric()
    assert (~graph).num_runs == 0
    assert int(graph.locate(torch.tensor([NODES - 1]), torch.tensor([NODES - 1]))) == NODES**2 - 1
    assert graph.sender_degree().unique().tolist() == [NODES]
    assert graph.subgraph(slice(0, NODES, 2)).num_edges == NODES**2 // 4


def test_the_causal_graph():
    graph = causal()
    assert graph.transpose() == ~graph | Graph(OFFSETS, ROWS.int(), (ROWS + 1).int(), num_senders=NODES)
    assert (graph & graph.transpose()).num_edges == NODES
    assert not graph.is_symmetric()


def test_windows():
    graph = window(64)
    assert graph.is_symmetric()
    assert (complete() - graph).num_runs == 2 * NODES - 2 * 65
    assert graph.remove_self_loops().num_runs == 2 * NODES - 2
    assert Graph.batch([graph, graph]).unbatch()[1] == graph


@pytest.mark.slow
def test_walks():
    assert complete().k_hop(2) == complete()
    assert window(64).k_hop(3) == window(192)
