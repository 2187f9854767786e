"""Some of the rows, some of the columns."""

import torch
from jaxtyping import Int64
from torch import Tensor

from edgewise.graph.line import Line, from_line, join_points, row_bits, to_line
from edgewise.graph.runs import Runs, edge_starts, expand


def slice_rows(runs: Runs, first: int, last: int) -> Runs:
    """The rows `first` to `last - 1`, copying nothing but their offsets."""
    offsets = runs.offsets[first : last + 1]
    if first == last:
        return Runs(torch.zeros_like(offsets), runs.start[:0], runs.stop[:0])
    begin, end = int(offsets[0]), int(offsets[-1])
    return Runs(offsets - begin, runs.start[begin:end], runs.stop[begin:end])


def take_rows(runs: Runs, rows: Int64[Tensor, "taken"]) -> Runs:
    """The rows in the order given; a row may be taken more than once."""
    begin = runs.offsets[rows]
    count = runs.offsets[rows + 1] - begin
    offsets = torch.zeros(len(rows) + 1, dtype=torch.int64, device=rows.device)
    torch.cumsum(count, dim=0, out=offsets[1:])
    taken = torch.repeat_interleave(begin - offsets[:-1], count)
    taken += torch.arange(len(taken), device=rows.device)
    return Runs(offsets, runs.start[taken], runs.stop[taken])


def take_columns(runs: Runs, columns: Int64[Tensor, "taken"], num_senders: int) -> Runs:
    """The columns in the order given, each at most once; column k of the result is `columns[k]`."""
    if bool((columns.diff() > 0).all()):
        return keep_columns(runs, columns, num_senders)
    place = torch.full((num_senders,), -1, dtype=torch.int64, device=columns.device)
    place[columns] = torch.arange(len(columns), device=columns.device)
    edge_start = edge_starts(runs)
    senders, receivers = expand(runs, edge_start, int(edge_start[-1]))
    senders = place[senders]
    kept = senders >= 0
    points = ((receivers[kept] << row_bits(len(columns))) + senders[kept]).sort().values
    return from_line(join_points(points), len(runs.offsets) - 1, len(columns))


def keep_columns(runs: Runs, columns: Int64[Tensor, "kept"], num_senders: int) -> Runs:
    """The same for increasing columns, run by run: an end moves to the number of columns kept before it."""
    kept_before = torch.zeros(num_senders + 1, dtype=torch.int32, device=columns.device)
    kept_before[columns + 1] = 1
    kept_before = kept_before.cumsum(0, dtype=torch.int32)
    start, stop = to_line(Runs(runs.offsets, kept_before[runs.start], kept_before[runs.stop]), len(columns))
    full = start < stop
    start, stop = start[full], stop[full]
    # Where every column between two runs is gone, they touch and become one.
    apart = torch.ones(len(start) + 1, dtype=torch.bool, device=columns.device)
    torch.ne(start[1:], stop[:-1], out=apart[1:-1])
    return from_line(Line(start[apart[:-1]], stop[apart[1:]]), len(runs.offsets) - 1, len(columns))
