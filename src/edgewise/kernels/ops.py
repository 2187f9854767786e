"""The operations as PyTorch operators on plain tensors: what `torch.compile` sees, opaque and with a derivative.

A graph and an attention are taken apart into tensors and numbers on the way in and put together again inside, where
the eager code checks, plans and computes. So a compiled program does not depend on the graph it was compiled with.
The derivative recomputes the forward pass; only the inputs are kept.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from edgewise.graph import Graph
from edgewise.graph.runs import Runs
from edgewise.kernels import routes
from edgewise.kernels.aggregation import Aggregation
from edgewise.kernels.attention import Attention
from edgewise.kernels.edge_term import EdgeTerm
from edgewise.kernels.offset_table import OffsetTable
from edgewise.kernels.scores import unpacked

_GRAPH = (
    "Tensor run_offsets, Tensor run_start, Tensor run_stop, Tensor? receiver_offsets, Tensor? sender_offsets, SymInt S"
)
_ATTENTION = (
    "Tensor? query, Tensor? key, Tensor? value, str score, float number, Tensor? score_tensor, Tensor? edge_bias, "
    "Tensor? bias_table, SymInt lowest, Tensor? key_features, Tensor? key_weight, Tensor? value_features, "
    "Tensor? value_weight, float dropout, Tensor? seed"
)


def attend(attention: Attention, graph: Graph, return_weights: bool, impl: str) -> tuple[Tensor, Tensor]:
    """`attend` as one operator of a compiled program."""
    out: Tensor
    out, weights = _attend(*_flat_graph(graph), *_flat_attention(attention), return_weights, impl)
    return out, weights


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


def _graph(offsets: Tensor, start: Tensor, stop: Tensor, receivers: Tensor, senders: Tensor, num_senders: int) -> Graph:
    return Graph._trusted(Runs(offsets, start, stop), num_senders, receivers, senders)


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
    return _packed(*routes.attend(_attention(*args[6:-2]), _graph(*args[:6]), *args[-2:]))


def _run_score_edges(*args: Any) -> list[Tensor]:
    scores = routes.score_edges(_attention(*args[6:-1]), _graph(*args[:6]), args[-1])
    return [scores.clone(memory_format=torch.contiguous_format)]  # scores given may come back as they are


def _run_aggregate(*args: Any) -> list[Tensor]:
    return _packed(routes.aggregate(_aggregation(*args[6:-1]), _graph(*args[:6]), args[-1]))


def _packed(*outs: Tensor) -> list[Tensor]:
    """Contiguous, as the shape functions promise."""
    return [out.contiguous() for out in outs]


def _like_attend(*args: Any) -> list[Tensor]:
    a = _attention(*args[6:-2])
    assert a.value is not None
    out = a.value.new_empty(*a.batch, args[0].shape[0] - 1, a.num_heads, a.value.shape[-1])
    return [out, _per_edge(a, args[0]) if args[-2] else out.new_empty(0)]


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


def _define(name: str, inputs: str, run: Callable[..., list[Tensor]], like: Callable[..., list[Tensor]]) -> Any:
    """An operator from an eager function, its shapes, and a derivative that runs the eager function again."""
    operator = torch.library.custom_op(f"edgewise::{name}", run, mutates_args=(), schema=f"({inputs}) -> Tensor[]")
    operator.register_fake(like)

    def run_backward(grads: Sequence[Tensor], needed: Sequence[bool], *args: Any) -> list[Tensor]:
        with _recording():
            leaves = [
                x.detach().requires_grad_(need) if isinstance(x, Tensor) and x.is_floating_point() else x
                for x, need in zip(args, needed, strict=True)
            ]
            outs = run(*leaves)
        wanted = [x for x, need in zip(leaves, needed, strict=True) if need]
        pairs = [(out, grad) for out, grad in zip(outs, grads, strict=True) if out.requires_grad]
        if not pairs:
            return [x.new_zeros(x.shape) for x in wanted]
        outs, seeds = [out for out, _ in pairs], [grad for _, grad in pairs]
        found = torch.autograd.grad(outs, wanted, seeds, allow_unused=True)
        return [
            x.new_zeros(x.shape) if g is None else g.clone(memory_format=torch.contiguous_format)
            for x, g in zip(wanted, found, strict=True)
        ]

    def like_backward(grads: Sequence[Tensor], needed: Sequence[bool], *args: Any) -> list[Tensor]:
        return [x.new_empty(x.shape) for x, need in zip(args, needed, strict=True) if need]

    backward_operator = torch.library.custom_op(
        f"edgewise::{name}_backward",
        run_backward,
        mutates_args=(),
        schema=f"(Tensor[] grads, bool[] needed, {inputs}) -> Tensor[]",
    )
    backward_operator.register_fake(like_backward)

    def remember(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
        ctx.save_for_backward(*(x for x in inputs if isinstance(x, Tensor)))
        ctx.plain = [None if isinstance(x, Tensor) else (x,) for x in inputs]
        ctx.shapes = [(out.shape, out.dtype, out.device) for out in output]

    def backward(ctx: Any, grads: list[Tensor | None]) -> tuple[Tensor | None, ...]:
        saved = iter(ctx.saved_tensors)
        args = [next(saved) if kept is None else kept[0] for kept in ctx.plain]
        needed = list(ctx.needs_input_grad)
        full = [
            torch.zeros(shape, dtype=dtype, device=device) if grad is None else grad.contiguous()
            for grad, (shape, dtype, device) in zip(grads, ctx.shapes, strict=True)
        ]
        found = iter(backward_operator(full, needed, *args))
        return tuple(next(found) if need else None for need in needed)

    operator.register_autograd(backward, setup_context=remember)
    return operator


_attend = _define("attend", f"{_GRAPH}, {_ATTENTION}, bool return_weights, str impl", _run_attend, _like_attend)
_score_edges = _define("score_edges", f"{_GRAPH}, {_ATTENTION}, str impl", _run_score_edges, _like_score_edges)
_aggregate = _define(
    "aggregate",
    f"{_GRAPH}, Tensor value, str reduce, Tensor? weights, Tensor? features, Tensor? weight, str impl",
    _run_aggregate,
    _like_aggregate,
)
