"""Attention sinks: one more sender that everybody hears, with a learned logit and nothing to say."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from edgewise.graph import Graph
from edgewise.graph.runs import Runs
from edgewise.kernels import Dot


def with_sink(
    query: Float[Tensor, "batch heads receivers dim"],
    key: Float[Tensor, "batch kv_heads senders dim"],
    value: Float[Tensor, "batch kv_heads senders value_dim"],
    graph: Graph,
    examples: int,
    bias: Float[Tensor, "edges heads"] | None,
    score: Dot,
    sinks: Float[Tensor, "..."],
) -> tuple[Tensor, Tensor, Tensor, Graph, Tensor | None, Dot]:
    """out_i = Σ_j exp(s_ij) v_j / (exp(sink_i) + Σ_j exp(s_ij)): a sender of value 0 whose logit is the sink.

    Queries take one more channel, which holds the sink, and keys one that is 1 for the sink alone.

    Args:
        sinks: [heads], or [batch, heads, receivers, 1] where each query has its own.
        examples: how many examples stand side by side in the graph; each gets a sink of its own.

    gpt-oss, OpenAI 2025, https://arxiv.org/abs/2508.10925
    """
    scale = score.factor(query.shape[-1])
    logit = sinks.view(1, -1, 1, 1) if sinks.dim() == 1 else sinks
    query = torch.cat([query * scale, logit.to(query.dtype).expand(*query.shape[:-1], 1)], dim=-1)
    real = torch.nn.functional.pad(key, (0, 1))
    sink = torch.zeros_like(real[:, :, :1])
    sink[..., -1] = 1.0
    key = torch.cat([real, sink], dim=2)
    value = torch.nn.functional.pad(value, (0, 0, 0, 1))
    rows = graph.num_receivers // examples
    joined = graph.remember(("with sink", examples), lambda: joined_by_sinks(graph, examples, rows))
    if bias is not None:
        place = joined.num_edges - joined.num_receivers + torch.zeros(joined.num_edges, dtype=torch.int64)
        place = place.to(bias.device)
        place[others(joined, examples)] = torch.arange(len(bias), device=bias.device)
        bias = torch.nn.functional.pad(bias, (0, 0, 0, 1))[place]
    return query, key, value, joined, bias, Dot(1.0)


def others(joined: Graph, examples: int) -> Int64[Tensor, "edges"]:
    """The edges that do not come from a sink."""
    columns = joined.num_senders // examples
    senders, _ = joined.remember("edges", joined.edges)
    return (senders % columns != columns - 1).nonzero().squeeze(1)


def joined_by_sinks(graph: Graph, examples: int, rows: int) -> Graph:
    """The graph with a sink after the senders of each example, heard by all of its receivers."""
    columns = graph.num_senders // examples
    row = torch.arange(graph.num_receivers, device=graph.device)
    example = row.div(max(rows, 1), rounding_mode="floor")
    shift = torch.repeat_interleave(example, graph.runs.offsets.diff()).to(torch.int32)
    size = graph.num_senders + examples
    moved = Runs(graph.runs.offsets, graph.runs.start + shift, graph.runs.stop + shift)
    sink = (example * (columns + 1) + columns).to(torch.int32)
    alone = Runs(torch.arange(len(row) + 1, device=graph.device), sink, sink + 1)
    return Graph._trusted(moved, size) | Graph._trusted(alone, size)
