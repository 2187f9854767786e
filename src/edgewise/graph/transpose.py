"""The transpose: who is heard by whom, from runs to runs without a list of edges.

In column j a run of receivers begins at every i that hears j while i - 1 does not, and ends at every i that does not
while i - 1 did. So the begins are the edges of (row i minus row i - 1) and the ends those of (row i - 1 minus row i).
"""

import torch
from jaxtyping import Int64
from torch import Tensor

from edgewise.graph.algebra import DIFFERENCE, combine_lines
from edgewise.graph.line import Line, row_bits, to_line
from edgewise.graph.runs import Runs


def transpose(runs: Runs, num_senders: int) -> Runs:
    """Runs of receivers for each sender, in time linear in the runs that go in and come out (but for a sort)."""
    num_receivers = len(runs.offsets) - 1
    bits, column_bits = row_bits(num_senders), row_bits(num_receivers)
    here = to_line(runs, num_senders)
    above = Line(here.start + (1 << bits), here.stop + (1 << bits))
    begins = by_column(combine_lines(here, above, DIFFERENCE), bits, column_bits)
    ends = by_column(combine_lines(above, here, DIFFERENCE), bits, column_bits)
    mask = (1 << column_bits) - 1
    columns = torch.arange(num_senders + 1, device=begins.device) << column_bits
    return Runs(
        torch.searchsorted(begins, columns),
        (begins & mask).to(torch.int32),
        (ends & mask).to(torch.int32),
    )


def by_column(line: Line, bits: int, column_bits: int) -> Int64[Tensor, "points"]:
    """The points of the line as `column * 2**column_bits + row`, sorted."""
    count = line.stop - line.start
    first = count.cumsum(0) - count
    points = torch.repeat_interleave(line.start - first, count)
    points += torch.arange(len(points), device=points.device)
    return (((points & ((1 << bits) - 1)) << column_bits) | (points >> bits)).sort().values
