"""Nodes of one label hear each other: mentions of one person, tokens of one word, turns of one speaker."""

from dataclasses import dataclass

import torch

from edgewise.graph import Graph
from edgewise.graph.runs import Runs
from edgewise.patterns.nodes import Nodes
from edgewise.patterns.pattern import Pattern


@dataclass(frozen=True)
class links(Pattern):
    """Each node hears the nodes of its label, itself among them.

        j -> i   iff   label(j) == label(p) != -1,   p = i + num_senders - num_receivers

    `build` is given `links`, the label of each node: any number from 0 on, or -1 for a node that has none and hears
    nobody.

    >>> links().build(5, links=[7, -1, 7, 0, -1]).edges()
    (tensor([0, 2, 0, 2, 3]), tensor([0, 0, 2, 2, 3]))

    Coreference as edges, De Cao et al. 2019, https://arxiv.org/abs/1808.09920
    Differs: theirs joins mentions by a relation of its own beside others, and leaves out self-loops.
    """

    @property
    def needs(self) -> frozenset[str]:
        """The labels."""
        return frozenset({"links"})

    def check(self, nodes: Nodes) -> None:
        """Refuse labels of other nodes than these."""
        super().check(nodes)
        nodes.check_one_set("links")
        assert nodes.links is not None
        if len(nodes.links) != nodes.num_senders:
            raise ValueError(
                f"links: expected a label for each of the {nodes.num_senders} nodes, got {len(nodes.links)} labels"
            )
        if len(nodes.links) and int(nodes.links.min()) < -1:
            node = int(nodes.links.argmin())
            raise ValueError(
                f"links: the label of node {node} is {int(nodes.links[node])}; labels are numbers from 0 on, or -1 for "
                "a node that has none"
            )

    def graph(self, nodes: Nodes) -> Graph:
        """The runs of each label, once for each of its nodes."""
        assert nodes.links is not None
        label, node = nodes.links.sort(stable=True)
        fresh = torch.ones_like(label, dtype=torch.bool)  # a run ends with its label, or where the next is no neighbour
        fresh[1:] = (label.diff() != 0) | (node.diff() != 1)
        start, stop = node[fresh].to(torch.int32), node[fresh.roll(-1)].to(torch.int32) + 1
        name, runs = label[fresh].unique_consecutive(return_counts=True)
        own = nodes.links[nodes.first :]
        group = torch.searchsorted(name, own)
        counts = runs[group].where(own >= 0, 0)
        offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        first = (runs.cumsum(0) - runs)[group] - offsets[:-1]
        run = torch.repeat_interleave(first, counts) + torch.arange(int(offsets[-1]))
        return Graph._trusted(Runs(offsets, start[run], stop[run]), nodes.num_senders)
