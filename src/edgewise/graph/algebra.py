"""Set operations on graphs of one shape: by the compiled merge on a CPU that has it, by the sweep elsewhere."""

import torch
from jaxtyping import Int64
from torch import Tensor

from edgewise import native
from edgewise.graph import native_merge
from edgewise.graph.line import from_line, to_line
from edgewise.graph.runs import Runs
from edgewise.graph.sweep import answer, sweep


def combine(a: Runs, b: Runs, num_senders: int, table: int) -> Runs:
    """Two graphs under a truth table: `sweep.UNION`, `INTERSECTION` or `DIFFERENCE`."""
    if a.offsets.is_cpu and native.available() and not torch.compiler.is_compiling():
        return native_merge.combine(a, b, table)
    return combine_by_sweep(a, b, num_senders, table)


def combine_by_sweep(a: Runs, b: Runs, num_senders: int, table: int) -> Runs:
    """The same by the definition."""
    swept = sweep(to_line(a, num_senders), to_line(b, num_senders))
    return from_line(answer(swept, table), len(a.offsets) - 1, num_senders)


def one_run_a_row(first: Int64[Tensor, "rows"], last: Int64[Tensor, "rows"]) -> Runs:
    """Row i holds `[first[i], last[i])`, or nothing where that is empty."""
    full = first < last
    offsets = torch.zeros(len(first) + 1, dtype=torch.int64, device=first.device)
    torch.cumsum(full, dim=0, out=offsets[1:])
    return Runs(offsets, first[full].to(torch.int32), last[full].to(torch.int32))
