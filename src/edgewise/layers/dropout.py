"""Dropout of states, a stretch of numbers after another while they are in the processor's cache."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd import Function

from edgewise.kernels.transforms import looked_through

STRETCH = 2**16
"""Numbers that are drawn and dropped at once."""

LEAST = 2**18
"""Numbers from which it is worth it; fewer go PyTorch's way, by its stream."""

CHANCES = 2**16
"""Chances are told apart by so many steps: a draw is 16 bits, four of one number of PyTorch's generator."""


class Dropout(nn.Dropout):
    """y = x · kept / (1 - p), each number kept with the probability 1 - p; in evaluation y = x.

    Many numbers of float32 on a CPU are dropped with the multiple of 1 / 65,536 that is nearest to p, and scaled by
    just that, so the mean stays exact; PyTorch draws a float each, which takes three times as long.

    >>> Dropout(0.5).eval()(torch.ones(2))
    tensor([1., 1.])

    Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html
    """

    def forward(self, input: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Dropped in training alone."""
        if not self.training:
            return input
        dropped = round(self.p * CHANCES)
        if not self.inplace and 0 < dropped < CHANCES and _is_long(input):
            out: Tensor = _Dropped.apply(input, dropped)  # type: ignore[no-untyped-call]
            return out
        return super().forward(input)


def _is_long(x: Tensor) -> bool:
    return (
        type(x) in (Tensor, nn.Parameter)
        and x.dtype == torch.float32
        and x.device.type == "cpu"
        and x.numel() >= LEAST
        and not looked_through()
        and not torch.compiler.is_compiling()
    )


class _Dropped(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, dropped: int) -> Tensor:
        flat = x.reshape(-1)
        out, kept = torch.empty_like(flat), torch.empty_like(flat)
        room = torch.empty(STRETCH // 4, dtype=torch.int64)
        for start in range(0, len(flat), STRETCH):
            part = slice(start, start + STRETCH)
            bits = room.random_(-(2**63), None).view(torch.int16)[: len(flat) - start]
            torch.ge(bits, dropped - CHANCES // 2, out=kept[part])
            torch.mul(flat[part], kept[part].mul_(CHANCES / (CHANCES - dropped)), out=out[part])
        kept = kept.view(x.shape)
        ctx.save_for_backward(kept)
        return out.view(x.shape)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (kept,) = ctx.saved_tensors
        return grad * kept, None
