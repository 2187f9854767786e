"""Everybody hears everybody."""

from dataclasses import dataclass

from edgewise.patterns.pattern import Pattern
from edgewise.patterns.position import Intervals, Position


@dataclass(frozen=True)
class complete(Pattern):
    """Each node hears all nodes, itself among them.

        j -> i   always

    One run a row: the complete graph of a million nodes takes 16 MB.

    >>> complete().build(1_000_000)
    Graph(1000000 receivers, 1000000 senders, 1000000000000 edges in 1000000 runs)

    Transformer encoder, Vaswani et al. 2017, section 3.2, https://arxiv.org/abs/1706.03762
    """

    def intervals(self, p: Position, n: Position) -> Intervals:
        """All of them."""
        return [(0, n)]
