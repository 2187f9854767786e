"""Attention and aggregation as dense formulas over a mask: short, slow, and independent of the library."""

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from edgewise.graph import Graph


def dense(per_edge: Tensor, graph: Graph) -> Tensor:
    """[E, ...] to [R, S, ...], zeros where there is no edge."""
    senders, receivers = graph.edges()
    empty = per_edge.new_zeros(graph.num_receivers, graph.num_senders, *per_edge.shape[1:])
    return empty.index_put((receivers, senders), per_edge)


def attention(logits: Tensor, values: Tensor, graph: Graph) -> tuple[Tensor, Tensor]:
    """softmax over j of logits [R, S, H], and the sum of values [R, S, H, V] by it."""
    heard = graph.dense()[..., None]
    weights = logits.masked_fill(~heard, -torch.inf).softmax(1).masked_fill(~heard, 0)
    return torch.einsum("ijh,ijhv->ihv", weights, values), weights


def per_graph(q: Tensor, k: Tensor, v: Tensor, graph: Graph, bias: Tensor | None = None, scale: float | None = None):
    """PyTorch's attention on the graphs of a batch, one after another; bias [E, H]."""
    k, v = (x.repeat_interleave(q.shape[-2] // x.shape[-2], -2) for x in (k, v))
    mask = torch.zeros(graph.dense().shape, dtype=q.dtype).masked_fill(~graph.dense(), -torch.inf)
    mask = mask[None] if bias is None else mask + dense(bias, graph).permute(2, 0, 1).to(q.dtype)
    outs = []
    for g in range(graph.num_graphs):
        r = slice(*graph.receiver_offsets[g : g + 2].tolist())
        s = slice(*graph.sender_offsets[g : g + 2].tolist())
        heads = [x[..., rows, :, :].transpose(-2, -3) for x, rows in ((q, r), (k, s), (v, s))]
        outs.append(scaled_dot_product_attention(*heads, attn_mask=mask[:, r, s], scale=scale).transpose(-2, -3))
    return torch.cat(outs, -3)
