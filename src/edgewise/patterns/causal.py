"""Nobody hears the future."""

from dataclasses import dataclass

from edgewise.patterns.pattern import Pattern
from edgewise.patterns.position import Intervals, Position


@dataclass(frozen=True)
class causal(Pattern):
    """Each node hears itself and all nodes before it.

        j -> i   iff   j <= p,   p = i + num_senders - num_receivers

    With past senders the last receiver still stands at the last sender, so that one decoding step,
    `build(1, num_senders=n)`, hears everything. Receivers that stand before the first sender hear nothing.

    >>> causal().build(3).edges()
    (tensor([0, 0, 1, 0, 1, 2]), tensor([0, 1, 1, 2, 2, 2]))
    >>> causal().build(1, num_senders=3).edges()
    (tensor([0, 1, 2]), tensor([0, 0, 0]))

    Transformer decoder, Vaswani et al. 2017, section 3.2.3, https://arxiv.org/abs/1706.03762
    Differs: PyTorch's `is_causal=True` aligns the first receiver with the first sender, which is another graph as
    soon as there is a past.
    """

    def intervals(self, p: Position, n: Position) -> Intervals:
        """From the first to itself."""
        return [(0, p + 1)]
