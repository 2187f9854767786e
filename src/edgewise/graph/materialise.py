"""One entry an edge, or one a pair of nodes: what runs spare us, guarded against sizes that nobody means."""

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from edgewise.graph.runs import Runs, receiver_of_run

MATERIALISE_LIMIT = 16 * 2**30
"""The most bytes that an edge list or a mask may take. A larger one is a mistake on any machine we know of: the
complete graph of 10^6 nodes, whose runs take 16 MB, has an edge list of 16 TB."""


def check_size(size: int, what: str) -> None:
    """Refuse to make an array of so many bytes."""
    if size > MATERIALISE_LIMIT:
        raise ValueError(
            f"{what} would take {size / 2**30:,.0f} GiB, more than {MATERIALISE_LIMIT / 2**30:.0f}; "
            "runs hold the same edges: work with run_offsets, run_start and run_stop, or with a part, graph[rows]"
        )


def dense(runs: Runs, num_senders: int) -> Bool[Tensor, "receivers senders"]:
    """The mask: +1 where a run starts, -1 where it stops, summed along each row."""
    num_receivers = len(runs.offsets) - 1
    row = receiver_of_run(runs)
    steps = torch.zeros((num_receivers, num_senders + 1), dtype=torch.int8, device=row.device)
    # Runs of a row do not touch, so no place is written twice.
    steps[row, runs.start.long()] = 1
    steps[row, runs.stop.long()] = -1
    return torch.cumsum(steps, dim=1, dtype=torch.int8)[:, :num_senders].bool()


def sender_degree(runs: Runs, num_senders: int) -> Int64[Tensor, "senders"]:
    """The same along the line of senders: +1 for each run that starts, -1 for each that stops."""
    one = torch.ones(1, dtype=torch.int64, device=runs.start.device).expand(len(runs.start))
    steps = torch.zeros(num_senders + 1, dtype=torch.int64, device=one.device)
    steps.index_add_(0, runs.start, one).index_add_(0, runs.stop, -one)
    return steps[:-1].cumsum(0)
