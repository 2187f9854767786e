"""Whether tensors are being looked through: torch.func's transforms, and differentiation in forward mode.

What they hand on has no numbers at an address, so compiled kernels cannot take it; PyTorch's own operations can.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.autograd import forward_ad


@runtime_checkable
class Brings(Protocol):
    """What a call brought: an attention, for one."""

    @property
    def tensors(self) -> list[Tensor]: ...


def transformed(brought: Brings) -> bool:
    """Whether a vmap, grad, vjp or jvp is at work, or a tensor carries a tangent.

    >>> from edgewise.kernels.attention import Attention
    >>> from edgewise.kernels.scores import Constant
    >>> value = torch.ones(2, 3, 1, 1)
    >>> transformed(Attention(None, None, value, Constant()))
    False
    >>> _ = torch.vmap(lambda x: print(transformed(Attention(None, None, x, Constant()))) or x)(value)
    True
    """
    # Tangents live inside a dual level only.
    return _transforms() or (forward_ad._current_level >= 0 and any(map(_has_tangent, brought.tensors)))


def check_plain(where: str, grad: Tensor) -> None:
    """The gradient that comes back to a compiled kernel has numbers at an address."""
    if _transforms() or _batched(grad) or (forward_ad._current_level >= 0 and _has_tangent(grad)):
        raise RuntimeError(
            f"{where}: the compiled kernels take one plain gradient at a time, and this one is batched or has a "
            "tangent; call it with impl='reference'"
        )


def looked_through() -> bool:
    """Whether any transform is at work, or a dual level is open, whichever tensors it concerns."""
    return _transforms() or forward_ad._current_level >= 0


_transforms: Callable[[], bool] = torch._C._are_functorch_transforms_active
_batched: Callable[[Tensor], bool] = torch._C._functorch.is_legacy_batchedtensor


def _has_tangent(x: Tensor) -> bool:
    return forward_ad.unpack_dual(x).tangent is not None
