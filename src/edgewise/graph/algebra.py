"""Set operations on runs: one sweep over the ends of two lists of intervals.

On the line (see `line.py`) a point x lies inside a sorted list of intervals iff the number of interval ends at or
before x is odd. An operation is a truth table on (inside a, inside b); its result begins or ends exactly where the
value of that table changes.
"""

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from edgewise.graph.line import Line, from_line, to_line
from edgewise.graph.runs import Runs

Ends = Int64[Tensor, "ends"]

# Bit (inside a) * 2 + (inside b) of each number is the truth of the operation.
UNION = 0b1110
INTERSECTION = 0b1000
DIFFERENCE = 0b0100


def combine(a: Runs, b: Runs, num_senders: int, table: int) -> Runs:
    """`a` and `b`, two graphs of one shape, under a truth table."""
    line = combine_lines(to_line(a, num_senders), to_line(b, num_senders), table)
    return from_line(line, len(a.offsets) - 1, num_senders)


def combine_lines(a: Line, b: Line, table: int) -> Line:
    """Two sorted lists of intervals under a truth table, in time linear in their number (but for binary search)."""
    ends_a, ends_b = ends(a), ends(b)
    begun_b = torch.searchsorted(ends_b, ends_a)
    passed_b = torch.searchsorted(ends_b, ends_a, right=True)
    begun_a = torch.searchsorted(ends_a, ends_b)
    passed_a = torch.searchsorted(ends_a, ends_b, right=True)
    number_a = torch.arange(len(ends_a), device=ends_a.device)
    number_b = torch.arange(len(ends_b), device=ends_b.device)
    changes_a = truth(number_a, begun_b, table) != truth(number_a + 1, passed_b, table)
    changes_b = truth(begun_a, number_b, table) != truth(passed_a, number_b + 1, table)
    # An end that both lists share is counted once, with a.
    changes_b &= begun_a == passed_a
    changed = torch.cat([ends_a[changes_a], ends_b[changes_b]]).sort().values
    return Line(changed[0::2].contiguous(), changed[1::2].contiguous())


def ends(line: Line) -> Ends:
    """The ends of the intervals in order: start, stop, start, stop, ..."""
    return torch.stack(line, dim=1).flatten()


def truth(ends_before_a: Ends, ends_before_b: Ends, table: int) -> Bool[Tensor, "ends"]:
    """The value of the table at a point with that many ends of a and of b at or before it."""
    inside = ((ends_before_a & 1) << 1) | (ends_before_b & 1)
    return ((table >> inside) & 1).bool()


def one_run_a_row(first: Int64[Tensor, "rows"], last: Int64[Tensor, "rows"]) -> Runs:
    """Row i holds `[first[i], last[i])`, or nothing where that is empty."""
    full = first < last
    offsets = torch.zeros(len(first) + 1, dtype=torch.int64, device=first.device)
    torch.cumsum(full, dim=0, out=offsets[1:])
    return Runs(offsets, first[full].to(torch.int32), last[full].to(torch.int32))
