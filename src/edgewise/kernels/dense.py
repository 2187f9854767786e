"""Complete and causal graphs are dense matrices: PyTorch's scaled_dot_product_attention computes them.

Graphs of a batch that have the same size are computed together. Where weights are asked for or dropped (by the same
counter as everywhere), the softmax is written out.
"""

from collections.abc import Callable
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from edgewise.graph import Graph
from edgewise.kernels.attention import Attention
from edgewise.kernels.dropout import keep
from edgewise.kernels.groups import Group, groups
from edgewise.kernels.offset_table import OffsetTable
from edgewise.kernels.once import once
from edgewise.kernels.plan import Plan
from edgewise.kernels.scores import Dot
from edgewise.kernels.transforms import transformed


def attend(
    attention: Attention, graph: Graph, plan: Plan, return_weights: bool
) -> tuple[Float[Tensor, "*batch receivers heads value_dim"], Float[Tensor, "..."] | None]:
    """Softmax attention inside every graph of the batch, group of equal size by group of equal size."""
    found, written_out = groups(graph), _is_written_out(attention, graph, return_weights)
    outs, weights, rows, edges = [], [], [], []
    for group in found:
        # A single receiver hears every sender, causal or not.
        causal = plan.kind == "causal" and group.shape[0] > 1
        q, k, v = (
            _rows(x, index, alone=len(found) == 1)
            for x, index in zip(_expanded(attention), (group.receivers, group.senders, group.senders), strict=True)
        )
        if written_out:
            out, weight = _written_out(q, k, v, attention, group, causal)
            weights.append(weight.flatten(-3, -2))
            edges.append(group.edges(weight.shape[-2]).flatten())
        else:
            out = _fused(q, k, v, attention, group, causal)
        outs.append(out.flatten(-4, -3))
        rows.append(group.receivers.flatten())
    out = _in_order(outs, rows, -3)
    return out, _in_order(weights, edges, -2) if return_weights else None


def plain(attention: Attention, graph: Graph, plan: Plan) -> Callable[[Attention, Graph], Tensor] | None:
    """What computes attentions of this one's score and shapes that bring query, key and value alone, on one graph."""
    q, k, v = attention.query, attention.key, attention.value
    assert q is not None and k is not None and v is not None  # the caller has looked
    group, *others = groups(graph)
    if others or len(group.receivers) > 1:
        return None
    (r, s), stored, computed = group.shape, v.dtype, torch.promote_types(q.dtype, v.dtype)
    causal, scale, shared = plan.kind == "causal" and r > 1, _factor(attention, q), q.shape[-2] != k.shape[-2]

    def attend(attention: Attention, graph: Graph) -> Tensor:
        q, k, v = (_once(_as(computed, x).unsqueeze(0).transpose(1, 2)) for x in attention[:3] if x is not None)
        mask = group.causal() if causal and r != s else None
        out = scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=causal and r == s, scale=scale, enable_gqa=shared
        )
        return _as(stored, out.squeeze(0).transpose(0, 1))

    return attend


def _as(dtype: torch.dtype, x: Tensor) -> Tensor:
    """In this dtype; asking first takes a tenth of the time that `to` takes for nothing."""
    return x if x.dtype == dtype else x.to(dtype)


def hindrance(plan: Plan, attention: Attention) -> str | None:
    """What keeps an attention from this route, as the end of a sentence; None where nothing does."""
    if plan.kind is None:
        return "takes complete and causal graphs with edges only, and this one is neither"
    if not isinstance(attention.score, Dot):
        return f"takes the score Dot only, got {type(attention.score).__name__}"
    if attention.edge_key is not None or attention.edge_value is not None:
        return "takes no edge features"
    return None


def is_slow(attention: Attention, graph: Graph) -> bool:
    """Whether PyTorch has nothing fast for it: the softmax is written out, or products are of half precision.

    A CPU without instructions for half precision multiplies number by number.
    """
    return graph.device.type == "cpu" and (
        _is_written_out(attention, graph)
        or (attention.value is not None and attention.value.dtype in _HALF and not _multiplies_halves())
    )


_HALF = (torch.bfloat16, torch.float16)


@cache
def _multiplies_halves() -> bool:
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def _is_written_out(attention: Attention, graph: Graph, return_weights: bool = False) -> bool:
    bias = attention.bias_numbers
    # PyTorch too writes the softmax out where a bias learns, and sums, on a CPU, in an order that the threads decide.
    learns = bias is not None and bias.requires_grad and graph.device.type == "cpu"
    return learns or return_weights or attention.dropout > 0 or transformed(attention)


def _fused(q: Tensor, k: Tensor, v: Tensor, attention: Attention, group: Group, causal: bool) -> Tensor:
    stored, computed, batch = v.dtype, torch.promote_types(q.dtype, v.dtype), q.shape[:-3]
    q, k, v = (_once(x.to(computed).transpose(-2, -3).flatten(0, -4)) for x in (q, k, v))
    r, s = group.shape
    mask = None
    if attention.bias is not None:
        mask = _bias(attention, group, causal).to(computed)
        mask = mask.expand(*batch, *mask.shape[1:]).flatten(0, -4)
    elif causal and r != s:
        mask = group.causal()
    out = scaled_dot_product_attention(
        q,
        k,
        v,
        attn_mask=mask,
        is_causal=causal and mask is None,
        scale=_factor(attention, q),
        enable_gqa=q.shape[1] != k.shape[1],
    )
    return out.reshape(*batch, *out.shape[1:]).transpose(-2, -3).to(stored)


def _once(x: Tensor) -> Tensor:
    """PyTorch's fused kernels have one derivative too; theirs does not name the way to a second."""
    if torch.is_grad_enabled() and x.requires_grad:
        x.register_hook(lambda grad: once("attend", [grad], [grad])[0])
    return x


def _written_out(
    q: Tensor, k: Tensor, v: Tensor, attention: Attention, group: Group, causal: bool
) -> tuple[Tensor, Tensor]:
    """softmax(q kᵀ · scale + bias) with its weights: the output, and α of every edge [..., graphs, edges, heads]."""
    num_heads, stored, dropout = q.shape[-2], v.dtype, attention.dropout
    q, k, v = (x.to(attention.dtype).transpose(-2, -3) for x in (q, k, v))
    k, v = (x.repeat_interleave(num_heads // x.shape[-3], dim=-3) for x in (k, v))
    logits = q @ k.transpose(-1, -2) * _factor(attention, q)
    if attention.bias is not None:
        logits = logits + _bias(attention, group, causal)
    elif causal:
        logits = logits.masked_fill(~group.causal(), -torch.inf)
    # Not the maximum, which nothing has where nobody is heard; -inf where all are silent.
    shift = logits.detach().logsumexp(-1, keepdim=True)
    weights = (logits - shift.masked_fill(shift.isneginf(), 0)).exp()
    total = weights.sum(-1, keepdim=True)
    weights = weights / total.masked_fill(total == 0, 1)
    if dropout > 0:
        folded = logits.shape[:-4].numel() * num_heads
        kept = keep(attention.seed, group.receivers[:, :, None], group.senders[:, None, :], folded, dropout)
        kept = kept.unflatten(-1, (*logits.shape[:-4], num_heads))
        kept = kept.permute(*range(3, kept.dim() - 1), 0, kept.dim() - 1, 1, 2)
        weights = weights * kept / (1 - dropout)
    out = (weights @ v).transpose(-2, -3).to(stored)
    pairs = weights[..., group.causal()] if causal else weights.flatten(-2)
    return out, pairs.transpose(-1, -2)


def _bias(attention: Attention, group: Group, causal: bool) -> Float[Tensor, "graphs heads receivers senders"]:
    """What is added to the logits: [graphs or 1, heads or 1, r, s], -inf where a pair is not heard."""
    (r, s), bias, dtype = group.shape, attention.bias, attention.dtype
    heard = group.causal() if causal else None
    if isinstance(bias, OffsetTable):
        receivers, senders = torch.arange(r, device=bias.table.device), torch.arange(s, device=bias.table.device)
        full = bias.at(senders - (receivers[:, None] + s - r), dtype).permute(2, 0, 1)[None]
    else:
        assert bias is not None  # the caller has looked
        per_edge = (bias[:, None] if bias.dim() == 1 else bias).to(dtype)
        full = per_edge[group.edge_of_pair(heard)].permute(0, 3, 1, 2)
    return full if heard is None else full.masked_fill(~heard, -torch.inf)


def _factor(attention: Attention, query: Tensor) -> float:
    assert isinstance(attention.score, Dot)  # the door has checked
    return attention.score.factor(query.shape[-1])


def _expanded(attention: Attention) -> list[Tensor]:
    batch = attention.batch
    return [x.expand(*batch, *x.shape[-3:]) for x in (attention.query, attention.key, attention.value) if x is not None]


def _rows(x: Tensor, index: Tensor, alone: bool) -> Tensor:
    """The nodes of each graph of a group, [..., graphs, nodes, heads, dim]: a view where all graphs are alike."""
    return x.unflatten(-3, (index.shape[0], index.shape[1])) if alone else x[..., index, :, :]


def _in_order(parts: list[Tensor], indices: list[Tensor], dim: int) -> Tensor:
    if len(parts) == 1:
        return parts[0]
    return torch.cat(parts, dim).index_select(dim, torch.cat(indices).argsort())
