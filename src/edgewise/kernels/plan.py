"""Which way a graph takes through the kernels, decided once per graph and readable."""

from dataclasses import dataclass
from typing import Literal

import torch

from edgewise import native
from edgewise.graph import Graph

Kind = Literal["complete", "causal"]
_KINDS: tuple[Kind, ...] = ("complete", "causal")


@dataclass(frozen=True)
class Plan:
    """The way `attend` takes for one graph, and why.

    >>> from edgewise.graph import Graph
    >>> print(plan(Graph.from_mask(torch.ones(3, 3, dtype=torch.bool))))
    dense: every graph of the batch is complete, so scaled_dot_product_attention does the work (9 edges of 9 pairs)
    """

    route: Literal["dense", "native", "reference"]
    kind: Kind | None
    num_edges: int
    num_pairs: int

    def __str__(self) -> str:
        share = f"({self.num_edges:,} edges of {self.num_pairs:,} pairs)"
        if self.kind is not None:
            does = "scaled_dot_product_attention does the work"
            return f"dense: every graph of the batch is {self.kind}, so {does} {share}"
        how = (
            "the compiled kernels sum it up" if self.route == "native" else "without the compiled part it is summed up"
        )
        return f"{self.route}: an irregular graph, {how} edge by edge {share}"


def plan(graph: Graph) -> Plan:
    """Look at the runs of a graph once; the answer is kept with the graph."""
    return graph.remember("plan", lambda: _made(graph))


def _made(graph: Graph) -> Plan:
    kind = next((kind for kind in _KINDS if graph.num_edges and _is(kind, graph)), None)
    pairs = int((graph.receiver_offsets.diff() * graph.sender_offsets.diff()).sum())
    edge_by_edge: Literal["native", "reference"] = "native" if _compiled(graph) else "reference"
    return Plan(edge_by_edge if kind is None else "dense", kind, graph.num_edges, pairs)


def _compiled(graph: Graph) -> bool:
    """Whether the compiled kernels run for this graph; where they are missing, that is said once."""
    return graph.device.type == "cpu" and native.module() is not None


def _is(kind: Kind, graph: Graph) -> bool:
    """Whether every receiver hears one run, from its graph's first sender to the last (or to its own position)."""
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
