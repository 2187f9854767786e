"""The transpose: who is heard by whom, from runs to runs.

In column j a run of receivers begins at every i that hears j while i - 1 does not, and ends at every i that does not
while i - 1 did. So the begins are the edges of (row i minus row i - 1) and the ends those of (row i - 1 minus row i):
no more of them than the transpose has runs, however many edges there are.
"""

import torch
from jaxtyping import Int64
from torch import Tensor

from edgewise.graph.line import Line, from_line, join_points, row_bits, to_line
from edgewise.graph.runs import Runs
from edgewise.graph.sweep import DIFFERENCE, REVERSE_DIFFERENCE, answer, sweep

FEW_EDGES_A_RUN = 8
"""Up to so many, sorting the edges themselves takes less time than comparing rows and sorting what changes."""

FEW_EDGES = 2**14
"""Up to so many, the number of steps counts and not their length; sorting the edges takes half the steps."""


def transpose(runs: Runs, num_senders: int, num_edges: int) -> Runs:
    """Runs of receivers for each sender, in time linear in the runs that go in and come out, but for a sort."""
    num_receivers = len(runs.offsets) - 1
    bits, column_bits = row_bits(num_senders), row_bits(num_receivers)
    here = to_line(runs, num_senders)
    if num_edges <= max(FEW_EDGES_A_RUN * len(runs.start), FEW_EDGES):
        return from_line(join_points(by_column(here, bits, column_bits)), num_senders, num_receivers)
    above = Line(here.start + (1 << bits), here.stop + (1 << bits))
    compared = sweep(here, above)
    begins = by_column(answer(compared, DIFFERENCE), bits, column_bits)
    ends = by_column(answer(compared, REVERSE_DIFFERENCE), bits, column_bits)
    # Begins and ends alternate in each column, so the sorted lists pair up; an end lies at most one past the last row.
    return from_line(Line(begins, ends), num_senders, num_receivers)


def by_column(line: Line, bits: int, column_bits: int) -> Int64[Tensor, "points"]:
    """The points of the line as `column * 2**column_bits + row`, sorted."""
    count = line.stop - line.start
    first = count.cumsum(0) - count
    points = torch.repeat_interleave(line.start - first, count)
    points += torch.arange(len(points), device=points.device)
    return (((points & ((1 << bits) - 1)) << column_bits) | (points >> bits)).sort().values
