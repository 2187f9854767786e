"""An order of nodes in which those who hear each other are near."""

import pytest
import torch

from edgewise import native
from edgewise.graph import Graph
from edgewise.graph.locality import _neighbours, _Search
from edgewise.patterns import parse


def shuffled(graph: Graph, seed: int = 0) -> Graph:
    return graph.reorder(torch.randperm(graph.num_senders, generator=torch.Generator().manual_seed(seed)))


def random(nodes: int, share: float, seed: int = 0) -> Graph:
    return Graph.from_mask(torch.rand(nodes, nodes, generator=torch.Generator().manual_seed(seed)) < share)


GRAPHS = {
    "window": parse("window(3, 3)").build(50),
    "shuffled window": shuffled(parse("window(3, 3)").build(50)),
    "shuffled cliques": shuffled(Graph.batch([parse("complete").build(n) for n in (5, 1, 9, 4)])),
    "random": random(40, 0.1),
    "sparse": random(60, 0.02),
    "shuffled window and hubs": shuffled(parse("window(2, 2) | hubs(0, 9)").build(120)),
    "star": parse("hubs(3)").build(40),
    "complete": parse("complete").build(7),
    "no edges": Graph.from_mask(torch.zeros(4, 4, dtype=torch.bool)),
    "no nodes": Graph.from_mask(torch.zeros(0, 0, dtype=torch.bool)),
    "one node": parse("complete").build(1),
}


def with_hubs(seed: int) -> Graph:
    """Cliques and chains beside each other, shuffled, and two nodes that many hear."""
    parts = [parse("complete").build(n) for n in (4, 3)] + [parse("window(1, 0)").build(n) for n in (12, 1, 9)]
    heard = random(29, 0.5, seed) & Graph.from_mask(torch.isin(torch.arange(29), torch.tensor([3, 20])).expand(29, 29))
    return shuffled(Graph.batch(parts) | heard, seed)


MORE = [with_hubs(seed) for seed in range(8)]


def bandwidth(graph: Graph) -> int:
    senders, receivers = graph.edges()
    return int((senders - receivers).abs().max())


@pytest.mark.parametrize("name", GRAPHS)
def test_every_node_comes_once(name):
    graph = GRAPHS[name]
    assert graph.locality().sort().values.tolist() == list(range(graph.num_senders))


@pytest.mark.skipif(not native.available(), reason="this installation has no compiled part")
@pytest.mark.parametrize("graph", [*GRAPHS.values(), *MORE], ids=str)
def test_the_compiled_order_is_the_definition(graph):
    definition = _Search(_neighbours(graph.runs), _neighbours(graph.transpose().runs))
    assert graph.locality().tolist() == list(definition.order())


def test_a_shuffled_window_becomes_narrow_again():
    window = parse("window(5, 5)").build(300)
    assert bandwidth(shuffled(window)) > 200
    assert bandwidth(shuffled(window).reorder()) <= 2 * bandwidth(window)


def test_hubs_do_not_hide_a_window():
    around = parse("hubs(0)").build(400)
    hidden = shuffled(parse("window(3, 3)").build(400) | around)
    order = hidden.locality().tolist()
    hub = int(hidden.degree().argmax())
    kept = hidden.subgraph([node for node in order if node != hub])
    assert bandwidth(kept) <= 2 * 3 + 1


def test_shuffled_cliques_become_one_run_a_row():
    cliques = shuffled(Graph.batch([parse("complete").build(n) for n in (5, 1, 9, 4)])).reorder()
    assert len(cliques.run_start) == cliques.num_receivers


def test_graphs_of_a_batch_stay_one_after_another():
    batch = Graph.batch([shuffled(parse("window(1, 1)").build(n), n) for n in (9, 4, 12)])
    cuts = batch.receiver_offsets[1:-1].tolist()
    parts = batch.locality().tensor_split(cuts)
    assert [(int(part.min()), int(part.max())) for part in parts] == [(0, 8), (9, 12), (13, 24)]


def test_receivers_and_senders_apart_have_no_common_order():
    graph = Graph.from_mask(torch.ones(2, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match="locality: needs as many senders as receivers, got 2 receivers and 3 senders"):
        graph.reorder()
