"""Nodes that hear their own block only: chunks of a text, or documents packed into one sequence."""

from dataclasses import dataclass

import torch

from edgewise.graph import Graph
from edgewise.graph.runs import Runs
from edgewise.patterns.door import integer
from edgewise.patterns.nodes import Nodes
from edgewise.patterns.pattern import Pattern
from edgewise.patterns.position import Intervals, Position


@dataclass(frozen=True)
class blocks(Pattern):
    """Each node hears the nodes of its block, itself among them.

        j -> i   iff   block(j) == block(p),   p = i + num_senders - num_receivers
                       block(j) = j // size,  or by lengths: the first `lengths[0]` nodes are block 0, and so on

    `size` counts the nodes of a block (the last may be shorter); without it `build` is given `lengths`, which sum to
    the number of senders.

    >>> blocks(2).build(3).edges()
    (tensor([0, 1, 0, 1, 2]), tensor([0, 0, 1, 1, 2]))
    >>> blocks().build(3, lengths=[1, 2]).edges()
    (tensor([0, 1, 2, 1, 2]), tensor([0, 1, 1, 2, 2]))

    Block-local attention, Qiu et al. 2019, https://arxiv.org/abs/1911.02972
    Differs: theirs also permutes the blocks that the heads hear.
    """

    size: int | None = None

    def __post_init__(self) -> None:
        if self.size is not None:
            integer("blocks", "size", self.size, 1, "It counts the nodes of a block.")

    @property
    def needs(self) -> frozenset[str]:
        """The lengths, where no size says how long a block is."""
        return frozenset({"lengths"}) if self.size is None else frozenset()

    @property
    def hears_back(self) -> int | None:
        """From the last of a block to its first, where all are of one size."""
        return None if self.size is None else self.size - 1

    def check(self, nodes: Nodes) -> None:
        """Refuse lengths that are not those of the nodes."""
        super().check(nodes)
        if self.size is not None or nodes.lengths is None:
            return
        if len(nodes.lengths) and int(nodes.lengths.min()) < 0:
            raise ValueError(f"blocks: lengths must be at least 0, got {int(nodes.lengths.min())}")
        total = int(nodes.lengths.sum())
        if total != nodes.num_senders:
            raise ValueError(
                f"blocks: lengths must sum to the number of senders, {nodes.num_senders}, got a sum of {total}"
            )
        nodes.check_one_set("blocks")

    def intervals(self, p: Position, n: Position) -> Intervals | None:
        """One, the block; none by position where blocks differ in length."""
        if self.size is None:
            return None
        start = p // self.size * self.size
        return [(start, start + self.size)]

    def graph(self, nodes: Nodes) -> Graph:
        """Each block's ends, once for each of its nodes."""
        assert nodes.lengths is not None
        stop = nodes.lengths.cumsum(0)
        ends = torch.stack([stop - nodes.lengths, stop]).to(torch.int32)
        start, stop = torch.repeat_interleave(ends, nodes.lengths, dim=1)[:, nodes.first :].contiguous()
        return Graph._trusted(Runs(torch.arange(nodes.num_receivers + 1), start, stop), nodes.num_senders)
