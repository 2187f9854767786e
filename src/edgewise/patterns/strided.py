"""Near nodes, and far ones at regular steps."""

from dataclasses import dataclass

from edgewise.patterns.door import integer
from edgewise.patterns.pattern import Pattern
from edgewise.patterns.position import Intervals, Position, most


@dataclass(frozen=True)
class strided(Pattern):
    """Each node hears the `stride` nodes to each side, and every `stride`-th node beyond.

        j -> i   iff   |j - p| <= stride  or  (p - j) % stride == 0,   p = i + num_senders - num_receivers

    `stride` counts the nodes to one side besides the node itself, and the steps between the far ones.

    >>> strided(3).build(1, num_senders=10).edges()[0]
    tensor([0, 3, 6, 7, 8, 9])

    Sparse Transformer, Child et al. 2019, section 4.3, https://arxiv.org/abs/1904.10509
    Differs: theirs is causal, and its two halves belong to different heads: `causal & strided(stride)` is their union.
    """

    stride: int

    def __post_init__(self) -> None:
        integer("strided", "stride", self.stride, 1, "It counts nodes from one far neighbour to the next.")

    def intervals(self, p: Position, n: Position) -> Intervals:
        """The far ones to the left, the near ones, the far ones to the right."""
        step = self.stride
        if step == 1:
            return [(0, n)]
        before = [(p - k * step, p - k * step + 1) for k in range(most(p) // step, 1, -1)]
        after = [(p + k * step, p + k * step + 1) for k in range(2, most(n - p) // step + 1)]
        return [*before, (p - step, p + step + 1), *after]
