"""Complete and causal graphs are dense matrices: PyTorch's scaled_dot_product_attention computes them.

Graphs of a batch that have the same size are computed together. Where weights are asked for or dropped (by the same
counter as everywhere), the softmax is written out.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from edgewise.graph import Graph
from edgewise.kernels.attention import Attention, Bias
from edgewise.kernels.dropout import keep
from edgewise.kernels.offset_table import OffsetTable
from edgewise.kernels.plan import Plan, components
from edgewise.kernels.scores import Dot


def attend(
    attention: Attention, graph: Graph, plan: Plan, return_weights: bool
) -> tuple[Float[Tensor, "*batch receivers heads value_dim"], Float[Tensor, "..."]]:
    """Softmax attention inside every graph of the batch, group of equal size by group of equal size."""
    groups = components(graph)
    edge_offsets = graph.run_edge_start[graph.run_offsets[graph.receiver_offsets]]
    outs, weights, rows, edges = [], [], [], []
    for r, s, members in groups:
        heard = _heard(r, s, plan, graph.device)
        group = _Group(
            _indices(graph.receiver_offsets, members, r),
            _indices(graph.sender_offsets, members, s),
            _indices(edge_offsets, members, r * s if heard is None else int(heard.sum())),
            heard,
        )
        q, k, v = (
            _rows(x, index, alone=len(groups) == 1)
            for x, index in zip(_expanded(attention), (group.receivers, group.senders, group.senders), strict=True)
        )
        if attention.dropout > 0 or return_weights:
            out, weight = _written_out(q, k, v, attention, group)
            weights.append(weight.flatten(-3, -2))
            edges.append(group.edges.flatten())
        else:
            out = _fused(q, k, v, attention, group)
        outs.append(out.flatten(-4, -3))
        rows.append(group.receivers.flatten())
    out = _in_order(outs, rows, -3)
    return out, _in_order(weights, edges, -2) if return_weights else out.new_empty(0)


def hindrance(plan: Plan, attention: Attention) -> str | None:
    """What keeps an attention from this route, as the end of a sentence; None where nothing does."""
    if plan.kind is None:
        return "takes complete and causal graphs only, and this one is neither"
    if not isinstance(attention.score, Dot):
        return f"takes the score Dot only, got {type(attention.score).__name__}"
    if attention.edge_key is not None or attention.edge_value is not None:
        return "takes no edge features"
    return None


class _Group:
    """Graphs of one size: which receivers, senders and edges each has, and which pairs are heard (None: all)."""

    def __init__(self, receivers: Tensor, senders: Tensor, edges: Tensor, heard: Tensor | None) -> None:
        self.receivers, self.senders, self.edges, self.heard = receivers, senders, edges, heard
        self.r, self.s = receivers.shape[1], senders.shape[1]

    def mask(self, bias: Bias | None) -> Tensor | None:
        """What is added to the logits: [graphs or 1, heads, r, s], -inf where a pair is not heard; bool without a bias."""
        if bias is None or self.heard is None:
            return self.heard if bias is None else self._dense(bias)
        return self._dense(bias).masked_fill(~self.heard, -torch.inf)

    def _dense(self, bias: Bias) -> Tensor:
        if isinstance(bias, OffsetTable):
            position = torch.arange(self.r, device=bias.table.device) + self.s - self.r
            offsets = torch.arange(self.s, device=bias.table.device) - position[:, None]
            return bias.at(offsets).permute(2, 0, 1)[None]
        per_edge = (bias[:, None] if bias.dim() == 1 else bias)[self.edges]
        if self.heard is None:
            full = per_edge.unflatten(1, (self.r, self.s))
        else:
            where = torch.zeros_like(self.heard, dtype=torch.int64)
            where[self.heard] = torch.arange(per_edge.shape[1], device=bias.device)
            full = per_edge[:, where]
        return full.permute(0, 3, 1, 2)


def _fused(q: Tensor, k: Tensor, v: Tensor, attention: Attention, group: _Group) -> Tensor:
    q, k, v = (x.transpose(-2, -3) for x in (q, k, v))
    mask = group.mask(attention.bias)
    causal = mask is not None and mask.dtype == torch.bool and group.r == group.s
    batch = q.shape[:-3]
    q, k, v = (x.reshape(-1, *x.shape[-3:]) for x in (q, k, v))
    if mask is not None and mask.dim() == 4:
        mask = mask.to(q.dtype).expand(*batch, *mask.shape[1:]).reshape(-1, *mask.shape[1:])
    scale, shared = _factor(attention, q), q.shape[1] != k.shape[1]
    out = scaled_dot_product_attention(
        q, k, v, attn_mask=None if causal else mask, is_causal=causal, scale=scale, enable_gqa=shared
    )
    return out.unflatten(0, batch).transpose(-2, -3)


def _written_out(q: Tensor, k: Tensor, v: Tensor, attention: Attention, group: _Group) -> tuple[Tensor, Tensor]:
    """softmax(q kᵀ · scale + bias) with its weights: the output, and α of every edge [..., graphs, edges, heads]."""
    num_heads, dtype, dropout = q.shape[-2], v.dtype, attention.dropout
    q, k, v = (x.to(attention.dtype).transpose(-2, -3) for x in (q, k, v))
    k, v = (x.repeat_interleave(num_heads // x.shape[-3], dim=-3) for x in (k, v))
    logits = q @ k.transpose(-1, -2) * _factor(attention, q)
    mask = group.mask(attention.bias)
    if mask is not None:
        logits = logits.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else logits + mask
    highest = logits.detach().amax(-1, keepdim=True)
    weights = (logits - highest.masked_fill(highest.isneginf(), 0)).exp()
    total = weights.sum(-1, keepdim=True)
    weights = weights / total.masked_fill(total == 0, 1)
    if dropout > 0:
        folded = logits.shape[:-4].numel() * num_heads
        kept = keep(attention.seed, group.receivers[:, :, None], group.senders[:, None, :], folded, dropout)
        kept = kept.unflatten(-1, (*logits.shape[:-4], num_heads))
        kept = kept.permute(*range(3, kept.dim() - 1), 0, kept.dim() - 1, 1, 2)
        weights = weights * kept / (1 - dropout)
    out = (weights @ v).transpose(-2, -3).to(dtype)
    pairs = weights.flatten(-2) if group.heard is None else weights[..., group.heard]
    return out, pairs.transpose(-1, -2)


def _factor(attention: Attention, query: Tensor) -> float:
    assert isinstance(attention.score, Dot)  # the door has checked
    return attention.score.factor(query.shape[-1])


def _expanded(attention: Attention) -> tuple[Tensor, Tensor, Tensor]:
    q, k, v = attention.query, attention.key, attention.value
    assert q is not None and k is not None and v is not None  # the door has checked
    batch = attention.batch
    return tuple(x.expand(*batch, *x.shape[-3:]) for x in (q, k, v))  # type: ignore[return-value]


def _heard(r: int, s: int, plan: Plan, device: torch.device) -> Tensor | None:
    """Which pairs of an r × s graph are heard; None where all are."""
    if plan.kind == "complete" or r == 1:
        return None
    return torch.ones(r, s, dtype=torch.bool, device=device).tril(diagonal=s - r)


def _indices(offsets: Tensor, members: Tensor, size: int) -> Tensor:
    return offsets[members][:, None] + torch.arange(size, device=offsets.device)


def _rows(x: Tensor, index: Tensor, alone: bool) -> Tensor:
    """The nodes of each graph of a group, [..., graphs, nodes, heads, dim]: a view where all graphs are alike."""
    return x.unflatten(-3, (index.shape[0], index.shape[1])) if alone else x[..., index, :, :]


def _in_order(parts: list[Tensor], indices: list[Tensor], dim: int) -> Tensor:
    if len(parts) == 1:
        return parts[0]
    return torch.cat(parts, dim).index_select(dim, torch.cat(indices).argsort())
