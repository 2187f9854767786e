"""The compiled weighted sum and its derivative, as autograd sees them."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from edgewise.graph import Graph
from edgewise.kernels import segments
from edgewise.kernels.attention import Attention
from edgewise.kernels.native_call import EXACT, STORAGE, Fields, Tensors, call, edge_numbers, enter, items, unit_stride
from edgewise.kernels.once import once
from edgewise.kernels.scores import Dot
from edgewise.kernels.transforms import check_plain


def weighted_sum(
    value: Tensor, weights: Tensor | None, features: Tensor | None, graph: Graph, mean: bool
) -> tuple[Tensor, Tensor]:
    """(Σ_j w_ij v_j, Σ_j w_ij e_ij) for every receiver, over the number of senders heard for a mean.

    value: [S, H_kv, D]. weights: [E, H], features: [E, F], both exact: float32, or float64 for float64.
    """
    out: Tensor
    out, heard = _WeightedSum.apply(graph, mean, value, weights, features)  # type: ignore[no-untyped-call]
    return out, heard


def numbers(
    x: Tensor, weights: Tensor | None, number: Tensor | None, heads: tuple[int, int],
    factor: Tensor | None = None, features: Tensor | None = None,
) -> Fields:  # fmt: skip
    """The fields of `Aggregate` in aggregate.hpp; heads: of the weights, of the output."""
    H, heads_out = heads
    F = 0 if features is None else features.shape[1]
    counts = STORAGE[x.dtype], H, x.shape[1], heads_out, x.shape[2], F
    return [*counts, x, weights, number, factor, features, torch.get_num_threads()]


class _WeightedSum(Function):
    @staticmethod
    def forward(
        ctx: Any, graph: Graph, mean: bool, value: Tensor, weights: Tensor | None, features: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        value = unit_stride(value)
        weights, features = (None if x is None else x.contiguous() for x in (weights, features))
        H = value.shape[1] if weights is None else weights.shape[1]
        out, heard = _sum(graph, value, weights, None, (H, H), features=features, mean=mean)
        ctx.graph, ctx.mean, ctx.num_heads = graph, mean, H
        ctx.save_for_backward(value, weights, features)
        return out, heard

    @staticmethod
    def backward(ctx: Any, grad: Tensor, grad_heard: Tensor) -> tuple[Tensor | None, ...]:
        check_plain("aggregate", grad)
        value, weights, features = ctx.saved_tensors
        graph, H = ctx.graph, ctx.num_heads
        given, grad, grad_heard = (
            [grad, grad_heard, value, weights, features],
            unit_stride(grad),
            grad_heard.contiguous(),
        )
        share = graph.degree().clamp(min=1).to(grad_heard.dtype).reciprocal() if ctx.mean else None
        of_value = of_weights = of_features = None
        if ctx.needs_input_grad[2]:
            number = None if weights is None else edge_numbers(graph)
            of_value, _ = _sum(graph.transpose(), grad, weights, number, (H, value.shape[1]), share)
        if ctx.needs_input_grad[3]:
            of_weights = _dots(grad, value, grad_heard, features, graph)
            if share is not None:
                of_weights *= share[segments.edges(graph)[1], None]
        if ctx.needs_input_grad[4]:
            spread = grad_heard.new_ones(graph.num_edges, H) if weights is None else weights
            if share is not None:
                spread = spread * share[segments.edges(graph)[1], None]
            of_features = _spread(spread, grad, value, grad_heard, features, graph)
        return (None, None, *once("aggregate", [of_value, of_weights, of_features], given))


def _sum(
    rows: Graph, x: Tensor, weights: Tensor | None, number: Tensor | None, heads: tuple[int, int],
    factor: Tensor | None = None, features: Tensor | None = None, mean: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    R, (H, heads_out), D = rows.num_receivers, heads, x.shape[2]
    F = 0 if features is None else features.shape[1]
    out, heard = x.new_empty(R, heads_out, D), x.new_empty(R, H, F, dtype=EXACT[x.dtype])
    cut = items(rows)
    partial = None if cut is None else x.new_empty(len(cut.row), heads_out * D + H * F, dtype=EXACT[x.dtype])
    fields = [*numbers(x, weights, number, heads, factor, features), int(mean), out, heard, partial]
    enter("aggregate_sum", rows, fields)
    return out, heard


def _as_scores(grad: Tensor, value: Tensor, grad_heard: Tensor, features: Tensor | None) -> tuple[Attention, Tensors]:
    """g_i · v_j + h_i · e_ij as the score of an edge: what its weight has for gradient."""
    nothing = value.new_empty(*value.shape[:2], 0)
    query_edge = None if features is None else grad_heard
    tensors = Tensors(grad, value, nothing, None, None, None, query_edge, features, None, None)
    return Attention(grad, value, None, Dot(1.0)), tensors


def _dots(grad: Tensor, value: Tensor, grad_heard: Tensor, features: Tensor | None, graph: Graph) -> Tensor:
    attention, tensors = _as_scores(grad, value, grad_heard, features)
    out = grad_heard.new_empty(graph.num_edges, grad.shape[1])
    call("scores_forward", graph, graph, attention, tensors, [out])
    return out


def _spread(weights: Tensor, grad: Tensor, value: Tensor, grad_heard: Tensor, features: Tensor, graph: Graph) -> Tensor:
    """Σ_h w_ijh h_ih for every edge: the gradient of its features."""
    attention, tensors = _as_scores(grad, value, grad_heard, features)
    out, cut = torch.zeros_like(features), items(graph)
    room = None if cut is None else features.new_empty(len(cut.row), grad.shape[1], grad.shape[2] + features.shape[1])
    call("scores_receivers", graph, graph, attention, tensors, [weights, None, None, out, None, None, room])
    return out
