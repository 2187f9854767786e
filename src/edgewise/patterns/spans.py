"""Nodes that stand in one span hear each other: phrases, mentions, sections."""

from dataclasses import dataclass

import torch

from edgewise.graph import Graph
from edgewise.graph.algebra import one_run_a_row
from edgewise.patterns.nodes import Nodes
from edgewise.patterns.pattern import Pattern


@dataclass(frozen=True)
class spans(Pattern):
    """Each node hears the nodes of the spans that it stands in, itself among them.

        j -> i   iff   start <= j, p < stop   for one of the spans,   p = i + num_senders - num_receivers

    `build` is given `spans`, pairs of nodes, from `start` up to before `stop`. They may nest and overlap; who stands in
    none of them hears nobody. Of nested spans the longest says all: give those that are short enough.

    >>> spans().build(5, spans=[(0, 2), (1, 3)]).edges()
    (tensor([0, 1, 0, 1, 2, 1, 2]), tensor([0, 0, 1, 1, 1, 2, 2]))

    Attention within the constituents of a sentence, Wang et al. 2019, https://arxiv.org/abs/1909.06639
    Differs: theirs learns the constituents, and lets neighbours in by degrees.
    """

    @property
    def needs(self) -> frozenset[str]:
        """The spans."""
        return frozenset({"spans"})

    def check(self, nodes: Nodes) -> None:
        """Refuse spans that are none of these nodes."""
        super().check(nodes)
        nodes.check_one_set("spans")
        assert nodes.spans is not None
        start, stop = nodes.spans.unbind(1)
        wrong = (start < 0) | (start >= stop) | (stop > nodes.num_senders)
        if bool(wrong.any()):
            first, last = nodes.spans[int(wrong.to(torch.int8).argmax())].tolist()
            raise IndexError(
                f"spans: expected 0 <= start < stop <= {nodes.num_senders}, got ({first}, {last}); a span holds the "
                "nodes from start up to before stop"
            )

    def graph(self, nodes: Nodes) -> Graph:
        """One run a node: of the spans that hold it, the least start and the largest stop."""
        assert nodes.spans is not None
        n = nodes.num_senders
        start, stop = nodes.spans.unbind(1)
        low = torch.full((n,), n).scatter_reduce_(0, stop - 1, start, "amin").flip(0).cummin(0).values.flip(0)
        high = torch.zeros(n, dtype=torch.int64).scatter_reduce_(0, start, stop, "amax").cummax(0).values
        # Of a node in no span, the spans behind it give the start and those before it the stop.
        return Graph._trusted(one_run_a_row(low[nodes.first :], high[nodes.first :]), n)
