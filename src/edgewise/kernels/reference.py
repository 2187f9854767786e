"""The definition: gather, score, softmax per receiver, weighted sum. Everything faster must equal this.

Tensors are [nodes, heads, dim]; leading batch dimensions have been folded into heads by the door. It runs on any
device and can be differentiated any number of times.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.graph import Graph
from edgewise.kernels import segments
from edgewise.kernels.aggregation import Aggregation
from edgewise.kernels.attention import Attention
from edgewise.kernels.dropout import keep
from edgewise.kernels.edge_term import EdgeTerm
from edgewise.kernels.offset_table import OffsetTable
from edgewise.kernels.scores import Constant, Given


def attend(
    attention: Attention, graph: Graph
) -> tuple[Float[Tensor, "receivers heads value_dim"], Float[Tensor, "edges heads"]]:
    """out_i = Σ_j α_ij (v_j + e_ij W), α = dropout(softmax_j(s_ij + b_ij)); the α come back too."""
    senders, receivers = segments.edges(graph)
    value, H = _needed(attention.value), attention.num_heads
    weights = segments.segment_softmax(score_edges(attention, graph), graph)
    if attention.dropout > 0:
        kept = keep(attention.seed, receivers, senders, H, attention.dropout)
        weights = weights * kept / (1 - attention.dropout)
    messages = along_edges(value.to(weights.dtype), graph, H, attention.edge_value)
    return segments.segment_sum(weights[..., None] * messages, graph).to(value.dtype), weights


def score_edges(attention: Attention, graph: Graph) -> Float[Tensor, "edges heads"]:
    """s_ij + b_ij for every edge and head, in float32 or better."""
    score, bias, dtype, H = attention.score, attention.bias, attention.dtype, attention.num_heads
    if isinstance(score, Given):
        logits = score.scores.to(dtype)
    elif isinstance(score, Constant):
        logits = torch.zeros(graph.num_edges, H, dtype=dtype, device=graph.device)
    else:
        query, key = _needed(attention.query).to(dtype), _needed(attention.key).to(dtype)
        heard = along_edges(key, graph, H, attention.edge_key)
        logits = score.logits(segments.gather_receivers(query, graph), heard)
    if isinstance(bias, OffsetTable):
        senders, receivers = segments.edges(graph)
        return logits + bias.at(senders - graph.position()[receivers], dtype)
    return logits if bias is None else logits + bias.to(dtype)


def aggregate(aggregation: Aggregation, graph: Graph) -> Float[Tensor, "receivers heads dim"]:
    """out_i = reduce_j w_ij (v_j + e_ij W), reduce being sum, mean (over the senders heard) or max."""
    value, weights, dtype = aggregation.value, aggregation.weights, aggregation.dtype
    messages = along_edges(value.to(dtype), graph, aggregation.num_heads, aggregation.edge_value)
    if weights is not None:
        weights = weights[:, None] if weights.dim() == 1 else weights
        messages = messages * weights.to(dtype)[..., None]
    if aggregation.reduce == "max":
        return segments.segment_max(messages, graph).to(value.dtype)
    total = segments.segment_sum(messages, graph)
    if aggregation.reduce == "mean":
        total = total / graph.degree().clamp(min=1).to(dtype)[:, None, None]
    return total.to(value.dtype)


def along_edges(
    x: Float[Tensor, "senders kv_heads dim"], graph: Graph, num_heads: int, term: EdgeTerm | None
) -> Float[Tensor, "edges heads dim"]:
    """x_j + e_ij W for every edge; each of the fewer heads of x serves num_heads / kv_heads query heads."""
    heard = segments.gather_senders(x, graph)
    if term is not None:
        heard = heard + term.along_edges(x.dtype)
    return heard.repeat_interleave(num_heads // x.shape[1], dim=1) if x.shape[1] != num_heads else heard


def _needed(x: Tensor | None) -> Tensor:
    assert x is not None  # the door has checked
    return x
