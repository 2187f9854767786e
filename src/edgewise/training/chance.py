"""Randomness that comes back: every epoch draws from streams of its own, set by (seed, epoch) alone.

So a run that is cut off and taken up again needs no saved stream, and an epoch draws the same numbers whether or not
something else has drawn in between.
"""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def set_chance(seed: int, epoch: int, rank: int = 0) -> None:
    """Set the streams of Python, NumPy and PyTorch for one epoch; epoch 0 is the making of the first weights.

    Of several devices each has its own, by its `rank`; the first one's are those of a device that is alone.
    """
    (mixed,) = np.random.SeedSequence([seed, epoch, *([rank] if rank else [])]).generate_state(1, np.uint64)
    random.seed(int(mixed))
    np.random.seed(int(mixed) % 2**32)
    torch.manual_seed(int(mixed) % 2**63)


@contextmanager
def deterministic() -> Iterator[None]:
    """Ask PyTorch for operations that give the same bits each time; one that has no such form warns."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    # Filling every new tensor is for finding mistakes, and costs time.
    memory: Any = torch.utils.deterministic
    filled, memory.fill_uninitialized_memory = memory.fill_uninitialized_memory, False
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        memory.fill_uninitialized_memory = filled
