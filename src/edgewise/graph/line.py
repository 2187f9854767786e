"""The line: all rows laid end to end on one number line, so that work on rows becomes work on one sorted list."""

from typing import NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

from edgewise.graph.runs import Runs, receiver_of_run


class Line(NamedTuple):
    """Intervals `[start, stop)` of points `receiver * 2**bits + sender`, where `2**bits > num_senders`.

    At least one point between two rows belongs to no sender, so runs of different rows never touch; and taking a
    point apart is a shift and a mask, many times cheaper than a division.
    """

    start: Int64[Tensor, "runs"]
    stop: Int64[Tensor, "runs"]


def row_bits(num_senders: int) -> int:
    """The smallest number of bits with `2**bits > num_senders`.

    >>> row_bits(7), row_bits(8)
    (3, 4)
    """
    return num_senders.bit_length()


def to_line(runs: Runs, num_senders: int) -> Line:
    """Lay the runs of all rows on the line."""
    row = receiver_of_run(runs) << row_bits(num_senders)
    return Line(row + runs.start, row + runs.stop)


def from_line(line: Line, num_receivers: int, num_senders: int) -> Runs:
    """Cut the line into rows again; its intervals must be sorted and must not touch."""
    bits = row_bits(num_senders)
    rows = torch.arange(num_receivers + 1, device=line.start.device) << bits
    mask = (1 << bits) - 1
    return Runs(
        torch.searchsorted(line.start, rows),
        (line.start & mask).to(torch.int32),
        (line.stop & mask).to(torch.int32),
    )


def join_points(points: Int64[Tensor, "points"]) -> Line:
    """The fewest intervals that hold these points, which must be strictly increasing."""
    if len(points) == 0:
        return Line(points, points)
    gap = (points[1:] - points[:-1] != 1).nonzero().squeeze(1)
    return Line(
        torch.cat([points[:1], points[gap + 1]]),
        torch.cat([points[gap], points[-1:]]) + 1,
    )


def join_intervals(start: Int64[Tensor, "intervals"], stop: Int64[Tensor, "intervals"]) -> Line:
    """The fewest intervals that cover the given ones, which may overlap, touch and come in any order."""
    if len(start) == 0:
        return Line(start, stop)
    start, order = start.sort()
    reach = stop[order].cummax(dim=0).values
    gap = (start[1:] > reach[:-1]).nonzero().squeeze(1)
    return Line(
        torch.cat([start[:1], start[gap + 1]]),
        torch.cat([reach[gap], reach[-1:]]),
    )
