from dataclasses import replace

import pytest
import torch
from tests.training.stand_in import friends_task

from edgewise.analysis import suggest
from edgewise.graph import Graph
from edgewise.models import MODELS, Network
from edgewise.part import Part

TASK = friends_task(nodes=23)


def network_of(**head):
    torch.manual_seed(0)
    return Network(MODELS["gat"](6, 1, hidden=4, num_heads=2, dropout=0.3, head=Part("links", head)))


def by_brute_force(network, task, k):
    """Every pair of the complete graph is scored, the linked ones are struck out, and each row is sorted."""
    n = task.num_nodes
    everyone = Graph.from_mask(torch.ones(n, n).bool())
    said = network.eval()({"links": everyone, "edges": task.graph}, task.features).view(n, n).detach()
    said = said.masked_fill(task.graph.dense() | torch.eye(n).bool(), -torch.inf)
    best = said.sort(dim=1, descending=True, stable=True)
    return best.indices[:, :k], best.values[:, :k]


@pytest.mark.parametrize("pairs_at_once", [1, 50, 10**6])
@pytest.mark.parametrize("head", [{}, {"symmetric": False, "num_heads": 2}])
def test_suggestions_are_the_best_of_all_pairs(head, pairs_at_once):
    network = network_of(**head)
    partners, scores = suggest(network, TASK, 5, pairs_at_once=pairs_at_once)
    expected, values = by_brute_force(network, TASK, 5)
    assert torch.equal(partners, expected)
    torch.testing.assert_close(scores, values)
    assert not TASK.graph.dense()[torch.arange(23)[:, None], partners].any()


def test_some_nodes_may_be_asked_about_in_any_order():
    network, nodes = network_of(), torch.tensor([7, 2, 7])
    every, some = suggest(network, TASK, 3), suggest(network, TASK, 3, nodes=nodes)
    assert torch.equal(some.partners, every.partners[nodes]) and torch.equal(some.scores, every.scores[nodes])


def test_a_node_with_few_strangers_has_few_suggestions():
    partners, scores = suggest(network_of(), TASK, 20)
    strangers = 22 - TASK.graph.degree()
    assert torch.equal((partners >= 0).sum(1), strangers) and torch.equal(scores.isfinite().sum(1), strangers)


def test_edge_features_are_heard():
    config = MODELS["gat"](6, 1, hidden=4, num_heads=2, edge_dim=1, head="links")
    task = replace(TASK, edges=torch.rand(TASK.graph.num_edges, 1))
    assert suggest(Network(config), task, 2).partners.shape == (23, 2)


def test_what_cannot_be_suggested_is_refused():
    with pytest.raises(ValueError, match="suggest: k must be at least 1, got 0. It counts partners of a node"):
        suggest(network_of(), TASK, 0)
    with pytest.raises(ValueError, match="suggest: expected a network whose head scores pairs, such as head"):
        suggest(Network(MODELS["gcn"](6, 1)), TASK, 3)
