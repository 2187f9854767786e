"""A device's loss, so weighed that the gradient is that of the whole batch."""

from typing import Any

import torch
from torch import Tensor


def weighed(fabric: Any, loss: Tensor, outputs: Tensor, known: Tensor) -> Tensor:
    """R (n_r / Σ_s n_s) loss_r, n_r the known targets of device r of R: the mean of their gradients is taken then.

        (1/R) Σ_r R (n_r / Σ_s n_s) ∇loss_r = ∇loss of the whole batch, a mean over its known targets

    A device that is asked about nothing has no loss, and no gradient.
    """
    if fabric.world_size == 1:
        return loss
    count = known.sum().to(torch.float64)
    total = fabric.all_reduce(count.clone(), reduce_op="sum")
    share: Tensor = fabric.world_size * count / total
    return loss * share.to(loss.dtype) if count else (outputs * 0).sum()
