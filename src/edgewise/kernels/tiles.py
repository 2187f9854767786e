"""Where neighbouring receivers hear the same senders: the part of a graph that is computed like dense attention.

Receivers are taken 32 at a time. The senders that enough of them hear make a tile, whose price is its pairs, heard or
not; what is left is taken edge by edge. Where nodes come in an order that hides this, they are taken in one in which
those who hear each other are near. Found once for a graph.
"""

from typing import Any, NamedTuple

import torch

from edgewise.graph import Graph
from edgewise.graph.runs import Runs
from edgewise.kernels.native_call import compiled, rows_struct

ROWS = 32
"""Receivers of a tile: kTileRows."""

EDGE_IN_RUN, EDGE_ALONE, EDGE_ROW, SILENT_ROW, TILE_ROW = 2.8, 4.0, 40.0, 15.0, 30.0
COSTS = EDGE_IN_RUN, EDGE_ALONE, EDGE_ROW, SILENT_ROW, TILE_ROW
"""What costs how many pairs of a tile: edge by edge an edge of a run, an edge by itself, a receiver of some and a
receiver of none; in tiles a receiver besides its pairs. Fitted to benchmarks/routes.py, which tells whether they choose
well."""

ORDER_DEGREE, ORDER_EDGES, ORDER_OVERLAP, ORDER_GAIN = 16, 2**26, 0.3, 0.8
"""When another order of nodes is tried: senders a receiver at least, edges at most, the share of what a node hears that
those it hears do too, at least; and what may be left of the price, at most, for it to be taken."""


class Tiles(NamedTuple):
    """The tiles of a graph, and the graph of the edges that are in none (None where all are in tiles)."""

    found: Any
    rest: Graph | None

    @property
    def cost(self) -> float:
        """The estimated price, in pairs of dense attention."""
        tiled = float(self.found.num_pairs + TILE_ROW * ROWS * self.found.num_tiles)
        return tiled if self.rest is None else tiled + cost_by_edge(self.rest)

    def covers(self, num_receivers: int) -> bool:
        """Whether every receiver is in some tile."""
        return bool(self.found.num_tiles * ROWS >= num_receivers)


def cost_by_edge(graph: Graph) -> float:
    """The estimated price of a graph edge by edge, in pairs of dense attention."""
    hearing = int(graph.run_offsets.diff().count_nonzero())
    return EDGE_ALONE * graph.num_edges + EDGE_ROW * hearing + SILENT_ROW * (graph.num_receivers - hearing)


def tiles(graph: Graph) -> Tiles | None:
    """The tiles of a graph on the CPU; None where every edge is better taken by itself."""
    return graph.remember("tiles", lambda: _found(graph))


def _found(graph: Graph) -> Tiles | None:
    if graph.num_receivers < 2:
        return None
    rows = rows_struct(graph, None)
    found = _made(graph, compiled().find_tiles(rows, graph.num_senders, *COSTS))
    price = cost_by_edge(graph) if found is None else found.cost
    if _is_worth_an_order(graph, rows, price):
        ordered = _made(graph, _found_in_order(graph, rows))
        if ordered is not None and ordered.cost < ORDER_GAIN * price:
            return ordered
    return found


def _is_worth_an_order(graph: Graph, rows: Any, price: float) -> bool:
    """Whether another order may bring receivers together that hear the same: a look at a few of them."""
    return (
        graph.num_receivers == graph.num_senders
        and ORDER_DEGREE * graph.num_receivers <= graph.num_edges <= ORDER_EDGES
        and price > 2 * graph.num_edges
        and compiled().overlap(rows, 64) >= ORDER_OVERLAP
    )


def _found_in_order(graph: Graph, rows: Any) -> Any:
    order, turned = graph.locality().to(torch.int32), rows_struct(graph.transpose(), None)
    return compiled().find_tiles_in_order(rows, turned, order.data_ptr(), *COSTS)


def _made(graph: Graph, found: Any) -> Tiles | None:
    if not found.num_tiles:
        return None
    if not found.rest_edges:
        return Tiles(found, None)
    runs = Runs(
        torch.empty(graph.num_receivers + 1, dtype=torch.int64),
        torch.empty(found.rest_runs, dtype=torch.int32),
        torch.empty(found.rest_runs, dtype=torch.int32),
    )
    found.copy_rest(*(x.data_ptr() for x in runs))
    return Tiles(found, Graph._trusted(runs, graph.num_senders, graph._receiver_offsets, graph._sender_offsets))
