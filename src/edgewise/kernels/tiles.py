"""Where neighbouring receivers hear the same senders: the part of a graph that is computed like dense attention.

Receivers are taken 32 at a time. The senders that enough of them hear make a tile, whose price is its pairs, heard or
not; what is left is taken edge by edge. Found once for a graph.
"""

from typing import Any, NamedTuple

import torch

from edgewise.graph import Graph
from edgewise.graph.runs import Runs
from edgewise.kernels.native_call import compiled, rows_struct

ROWS = 32
"""Receivers of a tile: kTileRows."""

EDGE_IN_RUN, EDGE_ALONE, TILE, SPLIT = 4.0, 7.0, 8.0, 12.0
"""What costs how many pairs of a tile: an edge of a run, an edge by itself, a receiver of a tile, a receiver that has
edges outside of its tile too. By measurement: benchmarks/routes.py."""


class Tiles(NamedTuple):
    """The tiles of a graph, and the graph of the edges that are in none (None where all are in tiles)."""

    found: Any
    rest: Graph | None

    @property
    def cost(self) -> float:
        """The estimated price, in pairs of dense attention."""
        return float(self.found.num_pairs + TILE * ROWS * self.found.num_tiles + EDGE_ALONE * self.found.rest_edges)

    def covers(self, num_receivers: int) -> bool:
        """Whether every receiver is in some tile."""
        return bool(self.found.num_tiles * ROWS >= num_receivers)


def tiles(graph: Graph) -> Tiles | None:
    """The tiles of a graph on the CPU; None where every edge is better taken by itself."""
    return graph.remember("tiles", lambda: _found(graph))


def _found(graph: Graph) -> Tiles | None:
    found = compiled().find_tiles(rows_struct(graph, None), graph.num_senders, EDGE_IN_RUN, EDGE_ALONE, TILE, SPLIT)
    if found.num_tiles == 0:
        return None
    return Tiles(found, _rest(graph, found) if found.rest_edges else None)


def _rest(graph: Graph, found: Any) -> Graph:
    runs = Runs(
        torch.empty(graph.num_receivers + 1, dtype=torch.int64),
        torch.empty(found.rest_runs, dtype=torch.int32),
        torch.empty(found.rest_runs, dtype=torch.int32),
    )
    found.copy_rest(*(x.data_ptr() for x in runs))
    return Graph._trusted(runs, graph.num_senders, graph._receiver_offsets, graph._sender_offsets)
