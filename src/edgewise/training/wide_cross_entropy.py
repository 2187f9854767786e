"""Cross-entropy of many numbers, a stretch of rows after another, each while it is in the processor's cache."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd import Function

from edgewise.kernels.transforms import looked_through

STRETCH = 2**18
"""Numbers of a stretch: 1 MB in float32."""

LEAST = 2**20
"""Numbers that lie in a cache as they are: with so few there is nothing to win."""

FEWEST = 512
"""Classes: PyTorch goes through shorter rows as fast."""


def is_wide(outputs: Float[Tensor, "..."], targets: Int[Tensor, "..."]) -> bool:
    """Whether stretches are faster, and take what is given: plain numbers on a CPU, every target a class."""
    return (
        outputs.dim() == 2
        and targets.dim() == 1
        and outputs.numel() > LEAST
        and outputs.shape[1] >= FEWEST
        and in_plain_numbers(outputs, targets)
    )


def in_plain_numbers(x: Float[Tensor, "..."], targets: Int[Tensor, "..."]) -> bool:
    """Whether x has single or double precision and numbers at an address, on a CPU, and every target is a class."""
    return (
        x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.float64)
        and not targets.is_floating_point()
        and not looked_through()
        and not torch.compiler.is_compiling()
        and int(targets.min()) >= 0
    )


def wide_cross_entropy(
    outputs: Float[Tensor, "examples classes"], targets: Int[Tensor, " examples"]
) -> Float[Tensor, ""]:
    """-(1/N) Σ_i log softmax(y_i)_(class of i), to the last digits what `torch.nn.functional.cross_entropy` says.

    PyTorch writes all log softmax(y) out, and a gradient of zeros beside it; here only y and its gradient are as large,
    and both are gone through once, forward and backward.

    >>> wide_cross_entropy(torch.zeros(3, 2), torch.tensor([1, 0, 1]))
    tensor(0.6931)
    """
    loss: Tensor = _Wide.apply(outputs, targets)  # type: ignore[no-untyped-call]
    return loss


class _Wide(Function):
    @staticmethod
    def forward(ctx: Any, outputs: Tensor, targets: Tensor) -> Tensor:
        ctx.save_for_backward(outputs, targets)
        N, C = outputs.shape
        said, rows = outputs.new_empty(N, 1), max(1, STRETCH // C)
        room = outputs.new_empty(min(rows, N), C)
        for start in range(0, N, rows):
            y = outputs[start : start + rows]
            torch.log_softmax(y, 1, out=(logs := room[: len(y)]))
            torch.gather(logs, 1, targets[start : start + rows, None].long(), out=said[start : start + rows])
        return -said.mean()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        outputs, targets = ctx.saved_tensors
        if torch.is_grad_enabled():  # a second derivative may be asked for
            right = torch.zeros_like(outputs).scatter_(1, targets[:, None].long(), 1.0)
            return (outputs.softmax(1) - right) * (grad / len(outputs)), None
        N, C = outputs.shape
        found, rows, share = torch.empty_like(outputs), max(1, STRETCH // C), grad / N
        for start in range(0, N, rows):
            of = targets[start : start + rows, None].long()
            part = torch.softmax(outputs[start : start + rows], 1, out=found[start : start + rows])
            part.scatter_add_(1, of, part.new_full((), -1.0).expand(of.shape)).mul_(share)
        return found, None
