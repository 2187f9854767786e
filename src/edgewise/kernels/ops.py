"""The operations as PyTorch operators on plain tensors: what `torch.compile` sees, opaque and with a derivative.

A graph and an attention are taken apart into tensors and numbers on the way in and put together again inside, where
the eager code checks, plans and computes. So a compiled program does not depend on the graph it was compiled with.
The derivative runs the eager code again with autograd on; where the compiled kernels served, they do not compute again
but take what they have kept: the output and the log-sum-exp.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from edgewise.graph import Graph
from edgewise.kernels import routes
from edgewise.kernels.aggregation import Aggregation
from edgewise.kernels.attention import Attention
from edgewise.kernels.batch_dims import fold, fold_per_edge
from edgewise.kernels.edge_term import EdgeTerm
from edgewise.kernels.native_autograd import Memory, Saved
from edgewise.kernels.native_call import EXACT
from edgewise.kernels.offset_table import OffsetTable
from edgewise.kernels.recall import recall
from edgewise.kernels.scores import unpacked

_GRAPH = (
    "Tensor run_offsets, Tensor run_start, Tensor run_stop, Tensor? receiver_offsets, Tensor? sender_offsets, SymInt S"
)
_ATTENTION = (
    "Tensor? query, Tensor? key, Tensor? value, str score, float number, Tensor? score_tensor, Tensor? edge_bias, "
    "Tensor? bias_table, SymInt lowest, Tensor? key_features, Tensor? key_weight, Tensor? value_features, "
    "Tensor? value_weight, float dropout, Tensor? seed"
)


_looking = 0  # how many look on: every call asks, and asking PyTorch's stack of modes takes longer


def watched() -> bool:
    """Whether a call is to be one operator: in a program that is being compiled, or where somebody looks on."""
    return torch.compiler.is_compiling() or _looking > 0


@contextmanager
def shown() -> Iterator[None]:
    """Within, every call is one operator, so that a mode that counts operators sees it."""
    global _looking
    _looking += 1
    try:
        yield
    finally:
        _looking -= 1


def attend(attention: Attention, graph: Graph, return_weights: bool, impl: str) -> tuple[Tensor, Tensor | None]:
    """`attend` as one operator of a compiled program."""
    out: Tensor
    learns = torch.is_grad_enabled() and any(x.requires_grad for x in attention.tensors)
    out, weights, *_ = _attend(*_flat_graph(graph), *_flat_attention(attention), return_weights, impl, learns)
    return out, weights if return_weights else None


def score_edges(attention: Attention, graph: Graph, impl: str) -> Tensor:
    """`score_edges` as one operator of a compiled program."""
    scores: Tensor
    (scores,) = _score_edges(*_flat_graph(graph), *_flat_attention(attention), impl)
    return scores


def aggregate(a: Aggregation, graph: Graph, impl: str) -> Tensor:
    """`aggregate` as one operator of a compiled program."""
    out: Tensor
    (out,) = _aggregate(*_flat_graph(graph), a.value, a.reduce, a.weights, *(a.edge_value or (None, None)), impl)
    return out


def _aggregation(
    value: Tensor, reduce: str, weights: Tensor | None, features: Tensor | None, weight: Tensor | None
) -> Aggregation:
    return Aggregation(value, reduce, weights, _term(features, weight))


def _term(features: Tensor | None, weight: Tensor | None) -> EdgeTerm | None:
    return None if features is None or weight is None else EdgeTerm(features, weight)


def _flat_graph(graph: Graph) -> tuple[Any, ...]:
    return (*graph.runs, graph._receiver_offsets, graph._sender_offsets, graph.num_senders)


def _flat_attention(a: Attention) -> tuple[Any, ...]:
    table, lowest = a.bias if isinstance(a.bias, OffsetTable) else (None, 0)
    seed = None if a.dropout == 0 else torch.as_tensor(a.seed, dtype=torch.int64)
    score = (a.score.name, a.score.number, a.score.tensor)
    bias = (a.bias if isinstance(a.bias, Tensor) else None, table, lowest)
    edges = (*(a.edge_key or (None, None)), *(a.edge_value or (None, None)))
    return (a.query, a.key, a.value, *score, *bias, *edges, a.dropout, seed)


def _attention(
    query: Tensor | None,
    key: Tensor | None,
    value: Tensor | None,
    score: str,
    number: float,
    score_tensor: Tensor | None,
    edge_bias: Tensor | None,
    bias_table: Tensor | None,
    lowest: int,
    *rest: Any,
) -> Attention:
    key_features, key_weight, value_features, value_weight, dropout, seed = rest
    bias = edge_bias if bias_table is None else OffsetTable(bias_table, lowest)
    edge_key, edge_value = _term(key_features, key_weight), _term(value_features, value_weight)
    known = unpacked(score, number, score_tensor)
    return Attention(query, key, value, known, bias, edge_key, edge_value, dropout, 0 if seed is None else seed)


def _run_attend(*args: Any) -> list[Tensor]:
    *plain, return_weights, impl, learns = args
    attention, memory = _attention(*plain[6:]), Memory() if learns else None
    out, weights = routes.attend(attention, recall(*plain[:6]), return_weights, impl, memory)
    room = _room_to_keep(attention, args[0], learns)
    if memory is not None and memory.saved is not None:
        kept = memory.saved
        # Where edges add no values, the output is kept as it is handed out.
        parts = (None if attention.edge_value is None else kept.out, kept.log_sum, kept.rest, kept.heard_edge)
        room = [empty if part is None else part for empty, part in zip(room, parts, strict=True)]
    return [*_packed(out, out.new_empty(0) if weights is None else weights), *room]


def _run_attend_again(outs: Sequence[Tensor], *args: Any) -> list[Tensor]:
    *plain, return_weights, impl, learns = args
    attention, memory = _attention(*plain[6:]), None
    if learns:
        out, weights, own_out, log_sum, rest, heard_edge = (x.detach() if x.numel() else None for x in outs)
        if attention.edge_value is None and out is not None:
            own_out = fold(out, attention.batch)
        if weights is not None:
            weights = fold_per_edge(weights, attention.num_heads, attention.batch)
        if own_out is not None and log_sum is not None:
            memory = Memory(Saved(own_out, rest, log_sum, heard_edge, weights))
    out, weights = routes.attend(attention, recall(*plain[:6]), return_weights, impl, memory)
    return [out] if weights is None else [out, weights]


def _room_to_keep(a: Attention, run_offsets: Tensor, learns: bool) -> list[Tensor]:
    """For what the compiled kernels leave for backward, whatever way the graph will take: a program knows no graph."""
    assert a.value is not None
    R, H, V, stored = run_offsets.shape[0] - 1, a.batch.numel() * a.num_heads, a.value.shape[-1], a.value.dtype
    own, half = a.edge_value is not None, stored != EXACT[stored]
    F = 0 if a.edge_value is None else a.edge_value.features.shape[1]
    if not learns:
        R = 0
    exact = a.value.new_zeros(R, H, dtype=EXACT[stored])
    rest = a.value.new_zeros(R if half else 0, H, V)
    return [a.value.new_zeros(R if own else 0, H, V), exact, rest, exact.new_zeros(R if own else 0, H, F)]


def _run_score_edges(*args: Any) -> list[Tensor]:
    scores = routes.score_edges(_attention(*args[6:-1]), recall(*args[:6]), args[-1])
    return [scores.clone(memory_format=torch.contiguous_format)]  # scores given may come back as they are


def _run_aggregate(*args: Any) -> list[Tensor]:
    return _packed(routes.aggregate(_aggregation(*args[6:-1]), recall(*args[:6]), args[-1]))


def _packed(*outs: Tensor) -> list[Tensor]:
    """Contiguous, as the shape functions promise."""
    return [out.contiguous() for out in outs]


def _like_attend(*args: Any) -> list[Tensor]:
    *plain, return_weights, _, learns = args
    a = _attention(*plain[6:])
    assert a.value is not None
    out = a.value.new_empty(*a.batch, args[0].shape[0] - 1, a.num_heads, a.value.shape[-1])
    weights = _per_edge(a, args[0]) if return_weights else out.new_empty(0)
    return [out, weights, *_room_to_keep(a, args[0], learns)]


def _like_score_edges(*args: Any) -> list[Tensor]:
    return [_per_edge(_attention(*args[6:-1]), args[0])]


def _like_aggregate(*args: Any) -> list[Tensor]:
    a = _aggregation(*args[6:-1])
    return [a.value.new_empty(*a.batch, args[0].shape[0] - 1, a.num_heads, a.value.shape[-1])]


def _per_edge(a: Attention, like: Tensor) -> Tensor:
    return like.new_empty(*a.batch, torch.library.get_ctx().new_dynamic_size(), a.num_heads, dtype=a.dtype)


@contextmanager
def _recording() -> Iterator[None]:
    """Autograd inside an operator: the dispatcher has switched it off on the way in."""
    included = torch._C._dispatch_tls_local_include_set()
    excluded = torch._C._dispatch_tls_local_exclude_set()
    for key in (torch._C.DispatchKey.AutogradFunctionality, torch._C.DispatchKey.ADInplaceOrView):
        excluded = excluded.remove(key)
    with torch._C._ForceDispatchKeyGuard(included, excluded), torch.enable_grad():
        yield


def _define(
    name: str,
    inputs: str,
    run: Callable[..., list[Tensor]],
    like: Callable[..., list[Tensor]],
    again: Callable[..., list[Tensor]] | None = None,
    results: int = 1,
) -> Any:
    """An operator from an eager function, its shapes, and a derivative that runs the eager function again.

    An operator may hand out more than the first `results`, which have no gradient: `again` gets it all back.
    """
    operator = torch.library.custom_op(f"edgewise::{name}", run, mutates_args=(), schema=f"({inputs}) -> Tensor[]")
    operator.register_fake(like)

    def run_backward(
        grads: Sequence[Tensor], needed: Sequence[bool], kept: Sequence[Tensor], *args: Any
    ) -> list[Tensor]:
        with _recording():
            leaves = [
                x.detach().requires_grad_(need) if isinstance(x, Tensor) and x.is_floating_point() else x
                for x, need in zip(args, needed, strict=True)
            ]
            outs = run(*leaves) if again is None else again(kept, *leaves)
        wanted = [x for x, need in zip(leaves, needed, strict=True) if need]
        pairs = [(out, grad) for out, grad in zip(outs, grads, strict=False) if out.requires_grad]
        if not pairs:
            return [x.new_zeros(x.shape) for x in wanted]
        outs, seeds = [out for out, _ in pairs], [grad for _, grad in pairs]
        found = torch.autograd.grad(outs, wanted, seeds, allow_unused=True)
        return [
            x.new_zeros(x.shape) if g is None else g.clone(memory_format=torch.contiguous_format)
            for x, g in zip(wanted, found, strict=True)
        ]

    def like_backward(
        grads: Sequence[Tensor], needed: Sequence[bool], kept: Sequence[Tensor], *args: Any
    ) -> list[Tensor]:
        return [x.new_empty(x.shape) for x, need in zip(args, needed, strict=True) if need]

    backward_operator = torch.library.custom_op(
        f"edgewise::{name}_backward",
        run_backward,
        mutates_args=(),
        schema=f"(Tensor[] grads, bool[] needed, Tensor[] kept, {inputs}) -> Tensor[]",
    )
    backward_operator.register_fake(like_backward)

    def remember(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
        kept = [] if again is None else output
        ctx.save_for_backward(*kept, *(x for x in inputs if isinstance(x, Tensor)))
        ctx.num_kept = len(kept)
        ctx.plain = [None if isinstance(x, Tensor) else (x,) for x in inputs]
        ctx.shapes = [(out.shape, out.dtype, out.device) for out in output[:results]]

    def backward(ctx: Any, grads: list[Tensor | None]) -> tuple[Tensor | None, ...]:
        kept, saved = ctx.saved_tensors[: ctx.num_kept], iter(ctx.saved_tensors[ctx.num_kept :])
        args = [next(saved) if plain is None else plain[0] for plain in ctx.plain]
        needed = list(ctx.needs_input_grad)
        full = [
            torch.zeros(shape, dtype=dtype, device=device) if grad is None else grad.contiguous()
            for grad, (shape, dtype, device) in zip(grads[:results], ctx.shapes, strict=True)
        ]
        found = iter(backward_operator(full, needed, list(kept), *args))
        return tuple(next(found) if need else None for need in needed)

    operator.register_autograd(backward, setup_context=remember)
    return operator


_attend = _define(
    "attend",
    f"{_GRAPH}, {_ATTENTION}, bool return_weights, str impl, bool learns",
    _run_attend,
    _like_attend,
    _run_attend_again,
    results=2,
)
_score_edges = _define("score_edges", f"{_GRAPH}, {_ATTENTION}, str impl", _run_score_edges, _like_score_edges)
_aggregate = _define(
    "aggregate",
    f"{_GRAPH}, Tensor value, str reduce, Tensor? weights, Tensor? features, Tensor? weight, str impl",
    _run_aggregate,
    _like_aggregate,
)
