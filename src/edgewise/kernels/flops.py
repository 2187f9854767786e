"""What the operations cost, as PyTorch's counter counts: a product and its sum are two, softmax and the like free."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from edgewise.kernels import ops
from edgewise.kernels.edge_term import EdgeTerm


def count_flops(call: Callable[[], object]) -> int:
    """The operations of a call: PyTorch's matrix products, and ours by their edges.

        attend      2 E H (D + V)              backward  2 E H (3 D + 2 V): scores once more, then q, k, α and v
        aggregate   E H D, 2 E H D by weights  backward  as much

    E edges, H heads, D and V channels of a key and a value. An edge's own F features take 2 E H F, and 2 R H F D for
    their weight at R receivers. Nothing is counted of a pair that is no edge, though a dense tile may compute it.

    >>> count_flops(lambda: torch.ones(2, 3) @ torch.ones(3, 4))
    48
    """
    counter = FlopCounterMode(display=False, custom_mapping=FLOPS)
    counter.mod_tracker = _NoModules()  # type: ignore[assignment]
    with ops.shown(), counter:
        call()
    return int(counter.get_total_flops())


class _NoModules:
    """In place of the counter's tracker, which sorts by module and stumbles over weights as arguments in no_grad."""

    parents = ("Global",)

    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


def _edges(run_start: Tensor, run_stop: Tensor) -> int:
    return int((run_stop - run_start).sum(dtype=torch.int64))


def _attend(*args: Any, backward: bool = False, **_: Any) -> int:
    a, E, R = ops._attention(*args[6:21]), _edges(args[1], args[2]), len(args[0]) - 1
    D = 0 if a.query is None else a.query.shape[-1]
    V = 0 if a.value is None else a.value.shape[-1]
    channels = 3 * D + 2 * V if backward else D + V
    terms = _term(a.edge_key, E, R, D) + _term(a.edge_value, E, R, V)
    return a.batch.numel() * a.num_heads * (2 * E * channels + (2 if backward else 1) * terms)


def _term(term: EdgeTerm | None, E: int, R: int, channels: int) -> int:
    if term is None:
        return 0
    F = term.features.shape[-1]
    return 2 * E * F + 2 * R * F * channels


def _score_edges(*args: Any, **_: Any) -> int:
    return _attend(*args)


def _aggregate(*args: Any, **_: Any) -> int:
    value, weights, features = args[6], args[8], args[9]
    E, R, (H, D) = _edges(args[1], args[2]), len(args[0]) - 1, value.shape[-2:]
    own = 0 if features is None else E * features.shape[-1] + 2 * R * features.shape[-1] * H * D
    return int(value.shape[:-3].numel() * ((1 if weights is None else 2) * E * H * D + own))


def _raw(formula: Callable[..., int]) -> Callable[..., int]:
    """Ask the counter for tensors, not their shapes: how many edges there are is in them."""
    formula._get_raw = True  # type: ignore[attr-defined]
    return formula


def _backward(formula: Callable[..., int], **options: bool) -> Callable[..., int]:
    return _raw(lambda grads, needed, kept, *args, **_: formula(*args, **options))


FLOPS: dict[Any, Callable[..., int]] = {
    torch.ops.edgewise.attend: _raw(_attend),
    torch.ops.edgewise.attend_backward: _backward(_attend, backward=True),
    torch.ops.edgewise.score_edges: _raw(_score_edges),
    torch.ops.edgewise.score_edges_backward: _backward(_attend, backward=True),
    torch.ops.edgewise.aggregate: _raw(_aggregate),
    torch.ops.edgewise.aggregate_backward: _backward(_aggregate),
}
