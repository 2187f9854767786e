"""A batch is one graph: the disjoint union of its parts, with no padding and no edge between two of them."""

from collections.abc import Sequence
from itertools import accumulate

import torch
from jaxtyping import Int64
from torch import Tensor

from edgewise.graph.runs import Runs

Offsets = Int64[Tensor, "_"]  # graphs and one


def join(parts: Sequence[Runs], senders: Sequence[int]) -> Runs:
    """The disjoint union of graphs that have so many senders each."""
    num_runs = [len(part.start) for part in parts]
    device = parts[0].offsets.device
    offsets = torch.cat([parts[0].offsets[:1], *[part.offsets[1:] for part in parts]])
    rows = torch.tensor([len(part.offsets) - 1 for part in parts], device=device)
    before = torch.tensor([0, *accumulate(num_runs)][:-1], device=device)
    offsets[1:] += torch.repeat_interleave(before, rows, output_size=len(offsets) - 1)
    sizes = torch.tensor(num_runs, device=device)
    columns = torch.tensor([0, *accumulate(senders)][:-1], dtype=torch.int32, device=device)
    shift = torch.repeat_interleave(columns, sizes, output_size=sum(num_runs))
    return Runs(
        offsets,
        torch.cat([part.start for part in parts]) + shift,
        torch.cat([part.stop for part in parts]) + shift,
    )


def join_offsets(parts: Sequence[Offsets | None], sizes: Sequence[int], device: torch.device) -> Offsets:
    """Where each graph begins when the parts stand one after another; a part that is a batch has offsets."""
    ends = torch.tensor([0, *accumulate(sizes)], device=device)
    if all(part is None for part in parts):
        return ends
    inner = [ends[k + 1 : k + 2] if part is None else part[1:] + ends[k] for k, part in enumerate(parts)]
    return torch.cat([ends[:1], *inner])


def split(runs: Runs, receiver_offsets: Offsets, sender_offsets: Offsets) -> list[Runs]:
    """The parts of a batch."""
    rows = receiver_offsets.tolist()
    columns = sender_offsets.tolist()
    cuts = runs.offsets[receiver_offsets].tolist()
    return [
        Runs(
            runs.offsets[rows[g] : rows[g + 1] + 1] - cuts[g],
            runs.start[cuts[g] : cuts[g + 1]] - columns[g],
            runs.stop[cuts[g] : cuts[g + 1]] - columns[g],
        )
        for g in range(len(rows) - 1)
    ]


def graph_of_node(offsets: Offsets, count: int) -> Int64[Tensor, "nodes"]:
    """The graph of the batch that each node belongs to."""
    graphs = torch.arange(len(offsets) - 1, device=offsets.device)
    return torch.repeat_interleave(graphs, offsets.diff(), output_size=count)


def graph_of_run(runs: Runs, receiver_offsets: Offsets) -> Int64[Tensor, "runs"]:
    """The graph of the batch whose receiver has each run."""
    of_row = graph_of_node(receiver_offsets, len(runs.offsets) - 1)
    return torch.repeat_interleave(of_row, runs.offsets.diff(), output_size=len(runs.start))


def sender_range(
    receiver_offsets: Offsets, sender_offsets: Offsets, num_receivers: int
) -> tuple[Int64[Tensor, "receivers"], Int64[Tensor, "receivers"]]:
    """The first sender of the graph that each receiver belongs to, and one past the last."""
    graph = graph_of_node(receiver_offsets, num_receivers)
    return sender_offsets[graph], sender_offsets[graph + 1]


def cut_at(offsets: Offsets, nodes: Int64[Tensor, "taken"]) -> Offsets | None:
    """Where the graphs begin among the nodes taken; None where nodes of different graphs are mixed."""
    graph = torch.searchsorted(offsets, nodes, right=True) - 1
    if bool((graph.diff() < 0).any()):
        return None
    return torch.searchsorted(graph, torch.arange(len(offsets), device=nodes.device))


def check_offsets(runs: Runs, num_senders: int, receiver_offsets: Offsets, sender_offsets: Offsets) -> None:
    """Refuse offsets that do not cut the nodes into graphs, or that cut an edge."""
    num_receivers = len(runs.offsets) - 1
    for name, offsets, count in (
        ("receiver_offsets", receiver_offsets, num_receivers),
        ("sender_offsets", sender_offsets, num_senders),
    ):
        if offsets.dtype != torch.int64 or offsets.dim() != 1:
            raise TypeError(
                f"Graph: {name} must be a one-dimensional torch.int64 tensor, got {offsets.dtype} of shape "
                f"{tuple(offsets.shape)}"
            )
        if len(offsets) < 2 or offsets[0] != 0 or offsets[-1] != count or bool((offsets.diff() < 0).any()):
            raise ValueError(
                f"Graph: {name} must rise from 0 to {count}, with one entry a graph and one more; "
                f"got {offsets.tolist() if len(offsets) < 9 else offsets}"
            )
    if len(receiver_offsets) != len(sender_offsets):
        raise ValueError(
            f"Graph: receiver_offsets tell of {len(receiver_offsets) - 1} graphs and sender_offsets of "
            f"{len(sender_offsets) - 1}; give both for the same graphs"
        )
    graph = graph_of_run(runs, receiver_offsets)
    crosses = (runs.start < sender_offsets[graph]) | (runs.stop > sender_offsets[graph + 1])
    if bool(crosses.any()):
        k = int(crosses.to(torch.int8).argmax())
        raise ValueError(
            f"Graph: run {k} is [{int(runs.start[k])}, {int(runs.stop[k])}), which reaches out of graph "
            f"{int(graph[k])} of the batch; graphs of a batch do not hear each other"
        )
