"""aggregate: sum, mean or maximum over the neighbours in a graph."""

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.graph import Graph
from edgewise.kernels import checks, ops, reference
from edgewise.kernels.attention import folded_per_edge, folded_term
from edgewise.kernels.batch_dims import fold, unfold
from edgewise.kernels.edge_term import EdgeTerm
from edgewise.names import lookup

REDUCTIONS = {
    "sum": "Σ_j over the senders heard",
    "mean": "Σ_j / the number of senders heard",
    "max": "the largest, channel by channel; ties share the gradient",
}


def aggregate(
    value: Float[Tensor, "*batch senders kv_heads dim"],
    graph: Graph,
    reduce: str = "sum",
    *,
    weights: Float[Tensor, "..."] | None = None,
    edge_value: EdgeTerm | None = None,
) -> Float[Tensor, "*batch receivers heads dim"]:
    """Every receiver's sum, mean or maximum over the senders it hears.

        out_i = reduce_j  w_ij (v_j + e_ij W)        reduce: sum, mean or max

    Args:
        value: [..., S, H_kv, D], a row for each sender.
        graph: who hears whom.
        reduce: "sum", "mean" (divided by the number of senders heard) or "max" (channel by channel).
        weights: [E], [E, H] or [..., E, H], in the graph's edge order; 1 when not given.
        edge_value: EdgeTerm(features [E, F], weight [F, H_kv, D]), added to the value along each edge.

    Returns:
        [..., R, H, D] in the dtype of value. A receiver that hears nobody gets zeros.

    >>> from edgewise.graph import Graph
    >>> graph = Graph.from_edges(torch.tensor([0, 1]), torch.tensor([1, 1]), num_senders=3)
    >>> aggregate(torch.tensor([[2.0], [4.0], [8.0]])[:, None], graph, "max").squeeze()
    tensor([0., 4., 0.])
    """
    lookup(reduce, REDUCTIONS, "reduce")
    if torch.compiler.is_compiling():
        return ops.aggregate(value, graph, reduce, weights, edge_value)
    return eager_aggregate(value, graph, reduce, weights, edge_value)


def eager_aggregate(
    value: Tensor, graph: Graph, reduce: str, weights: Tensor | None, edge_value: EdgeTerm | None
) -> Tensor:
    """Check and compute: what a compiled program reaches through one opaque operation."""
    checks.check_nodes("aggregate", "value", value, graph.num_senders, "senders", graph)
    batch = value.shape[:-3]
    H = value.shape[-2] if weights is None or weights.dim() == 1 else weights.shape[-1]
    checks.check_heads("aggregate", H, "value", value.shape[-2])
    if weights is not None:
        checks.check_per_edge("aggregate", "weights", weights, H, batch, graph)
        weights = folded_per_edge(weights, H, batch)
    if edge_value is not None:
        checks.check_edge_term("aggregate", "edge_value", edge_value, value, graph)
    B = batch.numel()
    out = reference.aggregate(fold(value, batch), graph, H * B, reduce, weights, folded_term(edge_value, batch))
    return unfold(out, batch)
