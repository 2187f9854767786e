"""The layer as dense formulas over every pair of nodes: short, slow, and independent of the kernels."""

from collections.abc import Mapping

import torch
from tests.kernels.formula import dense
from torch import Tensor
from torch.nn.functional import leaky_relu

from edgewise.graph import Graph
from edgewise.layers import ACTIVATIONS, MessagePassing
from edgewise.part import Part

# Each score: s_ij of every pair, [R, S, H], of queries [R, H, D], keys [S, H, D], projected edges
# [R, S, H, D] or 0, and raw edges [R, S, F].


def constant(score, q, k, e, raw, heard):
    return torch.ones(*heard.shape, 1, dtype=torch.float64)


def symmetric(score, q, k, e, raw, heard):
    weight = heard.double() if raw is None else raw[..., 0]
    i = weight.sum(1)
    j = i if heard.shape[0] == heard.shape[1] else weight.sum(0)
    i, j = (torch.where(d > 0, torch.where(d > 0, d, 1).rsqrt(), 0) for d in (i, j))
    return (i[:, None] * weight * j)[..., None]


def dot(score, q, k, e, raw, heard):
    scale = q.shape[-1] ** -0.5 if score.scale is None else score.scale
    return scale * (q[:, None] * (k + e)).sum(-1)


def additive(score, q, k, e, raw, heard):
    own, other = (q * score.query_vector).sum(-1), (k * score.key_vector).sum(-1)
    edge = 0 if score.edge_vector is None else (e * score.edge_vector).sum(-1)
    return leaky_relu(own[:, None] + other + edge, score.negative_slope)


def gatv2(score, q, k, e, raw, heard):
    return (leaky_relu(q[:, None] + k + e, score.negative_slope) * score.vector).sum(-1)


def gaussian(score, q, k, e, raw, heard):
    if score.from_degree is not None:
        i = heard.sum(1).clamp(min=1).double().rsqrt()
        j = i if heard.shape[0] == heard.shape[1] else heard.sum(0).clamp(min=1).double().rsqrt()
        raw = score.from_degree(torch.stack(torch.broadcast_tensors(i[:, None], j), -1)).tanh()
    away = (raw[:, :, None] - score.mean) ** 2 / (1e-15 + score.deviation**2)
    return (-away.sum(-1) / 2).exp()


def row_of(reach, heard):
    """The row of a kernel for every pair of nodes, the last receiver aligned with the last sender; 0 out of reach."""
    R, S = heard.shape
    rows = torch.arange(S) - (torch.arange(R)[:, None] + S - R) + reach.before
    return rows.masked_fill(~heard, 0)


def light(score, q, k, e, raw, heard):
    return score.kernel[row_of(score.reach, heard)]


def dynamic(score, q, k, e, raw, heard):
    kernels = torch.einsum("ihd,khd->ikh", q, score.kernel)
    return kernels[torch.arange(len(q))[:, None], row_of(score.reach, heard)]


SCORE = {f.__name__: f for f in (constant, symmetric, dot, additive, gatv2, gaussian, light, dynamic)}

# Each aggregator: of s_ij (as logits with the bias b_ij), values with their edges [R, S, H, V], and the mask.


def sum_(aggregator, s, b, v, heard):
    return torch.einsum("ij,ijh,ijhv->ihv", heard.double(), s.expand(v.shape[:-1]), v)


def mean(aggregator, s, b, v, heard):
    return sum_(aggregator, s, b, v, heard) / heard.sum(1).clamp(min=1)[:, None, None]


def max_(aggregator, s, b, v, heard):
    messages = (s[..., None] * v).masked_fill(~heard[..., None, None], -torch.inf)
    return messages.amax(1).masked_fill(~heard.any(1)[:, None, None], 0) if heard.shape[1] else v.sum(1)


def softmax(aggregator, s, b, v, heard):
    loudness = (s + b).masked_fill(~heard[..., None], -torch.inf).softmax(1).masked_fill(~heard[..., None], 0)
    return torch.einsum("ijh,ijhv->ihv", loudness.expand(v.shape[:-1]), v)


def convolution(aggregator, s, b, v, heard):
    matrices = aggregator.kernel[row_of(aggregator.reach, heard)].repeat_interleave(
        v.shape[2] // aggregator.kernel.shape[1], 2
    )
    return torch.einsum("ij,ijh,ijhv,ijhvo->iho", heard.double(), s.expand(v.shape[:-1]), v, matrices)


def several(aggregator, s, b, v, heard):
    kinds = {"Sum": sum_, "Mean": mean, "Max": max_, "Softmax": softmax}
    return torch.cat([kinds[type(member).__name__](member, s, b, v, heard) for member in aggregator.members], -1)


AGGREGATOR = {
    "sum": sum_,
    "mean": mean,
    "max": max_,
    "softmax": softmax,
    "convolution": convolution,
    "several": several,
}

# Each root: what was heard and the receiver's own state.
ROOT = {
    "linear": lambda root, x, m: m + x @ root.project.weight.T,
    "epsilon": lambda root, x, m: m + (1 + root.epsilon) * x,
    "gated": lambda root, x, m: mixed(root, x @ root.project.weight.T, m),
}


def mixed(root, own, m):
    beta = torch.sigmoid(torch.cat([m, own, m - own], -1) @ root.gate.weight.T)
    return beta * own + (1 - beta) * m


def layer(
    layer: MessagePassing,
    x: Tensor,
    graph: Graph,
    senders: Tensor | None = None,
    edges: Tensor | None = None,
    bias: Tensor | float = 0.0,
) -> Tensor:
    """h_i' = W_o ⊕_j (s(W_q h_i, W_k h_j + W_e e_ij), W_v h_j + W_e e_ij) + U h_i; `bias` is [R, S, H]."""
    h, p, given = layer.hearing, layer.projections, x if senders is None else senders
    H, Hk = h.num_heads, h.num_key_value_heads or h.num_heads
    heard, raw = graph.dense(), None if edges is None else dense(edges, graph)

    def heads(t: Tensor, own: int = Hk) -> Tensor:
        return t.unflatten(-1, (own, -1)).repeat_interleave(H // own, -2)

    value = heads(p.to_value(given)) if h.project_value else given[:, None].expand(-1, H, -1)
    key = {"none": p.to_key, "key_value": p.to_value, "all": p.to_value}[h.share] if p.reads_keys else None
    query = {"none": p.to_query, "key_value": p.to_query, "all": p.to_value}[h.share] if p.reads_nodes else None
    if h.value_activation is not None:
        value = ACTIVATIONS[h.value_activation](value)
    if h.value_gate is not None:
        value = value * ACTIVATIONS[h.value_gate](heads(p.to_value_gate(given)))
    edge = heads(p.to_edge(raw)) if p.to_edge is not None and raw is not None else 0
    q = None if query is None else heads(query(x), H)
    k = None if key is None else heads(key(given))
    v = (value + (edge if h.edges_in in ("value", "both") else 0)).expand(*heard.shape, H, -1)
    s = SCORE[Part.of(h.score).name](layer.score, q, k, edge if h.edges_in in ("score", "both") else 0, raw, heard)
    if layer.memories is not None:
        s, v, heard = beside_memories(layer, q, s + bias, v, heard)
        bias = 0.0
    out = AGGREGATOR[Part.of(h.aggregator).name](layer.aggregator, s, bias, v, heard)
    out = {"concat": out.flatten(-2), "mean": out.mean(-2), "sum": out.sum(-2)}[h.heads]
    if h.project_output:
        out = layer.output(out)
    bias = layer.bias if h.output_bias and not h.project_output else 0
    if h.gate is not None:
        out, gate = (out + bias).chunk(2, -1)
        out, bias = out * ACTIVATIONS[h.gate](gate), 0
    if h.root is not None:
        out = ROOT[Part.of(h.root).name](layer.root, x, out)
    return out + bias


def beside_memories(layer: MessagePassing, q: Tensor, s: Tensor, v: Tensor, heard: Tensor) -> tuple[Tensor, ...]:
    """Further columns: q·√D K_m by the score's scale, and √M V_m, heard by everyone."""
    memories, (R, H, D) = layer.memories, q.shape
    M = len(memories.key)
    K, V = (t.repeat_interleave(H // t.shape[1], 1) for t in (memories.key * D**0.5, memories.value * M**0.5))
    loud = dot(layer.score, q, K, 0, None, None)
    columns = torch.cat([v, V.expand(R, *V.shape)], 1)
    return torch.cat([s, loud], 1), columns, torch.cat([heard, torch.ones(R, M).bool()], 1)


def gradients(out: Tensor, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The output, and by name the gradient of each tensor, under a random cotangent; zeros where it took no part."""
    cotangent = torch.randn(out.shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    found = torch.autograd.grad(out, list(given.values()), cotangent, allow_unused=True)
    return {"": out} | {
        name: torch.zeros_like(x) if grad is None else grad
        for (name, x), grad in zip(given.items(), found, strict=True)
    }
