"""A graph seen from afar: how much of each rectangle of pairs is edges."""

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from edgewise.graph.graph import Graph
from edgewise.graph.runs import receiver_of_run


def density(graph: Graph, cells: int) -> Float64[Tensor, "rows columns"]:
    """d_rc = edges in cell (r, c) / pairs in it, of at most `cells` rows and columns of cells.

    Receiver i is in row floor(i rows / R), sender j in column floor(j columns / S). Memory follows runs and cells.

    >>> causal = Graph.from_mask(torch.ones(4, 4, dtype=torch.bool).tril())
    >>> density(causal, cells=2)
    tensor([[0.7500, 0.0000],
            [1.0000, 0.7500]], dtype=torch.float64)
    """
    R, S = graph.num_receivers, graph.num_senders
    rows, columns = min(cells, R), min(cells, S)
    if not rows or not columns:
        return torch.zeros(rows, columns, dtype=torch.float64)
    lines, places = borders(R, rows), borders(S, columns)
    of_run = receiver_of_run(graph.runs) * rows // R
    # Senders below x fall on the cells before the one that x is in, wholly, and on that one, up to x.
    edges = torch.zeros(rows, columns, dtype=torch.int64)
    for sign, ends in ((1, graph.run_stop.long()), (-1, graph.run_start.long())):
        column = torch.searchsorted(places[1:-1], ends, right=True)
        at = of_run * columns + column
        part = torch.zeros(rows * columns, dtype=torch.int64).index_add_(0, at, ends - places[column])
        count = torch.bincount(at, minlength=rows * columns).reshape(rows, columns)
        after = count.flip(1).cumsum(1).flip(1) - count
        edges += sign * (part.reshape(rows, columns) + after * places.diff())
    return edges.double() / (lines.diff()[:, None] * places.diff())


def borders(nodes: int, cells: int) -> Int64[Tensor, "cells_and_one"]:
    """Where each cell begins, and at the end the number of nodes."""
    return -(-torch.arange(cells + 1) * nodes // cells)
