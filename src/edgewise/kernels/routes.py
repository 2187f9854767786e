"""Check, choose the way, compute: what a call reaches at once, and a compiled program through an opaque operator."""

from collections.abc import Hashable
from typing import Literal

import torch
from torch import Tensor

from edgewise.graph import Graph
from edgewise.kernels import checks, dense, native, native_aggregate, native_scores, native_tiles, reference
from edgewise.kernels.aggregation import Aggregation
from edgewise.kernels.attention import Attention
from edgewise.kernels.autocast import as_stored
from edgewise.kernels.batch_dims import unfold
from edgewise.kernels.native_autograd import Memory
from edgewise.kernels.plan import plan
from edgewise.kernels.settled import settle, settled, signature

Impl = Literal["auto", "dense", "tiles", "native", "reference"]
IMPLEMENTATIONS = {
    "auto": "the one that the plan of the graph names, or the next below it that takes the call",
    "dense": "scaled_dot_product_attention; complete and causal graphs only",
    "tiles": "the compiled kernels, in dense tiles where neighbours hear the same; CPU, Dot, one derivative",
    "native": "the compiled kernels, edge by edge over runs; CPU only, one derivative",
    "reference": "the plain definition, edge by edge; can be differentiated twice",
}
EDGE_BY_EDGE = {name: IMPLEMENTATIONS[name] for name in ("auto", "native", "reference")}
"""What `aggregate` and `score_edges` have to choose from."""


def attend(
    attention: Attention, graph: Graph, return_weights: bool, impl: str, memory: Memory | None = None
) -> tuple[Tensor, Tensor | None]:
    """Check and compute; the weights where they are asked for."""
    plain = None if return_weights or memory is not None else signature(attention, graph, impl)
    if plain is not None:
        way = settled(graph).get(plain)
        if way is not None:
            return way(attention, graph), None
    checks.check_attention("attend", attention, graph)
    if return_weights:
        checks.check_weights("attend", attention, graph)
    with as_stored(graph.device):
        return _routed(attention, graph, return_weights, impl, memory, plain)


def _routed(
    attention: Attention, graph: Graph, return_weights: bool, impl: str, memory: Memory | None, plain: Hashable | None
) -> tuple[Tensor, Tensor | None]:
    batch = attention.batch
    plain = None if batch else plain
    chosen = plan(graph) if impl in ("auto", "dense") else None
    not_dense = "is not asked for" if chosen is None else dense.hindrance(chosen, attention)
    _insist(impl, "dense", not_dense)
    densely = impl == "dense" or (
        chosen is not None and chosen.route == "dense" and not dense.is_slow(attention, graph)
    )
    if impl in ("auto", "tiles", "native") and not (densely and not_dense is None):
        hindrance = native.hindrance(attention, graph)
        no_tiles = hindrance or native_tiles.hindrance(attention, graph, return_weights)
        if impl != "native" and no_tiles is None:
            settle(graph, plain, _in_tiles)
            return _unfolded(attention, batch, native_tiles.attend(attention.folded(batch), graph, memory), None)
        _insist(impl, "tiles", no_tiles)
        if hindrance is None and (not_dense is not None or (chosen is not None and chosen.route == "native")):
            settle(graph, plain, None if plain is None else native.plain(attention, graph))
            out, weights = native.attend(attention.folded(batch), graph, return_weights, memory)
            return _unfolded(attention, batch, out, weights)
        _insist(impl, "native", hindrance)
    if chosen is not None and not_dense is None:
        settle(graph, plain, None if plain is None else dense.plain(attention, graph, chosen))
        return dense.attend(attention, graph, chosen, return_weights)
    out, weights = reference.attend(attention.folded(batch), graph)
    return _unfolded(attention, batch, out, weights if return_weights else None)


def _in_tiles(attention: Attention, graph: Graph) -> Tensor:
    return native_tiles.attend(attention, graph, None)


def _insist(impl: str, route: str, hindrance: str | None, where: str = "attend") -> None:
    if impl == route and hindrance is not None:
        raise ValueError(f"{where}: impl={route!r} {hindrance}; use impl='auto'")


def _unfolded(
    attention: Attention, batch: torch.Size, out: Tensor, weights: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    if not batch:
        return out, weights
    H = attention.num_heads
    return unfold(out, H, batch), None if weights is None else unfold(weights, H, batch)


def score_edges(attention: Attention, graph: Graph, impl: str) -> Tensor:
    """How loudly every edge is heard."""
    checks.check_attention("score_edges", attention, graph)
    with as_stored(graph.device):
        scores = _scored(attention.folded(attention.batch), graph, impl)
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
