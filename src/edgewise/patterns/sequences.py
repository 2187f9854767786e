"""Sequences: the nodes of a batch of graphs that patterns are yet to make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edgewise.graph import Graph


@dataclass(frozen=True, eq=False)
class Sequences:
    """How many nodes each sequence of a batch has, one after another, and what is known of them.

    A text brings no edges: a network's patterns make them of its length, and of its `tree`, `spans` or `links` where
    they need these. What no pattern needs is not read. `lengths` are numbers, or a list for each node set by name.

    >>> from edgewise.patterns import causal, tree
    >>> two = Sequences([3, 2], tree=[1, -1, 1, -1, 0])
    >>> two.graph(causal())
    Graph(5 receivers, 5 senders, 9 edges in 5 runs, batch of 2)
    >>> two.graph(tree()).num_edges
    6
    """

    lengths: Sequence[int] | Mapping[str, Sequence[int]]
    tree: Sequence[int] | None = None  # the head of each node in its own sequence, -1 for a root
    spans: Sequence[Sequence[Sequence[int]]] | None = None  # a list of [start, stop) for each sequence
    links: Sequence[int] | None = None  # a label of each node, -1 for none
    graphs: Mapping[str, Graph] = field(default_factory=dict)  # by name, those that are no pattern's to make

    def graph(self, pattern: Any, past: Sequence[int] | None = None, nodes: str | None = None) -> Graph:
        """The pattern's graph of the sequences (of one node set, where there are several)."""
        lengths = self.lengths if nodes is None or not isinstance(self.lengths, Mapping) else self.lengths[nodes]
        known = {name: getattr(self, name) for name in pattern.needs if name in ("tree", "spans", "links")}
        made: Graph = pattern.build_batch(lengths, past, **known)
        return made
