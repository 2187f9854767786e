"""Walks: whom one hears through others."""

from collections.abc import Iterator

import torch
from jaxtyping import Int64
from torch import Tensor

from edgewise.graph.algebra import combine
from edgewise.graph.line import from_line, join_intervals, row_bits
from edgewise.graph.materialise import check_size
from edgewise.graph.runs import Runs, receiver_of_run
from edgewise.graph.select import take_rows
from edgewise.graph.sweep import UNION


def reaches(runs: Runs, num_nodes: int, most: int) -> Iterator[Runs]:
    """For k = 1, 2, ..., `most`: i hears j iff a walk of 1 to k edges leads from j to i. Ends when nothing is new."""
    reach = runs
    for k in range(1, most + 1):
        yield reach
        if k == most:
            return
        wider = combine(runs, compose(runs, reach, num_nodes), num_nodes, UNION)
        if all(map(torch.equal, wider, reach)):
            return
        reach = wider


def within(runs: Runs, num_nodes: int, count: int) -> Runs:
    """The last of `reaches`."""
    reach = runs
    for wider in reaches(runs, num_nodes, count):
        reach = wider
    return reach


def compose(runs: Runs, heard: Runs, num_senders: int) -> Runs:
    """i hears j iff i hears, in `runs`, some m that hears j, in `heard`.

    A run covers many rows m at once. Rows are joined in pairs, pairs in fours, and so on; a run is then cut into the
    few largest of these blocks, so that a long run costs its logarithm and a complete graph is no more than its runs.
    """
    receivers, first, last = receiver_of_run(runs), runs.start.long(), runs.stop.long()
    bits = row_bits(num_senders)
    blocks = heard
    starts, stops = [], []
    while True:
        for block, taken in ((first, first & 1 == 1), (last - 1, last & 1 == 1)):
            row, start, stop = heard_by(receivers[taken], blocks, block[taken])
            starts.append((row << bits) + start)
            stops.append((row << bits) + stop)
        first, last = (first + 1) >> 1, last >> 1
        left = first < last
        receivers, first, last = receivers[left], first[left], last[left]
        if len(receivers) == 0:
            break
        blocks = join_pairs(blocks, num_senders)
    return from_line(join_intervals(torch.cat(starts), torch.cat(stops)), len(runs.offsets) - 1, num_senders)


def heard_by(
    receivers: Int64[Tensor, "listeners"], blocks: Runs, block: Int64[Tensor, "listeners"]
) -> tuple[Int64[Tensor, "heard"], Tensor, Tensor]:
    """Receiver, start and stop of every run in the block that each listener takes."""
    count = (blocks.offsets[1:] - blocks.offsets[:-1])[block]
    check_size(16 * int(count.sum()), "k_hop: the list of walks")
    found = take_rows(blocks, block)
    return torch.repeat_interleave(receivers, count), found.start, found.stop


def join_pairs(blocks: Runs, num_senders: int) -> Runs:
    """Rows 2r and 2r + 1 become row r."""
    bits = row_bits(num_senders)
    row = (receiver_of_run(blocks) >> 1) << bits
    return from_line(join_intervals(row + blocks.start, row + blocks.stop), len(blocks.offsets) // 2, num_senders)
