"""The compiled attention and its derivative, as autograd sees them."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from edgewise.graph import Graph
from edgewise.kernels import segments
from edgewise.kernels.attention import Attention
from edgewise.kernels.native_call import VECTOR_BLOCKS, Tensors, at, call, items, nodes
from edgewise.kernels.offset_table import OffsetTable
from edgewise.kernels.once import once


class Problem(NamedTuple):
    """What one call brings besides its tensors."""

    attention: Attention
    graph: Graph
    return_weights: bool


class Saved(NamedTuple):
    """What forward leaves for backward; `rest` is what rounding took from a half-precision output."""

    out: Tensor
    rest: Tensor | None
    log_sum: Tensor
    heard_edge: Tensor


def run(attention: Attention, graph: Graph, tensors: Tensors, return_weights: bool) -> tuple[Tensor, Tensor, Tensor]:
    """(Σ_j α_ij v_j, Σ_j α_ij e_ij, α) for every receiver; the weights are empty unless asked for."""
    problem = Problem(attention, graph, return_weights)
    out, heard_edge, weights = _Attend.apply(problem, *tensors)  # type: ignore[no-untyped-call]
    return out, heard_edge, weights


def attend_edges(problem: Problem, x: Tensors, keeps_rest: bool, so_far: Tensor | None = None) -> tuple[Saved, Tensor]:
    """The forward pass, edge by edge; the weights are empty unless asked for.

    Room for what is known so far, [R, H, 2], is filled with the largest logit and Σ_j exp(s_ij - largest).
    """
    a, graph, return_weights = problem
    R, H, V, F = graph.num_receivers, a.num_heads, x.value.shape[2], x.value_features
    out = x.value.new_empty(R, H, V)
    rest = torch.empty_like(out) if keeps_rest else None
    log_sum, heard_edge = x.value.new_empty(R, H, dtype=a.dtype), x.value.new_empty(R, H, F, dtype=a.dtype)
    weights = x.value.new_empty(graph.num_edges if return_weights else 0, H, dtype=a.dtype)
    cut = items(graph)
    partial = None if cut is None else x.value.new_empty(len(cut.row), H, 2 + V + F, dtype=a.dtype)
    asked = weights if return_weights else None
    call("attend_forward", graph, graph, a, x, [*nodes(out), *at(rest, log_sum, heard_edge, asked, so_far, partial)])
    return Saved(out, rest, log_sum, heard_edge), weights


class _Attend(Function):
    @staticmethod
    def forward(ctx: Any, problem: Problem, *given: Any) -> tuple[Tensor, Tensor, Tensor]:
        x = Tensors(*given).laid_out()
        half = x.value.dtype != problem.attention.dtype and any(ctx.needs_input_grad)
        saved, weights = attend_edges(problem, x, keeps_rest=half)
        ctx.problem = problem
        ctx.save_for_backward(*x, *saved)
        ctx.mark_non_differentiable(weights)
        return saved.out, saved.heard_edge, weights

    @staticmethod
    def backward(ctx: Any, grad: Tensor, grad_edge: Tensor, _: Any) -> tuple[Tensor | None, ...]:
        *given, out, rest, log_sum, heard_edge = ctx.saved_tensors
        saved = Saved(out, rest, log_sum, heard_edge)
        needed = {name for name, need in zip(Tensors._fields, ctx.needs_input_grad[1:], strict=True) if need}
        backward = Backward(ctx.problem, Tensors(*given), needed, grad, grad_edge, saved)
        return (None, *once("attend", backward.gradients(), [grad, *given]))


class Backward:
    """The gradients of one call: first by receiver, then by sender."""

    def __init__(
        self,
        problem: Problem,
        tensors: Tensors,
        needed: set[str],
        grad: Tensor,
        grad_edge: Tensor,
        saved: Saved,
    ) -> None:
        self.attention, self.graph = problem.attention, problem.graph
        self.tensors, self.needed, self.saved = tensors, needed, saved
        self.grad = grad if grad.stride(-1) == 1 else grad.contiguous()
        self.grad_edge = grad_edge.contiguous()
        self.delta = torch.empty_like(saved.log_sum)

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
        x, need, graph = self.tensors, self.needed, self.graph
        R, E, H = graph.num_receivers, graph.num_edges, self.attention.num_heads
        grads = {}
        if x.query is not None:
            grads["query"] = self._room(R, H, x.dim)
        if "logit" in need or "table" in need:
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
        walks = bool(grads.keys() - {"query"}) or "query" in need
        cut = items(graph)
        partial = None if cut is None else self._room(len(cut.row), H, x.dim + x.key_features)
        order = ("query", "logit", "inner", "query_edge", "key_edge", "value_edge", "vector", "inner_weight")
        fields = [*nodes(self.grad), *nodes(self.saved.out)]
        fields += at(self.saved.rest, self.saved.heard_edge, self.grad_edge, self.saved.log_sum, self.delta)
        fields += [int(walks), *at(*(grads.get(name) for name in order), partial)]
        call("attend_backward_receivers", graph, graph, self.attention, x, fields)
        for name in grads.keys() & {"vector", "inner_weight"}:
            grads[name] = grads[name].sum(0)
        if x.table is not None and "table" in need:
            grads["table"] = self._of_table(x.table, grads["logit"])
        return grads

    def of_senders(self) -> dict[str, Tensor]:
        """Keys and values, over the transposed graph."""
        x, need, turned = self.tensors, self.needed, self.graph.transpose()
        if not need & {"key", "value"}:
            return {}
        S, Hk, V = self.graph.num_senders, x.value.shape[1], x.value.shape[2]
        grads = {"value": self._room(S, Hk, V)}
        if x.key is not None and "key" in need:
            grads["key"] = self._room(S, Hk, x.dim)
        number = segments.sender_order(self.graph) if x.per_edge else None
        cut = items(turned)
        partial = None if cut is None else self._room(len(cut.row), Hk, x.dim + V)
        fields = [*nodes(self.grad), *at(self.grad_edge, self.saved.log_sum, self.delta, number)]
        fields += at(grads.get("key"), grads["value"], partial)
        call("attend_backward_senders", turned, self.graph, self.attention, x, fields)
        return grads

    def _of_table(self, table: Tensor, of_logit: Tensor) -> Tensor:
        assert isinstance(self.attention.bias, OffsetTable)
        senders, receivers = segments.edges(self.graph)
        index = (senders - self.graph.position()[receivers] - self.attention.bias.lowest).clamp(0, len(table) - 1)
        return torch.zeros_like(table).index_add_(0, index, of_logit)

    def _room(self, *shape: int) -> Tensor:
        return self.saved.log_sum.new_empty(shape)
