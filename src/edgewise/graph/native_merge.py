"""Set operations on CPU tensors by the compiled merge: row by row, in time linear in the runs."""

import torch

from edgewise import native
from edgewise.graph.runs import Runs
from edgewise.graph.sweep import DIFFERENCE, INTERSECTION, UNION

OPERATIONS = {UNION: 0, INTERSECTION: 1, DIFFERENCE: 2}


def combine(a: Runs, b: Runs, table: int) -> Runs:
    """Two graphs of one shape under a truth table."""
    compiled = native.module()
    assert compiled is not None
    a, b = (Runs(*(array.contiguous() for array in runs)) for runs in (a, b))
    offsets = torch.empty_like(a.offsets)
    room = len(a.start) + len(b.start)
    start, stop = torch.empty(2, room, dtype=torch.int32)
    out = Runs(offsets, start, stop)
    written = compiled.merge_runs(
        OPERATIONS[table], len(offsets) - 1, *(array.data_ptr() for runs in (a, b, out) for array in runs)
    )
    return Runs(offsets, start[:written].clone(), stop[:written].clone())
