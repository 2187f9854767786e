"""The loss of a device's batch, so weighed that the gradient is that of all batches of a step together."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from edgewise.models.logits import Logits


def shares_of(fabric: Any, known: Sequence[int]) -> list[float]:
    """R n_rb / Σ n, where this device r of R is asked about n_rb known targets in its batch b of a step.

        (1/R) Σ_r Σ_b R (n_rb / Σ n) ∇loss_rb = ∇loss of one large batch, a mean over its known targets

    The mean of the devices' gradients is taken elsewhere; Σ n counts the known targets of all of them.
    """
    total = sum(known)
    if fabric.world_size > 1:
        total = int(fabric.all_reduce(torch.tensor(total), reduce_op="sum"))
    return [fabric.world_size * count / total if count else 0.0 for count in known]


def weighed(loss: Tensor, outputs: Tensor | Logits, share: float) -> Tensor:
    """share · loss. A batch that asks about nothing has no loss, and no gradient."""
    if share:
        return loss * share
    return ((outputs.multiplied() if isinstance(outputs, Logits) else outputs) * 0).sum()
