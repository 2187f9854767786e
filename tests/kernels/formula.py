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


def along_edges(x: Tensor, graph: Graph, num_heads: int, term: tuple[Tensor, Tensor] | None = None) -> Tensor:
    """x_j + e_ij W for every pair, [R, S, H, D], each head of x repeated for the heads it serves."""
    pairs = x.expand(graph.num_receivers, *x.shape)
    if term is not None:
        pairs = pairs + dense(torch.einsum("ef,fhd->ehd", *term), graph)
    return pairs.repeat_interleave(num_heads // x.shape[-2], -2)


def logits(kind: str, q: Tensor, k: Tensor, number: float, vector: Tensor | None) -> Tensor:
    """s_ij for every pair, [R, S, H], from queries [R, H, D] and keys [R, S, H, D]."""
    if kind == "Dot":
        return torch.einsum("ihd,ijhd->ijh", q, k) * number
    both = q[:, None] + k
    loud = torch.where(both > 0, both, both * number)
    return loud[..., 0] if kind == "Additive" else (loud * vector).sum(-1)


def aggregation(values: Tensor, weights: Tensor, reduce: str, graph: Graph) -> Tensor:
    """reduce over j of weights [R, S, H] times values [R, S, H, D]."""
    heard = graph.dense()[..., None, None]
    messages = weights[..., None] * values
    if reduce == "max":
        silent = messages.new_full((messages.shape[0], 1, *messages.shape[2:]), -torch.inf)
        highest = torch.cat([messages.masked_fill(~heard, -torch.inf), silent], 1).amax(1)
        return highest.masked_fill(~heard.any(1), 0)
    total = messages.masked_fill(~heard, 0).sum(1)
    return total / heard.sum(1).clamp(min=1) if reduce == "mean" else total
