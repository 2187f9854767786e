"""Check, choose the way, compute: what a call reaches at once, and a compiled program through an opaque operator."""

from typing import Literal

from torch import Tensor

from edgewise.graph import Graph
from edgewise.kernels import checks, dense, native, native_aggregate, native_scores, native_tiles, reference
from edgewise.kernels.aggregation import Aggregation
from edgewise.kernels.attention import Attention
from edgewise.kernels.autocast import as_stored
from edgewise.kernels.batch_dims import unfold
from edgewise.kernels.plan import plan

Impl = Literal["auto", "dense", "tiles", "native", "reference"]
IMPLEMENTATIONS = {
    "auto": "the first of the others, in this order, that takes the call",
    "dense": "scaled_dot_product_attention; complete and causal graphs only",
    "tiles": "the compiled kernels, in dense tiles where neighbours hear the same; CPU, Dot, one derivative",
    "native": "the compiled kernels, edge by edge over runs; CPU only, one derivative",
    "reference": "the plain definition, edge by edge; can be differentiated twice",
}
EDGE_BY_EDGE = {name: IMPLEMENTATIONS[name] for name in ("auto", "native", "reference")}
"""What `aggregate` and `score_edges` have to choose from."""


def attend(attention: Attention, graph: Graph, return_weights: bool, impl: str) -> tuple[Tensor, Tensor]:
    """Check and compute; the weights are empty unless asked for."""
    checks.check_attention("attend", attention, graph)
    if return_weights:
        checks.check_weights("attend", attention, graph)
    with as_stored(graph.device):
        return _routed(attention, graph, return_weights, impl)


def _routed(attention: Attention, graph: Graph, return_weights: bool, impl: str) -> tuple[Tensor, Tensor]:
    if impl in ("auto", "dense"):
        chosen = plan(graph)
        hindrance = dense.hindrance(chosen, attention)
        if hindrance is None:
            return dense.attend(attention, graph, chosen, return_weights)
        _insist(impl, "dense", hindrance)
    if impl in ("auto", "tiles"):
        hindrance = native_tiles.hindrance(attention, graph, return_weights)
        if hindrance is None:
            return _unfolded(attention, native_tiles.attend(attention.folded(), graph), graph.run_start, False)
        _insist(impl, "tiles", hindrance)
    if impl in ("auto", "native"):
        hindrance = native.hindrance(attention, graph, return_weights)
        if hindrance is None:
            return _unfolded(attention, *native.attend(attention.folded(), graph, return_weights), return_weights)
        _insist(impl, "native", hindrance)
    return _unfolded(attention, *reference.attend(attention.folded(), graph), return_weights)


def _insist(impl: str, route: str, hindrance: str, where: str = "attend") -> None:
    if impl == route:
        raise ValueError(f"{where}: impl={route!r} {hindrance}; use impl='auto'")


def _unfolded(attention: Attention, out: Tensor, weights: Tensor, return_weights: bool) -> tuple[Tensor, Tensor]:
    heads, batch = attention.num_heads, attention.batch
    return unfold(out, heads, batch), unfold(weights, heads, batch) if return_weights else out.new_empty(0)


def score_edges(attention: Attention, graph: Graph, impl: str) -> Tensor:
    """How loudly every edge is heard."""
    checks.check_attention("score_edges", attention, graph)
    with as_stored(graph.device):
        scores = _scored(attention.folded(), graph, impl)
    return unfold(scores, attention.num_heads, attention.batch)


def _scored(attention: Attention, graph: Graph, impl: str) -> Tensor:
    if impl in ("auto", "native"):
        hindrance = native_scores.hindrance(attention, graph)
        if hindrance is None:
            return native_scores.score_edges(attention, graph)
        _insist(impl, "native", hindrance, "score_edges")
    return reference.score_edges(attention, graph)


def aggregate(aggregation: Aggregation, graph: Graph, impl: str) -> Tensor:
    """The sum, mean or maximum over what every receiver hears."""
    checks.check_aggregation("aggregate", aggregation, graph)
    with as_stored(graph.device):
        out = _aggregated(aggregation.folded(), graph, impl)
    return unfold(out, aggregation.num_heads, aggregation.batch)


def _aggregated(aggregation: Aggregation, graph: Graph, impl: str) -> Tensor:
    if impl in ("auto", "native"):
        hindrance = native_aggregate.hindrance(aggregation, graph)
        if hindrance is None:
            return native_aggregate.aggregate(aggregation, graph)
        _insist(impl, "native", hindrance, "aggregate")
    return reference.aggregate(aggregation, graph)
