"""Autocast ends at the door: an operation answers in the dtype of the tensors that it gets."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def as_stored(device: torch.device) -> Iterator[None]:
    """No autocast inside, so that every route and the recomputing derivative see the same dtypes."""
    if torch.amp.is_autocast_available(device.type) and torch.is_autocast_enabled(device.type):
        with torch.autocast(device.type, enabled=False):
            yield
    else:
        yield
