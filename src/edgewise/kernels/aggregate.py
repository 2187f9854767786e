"""aggregate: sum, mean or maximum over the neighbours in a graph."""

from jaxtyping import Float
from torch import Tensor

from edgewise.graph import Graph
from edgewise.kernels import ops, routes
from edgewise.kernels.aggregation import Aggregation
from edgewise.kernels.edge_term import EdgeTerm
from edgewise.kernels.routes import EDGE_BY_EDGE
from edgewise.names import lookup

REDUCTIONS = {
    "sum": "Σ_j over the senders heard",
    "mean": "Σ_j / the number of senders heard",
    "max": "the largest, channel by channel; ties share the gradient",
}


def aggregate(
    value: Float[Tensor, "*#batch senders kv_heads dim"],
    graph: Graph,
    reduce: str = "sum",
    *,
    weights: Float[Tensor, "..."] | None = None,
    edge_value: EdgeTerm | None = None,
    impl: str = "auto",
) -> Float[Tensor, "*#batch receivers heads dim"]:
    """Every receiver's sum, mean or maximum over the senders it hears.

        out_i = reduce_j  w_ij (v_j + e_ij W)        reduce: sum, mean or max

    Args:
        value: [..., S, H_kv, D], a row for each sender.
        graph: who hears whom.
        reduce: "sum", "mean" (divided by the number of senders heard) or "max" (channel by channel).
        weights: [E], [E, H] or [..., E, H], in the graph's edge order; 1 when not given.
        edge_value: EdgeTerm(features [E, F], weight [F, H_kv, D]), added to the value along each edge.
        impl: "auto", "native" or "reference"; an implementation never changes a meaning.

    Returns:
        [..., R, H, D] in the dtype of value. A receiver that hears nobody gets zeros.

    >>> import torch
    >>> from edgewise.graph import Graph
    >>> graph = Graph.from_edges(torch.tensor([0, 1]), torch.tensor([1, 1]), num_senders=3)
    >>> aggregate(torch.tensor([[2.0], [4.0], [8.0]])[:, None], graph, "max").squeeze()
    tensor([0., 4., 0.])
    """
    lookup(reduce, REDUCTIONS, "reduce")
    lookup(impl, EDGE_BY_EDGE, "impl")
    aggregation = Aggregation(value, reduce, weights, edge_value)
    if ops.watched():
        return ops.aggregate(aggregation, graph, impl)
    return routes.aggregate(aggregation, graph, impl)
