"""The plan of a graph: which route it takes, and why."""

import pytest
from tests.kernels.graphs import causal, complete

from edgewise.graph import Graph
from edgewise.kernels import plan


@pytest.mark.parametrize(
    ("graph", "kind"),
    [
        (complete(3), "complete"),
        (causal(3), "causal"),
        (causal(1, 5), "complete"),
        (Graph.batch([causal(2), causal(3, 4)]), "causal"),
        (Graph.batch([complete(2), causal(3)]), None),
        (complete(4) - causal(4), None),
    ],
    ids=str,
)
def test_the_plan_names_the_kind(graph, kind):
    assert plan(graph).kind == kind
    assert plan(graph).route == ("native" if kind is None else "dense")
    assert plan(graph).num_edges == graph.num_edges
    assert ("dense: every graph of the batch is" in str(plan(graph))) == (kind is not None)
