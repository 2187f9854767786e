"""Nodes that hear everybody and that everybody hears."""

from dataclasses import dataclass

from edgewise.patterns.door import integer
from edgewise.patterns.pattern import Pattern
from edgewise.patterns.position import Intervals, Position


@dataclass(frozen=True, init=False, repr=False)
class hubs(Pattern):
    """The nodes named here hear all nodes, and all nodes hear them.

        j -> i   iff   j in nodes  or  p in nodes,   p = i + num_senders - num_receivers

    Nodes count from 0. A hub past the last sender is absent. The order in which they are named says nothing:
    hubs(3, 0) == hubs(0, 3).

    >>> hubs(0).build(3).edges()
    (tensor([0, 1, 2, 0, 0]), tensor([0, 0, 0, 1, 2]))

    Longformer's global attention, Beltagy et al. 2020, section 3.1, https://arxiv.org/abs/2004.05150
    BigBird's global tokens (ITC), Zaheer et al. 2020, section 2, https://arxiv.org/abs/2007.14062
    Differs: Longformer gives its hubs projections of their own; here the graph is all there is.
    """

    nodes: tuple[int, ...]

    def __init__(self, *nodes: int) -> None:
        for node in nodes:
            integer("hubs", "a node", node, 0, "Nodes count from 0.")
        if not nodes:
            raise ValueError("hubs: expected at least one node, got none; write hubs(0) for the first one")
        if len(set(nodes)) < len(nodes):
            twice = next(node for node in nodes if nodes.count(node) > 1)
            raise ValueError(f"hubs: node {twice} is named twice; name each hub once")
        object.__setattr__(self, "nodes", tuple(sorted(nodes)))

    def intervals(self, p: Position, n: Position) -> Intervals:
        """Everything for a hub; for everybody, the hubs."""
        is_hub = sum(p == node for node in self.nodes)
        return [(0, is_hub * n), *((node, node + 1) for node in self.nodes)]

    def __str__(self) -> str:
        return repr(self)

    def __repr__(self) -> str:
        return f"hubs({', '.join(map(str, self.nodes))})"
