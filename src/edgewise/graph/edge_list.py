"""From an edge list to runs: check, sort, refuse or merge duplicates."""

from typing import NamedTuple

import torch
from jaxtyping import Int64, Shaped
from torch import Tensor

from edgewise.graph.line import from_line, join_points, row_bits
from edgewise.graph.runs import Runs, check_count

INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


class EdgeList(NamedTuple):
    """An edge list as runs, and where its edges went.

    `order`: the given edges, sorted; None where they came sorted. `copies`: how many given edges in a row, after
    sorting, became edge k of the graph; None where each came once.
    """

    runs: Runs
    order: Int64[Tensor, "edges_given"] | None
    copies: Int64[Tensor, "edges"] | None


def edge_list(
    senders: Shaped[Tensor, "..."],
    receivers: Shaped[Tensor, "..."],
    num_senders: int,
    num_receivers: int,
    merge: bool,
) -> EdgeList:
    """Sort the edges by receiver, then sender, and join neighbours in a row to runs."""
    check_edges(senders, receivers, num_senders, num_receivers, "from_edges")
    bits = row_bits(num_senders)
    points = (receivers.to(torch.int64) << bits) + senders
    step = points.diff()
    order = None
    if bool((step <= 0).any()):
        points, order = points.sort(stable=True)
        step = points.diff()
    new = step != 0
    if bool(new.all()):
        return EdgeList(from_line(join_points(points), num_receivers, num_senders), order, None)
    if not merge:
        raise ValueError(duplicates_message(points, new, bits))
    first = torch.cat([new.new_ones(1), new]).nonzero().squeeze(1)
    copies = torch.diff(first, append=first.new_full((1,), len(points)))
    return EdgeList(from_line(join_points(points[first]), num_receivers, num_senders), order, copies)


def check_edges(
    senders: Shaped[Tensor, "..."],
    receivers: Shaped[Tensor, "..."],
    num_senders: int,
    num_receivers: int,
    where: str,
) -> None:
    """Refuse what is no list of edges between that many nodes, and name the first offender."""
    check_count(num_senders, "num_senders", where)
    check_count(num_receivers, "num_receivers", where)
    for name, nodes in (("senders", senders), ("receivers", receivers)):
        if not isinstance(nodes, Tensor):
            raise TypeError(
                f"{where}: {name} must be a tensor, got {type(nodes).__name__}; torch.tensor(...) makes one"
            )
        if nodes.dtype not in INTEGERS:
            raise TypeError(f"{where}: {name} must be integers, got {nodes.dtype}; convert with .long()")
        if nodes.dim() != 1:
            raise ValueError(
                f"{where}: {name} must have one dimension, got shape {tuple(nodes.shape)}; "
                "an edge_index of shape [2, edges] goes through Graph.from_pyg"
            )
    if len(senders) != len(receivers):
        raise ValueError(f"{where}: {len(senders)} senders and {len(receivers)} receivers; an edge needs one of each")
    if senders.device != receivers.device:
        raise ValueError(
            f"{where}: senders are on {senders.device} and receivers on {receivers.device}; move them to one device"
        )
    check_nodes(senders, num_senders, "senders", where)
    check_nodes(receivers, num_receivers, "receivers", where)


def check_nodes(nodes: Shaped[Tensor, "nodes"], count: int, name: str, where: str) -> None:
    """Refuse a node number outside 0..count - 1."""
    if len(nodes) == 0:
        return
    lowest, highest = (int(bound) for bound in nodes.aminmax())
    if lowest < 0 or highest >= count:
        k = int(((nodes < 0) | (nodes >= count)).to(torch.int8).argmax())
        raise IndexError(
            f"{where}: {name}[{k}] is {int(nodes[k])}; node numbers must lie between 0 and {count - 1} "
            f"({count} {'nodes' if name == 'nodes' else name})"
        )


def duplicates_message(points: Int64[Tensor, "edges"], new: Shaped[Tensor, "steps"], bits: int) -> str:
    """Which edges come twice, and how to mend it."""
    again = (~new).nonzero().squeeze(1)
    pairs = torch.unique_consecutive(points[again[:16]])[:3].tolist()
    named = ", ".join(f"{p & ((1 << bits) - 1)} -> {p >> bits}" for p in pairs)
    more = ", ..." if len(again) > len(pairs) else ""
    return (
        f"from_edges: {len(again)} of the edges came before (sender -> receiver: {named}{more}); "
        "a graph has each edge once. Drop them, or say how their features merge: "
        'duplicates="sum", "mean", "max" or "first"'
    )


def check_features(features: Shaped[Tensor, "..."], count: int) -> None:
    """Refuse features that do not have a row an edge."""
    if features.dim() == 0 or len(features) != count:
        raise ValueError(
            f"from_edges: features must have one row for each of the {count} edges, got shape {tuple(features.shape)}"
        )
