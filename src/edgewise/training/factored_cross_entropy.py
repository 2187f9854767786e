"""Cross-entropy of logits that are still factors: multiplied out, judged and forgotten, a stretch of rows at a time."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd import Function

from edgewise.models.logits import Logits
from edgewise.training.wide_cross_entropy import FEWEST, LEAST, in_plain_numbers

STRETCH = 2**20
"""Logits of a stretch: 4 MB in float32."""

ROWS = 128
"""Rows of a stretch at least, however many tokens: a product of fewer waits for W, not for the processor."""


FEW = 4 * ROWS
"""Rows below which logits are multiplied out: one or two stretches save less than they cost. Of 8,000 tokens 150 rows
take 0.86 of the time so, 300 as long, 600 a quarter more."""


def worth_factoring(logits: Logits, targets: Int[Tensor, "..."]) -> bool:
    """Whether stretches are faster, and take what is given: plain numbers on a CPU, every target a token."""
    states, weight = logits.states, logits.weight
    return (
        states.dim() == 2
        and targets.dim() == 1
        and len(states) >= FEW
        and len(states) * len(weight) > LEAST
        and len(weight) >= FEWEST
        and states.dtype == weight.dtype
        and not torch.is_autocast_enabled("cpu")
        and in_plain_numbers(states, targets)
    )


def factored_cross_entropy(logits: Logits, targets: Int[Tensor, " nodes"]) -> Float[Tensor, ""]:
    """-(1/N) Σ_i log softmax(W h_i)_(token of i), with its gradient, in O(N dim + tokens dim) memory.

        ∂/∂h_i = Wᵀ p_i / N,    ∂/∂W = Σ_i p_i h_iᵀ / N,    p_i = softmax(W h_i) - 1_(token of i)

    No array is as large as N · tokens: a stretch of rows is multiplied out, and what its gradient asks of h and W is
    taken at once. So the gradient is computed with the loss, and has none itself.

    Wijmans et al. 2024, Cut your losses in large-vocabulary language models, https://arxiv.org/abs/2411.09009; differs:
    rows in stretches, whole vocabularies, no logits computed twice, no small gradients left out.

    >>> factored_cross_entropy(Logits(torch.zeros(3, 2), torch.zeros(4, 2)), torch.tensor([1, 0, 3]))
    tensor(1.3863)
    """
    states, weight = logits.states, logits.weight
    if not torch.is_grad_enabled():
        states, weight = states.detach(), weight.detach()
    loss: Tensor = _Factored.apply(states, weight, targets)  # type: ignore[no-untyped-call]
    return loss


class _Factored(Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        N, C = len(states), len(weight)
        to_states = torch.empty_like(states) if ctx.needs_input_grad[0] else None
        to_weight = torch.zeros_like(weight) if ctx.needs_input_grad[1] else None
        losses, rows = states.new_empty(N, 1), max(ROWS, STRETCH // C)
        room = states.new_empty(min(rows, N), C)
        for start in range(0, N, rows):
            stretch = slice(start, start + rows)
            h, right = states[stretch], targets[stretch, None].long()
            y = torch.mm(h, weight.T, out=room[: len(h)])
            said, most = y.gather(1, right), y.amax(1, keepdim=True)
            total = y.sub_(most).exp_().sum(1, keepdim=True)
            torch.add(most - said, total.log(), out=losses[stretch])
            if to_states is None and to_weight is None:
                continue
            y.mul_(1 / (N * total)).scatter_add_(1, right, y.new_full((), -1 / N).expand(right.shape))
            if to_states is not None:
                torch.mm(y, weight, out=to_states[stretch])
            if to_weight is not None:
                to_weight.addmm_(y.T, h)
        ctx.save_for_backward(to_states, to_weight)
        return losses.mean()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "factored_cross_entropy: its gradient has none, and create_graph asks for one; take the cross_entropy "
                "of logits.multiplied()"
            )
        to_states, to_weight = (None if part is None else part * grad for part in ctx.saved_tensors)
        return to_states, to_weight, None
