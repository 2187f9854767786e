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
    enter,
    items,
    reals,
    unit_stride,
)
from edgewise.kernels.once import once
from edgewise.kernels.transforms import check_plain


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
    """The gradients of one call: first by receiver, then by sender."""

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
        self.delta = torch.empty_like(saved.log_sum)
        self.fields = attend_fields(self.attention, self.graph, tensors)
        self.reals = reals(self.attention, tensors)

    def gradients(self) -> list[Tensor | None]:
        """Of each tensor that needs one, in its dtype."""
        grads = self.of_receivers_and_edges()
        grads |= self.of_senders()
        return [
            grads[name].to(x.dtype) if name in self.needed and x is not None else None
            for name, x in zip(Tensors._fields, self.tensors, strict=True)
        ]

    def of_receivers_and_edges(self) -> dict[str, Tensor]:
        """Queries, and everything that an edge has of its own; `delta` is filled on the way."""
        x, need, graph, saved = self.tensors, self.needed, self.graph, self.saved
        R, E, H = graph.num_receivers, graph.num_edges, self.attention.num_heads
        grads = {}
        if x.query is not None:
            grads["query"] = self._room(R, H, x.dim)
        if "logit" in need:
            grads["logit"] = self._room(E, H)
        if "inner" in need:
            grads["inner"] = self._room(E, H)
        if x.query_edge is not None:
            grads["query_edge"] = self._room(R, H, x.key_features)
        if x.key_edge is not None and "key_edge" in need:
            grads["key_edge"] = self._room(*x.key_edge.shape).zero_()
        if x.value_edge is not None and "value_edge" in need:
            grads["value_edge"] = self._room(*x.value_edge.shape).zero_()
        if x.vector is not None:
            grads["vector"] = self._room(VECTOR_BLOCKS, *x.vector.shape).zero_()
        if x.inner_weight is not None and "inner_weight" in need:
            grads["inner_weight"] = self._room(VECTOR_BLOCKS, *x.inner_weight.shape).zero_()
        if x.table is not None and "table" in need:
            grads["table"] = self._room(VECTOR_BLOCKS, *x.table.shape).zero_()
        walks = bool(grads.keys() - {"query"}) or "query" in need
        cut = items(graph)
        partial = None if cut is None else self._room(len(cut.row), H, x.dim + x.key_features)
        order = ("query", "logit", "inner", "query_edge", "key_edge", "value_edge", "vector", "inner_weight", "table")
        forward = (
            saved.out,
            saved.rest,
            saved.heard_edge,
            self.grad_edge,
            saved.log_sum,
            *self._of_weights(),
            self.delta,
        )
        fields = [*self.fields, self.grad, *forward, int(walks), *map(grads.get, order), partial]
        enter("attend_backward_receivers", graph, fields, self.reals)
        for name in grads.keys() & {"vector", "inner_weight", "table"}:
            grads[name] = grads[name].sum(0)
        return grads

    def of_senders(self) -> dict[str, Tensor]:
        """Keys and values, over the transposed graph."""
        x, need = self.tensors, self.needed
        if not need & {"key", "value"}:
            return {}
        turned, (S, Hk, V) = self.graph.transpose(), x.value.shape
        grads = {"value": self._room(S, Hk, V)}
        if x.key is not None and "key" in need:
            grads["key"] = self._room(S, Hk, x.dim)
        number = segments.sender_order(self.graph) if x.per_edge or self.grad_weights is not None else None
        cut = items(turned)
        partial = None if cut is None else self._room(len(cut.row), Hk, x.dim + V)
        forward = self.grad_edge, self.saved.log_sum, self.grad_weights, self.delta
        fields = [*self.fields, self.grad, *forward, number, grads.get("key"), grads["value"], partial]
        enter("attend_backward_senders", turned, fields, self.reals)
        return grads

    def _of_weights(self) -> tuple[Tensor | None, Tensor | None]:
        """The gradient g of the weights handed out, and Σ_j α_ij g_ij, which softmax takes off every edge's own."""
        g, weights = self.grad_weights, self.saved.weights
        if g is None or weights is None:
            return None, None
        with torch.no_grad():
            return g, segments.segment_sum(weights * g, self.graph)

    def _room(self, *shape: int) -> Tensor:
        return self.saved.log_sum.new_empty(*shape)
