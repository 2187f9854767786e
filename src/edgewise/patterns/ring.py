"""Neighbours on a circle."""

from dataclasses import dataclass

from edgewise.patterns.door import integer
from edgewise.patterns.nodes import Nodes
from edgewise.patterns.pattern import Pattern
from edgewise.patterns.position import Intervals, Position


@dataclass(frozen=True)
class ring(Pattern):
    """Each node hears the `hops` nodes to each side of it, on a circle of all nodes.

        j -> i   iff   0 < min((j - p) % n, (p - j) % n) <= hops,   n = num_senders,  p = i + n - num_receivers

    `hops` counts the nodes to one side besides the node itself, which nobody hears (`ring | window(0, 0)` adds that).

    >>> ring().build(4).edges()
    (tensor([1, 3, 0, 2, 1, 3, 0, 2]), tensor([0, 0, 1, 1, 2, 2, 3, 3]))

    The lattice that small worlds begin with, Watts and Strogatz 1998, https://doi.org/10.1038/30918
    """

    hops: int = 1

    def __post_init__(self) -> None:
        integer("ring", "hops", self.hops, 1, "It counts nodes to one side besides the node itself.")

    def check(self, nodes: Nodes) -> None:
        """Refuse receivers that stand before the first node of the circle."""
        nodes.check_one_set("ring")

    def intervals(self, p: Position, n: Position) -> Intervals:
        """The arcs to the left and to the right, and what of them goes round past an end."""
        # Half the circle each way is all of it; more would come round to the node itself.
        hops = self.hops - (self.hops - n // 2) * (self.hops > n // 2)
        return [(0, p + hops + 1 - n), (p - hops, p), (p + 1, p + hops + 1), (p - hops + n, n)]
