"""One's own block, and a summary of every other."""

from dataclasses import dataclass

from edgewise.patterns.door import integer
from edgewise.patterns.pattern import Pattern
from edgewise.patterns.position import Intervals, Position, most


@dataclass(frozen=True)
class fixed(Pattern):
    """Each node hears its own block of `stride` nodes, and the last `summary` nodes of every block.

        j -> i   iff   p // stride == j // stride  or  j % stride >= stride - summary,
                       p = i + num_senders - num_receivers

    `stride` counts the nodes of a block, `summary` those at its end that everybody hears.

    >>> fixed(4).build(1, num_senders=10).edges()[0]
    tensor([3, 7, 8, 9])

    Sparse Transformer, Child et al. 2019, section 4.3, https://arxiv.org/abs/1904.10509
    Differs: theirs is causal, and its two halves belong to different heads: `causal & fixed(stride, summary)` is
    their union.
    """

    stride: int
    summary: int = 1

    def __post_init__(self) -> None:
        counts = "It counts the nodes at a block's end that everybody hears."
        integer("fixed", "stride", self.stride, 1, "It counts the nodes of a block.")
        integer("fixed", "summary", self.summary, 1, counts)
        if self.summary > self.stride:
            raise ValueError(f"fixed: summary must be at most stride={self.stride}, got {self.summary}. {counts}")

    def intervals(self, p: Position, n: Position) -> Intervals:
        """One a block: its end or, where the node stands in it, the whole."""
        own, rest = p // self.stride, self.stride - self.summary
        if rest == 0:
            return [(0, n)]
        blocks = range(most(n - 1) // self.stride + 1)
        return [(b * self.stride + rest * (own != b), (b + 1) * self.stride) for b in blocks]
