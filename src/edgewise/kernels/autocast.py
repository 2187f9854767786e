"""Autocast ends at the door: an operation answers in the dtype of the tensors that it gets."""

from contextlib import AbstractContextManager, nullcontext
from functools import cache

import torch

_NOTHING = nullcontext()


def as_stored(device: torch.device) -> AbstractContextManager[None]:
    """No autocast inside, so that every route and the recomputing derivative see the same dtypes."""
    kind = device.type
    return torch.autocast(kind, enabled=False) if _known(kind) and torch.is_autocast_enabled(kind) else _NOTHING


@cache
def _known(kind: str) -> bool:
    return torch.amp.is_autocast_available(kind)
