"""Which way a graph takes through the kernels, decided once per graph and readable."""

from dataclasses import dataclass
from typing import Literal

import torch

from edgewise import native
from edgewise.graph import Graph
from edgewise.kernels.native_call import has_wide_lanes
from edgewise.kernels.tiles import Tiles, cost_by_edge, tiles

Kind = Literal["complete", "causal"]
_KINDS: tuple[Kind, ...] = ("complete", "causal")


Route = Literal["dense", "tiles", "native", "reference"]
WHY: dict[Route, str] = {
    "dense": "every graph of the batch is {kind}, so scaled_dot_product_attention does the work",
    "tiles": "{tiled:,} edges in {tiles:,} dense tiles of 32 receivers{order}, {rest:,} edge by edge",
    "native": "an irregular graph, the compiled kernels sum it up edge by edge",
    "reference": "an irregular graph, without the compiled part it is summed up edge by edge",
}


DENSE_ROW, DENSE_GRAPH = 40.0, 300.0
"""What a receiver and a graph of a batch cost on a CPU in dense attention besides pairs, in pairs. Fitted to batches of
causal graphs of 4 to 96 nodes."""


ONE_EDGE, ONE_ALONE = 0.75, 1024
"""What an edge costs, in pairs, where each graph has one receiver, as step by step: nothing is prepared for others. A
graph by itself has so many edges then, at most: in dense attention its heads go to several threads. Fitted to one
receiver of 30 to 16,000 senders, 8 heads of 32 to 32 of 128."""


@dataclass(frozen=True)
class Plan:
    """The way `attend` takes for one graph, and why.

    >>> from edgewise.graph import Graph
    >>> print(plan(Graph.from_mask(torch.ones(3, 3, dtype=torch.bool))))
    dense: every graph of the batch is complete, so scaled_dot_product_attention does the work (9 edges of 9 pairs)

    What an edge has of its own, or a score other than a dot product, is taken edge by edge where `route` says tiles.
    """

    route: Route
    kind: Kind | None
    num_edges: int
    num_pairs: int
    cost: float  # the estimated price, in pairs of dense attention
    tiles: Tiles | None = None

    def __str__(self) -> str:
        found = self.tiles.found if self.tiles is not None else None
        tiled, rest = (0, 0) if found is None else (found.num_edges, found.rest_edges)
        order = ", those near who hear each other" if found is not None and found.in_order else ""
        counts = {"tiled": tiled, "tiles": found and found.num_tiles, "rest": rest}
        why = WHY[self.route].format(kind=self.kind, order=order, **counts)
        costs = "" if self.route == "dense" else f", at the price of about {self.cost:,.0f}"
        return f"{self.route}: {why} ({self.num_edges:,} edges of {self.num_pairs:,} pairs{costs})"


def plan(graph: Graph) -> Plan:
    """Look at the runs of a graph once; the answer is kept with the graph."""
    return graph.remember("plan", lambda: _made(graph))


def _made(graph: Graph) -> Plan:
    # Where each graph has one receiver, as step by step, causal is complete, and no tile has two that hear the same.
    one_each = _has_one_receiver_each(graph)
    kinds = _KINDS[:1] if one_each else _KINDS
    kind = next((kind for kind in kinds if graph.num_edges and _is(kind, graph)), None)
    pairs = graph.num_senders if one_each else _pairs(graph)
    # Graphs of many sizes would be gathered into as many batches; in tiles they are taken as they lie.
    alike = kind is not None and _of_one_size(graph)
    compiled = _compiled(graph) and not (alike and not has_wide_lanes())
    # No tiles of a complete graph are fewer than its pairs.
    none_fewer = one_each or (alike and kind == "complete")
    found = tiles(graph) if compiled and graph.num_edges and not none_fewer else None
    prices: dict[Route, float] = {"native" if _compiled(graph) else "reference": cost_by_edge(graph)}
    if one_each and compiled and (graph.num_graphs > 1 or graph.num_edges <= ONE_ALONE):
        prices["native"] = ONE_EDGE * graph.num_edges
    if found is not None:
        prices["tiles"] = found.cost
    if alike or (kind is not None and found is None):
        prices["dense"] = pairs + (_beside_pairs(graph) if compiled else 0.0)
    route = min(prices, key=lambda route: prices[route])
    return Plan(route, kind, graph.num_edges, pairs, prices[route], found)


def _has_one_receiver_each(graph: Graph) -> bool:
    if graph.num_receivers != graph.num_graphs:
        return False
    return graph.num_graphs == 1 or bool((graph.receiver_offsets.diff() == 1).all())


def _pairs(graph: Graph) -> int:
    return int((graph.receiver_offsets.diff() * graph.sender_offsets.diff()).sum())


def _beside_pairs(graph: Graph) -> float:
    """What a batch of graphs costs in dense attention besides its pairs; one graph is computed as it lies."""
    return 0.0 if graph.num_graphs == 1 else DENSE_ROW * graph.num_receivers + DENSE_GRAPH * graph.num_graphs


def _compiled(graph: Graph) -> bool:
    """Whether the compiled kernels run for this graph; where they are missing, that is said once."""
    return graph.device.type == "cpu" and native.module() is not None


def _of_one_size(graph: Graph) -> bool:
    """Whether all graphs of the batch have as many receivers and as many senders as the first."""
    if graph.num_graphs == 1:
        return True
    sizes = graph.receiver_offsets.diff(), graph.sender_offsets.diff()
    return all(bool((each == each[0]).all()) for each in sizes)


def _is(kind: Kind, graph: Graph) -> bool:
    """Whether every receiver hears one run, from its graph's first sender to the last (or to its own position)."""
    if kind == "complete" and graph.num_graphs == 1 and graph.num_receivers == 1:
        return graph.num_runs == 1 and graph.num_edges == graph.num_senders
    of = torch.repeat_interleave(graph.receiver_offsets.diff())
    first, stop = graph.sender_offsets[:-1][of], graph.sender_offsets[1:][of]
    if kind == "causal":
        stop = torch.minimum(stop, graph.position() + 1)
    hears = stop > first
    return (
        torch.equal(graph.run_offsets.diff(), hears.long())
        and torch.equal(graph.run_start.long(), first[hears])
        and torch.equal(graph.run_stop.long(), stop[hears])
    )
