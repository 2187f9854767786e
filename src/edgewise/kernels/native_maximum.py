"""The compiled maximum and its derivative, as autograd sees them."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from edgewise.graph import Graph
from edgewise.kernels.native_call import EXACT, edge_numbers, enter, items, unit_stride
from edgewise.kernels.native_sum import numbers
from edgewise.kernels.once import once
from edgewise.kernels.transforms import check_plain


def maximum(value: Tensor, weights: Tensor | None, graph: Graph) -> Tensor:
    """max_j w_ij v_j for every receiver, channel by channel; senders that tie share the gradient evenly.

    value: [S, H_kv, D]. weights: [E, H], exact: float32, or float64 for float64.
    """
    out: Tensor = _Maximum.apply(graph, value, weights)  # type: ignore[no-untyped-call]
    return out


class _Maximum(Function):
    @staticmethod
    def forward(ctx: Any, graph: Graph, value: Tensor, weights: Tensor | None) -> Tensor:
        value, weights = unit_stride(value), None if weights is None else weights.contiguous()
        exact = EXACT[value.dtype]
        H = value.shape[1] if weights is None else weights.shape[1]
        shape = (graph.num_receivers, H, value.shape[2])
        out, learns = value.new_empty(shape), any(ctx.needs_input_grad)
        share = value.new_empty(shape, dtype=exact) if learns else None
        unrounded = value.new_empty(shape, dtype=exact) if learns and value.dtype != exact else None
        cut = items(graph)
        partial = None if cut is None else value.new_empty(len(cut.row), 2, *shape[1:], dtype=exact)
        given = numbers(value, weights, None, (H, H))
        enter("aggregate_maximum", graph, [*given, out, unrounded, share, partial])
        ctx.graph, ctx.num_heads = graph, H
        ctx.save_for_backward(value, weights, out if unrounded is None else unrounded, share)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        check_plain("aggregate", grad)
        value, weights, highest, share = ctx.saved_tensors
        graph, heads = ctx.graph, (ctx.num_heads, value.shape[1])
        shared, of_value, of_weights = (grad * share).contiguous(), None, None
        if ctx.needs_input_grad[1]:
            number = None if weights is None else edge_numbers(graph)
            turned = graph.transpose()
            of_value, cut = torch.empty_like(value, memory_format=torch.contiguous_format), items(turned)
            partial = None if cut is None else shared.new_empty(len(cut.row), *value.shape[1:])
            fields = [highest, shared, of_value, partial]
            enter("aggregate_maximum_senders", turned, [*numbers(value, weights, number, heads), *fields])
        if ctx.needs_input_grad[2]:
            of_weights = torch.empty_like(weights)
            fields = [highest, shared, of_weights]
            enter("aggregate_maximum_weights", graph, [*numbers(value, weights, None, heads), *fields])
        return (None, *once("aggregate", [of_value, of_weights], [grad, value, weights]))
