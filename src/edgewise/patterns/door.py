"""What a pattern is given, checked once at the door; inside, everything is trusted."""

from collections.abc import Sequence

import torch
from jaxtyping import Int64, Shaped
from torch import Tensor


def integer(where: str, name: str, value: object, least: int, meaning: str) -> None:
    """Refuse what is no integer, or one below `least`; `meaning` says what the number counts.

    >>> integer("window", "before", -1, least=0, meaning="It counts nodes to the left.")
    Traceback (most recent call last):
    ValueError: window: before must be at least 0, got -1. It counts nodes to the left.
    """
    # bool is an int to Python, and nobody who writes window(True, False) means window(1, 0).
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{where}: {name} must be an integer, got {value!r}. {meaning}")
    if value < least:
        raise ValueError(f"{where}: {name} must be at least {least}, got {value}. {meaning}")


def integers(
    where: str, name: str, values: Sequence[int] | Shaped[Tensor, "..."], meaning: str
) -> Int64[Tensor, "values"]:
    """A list or a tensor of integers as one flat int64 tensor."""
    found = values if isinstance(values, Tensor) else torch.tensor(list(values))
    if found.numel() == 0:
        found = found.long()
    if found.is_floating_point() or found.is_complex() or found.dtype == torch.bool:
        raise TypeError(f"{where}: {name} must be integers, got {found.dtype}. {meaning}")
    if found.dim() != 1:
        raise ValueError(f"{where}: {name} must have one dimension, got shape {tuple(found.shape)}. {meaning}")
    return found.to(device="cpu", dtype=torch.int64)


def pairs(
    where: str, name: str, values: Sequence[Sequence[int]] | Shaped[Tensor, "..."], meaning: str
) -> Int64[Tensor, "pairs 2"]:
    """A list of pairs of integers, or a tensor with a pair a row, as an int64 tensor."""
    if not isinstance(values, Tensor):
        values = [tuple(pair) for pair in values]
        odd = next((pair for pair in values if len(pair) != 2), None)
        if odd is not None:
            raise ValueError(f"{where}: {name} must be pairs, got {odd}. {meaning}")
        values = torch.tensor(values).reshape(-1, 2)
    if values.dim() != 2 or values.shape[1] != 2:
        raise ValueError(f"{where}: {name} must be pairs, got shape {tuple(values.shape)}. {meaning}")
    return integers(where, name, values.flatten(), meaning).reshape(-1, 2)
