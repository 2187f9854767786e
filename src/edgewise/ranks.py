"""Which of several processes this one is, where torchrun (or `training/launch.py`, in its words) has started them."""

import os


def rank() -> int:
    """The number of this process, from 0; the first one writes and speaks."""
    return int(os.environ["RANK"]) if _started() else 0


def num_ranks() -> int:
    """How many there are, on all machines together.

    >>> rank(), num_ranks()
    (0, 1)
    """
    return int(os.environ["WORLD_SIZE"]) if _started() else 1


def num_ranks_here() -> int:
    """How many there are on this machine."""
    return int(os.environ["LOCAL_WORLD_SIZE"]) if _started() else 1


def _started() -> bool:
    return "TORCHELASTIC_RUN_ID" in os.environ
