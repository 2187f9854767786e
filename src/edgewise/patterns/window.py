"""Neighbours in a sequence."""

from dataclasses import dataclass

from edgewise.patterns.door import integer
from edgewise.patterns.pattern import Pattern
from edgewise.patterns.position import Intervals, Position


@dataclass(frozen=True)
class window(Pattern):
    """Each node hears itself, `before` nodes to its left and `after` to its right.

        j -> i   iff   -before <= j - p <= after,   p = i + num_senders - num_receivers

    Both count nodes besides the node itself: window(0, 0) is self-loops only.

    >>> window(before=1, after=0).build(4).edges()
    (tensor([0, 0, 1, 1, 2, 2, 3]), tensor([0, 1, 1, 2, 2, 3, 3]))

    Longformer, Beltagy et al. 2020, section 3.1, https://arxiv.org/abs/2004.05150
    Differs: theirs takes one width and looks half of it to each side. Mistral's `sliding_window=w` counts the node
    itself: it is `causal & window(w - 1, 0)`.
    """

    before: int
    after: int

    def __post_init__(self) -> None:
        besides = "the node itself."
        integer("window", "before", self.before, 0, f"It counts nodes to the left besides {besides}")
        integer("window", "after", self.after, 0, f"It counts nodes to the right besides {besides}")

    @property
    def hears_back(self) -> int:
        """Those before it."""
        return self.before

    def intervals(self, p: Position, n: Position) -> Intervals:
        """One, around the node."""
        return [(p - self.before, p + self.after + 1)]
