"""Self-loops: each receiver hears the sender it is aligned with."""

import torch
from jaxtyping import Int64
from torch import Tensor

from edgewise.graph.algebra import one_run_a_row
from edgewise.graph.runs import Runs

PerReceiver = Int64[Tensor, "receivers"]


def loop_runs(position: PerReceiver, first: PerReceiver, last: PerReceiver) -> Runs:
    """The graph of self-loops alone. Receivers whose position is no sender of their graph have none."""
    return one_run_a_row(position, torch.where((first <= position) & (position < last), position + 1, position))
