"""Runs: each receiver's neighbours as sorted intervals `[start, stop)` of sender indices."""

from typing import NamedTuple

import torch
from jaxtyping import Int32, Int64
from torch import Tensor

INDEX_LIMIT = 2**31 - 1
"""The most receivers or senders a graph can have: starts and stops are int32, in the transpose too."""


class Runs(NamedTuple):
    """The neighbours of receiver i are the union of `[start[k], stop[k])`, `offsets[i] <= k < offsets[i + 1]`.

    Canonical: within a row the runs are sorted, none is empty, and no two overlap or touch, so that equal
    neighbourhoods have equal runs.
    """

    offsets: Int64[Tensor, "receivers_and_one"]
    start: Int32[Tensor, "runs"]
    stop: Int32[Tensor, "runs"]


def receiver_of_run(runs: Runs) -> Int64[Tensor, "runs"]:
    """The row that each run belongs to."""
    rows = torch.arange(len(runs.offsets) - 1, device=runs.offsets.device)
    return torch.repeat_interleave(rows, runs.offsets.diff(), output_size=len(runs.start))


def edge_starts(runs: Runs) -> Int64[Tensor, "runs_and_one"]:
    """The number of the edge at which each run begins, and at the end the number of edges."""
    starts = torch.zeros(len(runs.start) + 1, dtype=torch.int64, device=runs.start.device)
    torch.cumsum(runs.stop - runs.start, dim=0, dtype=torch.int64, out=starts[1:])
    return starts


def expand(
    runs: Runs, edge_start: Int64[Tensor, "runs_and_one"], num_edges: int
) -> tuple[Int64[Tensor, "edges"], Int64[Tensor, "edges"]]:
    """Senders and receivers of every edge, sorted by receiver, then sender."""
    count = (runs.stop - runs.start).to(torch.int64)
    senders = torch.repeat_interleave(runs.start - edge_start[:-1], count, output_size=num_edges)
    senders += torch.arange(num_edges, device=runs.start.device)
    receivers = torch.repeat_interleave(receiver_of_run(runs), count, output_size=num_edges)
    return senders, receivers


def ends(
    runs: Runs, edge_start: Int64[Tensor, "runs_and_one"], edges: Int64[Tensor, "taken"]
) -> tuple[Int64[Tensor, "taken"], Int64[Tensor, "taken"]]:
    """Senders and receivers of the edges of these numbers."""
    run = _run_of(runs, edge_start, edges)
    return senders_of(runs, edge_start, edges), torch.searchsorted(runs.offsets, run, right=True) - 1


def senders_of(
    runs: Runs, edge_start: Int64[Tensor, "runs_and_one"], edges: Int64[Tensor, "taken"]
) -> Int64[Tensor, "taken"]:
    """Senders of the edges of these numbers."""
    run = _run_of(runs, edge_start, edges)
    return runs.start[run] + (edges - edge_start[run])


def _run_of(runs: Runs, edge_start: Int64[Tensor, "runs_and_one"], edges: Int64[Tensor, "taken"]) -> Tensor:
    if len(edge_start) - 1 == edge_start[-1]:  # each edge is a run
        return edges
    return torch.searchsorted(edge_start, edges, right=True) - 1


def check_runs(runs: Runs, num_senders: int) -> None:
    """Refuse runs that are not canonical, and say which run is the first that is not."""
    for name, tensor, dtype in zip(
        ("run_offsets", "run_start", "run_stop"), runs, (torch.int64, torch.int32, torch.int32), strict=True
    ):
        if tensor.dtype != dtype or tensor.dim() != 1:
            raise TypeError(
                f"Graph: {name} must be a one-dimensional {dtype} tensor, got {tensor.dtype} of shape "
                f"{tuple(tensor.shape)}; Graph.from_edges takes any edge list"
            )
        if tensor.device != runs.offsets.device:
            raise ValueError(
                f"Graph: {name} is on {tensor.device} and run_offsets on {runs.offsets.device}; move them to one device"
            )
    offsets, start, stop = runs
    if len(start) != len(stop):
        raise ValueError(f"Graph: run_start has {len(start)} entries and run_stop {len(stop)}; give one of each a run")
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != len(start) or bool((offsets.diff() < 0).any()):
        raise ValueError(
            f"Graph: run_offsets must rise from 0 to the number of runs, {len(start)}, with one entry a receiver "
            f"and one more; got {offsets.tolist() if len(offsets) < 9 else offsets}"
        )
    check_count(len(offsets) - 1, "num_receivers", "Graph")
    outside = (start < 0) | (stop > num_senders) | (start >= stop)
    if bool(outside.any()):
        k = int(outside.to(torch.int8).argmax())
        raise ValueError(
            f"Graph: run {k} is [{int(start[k])}, {int(stop[k])}); a run must hold at least one of the "
            f"{num_senders} senders and none beyond"
        )
    row = receiver_of_run(runs)
    clash = (row[1:] == row[:-1]) & (start[1:] <= stop[:-1])
    if bool(clash.any()):
        k = int(clash.to(torch.int8).argmax())
        raise ValueError(
            f"Graph: runs {k} and {k + 1} of receiver {int(row[k])} overlap, touch or are out of order; "
            "sort them and join those that touch"
        )


def check_count(count: int, name: str, where: str) -> None:
    """Refuse a number of nodes that is no number, negative, or beyond int32."""
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"{where}: {name} must be an int, got {count!r}")
    if not 0 <= count <= INDEX_LIMIT:
        raise ValueError(
            f"{where}: {name} must be between 0 and {INDEX_LIMIT} (node numbers are stored as int32), got {count}"
        )
