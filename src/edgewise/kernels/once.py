"""Gradients of fast kernels: they can be taken once, and say so."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function


def once(where: str, grads: list[Tensor | None], of: list[Tensor | None]) -> list[Tensor | None]:
    """The gradients as they are, or, where a second derivative could be asked for, as ones that refuse it."""
    if not torch.is_grad_enabled():
        return grads
    return [None if g is None else _Once.apply(where, g, *of) for g in grads]  # type: ignore[no-untyped-call]


class _Once(Function):
    """A gradient that says why it has none of its own."""

    @staticmethod
    def forward(ctx: Any, where: str, x: Tensor, *of: Tensor | None) -> Tensor:
        ctx.where = where
        return x.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        raise RuntimeError(
            f"{ctx.where}: the fast kernels can be differentiated once; for second derivatives call it with "
            "impl='reference'"
        )
