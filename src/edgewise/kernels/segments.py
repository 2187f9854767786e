"""Sums, maxima and softmax over the edges of each receiver, and the gathers that feed them.

Edges are sorted by receiver, so the edges of receiver i are one segment. Gather and sum are each other's derivative:
two autograd functions that call each other, without atomics, so that gradients of any order are bitwise repeatable.
Both are linear, so forward mode is the same function of the tangent; under vmap the mapped dimension is one more of
those that a row has.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd import Function

from edgewise.graph import Graph


def edges(graph: Graph) -> tuple[Int[Tensor, "edges"], Int[Tensor, "edges"]]:
    """Senders and receivers of every edge, made once per graph."""
    return graph.remember("edges", graph.edges)


def sender_order(graph: Graph) -> Int[Tensor, "edges"]:
    """The number of every edge, sorted by sender, then receiver: the order of the transposed graph's edges."""
    return graph.remember("sender_order", lambda: edges(graph)[0].argsort(stable=True))


def gather_receivers(x: Float[Tensor, "receivers *rest"], graph: Graph) -> Float[Tensor, "edges *rest"]:
    """x_i for every edge j -> i."""
    return _gather(x, edges(graph)[1], None, graph.edge_offsets)


def gather_senders(x: Float[Tensor, "senders *rest"], graph: Graph) -> Float[Tensor, "edges *rest"]:
    """x_j for every edge j -> i; its gradient is summed sender by sender over the transposed graph."""
    return _gather(x, edges(graph)[0], sender_order(graph), graph.transpose().edge_offsets)


def segment_sum(x: Float[Tensor, "edges *rest"], graph: Graph) -> Float[Tensor, "receivers *rest"]:
    """Σ_j x_ij for every receiver; 0 where nobody is heard."""
    return _sum(x, graph.edge_offsets)


def segment_max(x: Float[Tensor, "edges *rest"], graph: Graph) -> Float[Tensor, "receivers *rest"]:
    """max_j x_ij for every receiver; 0 where nobody is heard. Senders that tie share the gradient evenly."""
    highest: Tensor = _call(_SegmentMax, x, edges(graph)[1], graph.edge_offsets)[0]
    return highest


def segment_softmax(logits: Float[Tensor, "edges heads"], graph: Graph) -> Float[Tensor, "edges heads"]:
    """exp(s_ij) / Σ_k exp(s_ik) within each receiver; 0 where every logit of a receiver is -inf."""
    receivers = edges(graph)[1]
    with torch.no_grad():
        highest = _call(_Highest, logits.detach(), graph.edge_offsets)
        highest = torch.where(highest.isneginf(), torch.zeros_like(highest), highest)[receivers]
    loudness = (logits - highest).exp()
    total = segment_sum(loudness, graph)
    return loudness / gather_receivers(torch.where(total == 0, torch.ones_like(total), total), graph)


def _reduce(x: Tensor, reduce: str, segments: Tensor) -> Tensor:
    if x.shape[1:].numel() == 0:
        return x.new_zeros((segments.shape[0] - 1, *x.shape[1:]))
    reduced: Tensor = torch.segment_reduce(x.contiguous(), reduce, offsets=segments, axis=0, unsafe=True)
    return reduced


def _gather(x: Tensor, index: Tensor, order: Tensor | None, segments: Tensor) -> Tensor:
    gathered: Tensor = _call(_Gather, x, index, order, segments)
    return gathered


def _sum(x: Tensor, segments: Tensor) -> Tensor:
    summed: Tensor = _call(_SegmentSum, x, segments)
    return summed


def _call(function: type[Function], *args: Tensor | None) -> Any:
    return function.apply(*args)


class _PerRow(Function):
    """A function of the rows of x, the same for each number in them, and of indices."""

    @classmethod
    def mapped(cls, in_dims: tuple[int | None, ...], x: Tensor, *indices: Tensor | None) -> Any:
        """Over a dimension of x, by putting it behind that of the rows."""
        assert in_dims[0] is not None  # a graph is the same for all
        return _call(cls, x.movedim(in_dims[0], 1), *indices)


class _Gather(_PerRow):
    """x[index]; `order` brings the gathered rows into the segments over which their gradients are summed."""

    @staticmethod
    def forward(x: Tensor, index: Tensor, order: Tensor | None, segments: Tensor) -> Tensor:
        return x.index_select(0, index)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[1:])
        ctx.save_for_forward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        _, order, segments = ctx.saved_tensors
        return _sum(grad if order is None else grad[order], segments), None, None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        return _gather(tangent, *ctx.saved_tensors)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Any) -> tuple[Tensor, int]:
        return _Gather.mapped(in_dims, *inputs), 1


class _SegmentSum(_PerRow):
    @staticmethod
    def forward(x: Tensor, segments: Tensor) -> Tensor:
        return _reduce(x, "sum", segments)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(inputs[1])
        ctx.save_for_forward(inputs[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (segments,) = ctx.saved_tensors
        rows = torch.arange(segments.shape[0] - 1, device=segments.device)
        return _gather(grad, rows.repeat_interleave(segments.diff()), None, segments), None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        return _sum(tangent, *ctx.saved_tensors)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Any) -> tuple[Tensor, int]:
        return _SegmentSum.mapped(in_dims, *inputs), 1


class _Highest(_PerRow):
    """The largest of each segment, as a number that has no derivative; -inf where a segment is empty."""

    @staticmethod
    def forward(x: Tensor, segments: Tensor) -> Tensor:
        return _reduce(x, "max", segments)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.mark_non_differentiable(output)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Any) -> tuple[Tensor, int]:
        return _Highest.mapped(in_dims, *inputs), 1


class _SegmentMax(_PerRow):
    """The largest of each segment, and the share that every edge has in it."""

    @staticmethod
    def forward(x: Tensor, receivers: Tensor, segments: Tensor) -> tuple[Tensor, Tensor]:
        highest = _reduce(x, "max", segments)
        wins = (x == highest[receivers]).to(x.dtype)
        share = wins / _reduce(wins, "sum", segments).clamp(min=1)[receivers]
        silent = (segments.diff() == 0).reshape(-1, *[1] * (x.dim() - 1))
        return highest.masked_fill(silent, 0), share

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1], *inputs[1:])
        ctx.save_for_forward(output[1], *inputs[1:])

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        share, receivers, segments = ctx.saved_tensors
        return _gather(grad, receivers, None, segments) * share, None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> tuple[Tensor, None]:
        share, _, segments = ctx.saved_tensors
        return _sum(tangent * share, segments), None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Any) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
        return _SegmentMax.mapped(in_dims, *inputs), (1, 1)
