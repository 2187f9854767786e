"""The compiled attention and its derivative, as autograd sees them."""

from collections.abc import Iterable
from itertools import compress
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from edgewise.graph import Graph
from edgewise.kernels import segments
from edgewise.kernels.attention import Attention
from edgewise.kernels.native_call import (
    EXACT,
    VECTOR_BLOCKS,
    Tensors,
    attend_fields,
    call,
    edge_numbers,
    enter,
    items,
    listed,
    reals,
    unit_stride,
)
from edgewise.kernels.once import once
from edgewise.kernels.transforms import check_plain

BY_RECEIVER = ("query", "logit", "inner", "query_edge", "key_edge", "value_edge", "vector", "inner_weight", "table")
BY_SENDER = ("key", "value")
"""Gradients in the order of the fields of Backward."""

SHARED = {"vector", "inner_weight", "table"}
"""What all receivers share: gathered in VECTOR_BLOCKS stretches of receivers."""


class Saved(NamedTuple):
    """What forward leaves for backward; `rest` is what rounding took from a half-precision output."""

    out: Tensor  # [R, H, V]: Σ_j α_ij v_j
    rest: Tensor | None  # [R, H, V]
    log_sum: Tensor  # [R, H]
    heard_edge: Tensor | None = None  # [R, H, F']: Σ_j α_ij e_ij
    weights: Tensor | None = None  # [E, H]: α, where they are asked for


class Memory:
    """Forward computed once and differentiated elsewhere: the first run fills it, the second takes what is there."""

    def __init__(self, saved: Saved | None = None) -> None:
        self.saved = saved


class Problem(NamedTuple):
    """What one call brings besides its tensors."""

    attention: Attention
    graph: Graph
    return_weights: bool = False
    memory: Memory | None = None


def run(problem: Problem, tensors: Tensors) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """(Σ_j α_ij v_j, Σ_j α_ij e_ij, α) for every receiver; the second where edges have values, α where asked for."""
    if learns(tensors):
        out, heard_edge, weights = _Attend.apply(problem, *tensors)  # type: ignore[no-untyped-call]
        return out, heard_edge, weights
    saved = attend_edges(problem, tensors, keeps_rest=problem.memory is not None)
    return saved.out, saved.heard_edge, saved.weights


def learns(tensors: Iterable[Tensor | None]) -> bool:
    """Whether a gradient may be asked for; where none may, there is nothing to record."""
    return torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in tensors)


def attend_edges(problem: Problem, x: Tensors, keeps_rest: bool, so_far: Tensor | None = None) -> Saved:
    """The forward pass, edge by edge; in half precision, with the rest where it is to be saved.

    Room for what is known so far, [R, H, 2], is filled with the largest logit and Σ_j exp(s_ij - largest).
    """
    a, graph, return_weights, memory = problem
    if memory is not None and memory.saved is not None:
        return memory.saved
    R, H, V, F, stored = graph.num_receivers, a.num_heads, x.value.shape[2], x.value_features, x.value.dtype
    exact = EXACT[stored]
    out = x.value.new_empty(R, H, V)
    rest = torch.empty_like(out) if keeps_rest and stored != exact else None
    log_sum = x.value.new_empty(R, H, dtype=exact)
    heard_edge = log_sum.new_empty(R, H, F) if F else None
    weights = log_sum.new_empty(graph.num_edges, H) if return_weights else None
    cut = items(graph)
    partial = None if cut is None else log_sum.new_empty(len(cut.row), H, 2 + V + F)
    call("attend_forward", graph, graph, a, x, [out, rest, log_sum, heard_edge, weights, so_far, partial])
    saved = Saved(out, rest, log_sum, heard_edge, weights)
    if memory is not None:
        memory.saved = saved
    return saved


class _Attend(Function):
    @staticmethod
    def forward(ctx: Any, problem: Problem, *given: Any) -> tuple[Tensor, Tensor | None, Tensor | None]:
        saved = attend_edges(problem, Tensors(*given), keeps_rest=True)
        ctx.problem = problem
        ctx.save_for_backward(*given, *saved)
        return saved.out, saved.heard_edge, saved.weights

    @staticmethod
    def backward(
        ctx: Any, grad: Tensor, grad_edge: Tensor | None, grad_weights: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        kept = ctx.saved_tensors
        given, saved = Tensors(*kept[: len(Tensors._fields)]), Saved(*kept[len(Tensors._fields) :])
        needed = set(compress(Tensors._fields, ctx.needs_input_grad[1:]))
        backward = Backward(ctx.problem, given, needed, grad, grad_edge, saved, grad_weights)
        return (None, *once("attend", backward.gradients(), [grad, grad_weights, *given]))


class Backward:
    """The gradients of one call. By receiver the weights are recomputed, by sender only summed, over the transpose."""

    def __init__(
        self,
        problem: Problem,
        tensors: Tensors,
        needed: set[str],
        grad: Tensor,
        grad_edge: Tensor | None,
        saved: Saved,
        grad_weights: Tensor | None = None,
    ) -> None:
        check_plain("attend", grad)
        self.attention, self.graph = problem.attention, problem.graph
        self.tensors, self.needed, self.saved = tensors, needed, saved
        self.grad = unit_stride(grad)
        self.grad_edge = None if grad_edge is None else grad_edge.contiguous()
        self.grad_weights = None if grad_weights is None else grad_weights.contiguous()

    def gradients(self) -> list[Tensor | None]:
        """Of each tensor that needs one, in its dtype."""
        grads = self.by_name()
        return [
            grads[name].to(x.dtype) if name in self.needed and x is not None else None
            for name, x in zip(Tensors._fields, self.tensors, strict=True)
        ]

    def by_name(self) -> dict[str, Tensor]:
        """Of each tensor that needs one, in what is accumulated in."""
        x, graph, saved, attention = self.tensors, self.graph, self.saved, self.attention
        by_sender = bool(self.needed & {"key", "value"})
        turned = graph.transpose() if by_sender else graph
        grads, (cut, cut_turned), (H, Hk, V) = self._rooms(), (items(graph), items(turned)), self._heads()
        fields = [
            *listed(turned),
            *attend_fields(attention, graph, x),
            *(self.grad, saved.out, saved.rest, saved.heard_edge, self.grad_edge, saved.log_sum, *self._of_weights()),
            *map(grads.get, BY_RECEIVER),
            None if cut is None else self._room(len(cut.row), H, x.dim + x.key_features),
            edge_numbers(graph) if by_sender else None,
            *map(grads.get, BY_SENDER),
            self._room(len(cut_turned.row), Hk, x.dim + V) if by_sender and cut_turned is not None else None,
        ]
        enter("attend_backward", graph, fields, reals(attention, x))
        for name in grads.keys() & SHARED:
            grads[name] = grads[name].sum(0)
        return grads

    def _rooms(self) -> dict[str, Tensor]:
        """Where the kernels put gradients; what they add to begins at zero."""
        x, E = self.tensors, self.graph.num_edges
        H, Hk, V = self._heads()
        R, S = self.graph.num_receivers, self.graph.num_senders
        shapes = {
            "query": (R, H, x.dim),
            "logit": (E, H),
            "inner": (E, H),
            "query_edge": (R, H, x.key_features),
            "key": (S, Hk, x.dim),
            "value": (S, Hk, V),
        }
        grads = {name: self._room(*shapes[name]) for name in self.needed & shapes.keys()}
        for name in self.needed & {"key_edge", "value_edge"}:
            grads[name] = self._room(*getattr(x, name).shape).zero_()
        for name in self.needed & SHARED:
            grads[name] = self._room(VECTOR_BLOCKS, *getattr(x, name).shape).zero_()
        return grads

    def _heads(self) -> tuple[int, int, int]:
        """Heads of queries, heads of keys and values, and channels of a value."""
        return self.attention.num_heads, *self.tensors.value.shape[1:]

    def _of_weights(self) -> tuple[Tensor | None, Tensor | None]:
        """The gradient g of the weights handed out, and Σ_j α_ij g_ij, which softmax takes off every edge's own."""
        g, weights = self.grad_weights, self.saved.weights
        if g is None or weights is None:
            return None, None
        with torch.no_grad():
            return g, segments.segment_sum(weights * g, self.graph)

    def _room(self, *shape: int) -> Tensor:
        return self.saved.log_sum.new_empty(*shape)
