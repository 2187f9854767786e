"""score_edges: how loudly every edge is heard, handed out."""

from jaxtyping import Float
from torch import Tensor

from edgewise.graph import Graph
from edgewise.kernels import ops, routes
from edgewise.kernels.attention import Attention
from edgewise.kernels.edge_term import EdgeTerm
from edgewise.kernels.offset_table import OffsetTable
from edgewise.kernels.routes import EDGE_BY_EDGE
from edgewise.kernels.scores import Dot, Score
from edgewise.names import lookup


def score_edges(
    query: Float[Tensor, "*#batch receivers heads dim"] | None,
    key: Float[Tensor, "*#batch senders kv_heads dim"] | None,
    graph: Graph,
    *,
    score: Score = Dot(),  # noqa: B008  (a frozen value)
    bias: Float[Tensor, "..."] | OffsetTable | None = None,
    edge_key: EdgeTerm | None = None,
    impl: str = "auto",
) -> Float[Tensor, "*#batch edges heads"]:
    """s(q_i, k_j + e_ij W) + b_ij for every edge and head, before any softmax: [..., E, H] in float32 or better.

    The arguments mean what they mean in `attend`; impl is "auto", "native" or "reference". Use it to look at scores, or
    to weigh an `aggregate` by them.

    >>> import torch
    >>> from edgewise.graph import Graph
    >>> graph = Graph.from_edges(torch.tensor([0]), torch.tensor([1]), num_senders=2)
    >>> score_edges(torch.ones(2, 1, 4), torch.ones(2, 1, 4), graph, score=Dot(scale=1.0))
    tensor([[4.]])
    """
    lookup(impl, EDGE_BY_EDGE, "impl")
    attention = Attention(query, key, None, score, bias, edge_key)
    if ops.watched():
        return ops.score_edges(attention, graph, impl)
    return routes.score_edges(attention, graph, impl)
