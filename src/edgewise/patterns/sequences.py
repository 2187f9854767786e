"""Sequences: the nodes of a batch of graphs that patterns are yet to make."""

from collections.abc import Mapping, Sequence
from typing import Any

from edgewise.graph import Graph


class Sequences:
    """How many nodes each sequence of a batch has, one after another, and what is known of them.

    A text brings no edges: a network's patterns make them of its length, and of its `tree`, `spans` or `links` where
    they need these. What no pattern needs is not read. `lengths` are numbers, or a list for each node set by name.

    Args:
        lengths: of each sequence, by node set where they differ.
        tree: the head of each node in its own sequence, -1 for a root.
        spans: a list of [start, stop) for each sequence.
        links: a label of each node, -1 for none.
        graphs: by name, those that are no pattern's to make.

    >>> from edgewise.patterns import causal, tree
    >>> two = Sequences([3, 2], tree=[1, -1, 1, -1, 0])
    >>> two.graph(causal())
    Graph(5 receivers, 5 senders, 9 edges in 5 runs, batch of 2)
    >>> two.graph(tree()).num_edges
    6
    """

    # No dataclass: Lightning would look into one for tensors to convert, and takes none that is frozen.
    def __init__(
        self,
        lengths: Sequence[int] | Mapping[str, Sequence[int]],
        tree: Sequence[int] | None = None,
        spans: Sequence[Sequence[Sequence[int]]] | None = None,
        links: Sequence[int] | None = None,
        graphs: Mapping[str, Graph] | None = None,
    ) -> None:
        self.lengths, self.tree, self.spans, self.links = lengths, tree, spans, links
        self.graphs: Mapping[str, Graph] = {} if graphs is None else graphs

    def __repr__(self) -> str:
        given = [
            f"{name}={value!r}" for name, value in vars(self).items() if name != "lengths" and value not in (None, {})
        ]
        return f"Sequences({', '.join([repr(self.lengths), *given])})"

    def graph(self, pattern: Any, past: Sequence[int] | None = None, nodes: str | None = None) -> Graph:
        """The pattern's graph of the sequences (of one node set, where there are several)."""
        lengths = self.lengths if nodes is None or not isinstance(self.lengths, Mapping) else self.lengths[nodes]
        known = {name: getattr(self, name) for name in pattern.needs if name in ("tree", "spans", "links")}
        made: Graph = pattern.build_batch(lengths, past, **known)
        return made
