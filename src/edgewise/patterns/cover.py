"""The fewest runs that cover some intervals: of one receiver in plain numbers, of many in tensors."""

from collections.abc import Sequence
from operator import index
from typing import NamedTuple

import torch
from jaxtyping import Int32, Int64
from torch import Tensor

from edgewise.graph.runs import Runs
from edgewise.patterns.position import Interval, Position


class Cover(NamedTuple):
    """How many runs each of some receivers has, and the runs."""

    number: Int64[Tensor, "receivers"]
    start: Int32[Tensor, "runs"]
    stop: Int32[Tensor, "runs"]


def cover_one(intervals: Sequence[Interval], num_senders: int) -> Runs:
    """The runs of one receiver. For a few intervals plain Python is many times faster than tensors.

    >>> cover_one([(0, 1), (4, 9), (-3, 2)], num_senders=8)
    Runs(offsets=tensor([0, 2]), start=tensor([0, 4], dtype=torch.int32), stop=tensor([2, 8], dtype=torch.int32))
    """
    starts: list[int] = []
    stops: list[int] = []
    reach = -1
    # `index` refuses a float, which would be cut to an integer without a word.
    for start, stop in sorted((max(index(a), 0), min(index(b), num_senders)) for a, b in intervals):
        if start < stop:
            if start > reach:
                starts.append(start)
                stops.append(stop)
                reach = stop
            elif stop > reach:
                stops[-1] = reach = stop
    start_tensor, stop_tensor = torch.tensor((starts, stops), dtype=torch.int32).unbind()
    return Runs(torch.tensor((0, len(starts))), start_tensor, stop_tensor)


def cover(intervals: Sequence[Interval], count: int, num_senders: Position) -> Cover:
    """The runs of `count` receivers.

    >>> cover([(0, 1), (torch.tensor([1, 4]), torch.tensor([2, 9]))], count=2, num_senders=8)
    Cover(number=tensor([1, 2]), start=tensor([0, 0, 4], dtype=torch.int32), stop=tensor([2, 1, 8], dtype=torch.int32))
    """
    start = torch.empty((len(intervals), count), dtype=torch.int64)
    stop = torch.empty_like(start)
    for k, (a, b) in enumerate(intervals):
        start[k], stop[k] = whole(a), whole(b)
    start.clamp_(min=0)
    stop.clamp_(max=num_senders)
    if bool((start[1:] < start[:-1]).any()):
        start, order = start.sort(dim=0)
        stop = stop.gather(0, order)
    begins = start < stop
    # How far the intervals up to this one reach; -1 before the first that is not empty.
    reach = torch.where(begins, stop, -1)
    if len(intervals) > 1:
        reach = reach.cummax(dim=0).values
    begins[1:] &= start[1:] > reach[:-1]
    ends = begins.roll(-1, dims=0)
    ends[-1:] = True
    ends &= reach >= 0
    return Cover(begins.sum(dim=0), start.T[begins.T].to(torch.int32), reach.T[ends.T].to(torch.int32))


def whole(number: Position) -> Position:
    """Refuse a float, which would be cut to an integer without a word."""
    if not isinstance(number, Tensor):
        return index(number)
    if number.is_floating_point():
        raise TypeError("intervals: starts and stops must be integers, got a float tensor; divide with //")
    return number
