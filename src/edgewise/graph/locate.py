"""Which number an edge has: its run by binary search, then its place in the run."""

import torch
from jaxtyping import Int64, Shaped
from torch import Tensor

from edgewise.graph.line import row_bits, to_line
from edgewise.graph.runs import Runs


def locate(
    runs: Runs,
    num_senders: int,
    edge_start: Int64[Tensor, "runs_and_one"],
    senders: Shaped[Tensor, "edges"],
    receivers: Shaped[Tensor, "edges"],
) -> Int64[Tensor, "edges"]:
    """The numbers of the edges `senders -> receivers`; -1 for an edge that is not there."""
    if len(runs.start) == 0:
        return torch.full_like(senders, -1, dtype=torch.int64)
    line = to_line(runs, num_senders)
    points = (receivers.to(torch.int64) << row_bits(num_senders)) + senders
    run = torch.searchsorted(line.start, points, right=True) - 1
    # A point before the first run has run -1, which wraps to the last one and lies outside it as well.
    inside = (points < line.stop[run]) & (run >= 0)
    return torch.where(inside, edge_start[run] + points - line.start[run], -1)
