"""The compiled attention and its derivative, as autograd sees them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from edgewise.graph import Graph
from edgewise.kernels import segments
from edgewise.kernels.native_call import EXACT, VECTOR_BLOCKS, Tensors, edge_numbers, enter, items, turned, unit_stride
from edgewise.kernels.once import once
from edgewise.kernels.transforms import check_plain


class Saved(NamedTuple):
    """What forward leaves for backward; `rest` is what rounding took from a half-precision output."""

    out: Tensor  # [R, H, V]: Σ_j α_ij v_j
    rest: Tensor | None  # [R, H, V]
    log_sum: Tensor | None  # [R, H]; None where nothing learns
    heard_edge: Tensor | None = None  # [R, H, F']: Σ_j α_ij e_ij
    weights: Tensor | None = None  # [E, H]: α, where they are asked for


class Memory:
    """Forward computed once and differentiated elsewhere: the first run fills it, the second takes what is there."""

    def __init__(self, saved: Saved | None = None) -> None:
        self.saved = saved


class Problem(NamedTuple):
    """What one call brings besides its tensors; `numbers` is the struct Attend."""

    numbers: Any
    graph: Graph
    return_weights: bool = False
    memory: Memory | None = None


def run(problem: Problem, given: Sequence[Tensor | None]) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """(Σ_j α_ij v_j, Σ_j α_ij e_ij, α) for every receiver; the second where edges have values, α where asked for.

    given: Tensors, or query, key and value alone.
    """
    if learns(given):
        found = _Attend.apply(problem, *given)  # type: ignore[no-untyped-call]
        return (found, None, None) if isinstance(found, Tensor) else found
    saved = attend_edges(problem, Tensors(*given), keeps=problem.memory is not None)  # type: ignore[arg-type]
    return saved.out, saved.heard_edge, saved.weights


def learns(tensors: Iterable[Tensor | None]) -> bool:
    """Whether a gradient may be asked for; where none may, there is nothing to record."""
    return torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in tensors)


def attend_edges(
    problem: Problem, x: Tensors, keeps: bool, so_far: Tensor | None = None, out: Tensor | None = None
) -> Saved:
    """The forward pass, edge by edge; with what backward needs, where it is to be saved.

    Room for what is known so far, [R, H, 2], is filled with the largest logit and Σ_j exp(s_ij - largest); then rows
    of `out` stay as they were given where nobody is heard, and what rounding took from them is 0.
    """
    numbers, graph, return_weights, memory = problem
    if memory is not None and memory.saved is not None:
        return memory.saved
    R, H, V, F, room = graph.num_receivers, numbers.num_heads, x.value.shape[2], x.value_features, x.value.new_empty
    exact = EXACT[x.value.dtype]
    out = room(R, H, V) if out is None else out
    rest = None
    if keeps and x.value.dtype != exact:
        rest = torch.empty_like(out) if so_far is None else torch.zeros_like(out)
    log_sum = room(R, H, dtype=exact) if keeps else None
    heard_edge = room(R, H, F, dtype=exact) if F else None
    weights = room(graph.num_edges, H, dtype=exact) if return_weights else None
    cut = items(graph)
    partial = None if cut is None else room(len(cut.row), H, 2 + V + F, dtype=exact)
    made = [out, rest, log_sum, heard_edge, weights, so_far, partial]
    enter("attend_forward", graph, numbers, x, made)
    saved = Saved(out, rest, log_sum, heard_edge, weights)
    if memory is not None:
        memory.saved = saved
    return saved


class _Attend(Function):
    @staticmethod
    def forward(ctx: Any, problem: Problem, *given: Any) -> Tensor | tuple[Tensor, Tensor | None, Tensor | None]:
        saved = attend_edges(problem, Tensors(*given), keeps=True)
        ctx.problem = problem
        ctx.save_for_backward(*given, *saved)
        if saved.heard_edge is None and saved.weights is None:
            return saved.out
        return saved.out, saved.heard_edge, saved.weights

    @staticmethod
    def backward(
        ctx: Any, grad: Tensor, grad_edge: Tensor | None = None, grad_weights: Tensor | None = None
    ) -> tuple[Tensor | None, ...]:
        kept, needed = ctx.saved_tensors, ctx.needs_input_grad[1:]
        given, saved = kept[: len(needed)], Saved(*kept[len(needed) :])
        found = gradients(ctx.problem, Tensors(*given), needed, saved, grad, grad_edge, grad_weights)
        grads = [g if g is None or g.dtype == x.dtype else g.to(x.dtype) for g, x in zip(found, given, strict=False)]
        return (None, *once("attend", grads, [grad, grad_weights, *given]))


def gradients(
    problem: Problem,
    x: Tensors,
    needed: Sequence[bool],
    saved: Saved,
    grad: Tensor,
    grad_edge: Tensor | None = None,
    grad_weights: Tensor | None = None,
) -> list[Tensor | None]:
    """Of query, key, value and what else may need one: exact, in the order of `Tensors`.

    By receiver the weights are recomputed, for queries and everything that an edge has of its own. By sender, over the
    transposed graph, they are only summed.
    """
    check_plain("attend", grad)
    graph, log_sum = problem.graph, saved.log_sum
    assert log_sum is not None  # forward has kept it
    (R, H), room, cut = log_sum.shape, log_sum.new_empty, items(graph)
    of_query = room(R, H, x.dim) if needed[0] else None
    more = _NO_MORE if len(needed) == 3 else _rooms(x, needed, graph, room)
    partial = None if cut is None else room(len(cut.row), H, x.dim + x.key_features)
    of_key = of_value = turned_rows = turned_partial = number = None
    if needed[1] or needed[2]:
        turned_rows, turned_cut = turned(graph)
        number = edge_numbers(graph)
        of_value = room(*x.value.shape) if needed[2] else None
        of_key = room(*x.key.shape) if x.key is not None and needed[1] else None
        if turned_cut is not None:
            turned_partial = room(len(turned_cut.row), x.value.shape[1], x.dim + x.value.shape[2])
    made = [
        unit_stride(grad),
        saved.out,
        saved.rest,
        saved.heard_edge,
        None if grad_edge is None else grad_edge.contiguous(),
        log_sum,
        *_of_weights(grad_weights, saved.weights, graph),
        of_query,
        of_key,
        of_value,
        partial,
        turned_partial,
        number,
        *more,
    ]
    enter("attend_backward", graph, turned_rows, problem.numbers, x, made)
    found = [of_query, of_key, of_value]
    if more is not _NO_MORE:
        found += [g.sum(0) if g is not None and name in IN_BLOCKS else g for name, g in zip(_MORE, more, strict=True)]
    return [g if need else None for g, need in zip(found, needed, strict=True)]


_MORE = Tensors._fields[3:]
_NO_MORE: list[Tensor | None] = [None] * len(_MORE)
IN_BLOCKS = ("table", "vector", "inner_weight")
"""What all receivers share: gathered in stretches, to be summed."""


def _rooms(x: Tensors, needed: Sequence[bool], graph: Graph, room: Callable[..., Tensor]) -> list[Tensor | None]:
    """For the gradients of all but query, key and value."""
    rooms: list[Tensor | None] = []
    for name, of, need in zip(_MORE, x[3:], needed[3:], strict=True):
        if of is None or not need:
            rooms.append(None)
        elif name in IN_BLOCKS:
            rooms.append(room(VECTOR_BLOCKS, *of.shape).zero_())
        elif name in ("key_edge", "value_edge"):
            rooms.append(room(*of.shape).zero_())
        else:
            rooms.append(room(*of.shape))
    return rooms


def _of_weights(g: Tensor | None, weights: Tensor | None, graph: Graph) -> tuple[Tensor | None, Tensor | None]:
    """The gradient g of the weights handed out, and Σ_j α_ij g_ij, which softmax takes off every edge's own."""
    if g is None or weights is None:
        return None, None
    with torch.no_grad():
        g = g.contiguous()
        return g, segments.segment_sum(weights * g, graph)
